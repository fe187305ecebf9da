"""Everything that a benchmark has measured, before any of it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from detector.benchmark.measures.evaluate import Answers, Rate
from detector.benchmark.measures.metrics import Estimate

if TYPE_CHECKING:
    from detector.benchmark.measures.delong import DeLong

Kind = Literal["ours", "control", "training-free", "network", "alarm", "external"]
"""Ours; a fitted rival that sees the face; one that nothing was fitted for; a network trained in place; one that sees
only the file and must be at chance; scores from elsewhere."""
ByName = Mapping[str, Estimate]


@dataclass(frozen=True)
class Entry:
    """What was measured of one approach, on clips if nothing else is said; a picture is a clip of one frame.

    Attributes:
        name: of the approach; `Results.clips.probability` has its scores.
        kind: what it is.
        about: what it sees and how it was fitted, in one line.
        metrics: name of the metric -> figure over everything that counts; "frame AUC" is of single frames.
        generators: AUC of each generator against all real clips, "mean" over them, and "all" in one.
        sources: AUC of all fakes against each real source.
        found: by generator, the share found at a false-positive rate of 5 %.
        left_out: AUC of each generator by classifiers that never met it, and "mean"; empty where nothing is fitted.
        against: the test of ours against this one on the same clips; None for ours.
        scored: of the clips, how many it gave a score.
    """

    name: str
    kind: Kind
    about: str
    metrics: ByName
    generators: ByName
    sources: ByName
    found: ByName
    scored: Rate
    left_out: ByName = field(default_factory=dict)
    against: DeLong | None = None


@dataclass(frozen=True)
class Slice:
    """The faces of one kind, e.g. dark skin or small faces.

    Attributes:
        by: what they are told apart by, e.g. "skin tone".
        name: which of them, e.g. "ITA 10-28 (tan)".
        alarms: the share of its real faces that the threshold calls fake; None where there is none.
        found: the share of its fakes that the threshold calls fake; None where there is none.
        auc: of its fakes against its real faces; None where either is missing.
    """

    by: str
    name: str
    alarms: Rate | None
    found: Rate | None
    auc: Estimate | None


@dataclass(frozen=True)
class Mistake:
    """One of the most confident errors.

    Attributes:
        label: 1 for a fake that was taken for real.
        origin: generator or real source.
        id: eight digits that stand for the group; no name of a person or file.
        probability: what ours said.
        words: the region that said most, in words.
        picture: a PNG with the face, its reconstruction and where they differ; None where nobody wanted pictures.
    """

    label: int
    origin: str
    id: str
    probability: float
    words: str
    picture: Path | None


@dataclass(frozen=True, eq=False)
class Results:
    """What a benchmark of one dataset has found.

    Attributes:
        name: of the dataset.
        facts: what a reader needs to make it again: command, commit, date, versions, data, protocol; in order.
        alarms: what spoils the figures, in words: a baseline that reads the file, groups across splits.
        notes: what a reader should know and would not guess.
        entries: every approach, ours first.
        threshold: from which probability on ours says "fake".
        clips, frames: the answers of all approaches under the protocol, by clip and by frame.
        ids: of each clip, some digits that stand for its path in the dataset: the same in every run.
        flagged: by origin, the share of clips that the threshold calls fake, under the protocol and as found.
        robustness: by disturbance and approach, AUC over the same faces; "none" is the protocol itself.
        coverage: by origin, the share of files in which a face could be judged.
        missed: by origin and reason code, how many files could not.
        slices: the audit.
        importance: by region, the mean absolute contribution to the log-odds of ours.
        mistakes: the most confident errors, real ones first.
        matrix: AUC by the dataset that was fitted on (a row) and the one that was tested on; for several datasets.
    """

    name: str
    facts: Mapping[str, str]
    alarms: tuple[str, ...]
    notes: tuple[str, ...]
    entries: tuple[Entry, ...]
    threshold: float
    clips: Answers
    frames: Answers
    ids: tuple[str, ...]
    flagged: Mapping[str, Mapping[str, Rate]]
    robustness: Mapping[str, ByName]
    coverage: Mapping[str, Rate]
    missed: Mapping[str, Mapping[str, int]]
    slices: tuple[Slice, ...]
    importance: Mapping[str, float]
    mistakes: tuple[Mistake, ...]
    matrix: Mapping[str, ByName] = field(default_factory=dict)

    @property
    def ours(self) -> Entry:
        """The first entry."""
        return self.entries[0]
