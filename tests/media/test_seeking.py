"""Frames by seeking are the frames of reading from the start, whatever the container's own index says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from detector.errors import MediaError
from detector.media import MediaLimits, Sampling, open_media
from detector.media.decoding import jump
from detector.media.index import read_index
from detector.media.limits import Stopwatch, decoder_threads
from tests.clips import number_card, read_card, write_clip
from tests.media.test_videos import CLIPS, COUNT

GOP = 12
NUMBERS = [149, 0, 11, 12, 13, 60, 59, 47, 101, 148]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every clip of `CLIPS`, and one whose clusters are short."""
    folder = tmp_path_factory.mktemp("clips")
    for name, options in CLIPS.items():
        write_clip(folder / name, (number_card(n) for n in range(COUNT)), **options)  # type: ignore[arg-type]
    write_clip(folder / "clusters.mkv", (number_card(n) for n in range(COUNT)), mux={"cluster_time_limit": "300"})
    return folder


@pytest.mark.parametrize("name", CLIPS)
def test_any_frames_are_those_of_reading_from_the_start(clips: Path, name: str) -> None:
    media = open_media(clips / name)
    read = {frame.index: frame for frame in media.frames(Sampling(every=True))}
    found = list(media.frames_at(NUMBERS))
    assert [frame.index for frame in found] == sorted(NUMBERS)
    for frame in found:
        assert frame.time_s == read[frame.index].time_s
        np.testing.assert_array_equal(frame.pixels, read[frame.index].pixels)


def sought(path: Path, container: Any = None) -> list[int]:
    """The frames of `NUMBERS` that seeking alone finds; `container` seeks in its own way."""
    with av.open(str(path)) as source:
        index = read_index(source, source.streams.video[0], 0, MediaLimits(), Stopwatch(60))
    with av.open(str(path)) as source:
        video = source.streams.video[0]
        seeking = source if container is None else container(source)
        return [number for number, _ in jump(seeking, video, index, np.array(sorted(NUMBERS)), Stopwatch(60))]


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "vp9.webm", "faststart.mp4", "hevc open gop.mp4"])
def test_a_sound_index_is_used(clips: Path, name: str) -> None:
    assert sought(clips / name) == sorted(NUMBERS)


class Landing:
    """A container that lands somewhere else than it is told to."""

    def __init__(self, container: Any, stamp: float) -> None:
        self._container, self._stamp = container, stamp

    def seek(self, stamp: int, stream: Any) -> None:
        self._container.seek(int(stamp * self._stamp), stream=stream)

    def demux(self, stream: Any) -> Iterator[Any]:
        return iter(self._container.demux(stream))


def test_landing_early_costs_time_alone(clips: Path) -> None:
    assert sought(clips / "h264.mkv", lambda container: Landing(container, 0.0)) == sorted(NUMBERS)


def test_landing_late_ends_seeking(clips: Path) -> None:
    assert sought(clips / "h264.mkv", lambda container: Landing(container, 3.0)) == [0, 11]


def test_an_index_that_lies_changes_no_frame(clips: Path, tmp_path: Path) -> None:
    """Every entry of the cues of a Matroska file names the last cluster."""
    content = bytearray((clips / "clusters.mkv").read_bytes())
    cues = content.rindex(b"\x1c\x53\xbb\x6b")
    places = [at for at in range(cues, len(content) - 4) if content[at : at + 2] == b"\xf1\x82"]
    assert len(places) > 5
    for at in places:
        content[at + 2 : at + 4] = content[places[-1] + 2 : places[-1] + 4]
    path = tmp_path / "lying.mkv"
    path.write_bytes(content)
    assert len(sought(path)) < len(NUMBERS)
    assert [read_card(frame.pixels) for frame in open_media(path).frames_at(NUMBERS)] == sorted(NUMBERS)


def test_a_damaged_frame_has_a_reason_or_another(clips: Path) -> None:
    rng = np.random.default_rng(1)
    for _ in range(6):
        damaged = np.frombuffer((clips / "h264.mp4").read_bytes(), np.uint8).copy()
        damaged[rng.integers(0, len(damaged), 20)] = rng.integers(0, 256, 20)
        try:
            media = open_media(damaged.tobytes())
            there = [number for number in NUMBERS if number < media.frame_count]
            found = [frame.index for frame in media.frames_at(there)]
        except MediaError:
            continue
        assert found == sorted(found)


def test_time_is_limited(clips: Path) -> None:
    media = open_media(clips / "h264.mp4", MediaLimits(timeout_s=2.0))
    media._limits = MediaLimits(timeout_s=0.0)
    with pytest.raises(MediaError) as caught:
        list(media.frames_at(NUMBERS))
    assert caught.value.reason == "timeout"


def test_keys_come_first_and_every_frame_once(clips: Path) -> None:
    media = open_media(clips / "h264.mp4")
    order = media.refining()
    assert sorted(order.tolist()) == list(range(COUNT))
    assert set(order[: media.key_frames].tolist()) == set(range(0, COUNT, GOP))
    assert media.key_frames == len(range(0, COUNT, GOP))
    np.testing.assert_allclose(media.times, np.arange(COUNT + 1) / 30, atol=0.002)


def test_large_frames_are_decoded_by_few_threads() -> None:
    assert decoder_threads(50_000_000) == 1
    assert 1 <= decoder_threads(1920 * 1080) <= 8
