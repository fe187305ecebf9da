"""Files that are written can be read again, worse levels take fewer bits, and facts are of their own piece."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from detector.benchmark.video_study.containers import CODECS, FACTS, Coding, file_facts, write_clip
from detector.errors import UsageError
from detector.media import Sampling, open_media
from detector.types import Pixels
from tests.benchmark.fakes import picture


def moving(count: int, seed: int = 0) -> list[Pixels]:
    return [np.roll(picture(seed, False), number, axis=1) for number in range(count)]


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_written_shows_the_same_frames_at_the_same_rate(codec: str) -> None:
    pictures = moving(6)
    media = open_media(write_clip(pictures, Coding(codec, 2, Fraction(20))))
    frames = list(media.frames(Sampling(every=True)))
    assert len(frames) == 6
    assert np.allclose(np.diff([frame.time_s for frame in frames]), 1 / 20)
    for frame, pixels in zip(frames, pictures, strict=True):
        assert np.abs(frame.pixels.astype(float) - pixels).mean() < 6


@pytest.mark.parametrize("codec", CODECS)
def test_a_worse_level_takes_fewer_bits(codec: str) -> None:
    fine, coarse = (write_clip(moving(6), Coding(codec, level)) for level in (2, 30))
    assert len(coarse) < 0.6 * len(fine)


def test_odd_sides_lose_their_last_line() -> None:
    media = open_media(write_clip([pixels[:121, :97] for pixels in moving(3)], Coding()))
    assert next(iter(media.frames())).pixels.shape == (120, 96, 3)


def test_facts_are_those_of_each_piece() -> None:
    still, busy = [picture(0, False)] * 8, [picture(seed, False) for seed in range(8)]
    content = write_clip([*still, *busy], Coding("mpeg4", 4))
    facts = file_facts(content, [0, 8, 16])
    assert facts.names == tuple(f"file.{name}" for name in FACTS)
    columns = dict(zip(FACTS, facts.values.T, strict=True))
    assert columns["metadata.width"].tolist() == [240, 240]
    assert columns["metadata.mpeg4"].tolist() == [1, 1]
    assert columns["rate.bits"][0] < columns["rate.bits"][1] - 1, "what stands still costs less"
    assert columns["rate.largest"][0] > columns["rate.largest"][1] + 1, "all of it is in the first picture"


def test_what_cannot_be_written_says_so() -> None:
    with pytest.raises(UsageError, match="got none"):
        write_clip([], Coding())
    with pytest.raises(UsageError, match="h264, mpeg4"):
        Coding("vhs")
