"""What `detector score --json` wrote, against what a manifest knows: `detector evaluate RESULTS --manifest CSV`."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector.benchmark.datasets import origin, portable
from detector.benchmark.datasets.manifest import from_manifest
from detector.benchmark.measures.evaluate import ALL, Answers, Rate, auc_of, flagged
from detector.benchmark.tables import table
from detector.errors import ConfigError, UsageError
from detector.types import Sample

MIN_FILES = 5
"""A generator with fewer files has no AUC of its own."""
FAIR_PX = 110
"""Faces from this height on are to be found."""
SCORED = "probability"


PAGE = """# `detector score` on the split "{split}", files as they are

{files} files, {scored} with a score. Nothing makes these files alike: formats and sizes differ between the sources,
and these figures flatter any detector. Intervals: 95 %. {aside}

## AUC by generator, against all real files that count

{aucs}

## Called fake

{flagged}

## Coverage

Share of files with a score; of those whose largest face is at least {fair} px high; and how many faces were found
beyond those that the manifest counts.

{coverage}

## Faces too many

Every face of the files in which more were found than the manifest counts: who is real is for a person to see.

{extra}

## No score

{reasons}
"""


@dataclass(frozen=True)
class Result:
    """One file: what it is, what its report says, and what the manifest knows of its faces.

    Attributes:
        sample: what it is.
        report: the line of `detector score --json`.
        face_px: height of its largest face; NaN where the manifest does not tell.
        faces: how many there are; None where the manifest does not tell.
    """

    sample: Sample
    report: Mapping[str, Any]
    face_px: float
    faces: int | None

    @property
    def extra(self) -> int:
        """Faces beyond those that the manifest counts."""
        return 0 if self.faces is None else max(0, len(self.report["faces"]) - self.faces)

    @property
    def scored(self) -> bool:
        """Whether there is a probability."""
        return bool(self.report["status"] == "ok")


def score_table(results: Path, manifest: Path, split: str, aside: Sequence[str] = ()) -> str:
    """A page of figures for the files of one split, as they are: no protocol makes them alike.

    Args:
        results: JSON Lines of `detector score --json`.
        manifest: what the files are, see `datasets.from_manifest`; the columns ``face_px`` and ``n_faces`` are used
            where they are there.
        split: which of its splits.
        aside: sources that are shown and not counted, because their near-duplicates train.

    Returns:
        Markdown: AUC by generator, share called fake by origin, coverage, what has no score and why.

    Raises:
        UsageError: a file of the split has no report, or the reports are none of ours.
    """
    rows = _read(results, manifest, split)
    scored = [row for row in rows if row.scored]
    return PAGE.format(
        split=split,
        files=len(rows),
        scored=len(scored),
        aside=f"Shown and not counted, because their near-duplicates train: {', '.join(aside)}." if aside else "",
        aucs=_auc_table(_answers([row for row in scored if row.sample.source not in aside])),
        flagged=_flagged_table(scored, aside),
        fair=FAIR_PX,
        coverage=_coverage_table(rows),
        extra=_extra_table(rows),
        reasons=_reasons_table(rows),
    )


def _answers(rows: Sequence[Result]) -> Answers:
    return Answers(
        labels=np.array([row.sample.label for row in rows], np.int64),
        groups=np.array([row.sample.group for row in rows], np.str_),
        origins=np.array([origin(row.sample) for row in rows], np.str_),
        probability={SCORED: np.array([row.report["fake_probability"] for row in rows], np.float64)},
    )


def _auc_table(answers: Answers) -> str:
    counts = Counter(answers.origins[answers.labels == 1].tolist())
    shown = [name for name in answers.generators if name == ALL or counts[name] >= MIN_FILES]
    files = {**counts, ALL: counts.total()}
    return table(["generator", "files", "AUC"], [[name, files[name], auc_of(answers, SCORED, name)] for name in shown])


def _flagged_table(rows: Sequence[Result], aside: Sequence[str]) -> str:
    thresholds = sorted({row.report["threshold"] for row in rows})
    if len(thresholds) != 1:
        raise UsageError(f"expected the results of one classifier, got the thresholds {thresholds}; score again")
    [threshold] = thresholds
    rates = flagged(_answers(rows), SCORED, threshold)
    labels = {origin(row.sample): row.sample.label for row in rows}
    return f"Threshold {threshold:.3f}.\n\n" + table(
        ["files", "label", "called fake"],
        [
            [f"{name} (aside)" if name in aside else name, ("real", "fake")[labels[name]], rate]
            for name, rate in rates.items()
        ],
    )


def _coverage_table(rows: Sequence[Result]) -> str:
    lines = []
    for name in (*sorted({row.sample.source for row in rows}), ALL):
        some = [row for row in rows if name in (row.sample.source, ALL)]
        fair = [row for row in some if row.face_px >= FAIR_PX]
        lines.append([name, _covered(some), _covered(fair), sum(row.extra for row in some)])
    return table(["source", "files with a score", f"of those with a face of {FAIR_PX} px", "faces too many"], lines)


def _extra_table(rows: Sequence[Result]) -> str:
    lines = [
        [
            Path(row.sample.path).name,
            row.faces,
            [round(edge) for edge in face["box"]],
            f"{face['confidence']:.2f}",
            said,
        ]
        for row in rows
        for face in row.report["faces"]
        if row.extra and (said := face["reason"] or f"scored {face['probability']:.2f}")
    ]
    return table(["file", "faces known", "box", "confidence", "what came of it"], lines) if lines else "None."


def _covered(rows: Sequence[Result]) -> str:
    return str(Rate(sum(row.scored for row in rows), len(rows))) if rows else "no such file"


def _reasons_table(rows: Sequence[Result]) -> str:
    found = Counter((row.sample.source, row.report["status"], row.report["reason"]) for row in rows if not row.scored)
    if not found:
        return "Every file has a score."
    return table(["source", "status", "reason", "files"], [[*key, count] for key, count in sorted(found.items())])


def _read(results: Path, manifest: Path, split: str) -> list[Result]:
    """The results of every file of a split, in the order of the manifest."""
    reports = _reports(results)
    known = _known(manifest)
    rows = []
    for sample in from_manifest(manifest):
        if sample.split != split:
            continue
        place = Path(sample.path).resolve()
        if place not in reports:
            raise UsageError(f"{results}: no report for {sample.path}; score every file of the split {split!r} first")
        face_px, faces = known[place]
        rows.append(Result(sample, reports[place], face_px, faces))
    if not rows:
        raise ConfigError(f"{manifest}: no file of the split {split!r}")
    return rows


def _reports(results: Path) -> dict[Path, dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        return {Path(portable(line["path"])).resolve(): line for line in lines}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{results}: expected the JSON Lines of `detector score --json` ({error})") from error


def _known(manifest: Path) -> dict[Path, tuple[float, int | None]]:
    """Each file's height of face and number of faces, as far as the manifest tells."""
    with manifest.open(newline="", encoding="utf-8") as lines:
        return {
            (manifest.parent / portable(row["path"])).resolve(): (
                float(row.get("face_px") or "nan"),
                int(float(row["n_faces"])) if row.get("n_faces") else None,
            )
            for row in csv.DictReader(lines)
        }
