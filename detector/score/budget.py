"""As much of a video as can be looked at in a given time, and how well its probability is known then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from detector.errors import MediaError
from detector.media import Media
from detector.score.answer import Ended, Scored, answer
from detector.score.judges import Judges
from detector.score.look import FRAMES_AT_ONCE, Eyes
from detector.score.looks import LEVEL, Looks
from detector.score.summary import Summary
from detector.types import MediaKind, PartialReport, Report, Seen, Stopped

UNNOTICED = 0.2
"""A video is called real before its time is up only if whoever is in this share of its frames has been seen."""
GROWTH = 1.1
"""How many times as many frames must have been looked at before it is asked again whether they decide."""


class Clock:
    """The time of one file: loading the models is not part of it.

    Attributes:
        started: by `perf_counter`.
        loading_s: how long loading took.
    """

    def __init__(self) -> None:
        self.started, self.loading_s = perf_counter(), 0.0

    @property
    def spent_s(self) -> float:
        """The time since the start without loading."""
        return perf_counter() - self.started - self.loading_s

    def load(self, eyes: Eyes, judges: Judges) -> None:
        """Load the models, if they are not."""
        began = perf_counter()
        _ = eyes.detector, judges.judge
        self.loading_s += perf_counter() - began


def score_within(name: str, source: Path | bytes, budget_s: float, eyes: Eyes, judges: Judges) -> Scored:
    """Score one file, a video as well as the time allows; a picture costs what it costs.

    Key frames are looked at first, in an order that refines evenly, then those between; one frame at least. It ends
    when the next frames would take longer than is left, or when the interval lies on one side of the threshold.

    Args:
        name: what the file is called in its report.
        source: the file or its bytes.
        budget_s: seconds for opening, decoding and judging; loading models is not counted.
        eyes: what looks at it.
        judges: what judges what is seen.

    Returns:
        the answer; its report is a `PartialReport` where it is one of a video that could be decoded.
    """
    clock = Clock()
    kind: MediaKind = "unknown"
    try:
        media = eyes.open(source)
        kind = media.kind
        clock.load(eyes, judges)
        looks = Looks(name, media, eyes, judges)
        stopped = _look(looks, clock, budget_s, judges.judge.classifier.threshold)
        summary = looks.pictured(looks.summary())
    except MediaError as error:
        ended = Ended(kind, clock.started, (str(error),), error)
        return answer(Summary(name), ended, lambda: eyes.detector, lambda: judges.judge)
    ended = Ended(kind, clock.started, tuple(media.warnings))
    scored = answer(summary, ended, lambda: eyes.detector, lambda: judges.judge)
    if kind == "image":
        return scored
    return replace(scored, report=_partial(scored.report, _seen(looks, media, summary, clock, budget_s, stopped)))


def _look(looks: Looks, clock: Clock, budget_s: float, threshold: float) -> Stopped:
    """Look at more and more frames together, as many as the time allows and at one in any case; why it ended."""
    count, due = 1, 1.0
    while True:
        began = clock.spent_s
        looks.more(count)
        if looks.complete:
            return "all"
        if len(looks.frames) >= due:
            if _decided(looks, threshold):
                return "decided"
            due = GROWTH * len(looks.frames)
        each = max((clock.spent_s - began) / count, 1e-6)
        room = int((budget_s - clock.spent_s) / each) - 1  # the frame that is shown is looked at twice
        count = min(2 * count, FRAMES_AT_ONCE, room)
        if count < 1:
            return "time"


def _decided(looks: Looks, threshold: float) -> bool:
    """Whether the interval lies on one side of the threshold, and nobody else is likely to reach it."""
    interval = looks.interval(looks.summary())
    if interval is None:
        return False
    low, high = interval
    return low >= threshold or (high < threshold and looks.unnoticed <= UNNOTICED)


def _seen(looks: Looks, media: Media, summary: Summary, clock: Clock, budget_s: float, stopped: Stopped) -> Seen:
    times, frames = media.times, np.array(looks.frames)
    edges = np.concatenate([[0.0], times[frames], [media.duration_s]])
    return Seen(
        frames=len(frames),
        of_frames=media.frame_count,
        key_frames=int(np.isin(frames, media.refining()[: media.key_frames]).sum()),
        covered_s=round(float(np.diff(times)[frames].sum()), 3),
        gap_s=round(float(np.diff(edges).max()), 3),
        duration_s=round(media.duration_s, 3),
        interval=looks.interval(summary),
        level=LEVEL,
        unnoticed=looks.unnoticed,
        budget_s=budget_s,
        spent_s=round(clock.spent_s, 3),
        loading_s=round(clock.loading_s, 3),
        stopped=stopped,
    )


def _partial(report: Report, seen: Seen) -> PartialReport:
    fields = {**vars(report), "warnings": (*report.warnings, *_words(report, seen))}
    return PartialReport(**fields, seen=seen)


def _words(report: Report, seen: Seen) -> Iterator[str]:
    """What was left out, for a person."""
    if seen.frames == seen.of_frames:
        return
    why = {
        "time": "the time was up",
        "decided": "more would hardly change the verdict",
        "all": "the rest could not be decoded",
    }[seen.stopped]
    keys = ", all of them key frames" if seen.frames == seen.key_frames else ""
    yield (
        f"partial: {seen.frames} of {seen.of_frames} frames were looked at{keys}, none for up to {seen.gap_s:.1f} s; "
        f"{why} after {seen.spent_s:.1f} s, and {seen.loading_s:.1f} s for loading models"
    )
    if seen.interval is not None and report.threshold is not None:
        low, high = seen.interval
        open_ended = low < report.threshold <= high
        yield (
            f"interval: all frames would give {low:.0%} to {high:.0%}, with {seen.level:.0%} confidence"
            + ("; the verdict may change with a larger budget" if open_ended else "")
        )
    yield f"unnoticed: somebody in less than {seen.unnoticed:.0%} of the frames may not have been seen often enough"
