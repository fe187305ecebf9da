"""What a classifier says of a family, or of a real source, that it never met: on held-out folds, and on a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.measures.families import Drawn, drawn_blind, drawn_known, drawn_sources
from detector.benchmark.measures.held_out import NOTHING, HeldOut, Known, Recipe, fold_scores, split_scores
from detector.benchmark.measures.metrics import Estimate, Scores
from detector.benchmark.study.material import Material, table_of
from detector.classify import FaceClassifier
from detector.classify.fit import threshold_at

ByName = Mapping[str, Estimate]


@dataclass(frozen=True)
class Unseen:
    """Figures of several approaches on the same faces; every one has the mean of its targets too.

    Attributes:
        known: by approach and family, AUC by models that met it.
        blind: the same by models that met nothing of it (LOFO).
        known_gains, blind_gains: by control and family, by how much ours is above.
        sources: by approach and real source, AUC of all fakes against it by models that met nothing of it.
        flagged: by approach and real source, the share of its faces that those models call fake at their threshold.
        held: by approach, the scores behind all that.
    """

    known: Mapping[str, ByName]
    blind: Mapping[str, ByName]
    known_gains: Mapping[str, ByName]
    blind_gains: Mapping[str, ByName]
    sources: Mapping[str, ByName]
    flagged: Mapping[str, Mapping[str, Rate]]
    held: Mapping[str, HeldOut]


def unseen_on_folds(material: Material, fitted: Mapping[str, FaceClassifier]) -> Unseen:
    """Of the fitted faces, each by models that saw nothing of its group; each approach as it was chosen."""
    known, held = material.known, {}
    for approach, chosen in fitted.items():
        values = table_of(material.fit, approach).values
        held[approach] = fold_scores(values, known, _recipe(material, chosen), _left_out(known))
    flagged = {
        approach: {
            source: _rate(found.scores[source][found.origins == source], _threshold(found, source, material.how.fpr))
            for source in known.sources
        }
        for approach, found in held.items()
    }
    return _unseen(held, flagged)


def unseen_on_split(material: Material, fitted: Mapping[str, FaceClassifier], folds: Unseen) -> Unseen:
    """Of the reported faces, under the protocol.

    Args:
        material: the rows of both.
        fitted: the classifier of each approach.
        folds: what `unseen_on_folds` gave: its scores set the thresholds.
    """
    rows, known = material.protocol, material.known
    both = _beside(known, rows)
    reported = ~both.trains
    held = {}
    for approach, chosen in fitted.items():
        values = np.concatenate([table_of(part, approach).values for part in (material.fit, rows)])
        held[approach] = split_scores(values, both, _recipe(material, chosen), reported, _left_out(known))
    flagged = {
        approach: {
            source: _rate(
                found.scores[source][found.origins == source],
                _threshold(folds.held[approach], source, material.how.fpr),
            )
            for source in known.sources
            if source in found.origins
        }
        for approach, found in held.items()
    }
    return _unseen(held, flagged)


def _recipe(material: Material, chosen: FaceClassifier) -> Recipe:
    candidate, strength = chosen.about["candidate"], float(chosen.about["strength"])
    return Recipe(candidate, strength, folds=material.how.folds, seed=material.how.seed)


def _left_out(known: Known) -> tuple[str, ...]:
    return (NOTHING, *known.families, *known.sources)


def _beside(known: Known, rows: Extract) -> Known:
    """The fitted rows, which train, and then the others, which count."""
    trains = np.arange(len(known.labels) + len(rows.labels)) < len(known.labels)
    return Known(
        np.concatenate([known.labels, rows.labels]),
        np.concatenate([known.groups, rows.groups]),
        np.concatenate([known.origins, rows.origins]),
        trains,
        ~trains,
    )


def _unseen(held: Mapping[str, HeldOut], flagged: Mapping[str, Mapping[str, Rate]]) -> Unseen:
    known = {approach: drawn_known(found) for approach, found in held.items()}
    blind = {approach: drawn_blind(found) for approach, found in held.items()}
    return Unseen(
        known={approach: drawn.estimates() for approach, drawn in known.items()},
        blind={approach: drawn.estimates() for approach, drawn in blind.items()},
        known_gains=_gains(known),
        blind_gains=_gains(blind),
        sources={approach: drawn_sources(found).estimates() for approach, found in held.items()},
        flagged=flagged,
        held=held,
    )


def _gains(drawn: Mapping[str, Drawn]) -> dict[str, ByName]:
    return {name: drawn[OURS].less(one).estimates() for name, one in drawn.items() if name != OURS}


def _threshold(held: HeldOut, source: str, fpr: float) -> float:
    """The score that keeps to a false-positive rate on held-out faces of the other sources."""
    others = (held.labels == 0) & (held.origins != source)
    share = 1 / (1 + np.exp(-held.scores[source][others]))
    found = threshold_at(share, held.groups[others], held.origins[others], fpr)
    return float(np.log(found / (1 - found))) if found < 1 else float("inf")


def _rate(scores: Scores, threshold: float) -> Rate:
    return Rate(int((scores >= threshold).sum()), len(scores))
