"""Figures -> Markdown that a person reads, and the scores behind them as CSV that a person can check."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.evaluate import Answers
from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.study.figures import COMPARED, FPR, HEAVY, LIGHT, Figures
from detector.benchmark.study.material import AS_FOUND, PROTOCOL
from detector.benchmark.study.unseen import Unseen
from detector.benchmark.tables import table
from detector.classify import FaceClassifier

if TYPE_CHECKING:
    from detector.benchmark.study.study import Study


def write_report(study: Study, figures: Figures, ours: FaceClassifier) -> tuple[Path, Path]:
    """Write ``NAME.md`` and ``scores.csv`` into the study's report folder; their paths."""
    study.report.mkdir(parents=True, exist_ok=True)
    page, scores = study.report / f"{study.name}.md", study.report / "scores.csv"
    page.write_text(_page(study, figures, ours), encoding="utf-8")
    _write_scores(scores, figures.protocol)
    return page, scores


def auc_table(figures: Figures) -> str:
    """AUC of every approach on every generator, under the protocol."""
    return _by_name(figures.aucs, figures.gains)


def _by_name(found: Mapping[str, Mapping[str, Estimate]], gains: Mapping[str, Mapping[str, Estimate]]) -> str:
    """A row for each approach, and one for by how much ours is above each control."""
    names = list(found[OURS])
    rows = [[approach, *(estimates[name] for name in names)] for approach, estimates in found.items()]
    less = [
        [f"{OURS} less {control}", *(f"{e.value:+.3f} ({e.low:+.3f} to {e.high:+.3f})" for e in one.values())]
        for control, one in gains.items()
    ]
    return table(["approach", *names], [*rows, *less])


def flagged_table(figures: Figures) -> str:
    """The share of each origin's faces that the threshold calls fake."""
    rows = [
        [origin, *(str(figures.flagged[name][origin]) for name in (PROTOCOL, AS_FOUND))]
        for origin in figures.flagged[PROTOCOL]
    ]
    return table(["source or generator", PROTOCOL, AS_FOUND], rows)


def unseen_table(figures: Figures) -> str:
    """AUC of each generator by classifiers that never met it."""
    return _by_name(figures.split.blind, figures.split.blind_gains)


def sources_table(unseen: Unseen) -> str:
    """AUC of all fakes against each real source by classifiers that never met it, and what they flag of it."""
    names = [name for name in unseen.sources[OURS] if name != MEAN]
    rows = [
        [approach, *(f"{found[name]}; {unseen.flagged[approach].get(name, '-')}" for name in names), found[MEAN]]
        for approach, found in unseen.sources.items()
    ]
    return table(["approach", *(f"{name}: AUC; flagged" for name in names), "mean AUC"], rows)


PAGE = """# The classifier "{name}" on the split "{held_out}"

Command: `detector train classifier experiments/{name}.toml`. Data: `{data}`. Models: {versions}.
Figures are followed by their 95 % interval: bootstrap over groups or, for shares of faces, Clopper and Pearson's.

Fitted on rows (one for each picture and history) of {real} (real)
and {fake} (synthetic). Chosen: {candidate}, strength {strength}; its AUC on held-out
folds, mean over generators, is {merit}. Threshold {threshold:.3f}, for a false-positive rate of {fpr:.0%}.

## AUC by generator

Under the protocol: the face of every picture is brought to 200-320 px, encoded at q75, brought to 200-320 px again, the
grid shifted at random, and encoded again at q80-95. The rows "as found" see the file before that: they say how much the
files would give away. What the protocol itself leaves to read: `protocol.md`.

{aucs}

"mean" counts every generator the same; "all" counts every fake the same.

## The same on held-out folds

Few faces are left to report on; many more were fitted. Here each of those is scored by a model that saw nothing of its
group. The candidate was chosen on the same folds, for every approach alike, and pictures went through all histories.

{folds}

## A generator that was never met

Nothing of the generator is fitted. On the split:

{unseen}

On held-out folds:

{unseen_folds}

## A real source that was never met

Nothing of the source is fitted: AUC of all fakes against its faces, and the share of them that is called fake at the
threshold that the others give. On the split:

{sources}

On held-out folds (rows, of which a picture has several):

{sources_folds}

## Found at a false-positive rate of {found_at:.0%}

The share of the fakes of each generator.

{found}

## Called fake at the threshold

For real sources this is the false-positive rate, meant to be {fpr:.0%} at most. "As found" is the file as a user brings
it. "Aside" are pictures with near-duplicates in training: shown, not counted.

{flagged}

## Every metric, all generators together

{metrics}

## Robustness

{loss}

![AUC by condition](robustness.png)

{conditions}

## Reliability

![Of the faces with each probability, how many are fake](reliability.png)

## Families left out, drawn

![AUC with the family met and left out](families.png)

## Checks

{checks}

## Coverage

Pictures in which a face was found and judged.

{coverage}
"""


def _page(study: Study, figures: Figures, ours: FaceClassifier) -> str:
    return PAGE.format(
        name=study.name,
        held_out=study.held_out,
        data=study.data.as_posix(),
        versions=", ".join(f"{name} {version}" for name, version in ours.versions.items()),
        real=ours.about["real faces"],
        fake=ours.about["synthetic faces"],
        candidate=ours.about["candidate"],
        strength=ours.about["strength"],
        merit=ours.about["cross-validated AUC, mean over generators"],
        threshold=ours.threshold,
        fpr=ours.fpr,
        aucs=auc_table(figures),
        folds=_by_name(figures.folds.known, figures.folds.known_gains),
        unseen=unseen_table(figures),
        unseen_folds=_by_name(figures.folds.blind, figures.folds.blind_gains),
        sources=sources_table(figures.split),
        sources_folds=sources_table(figures.folds),
        found_at=FPR,
        found=_by_name(figures.found, {}),
        loss=_loss(figures),
        flagged=flagged_table(figures),
        metrics=_metrics_table(figures),
        conditions=_conditions_table(figures),
        checks=table(["check", "AUC, all generators"], [[name, found] for name, found in figures.checks.items()]),
        coverage=_coverage_table(figures),
    )


def _loss(figures: Figures) -> str:
    if figures.loss is None:
        return f"The study has not both of {LIGHT} and {HEAVY}."
    return f"From {LIGHT} to {HEAVY}, the mean AUC falls by {figures.loss:.3f}."


def _metrics_table(figures: Figures) -> str:
    names = figures.summary[OURS]
    return table(["metric", *COMPARED], [[name, *(figures.summary[a][name] for a in COMPARED)] for name in names])


def _conditions_table(figures: Figures) -> str:
    generators = list(figures.aucs[OURS])
    rows = [
        [condition, approach, *(found[approach][name] for name in generators)]
        for condition, found in figures.conditions.items()
        for approach in COMPARED
    ]
    return table(["pictures", "approach", *generators], rows)


def _coverage_table(figures: Figures) -> str:
    origins = list(figures.coverage[PROTOCOL])
    rows = [
        [condition, *(f"{found[name].hits} of {found[name].count}" for name in origins)]
        for condition, found in figures.coverage.items()
    ]
    return table(["pictures", *origins], rows)


def _write_scores(path: Path, answers: Answers) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["group", "label", "origin", *answers.probability])
        for place, columns in enumerate(zip(answers.groups, answers.labels, answers.origins, strict=True)):
            rows.writerow([*columns, *(f"{probability[place]:.4f}" for probability in answers.probability.values())])
