"""Temporal controls: real clips after what people do to clips. Does the shipped detector then call them fake?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.video_study.containers import Coding, write_clip
from detector.media import Sampling, open_media
from detector.score import Detector
from detector.types import Pixels

CRFS = (18, 23, 28, 34, 40)
LEAST_CRF = 18
"""What does something else than to encode is encoded so: the least of `CRFS`."""
CROP = 0.85
"""What is kept of either side of a clip that is cropped; the corner lies at odd places of the codec's grid."""

Pictures = Sequence[Pixels]
Change = Callable[[Pictures], Pictures]


def slowed(pictures: Pictures) -> Pictures:
    """Half as fast at the same rate: every frame twice."""
    return [pixels for pixels in pictures for _ in range(2)]


def cropped(pictures: Pictures) -> Pictures:
    """The same window of every frame."""
    height, width = pictures[0].shape[:2]
    y, x = (round(side * (1 - CROP) / 2) | 1 for side in (height, width))
    return [pixels[y : y + round(height * CROP), x : x + round(width * CROP)] for pixels in pictures]


def mirrored(pictures: Pictures) -> Pictures:
    """Left for right."""
    return [pixels[:, ::-1] for pixels in pictures]


def every_third_dropped(pictures: Pictures) -> Pictures:
    """Two of three frames, at the same rate: what was there moves half as fast again."""
    return [pixels for number, pixels in enumerate(pictures) if number % 3 != 2]


def some_dropped(pictures: Pictures) -> Pictures:
    """Each frame is left out with probability 0.2, and the one before it stays: a connection that stutters."""
    lost = np.random.default_rng(0).random(len(pictures)) < 0.2
    lost[0] = False
    shown = np.maximum.accumulate(np.where(lost, 0, np.arange(len(pictures))))
    return [pictures[place] for place in shown]


CHANGES: dict[str, tuple[Change, int]] = {
    **{f"encoded at CRF {crf}": (list, crf) for crf in CRFS},
    "slowed to half": (slowed, LEAST_CRF),
    "cropped": (cropped, LEAST_CRF),
    "mirrored": (mirrored, LEAST_CRF),
    "every third frame dropped": (every_third_dropped, LEAST_CRF),
    "20 % of frames frozen": (some_dropped, LEAST_CRF),
}
"""What is done to a clip, and the CRF of H.264 that it is then encoded with."""
AS_FOUND = "as found"


@dataclass(frozen=True)
class Control:
    """What the shipped detector said.

    Attributes:
        clip: name of the clip.
        kind: "filmed" or "moving photo".
        condition: `AS_FOUND` or one of `CHANGES`.
        probability: of being fake; None where it abstained.
        fake: the verdict at the shipped threshold.
    """

    clip: str
    kind: str
    condition: str
    probability: float | None
    fake: bool


def conditions(content: bytes, seconds: float) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every condition of the first seconds of a file, and what gives the file then."""
    media = open_media(content)
    count = int(np.searchsorted(media.times[:-1], seconds))
    pictures = [frame.pixels for frame in islice(media.frames(Sampling(every=True)), count)]
    rate = Fraction(round(1 / float(np.median(np.diff(media.times)))))
    yield AS_FOUND, lambda: content
    for name, (change, crf) in CHANGES.items():
        yield name, lambda change=change, crf=crf: write_clip(change(pictures), Coding("h264", crf, rate))  # type: ignore[misc]


def control(detector: Detector, clip: str, kind: str, condition: str, content: bytes) -> Control:
    """Score one file."""
    report = detector.score(content)
    return Control(clip, kind, condition, report.fake_probability, report.verdict == "fake")


def called_fake(controls: Sequence[Control], condition: str) -> Rate:
    """The share of the scored clips of a condition that were called fake."""
    scored = [one for one in controls if one.condition == condition and one.probability is not None]
    return Rate(sum(one.fake for one in scored), len(scored))


def shifts(controls: Sequence[Control], condition: str, before: str) -> list[float]:
    """By how much the probability of each clip is above that under another condition."""
    base = {one.clip: one.probability for one in controls if one.condition == before}
    return [
        one.probability - known
        for one in controls
        if one.condition == condition and one.probability is not None and (known := base.get(one.clip)) is not None
    ]


def as_row(one: Control) -> dict[str, object]:
    """For a table."""
    return asdict(one)


def name_of(path: Path) -> str:
    """A clip by the name of its file, without its set."""
    return path.stem.split("__")[-1]
