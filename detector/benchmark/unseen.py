"""What a classifier says of a family, or of a real source, that it never met: on held-out folds, and on a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detector.benchmark.evaluate import Rate
from detector.benchmark.extract import OURS
from detector.benchmark.families import Drawn, drawn_blind, drawn_known, drawn_sources
from detector.benchmark.held_out import NOTHING, HeldOut, Recipe, fold_scores
from detector.benchmark.material import Material, answers, table_of
from detector.benchmark.metrics import Estimate, Scores
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
        about = chosen.about
        recipe = Recipe(about["candidate"], float(about["strength"]), folds=material.how.folds, seed=material.how.seed)
        values = table_of(material.fit, approach).values
        held[approach] = fold_scores(values, known, recipe, (NOTHING, *known.families, *known.sources))
    flagged = {
        approach: {source: _flagged_on_folds(found, source, material.how.fpr) for source in known.sources}
        for approach, found in held.items()
    }
    return _unseen(held, flagged)


def unseen_on_split(material: Material, fitted: Mapping[str, FaceClassifier]) -> Unseen:
    """Of the reported faces, under the protocol."""
    rows = material.protocol
    held, flagged = {}, {}
    known = material.known
    for approach, chosen in fitted.items():
        like = material.like(chosen)
        blind = {name: like.without(name).classifier(approach) for name in (*known.families, *known.sources)}
        said = {
            name: answers(rows, {approach: one}).probability[approach]
            for name, one in {NOTHING: chosen, **blind}.items()
        }
        held[approach] = HeldOut(rows.labels, rows.groups, rows.origins, said)
        present = set(held[approach].origins[rows.labels == 0].tolist())
        flagged[approach] = {
            source: _rate(said[source][rows.origins == source], blind[source].threshold)
            for source in known.sources
            if source in present
        }
    return _unseen(held, flagged)


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


def _flagged_on_folds(held: HeldOut, source: str, fpr: float) -> Rate:
    """At the threshold that keeps to the rate on held-out faces of the other sources."""
    scores = 1 / (1 + np.exp(-held.scores[source]))
    others = (held.labels == 0) & (held.origins != source)
    own = (held.labels == 0) & (held.origins == source)
    return _rate(scores[own], threshold_at(scores[others], held.groups[others], held.origins[others], fpr))


def _rate(scores: Scores, threshold: float) -> Rate:
    return Rate(int((scores >= threshold).sum()), len(scores))
