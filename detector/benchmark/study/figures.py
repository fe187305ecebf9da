"""Everything that is measured of a fitted classifier, in one place, before any of it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from detector.benchmark.baselines.training_free import training_free
from detector.benchmark.datasets import origin
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.task import EVERY_VIEW, OURS
from detector.benchmark.measures.evaluate import ALL, Answers, Rate, auc_of, aucs, flagged, found_at, gains, summary
from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.study.material import (
    AS_FOUND,
    CONTROL,
    EVEN_CONTROL,
    PROTOCOL,
    Material,
    answers,
)
from detector.benchmark.study.unseen import Unseen, unseen_on_folds, unseen_on_split
from detector.classify import FaceClassifier, fit_classifier
from detector.types import MADE

COMPARED = (OURS, CONTROL, EVEN_CONTROL)
"""Ours and both controls: what everything is measured of."""
FPR = 0.05
"""Where the share of fakes that is found is told."""
LIGHT, HEAVY = "JPEG 95", "JPEG 60"
"""The conditions whose difference is the loss by compression."""

ByGenerator = dict[str, Estimate]


@dataclass(frozen=True, eq=False)
class Figures:
    """What was measured, on the reported faces if nothing else is said.

    Attributes:
        protocol: what each approach said of them under the protocol.
        aucs: by approach and generator, under the protocol; with the mean over generators, and all in one.
        gains: our AUC less that of each control, by generator.
        found: by approach and generator, the share of fakes found at `FPR`.
        summary: every metric, by approach.
        conditions: AUC by condition, approach and generator.
        flagged: by condition, the share of each origin's faces that the threshold calls fake.
        split, folds: with families and sources left out, on the reported faces and on the folds of the fitted ones.
        checks: AUC of what must be worth nothing, or must not matter.
        coverage: by condition and origin, the share of pictures that got a score.
    """

    protocol: Answers
    aucs: dict[str, ByGenerator]
    gains: dict[str, ByGenerator]
    found: dict[str, ByGenerator]
    summary: dict[str, dict[str, Estimate]]
    conditions: dict[str, dict[str, ByGenerator]]
    flagged: dict[str, dict[str, Rate]]
    split: Unseen
    folds: Unseen
    checks: dict[str, Estimate]
    coverage: dict[str, dict[str, Rate]]

    @property
    def loss(self) -> float | None:
        """Our mean AUC at `LIGHT` less that at `HEAVY`; None where the study has not both conditions."""
        if LIGHT not in self.conditions or HEAVY not in self.conditions:
            return None
        light, heavy = (self.conditions[name][OURS][MEAN].value for name in (LIGHT, HEAVY))
        return light - heavy


def measure(material: Material, fitted: Mapping[str, FaceClassifier]) -> Figures:
    """Measure the classifiers of all approaches, and the recipes that need none, on the reported faces."""
    answered = answers(material.protocol, fitted)
    said = training_free(material.protocol.tables[EVERY_VIEW])
    protocol = replace(answered, probability={**answered.probability, **said})
    compared = {approach: fitted[approach] for approach in COMPARED}
    by_condition = {
        name: material.answers(compared, name) for name in dict.fromkeys(material.report.histories.tolist())
    }
    folds = unseen_on_folds(material, compared)
    return Figures(
        protocol=protocol,
        aucs={approach: aucs(protocol, approach) for approach in protocol.probability},
        gains={control: gains(protocol, OURS, control) for control in COMPARED[1:]},
        found={approach: found_at(protocol, approach, FPR) for approach in COMPARED},
        summary={approach: summary(protocol, approach) for approach in COMPARED},
        conditions={
            name: {approach: aucs(found, approach) for approach in COMPARED} for name, found in by_condition.items()
        },
        flagged=_flagged(material, fitted[OURS], by_condition),
        split=unseen_on_split(material, compared, folds),
        folds=folds,
        checks=_checks(material.like(fitted[OURS])),
        coverage=_coverage(material.report),
    )


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


def _checks(material: Material) -> dict[str, Estimate]:
    """Shuffled labels must give one half; what is only allowed to train must not carry the result."""
    found = {"labels shuffled before fitting": auc_of(_shuffled(material), OURS, ALL)}
    aside = sorted(set(material.aside.origins.tolist()))
    made = sorted({name for name in material.fit.origins.tolist() if name.startswith(MADE)})
    for some in filter(None, (aside, made)):
        without = material.without(*some).classifier(OURS)
        found[f"fitted without {', '.join(some)}"] = auc_of(material.answers({OURS: without}), OURS, ALL)
    return found


def _shuffled(material: Material) -> Answers:
    """What a classifier says of the reported faces whose groups had their labels dealt out again."""
    rows, rng = material.fit.where(material.known.counts), np.random.default_rng(0)
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
