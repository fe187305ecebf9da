"""The features that a benchmark needs, of each part of a dataset no more than it takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from detector.benchmark.baselines import BASELINES
from detector.benchmark.datasets import origin
from detector.benchmark.extraction.crew import Crew
from detector.benchmark.extraction.extract import Extract, extract
from detector.benchmark.extraction.meeting import Conditions, Disturbed, Tools
from detector.benchmark.run.approaches import CONTROL, WINDOW
from detector.benchmark.run.data import FIT_FRAMES, Parts, evenly
from detector.benchmark.run.plan import Plan
from detector.errors import DetectorError
from detector.types import Sample

PROTOCOL = "protocol"
AS_FOUND = "as found"
FACTS = "face facts"


@dataclass(frozen=True, eq=False)
class Gathered:
    """The features of one dataset.

    Attributes:
        fit: what may be fitted, under the protocol.
        rows: what is tested, under the protocol.
        found: the same as it was found: what our features, and the facts of the audit, say of it.
        grid: some of it under each disturbance, and under the protocol itself; one frame of a clip.
    """

    fit: Extract
    rows: Extract
    found: Extract
    grid: Extract


def gather(plan: Plan, parts: Parts, tools: Tools, crew: Crew | None) -> Gathered:
    """Extract, or read what an earlier run has extracted.

    Raises:
        DetectorError: no face of what is tested could be judged.
    """
    protocol: Conditions = {PROTOCOL: plan.protocol.history}
    windows = (WINDOW,) if plan.network and parts.fit else ()
    fitted = replace(tools, beside=(), baselines=(*BASELINES, *windows))
    tested = replace(tools, baselines=fitted.baselines)
    found = replace(tools, beside=(), recipes=False, baselines=(FACTS,))
    frames = plan.protocol.frames

    def of(samples: Sequence[Sample], conditions: Conditions, some: Tools, frames: int, what: str) -> Extract:
        return extract(samples, conditions, some, plan.work / "features", 0, frames, crew, what)

    rows = of(parts.test, protocol, tested, frames, "to test")
    if not rows.samples:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in Counter(r for *_, r in rows.missed).items())
        raise DetectorError(f"no face could be judged: {reasons or 'there are no files'}")
    return Gathered(
        fit=of(parts.fit, protocol, fitted, FIT_FRAMES, "to fit"),
        rows=rows,
        found=of(parts.test, {AS_FOUND: None}, found, frames, "as found"),
        grid=of(
            _some(parts.test, plan.grid_files),
            _grid(plan),
            replace(tools, beside=(), recipes=False, baselines=(CONTROL,)),
            1,
            "disturbed",
        ),
    )


def _grid(plan: Plan) -> Conditions:
    history = plan.protocol.history
    found: dict[str, Disturbed] = {name: Disturbed(history, name, PROTOCOL) for name in plan.disturbances}
    return {PROTOCOL: history, **found} if found else {}


def _some(samples: Sequence[Sample], most: int) -> list[Sample]:
    """So many clips at most, of one picture each: from every origin as many as the smallest ones leave for it."""
    clips: defaultdict[tuple[int, str], dict[str, Sample]] = defaultdict(dict)
    for sample in samples:
        clips[sample.label, origin(sample)].setdefault(sample.video, sample)
    left, kept = most, []
    for rank, own in enumerate(sorted(clips.values(), key=len)):
        share = evenly(list(own.values()), left // (len(clips) - rank))
        left -= len(share)
        kept += share
    return kept
