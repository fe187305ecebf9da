"""Everything that is measured of a fitted classifier, in one place, before any of it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detector.benchmark.datasets import origin
from detector.benchmark.evaluate import ALL, Answers, Rate, auc_of, aucs, flagged, gains, summary
from detector.benchmark.extract import OURS, Extract
from detector.benchmark.material import AS_FOUND, PROTOCOL, Material, answers
from detector.benchmark.metrics import Estimate
from detector.classify import FaceClassifier, fit_classifier

CONTROL = "blur residual"
COMPARED = (OURS, CONTROL)
GAIN = "gain"

ByGenerator = dict[str, Estimate]


@dataclass(frozen=True, eq=False)
class Figures:
    """What was measured, on the reported faces.

    Attributes:
        protocol: what each approach said of them under the protocol.
        aucs: by approach and generator, under the protocol.
        gains: our AUC less that of the control, by generator.
        folds: as `aucs` and `gains`, on the held-out folds of what was fitted, under all its histories: ours, the
            control, and the difference under the name `GAIN`.
        summary: every metric, by approach, for ours and the control.
        conditions: AUC by condition, approach (ours and the control) and generator.
        flagged: by condition, the share of each origin's faces that the threshold calls fake.
        unseen: AUC of each generator when nothing of it was fitted, by approach.
        checks: AUC of what must be worth nothing, or must not matter.
        coverage: by condition and origin, the share of pictures that got a score.
    """

    protocol: Answers
    aucs: dict[str, ByGenerator]
    gains: ByGenerator
    folds: dict[str, ByGenerator]
    summary: dict[str, dict[str, Estimate]]
    conditions: dict[str, dict[str, ByGenerator]]
    flagged: dict[str, dict[str, Rate]]
    unseen: dict[str, ByGenerator]
    checks: dict[str, Estimate]
    coverage: dict[str, dict[str, Rate]]


def measure(material: Material, fitted: Mapping[str, FaceClassifier]) -> Figures:
    """Measure the classifiers of all approaches on the reported faces."""
    protocol = material.answers(fitted)
    compared = {approach: fitted[approach] for approach in COMPARED}
    by_condition = {name: material.answers(compared, name) for name in np.unique(material.report.histories).tolist()}
    return Figures(
        protocol=protocol,
        aucs={approach: aucs(protocol, approach) for approach in fitted},
        gains=gains(protocol, OURS, CONTROL),
        folds=_folds(material.folds(compared)),
        summary={approach: summary(protocol, approach) for approach in COMPARED},
        conditions={
            name: {approach: aucs(found, approach) for approach in COMPARED} for name, found in by_condition.items()
        },
        flagged=_flagged(material, fitted[OURS], by_condition),
        unseen={approach: _unseen(material.like(fitted[approach]), approach) for approach in COMPARED},
        checks=_checks(material.like(fitted[OURS])),
        coverage=_coverage(material.report),
    )


def _folds(found: Answers) -> dict[str, ByGenerator]:
    return {approach: aucs(found, approach) for approach in COMPARED} | {GAIN: gains(found, OURS, CONTROL)}


def _flagged(material: Material, ours: FaceClassifier, answered: Mapping[str, Answers]) -> dict[str, dict[str, Rate]]:
    """Rates under the protocol and as found; what stands aside is named so."""
    rates = {}
    for condition in (PROTOCOL, AS_FOUND):
        rates[condition] = flagged(answered[condition], OURS, ours.threshold)
        aside = material.aside.where(material.aside.histories == condition)
        if aside.samples:
            shown = flagged(answers(aside, {OURS: ours}), OURS, ours.threshold)
            rates[condition] |= {f"{origin} (aside)": rate for origin, rate in shown.items()}
    return rates


def _unseen(material: Material, approach: str) -> ByGenerator:
    """Each generator's AUC by a classifier that never met it."""
    generators = np.unique(material.fit.origins[material.fit.labels == 1]).tolist()
    blind = {name: material.without(name).classifier(approach) for name in generators}
    return {name: auc_of(material.answers({approach: blind[name]}), approach, name) for name in generators}


def _checks(material: Material) -> dict[str, Estimate]:
    """Shuffled labels must give one half; what is only allowed to train must not carry the result."""
    found = {"labels shuffled before fitting": auc_of(_shuffled(material), OURS, ALL)}
    aside = sorted(set(material.aside.origins.tolist()))
    if aside:
        without = material.without(*aside).classifier(OURS)
        found[f"fitted without {', '.join(aside)}"] = auc_of(material.answers({OURS: without}), OURS, ALL)
    return found


def _shuffled(material: Material) -> Answers:
    """What a classifier says of the reported faces whose groups had their labels dealt out again."""
    rows, rng = material.fit, np.random.default_rng(0)
    _, first, member = np.unique(rows.groups, return_index=True, return_inverse=True)
    dealt = rng.permutation(rows.labels[first])[member]
    origins = np.where(dealt == 1, "fake", "real")
    classifier = fit_classifier(rows.tables[OURS], dealt, rows.groups, origins, material.how)
    return material.answers({OURS: classifier})


def _coverage(rows: Extract) -> dict[str, dict[str, Rate]]:
    """How many pictures of each origin got a score under each condition."""
    found: dict[str, dict[str, Rate]] = {}
    missed = [(name, origin(sample)) for sample, name, _ in rows.missed]
    scored = list(zip(rows.histories.tolist(), rows.origins.tolist(), strict=True))
    for condition, source in sorted(set(missed + scored)):
        hits = scored.count((condition, source))
        rate = Rate(hits, hits + missed.count((condition, source)))
        found.setdefault(condition, {})[source] = rate
    return found
