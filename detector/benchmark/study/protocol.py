"""Does the protocol hide the file? What baselines that do not look at the face reach on held-out folds under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detector.benchmark.baselines import BASELINES
from detector.benchmark.datasets import load_dataset
from detector.benchmark.extraction.extract import Extract, extract
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.histories.history import STRICT, History
from detector.benchmark.measures.evaluate import ALL, Answers, aucs
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.study.material import PROTOCOL
from detector.benchmark.tables import table
from detector.classify import ClassifierConfig, held_out_scores
from detector.errors import ConfigError
from detector.faces import load_face_detector

LOW, HIGH = 0.45, 0.55
"""Where the AUC of an alarm is meant to be."""
SPLITS = ("train", "val")
"""Nothing of the test split is read."""


@dataclass(frozen=True)
class ProtocolCheck:
    """What is checked.

    Attributes:
        others: further histories, to see what each step hides.
        draws: of each history, for each picture.
        dataset, data: an entry of `DATASETS`, and what it reads.
        left_out: sources that are not used.
        face_detectors: entries of `FACE_DETECTORS`; one is drawn for each picture and history.
        baselines: entries of `BASELINES`.
        alarms: those of them that must be at chance.
        candidates: classifiers that try to read the file, and the strength of each.
        seed: of the histories and folds.
        report: folder of the table.
        work: folder for what can be made again.
    """

    others: Mapping[str, History]
    draws: int = 3
    dataset: str = "manifest"
    data: Path = Path("../shared/data/manifest.csv")
    left_out: tuple[str, ...] = ("clips", "rmfd")
    face_detectors: tuple[str, ...] = ("yunet", "face-net")
    baselines: tuple[str, ...] = tuple(BASELINES)
    alarms: tuple[str, ...] = ("metadata", "quality")
    candidates: Mapping[str, float] = field(default_factory=lambda: {"logistic": 10.0, "kernel": 0.3, "boosting": 1.0})
    seed: int = 0
    report: Path = Path("reports/accuracy")
    work: Path = Path("runs/protocol")

    def __post_init__(self) -> None:
        if PROTOCOL in self.others:
            raise ConfigError(f"others: {PROTOCOL!r} is the name of the strict protocol; give it another one")
        if self.draws < 1:
            raise ConfigError(f"draws: expected 1 or more, got {self.draws}")


@dataclass(frozen=True)
class Reading:
    """What one classifier read out of one baseline under one history: AUC by generator, and `ALL`."""

    history: str
    baseline: str
    candidate: str
    found: Mapping[str, Estimate]


def check_protocol(check: ProtocolCheck, tools: Tools | None = None) -> Path:
    """Measure every baseline under the protocol and under the other histories; the path of the table.

    Args:
        check: what to do.
        tools: what to use instead of the face detectors and baselines that the check names.
    """
    if tools is None:
        detectors = tuple(load_face_detector(name) for name in check.face_detectors)
        tools = Tools(detectors, baselines=check.baselines)
    histories = {PROTOCOL: STRICT, **check.others}
    drawn = {f"{name} #{draw}": history for name, history in histories.items() for draw in range(check.draws)}
    samples = [
        sample
        for sample in load_dataset(check.dataset, check.data)
        if sample.split in SPLITS and sample.source not in check.left_out
    ]
    rows = extract(samples, drawn, tools, check.work, check.seed)
    readings = [reading for name in histories for reading in _read_out(rows, name, check, tools.baselines)]
    check.report.mkdir(parents=True, exist_ok=True)
    path = check.report / "protocol.md"
    path.write_text(_page(check, rows, readings), encoding="utf-8")
    return path


def _read_out(rows: Extract, name: str, check: ProtocolCheck, baselines: tuple[str, ...]) -> list[Reading]:
    part = rows.where(np.array([history.rsplit(" #", 1)[0] == name for history in rows.histories.tolist()]))
    answered = {
        (baseline, candidate): _scores(part, baseline, candidate, strength, check.seed)
        for baseline in baselines
        for candidate, strength in check.candidates.items()
    }
    return [
        Reading(name, baseline, candidate, aucs(answers, candidate))
        for (baseline, candidate), answers in answered.items()
    ]


def _scores(rows: Extract, baseline: str, candidate: str, strength: float, seed: int) -> Answers:
    how = ClassifierConfig(candidates=(candidate,), strength=strength, seed=seed)
    scores = held_out_scores(rows.tables[baseline], rows.labels, rows.groups, rows.origins, how)
    return Answers(rows.labels, rows.groups, rows.origins, {candidate: scores})


PAGE = """# Does the protocol hide the file?

Command: `detector train protocol experiments/protocol.toml`. Data: `{data}`, splits {splits}, without
{left_out}. {count} faces in {draws} draws of each history. Figures are AUC on held-out folds (grouped) with 95 %
intervals (bootstrap over groups): 0.5 is chance.

- `metadata`, `quality`: what the file that the protocol made says of itself: its size, shape and quantisation tables,
  and where its 8 x 8 grid is. These are the alarms: AUC over all generators is meant to be in 0.45-0.55 under
  `{protocol}`.
- `blocking`: how strong the grid is against the detail of the face. `texture`: how many bytes the face takes and how
  little encoding it again changes. Both mix the file with the face: quantisation shows more in a smooth face, whatever
  made it. They are kept as evidence of how far the detail alone goes; they need not be at chance.
- "as found": the same of the files before the protocol. That they are near 1 is why there is one.

Under `{protocol}`, {verdict}.

{tables}
"""


def _page(check: ProtocolCheck, rows: Extract, readings: list[Reading]) -> str:
    alarms = [one for one in readings if one.history == PROTOCOL and one.baseline in check.alarms]
    loud = [one for one in alarms if not LOW <= one.found[ALL].value <= HIGH]
    told = "; ".join(f"{one.baseline} by {one.candidate} has {one.found[ALL]}" for one in loud)
    return PAGE.format(
        data=check.data.as_posix(),
        splits=" and ".join(SPLITS),
        left_out=", ".join(check.left_out) or "nothing",
        count=len(set(rows.samples)),
        draws=check.draws,
        protocol=PROTOCOL,
        verdict=f"not every alarm is silent: {told}" if loud else "every alarm is silent, whichever classifier listens",
        tables="\n\n".join(
            _section(name, history, readings) for name, history in {PROTOCOL: STRICT, **check.others}.items()
        ),
    )


def _section(name: str, history: History, readings: list[Reading]) -> str:
    own = [one for one in readings if one.history == name]
    steps = ", ".join(f"{key} {value}" for key, value in vars(history).items() if value is not None)
    generators = list(own[0].found)
    body = [[one.baseline, one.candidate, *(one.found[generator] for generator in generators)] for one in own]
    return f"## {name}\n\nHistory: {steps}.\n\n" + table(["baseline", "classifier", *generators], body)
