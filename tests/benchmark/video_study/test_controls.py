"""What the controls do to a clip, by hand, and how they count."""

from __future__ import annotations

import numpy as np
import pytest

from detector.benchmark.video_study.containers import Coding, write_clip
from detector.benchmark.video_study.controls import (
    AS_FOUND,
    CHANGES,
    Control,
    called_fake,
    conditions,
    cropped,
    every_third_dropped,
    mirrored,
    shifts,
    slowed,
    some_dropped,
)
from detector.benchmark.video_study.controls_report import page
from detector.media import Sampling, open_media
from detector.types import Pixels
from tests.benchmark.video_study.test_containers import moving


def numbered(count: int) -> list[Pixels]:
    return [np.full((20, 40, 3), number, np.uint8) for number in range(count)]


def order(pictures: object) -> list[int]:
    return [int(pixels[0, 0, 0]) for pixels in pictures]  # type: ignore[attr-defined]


def test_frames_that_stay_and_those_that_go() -> None:
    assert order(slowed(numbered(3))) == [0, 0, 1, 1, 2, 2]
    assert order(every_third_dropped(numbered(7))) == [0, 1, 3, 4, 6]
    stuttered = order(some_dropped(numbered(200)))
    frozen = [number for number, shown in enumerate(stuttered) if shown != number]
    assert len(stuttered) == 200
    assert 20 < len(frozen) < 60
    assert all(stuttered[number] == stuttered[number - 1] for number in frozen)


def test_windows_are_the_same_in_every_frame_and_lie_off_the_grid() -> None:
    ramp = np.broadcast_to(np.arange(40, dtype=np.uint8)[None, :, None], (20, 40, 3))
    kept = cropped([ramp, ramp])
    assert kept[0].shape == (17, 34, 3)
    assert kept[0][0, 0, 0] == 3
    assert np.array_equal(kept[0], kept[1])
    assert mirrored([ramp])[0][0, :, 0].tolist() == list(range(39, -1, -1))


def test_every_condition_is_a_file_that_can_be_read() -> None:
    found = dict(conditions(write_clip(moving(30), Coding("h264", 20)), seconds=0.8))
    assert list(found) == [AS_FOUND, *CHANGES]
    counts = {name: len(list(open_media(file()).frames(Sampling(every=True)))) for name, file in found.items()}
    assert counts[AS_FOUND] == 30
    assert counts["mirrored"] == 20
    assert counts["slowed to half"] == 40
    assert counts["every third frame dropped"] == 14
    sizes = [len(found[f"encoded at CRF {crf}"]()) for crf in (18, 28, 40)]
    assert sizes == sorted(sizes, reverse=True)


def test_shares_and_shifts_are_of_what_was_scored() -> None:
    controls = [
        Control("a", "filmed", AS_FOUND, 0.2, False),
        Control("b", "filmed", AS_FOUND, 0.5, False),
        Control("c", "filmed", AS_FOUND, None, False),
        Control("a", "filmed", "mirrored", 0.3, False),
        Control("b", "filmed", "mirrored", 0.9, True),
        Control("c", "filmed", "mirrored", 0.9, False),
    ]
    rate = called_fake(controls, "mirrored")
    assert (rate.hits, rate.count) == (1, 3)
    assert called_fake(controls, AS_FOUND).count == 2
    assert shifts(controls, "mirrored", AS_FOUND) == pytest.approx([0.1, 0.4])


def test_a_page_says_which_conditions_are_above_the_stated_rate() -> None:
    clips = [f"clip {number}" for number in range(8)]
    controls = [
        Control(clip, "filmed", name, 0.9 if name == "mirrored" else 0.1, name == "mirrored")
        for clip in clips
        for name in (AS_FOUND, *CHANGES)
    ]
    lines = page(controls, 0.8, 0.05, 3.0, "command").splitlines()
    said = {line.split("|")[1].strip(): line.split("|")[3].strip() for line in lines if line.startswith("| ")}
    assert said["mirrored"] == "**no**"
    assert said["cropped"] == "yes"
