"""Everything that scores faces: ours as shipped, ours fitted on the dataset, and what they must beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from detector.benchmark.baselines import BASELINES
from detector.benchmark.baselines.training_free import training_free
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.task import BESIDE, EVERY_VIEW, OURS
from detector.benchmark.measures.metrics import Scores
from detector.benchmark.run.fitting import fitted_scores
from detector.benchmark.run.results import Kind
from detector.classify import ClassifierConfig, FaceClassifier
from detector.types import FeatureTable

SHIPPED = "detector"
FITTED = "detector, fitted here"
CONTROL = "blur residual"
"""The published control: a blur's residual, and gradient boosting."""
NETWORK = "network"
WINDOW = "window"
ALARMS = ("metadata", "quality")
"""What must be at chance, because it sees nothing but the file that the protocol made."""
TELLTALES = ("metadata as found", "quality as found")
"""What sees the file before the protocol: how much there was to hide."""
DIFFUSION, DIRE = "ddim", "AEROBLADE, mean absolute error"
"""Of a diffusion model, inverted and generated again, the mean absolute error is DIRE (Wang et al. 2023)."""
LINEAR = ClassifierConfig(candidates=("logistic",))
BOOSTED = ClassifierConfig(candidates=("boosting",))

Score = Callable[[Extract, Extract], Scores]
"""(what may be fitted, what is scored) -> (N,) scores of the latter. Where nothing is set apart to be fitted, the
other folds of what is scored are."""


@dataclass(frozen=True)
class Approach:
    """One way to score faces.

    Attributes:
        name, kind, about: as of `Entry`.
        score: how.
        threshold: from which probability on it says "fake"; None where it has none.
        how: of what is fitted as a classifier, how; None for the others.
        table: the features that it is fitted on.
    """

    name: str
    kind: Kind
    about: str
    score: Score
    threshold: float | None = None
    how: ClassifierConfig | None = None
    table: str = OURS


def approaches(shipped: FaceClassifier, tables: Mapping[str, FeatureTable], folder: Path) -> Iterator[Approach]:
    """What can be had of these features, ours first.

    Args:
        shipped: the classifier that is measured.
        tables: the features there are.
        folder: where fitted classifiers are kept.
    """
    yield Approach(
        SHIPPED,
        "ours",
        "as it is shipped: nothing is fitted here",
        partial(_shipped, shipped),
        shipped.threshold,
    )
    yield _classified(FITTED, "ours", "the same features, fitted on this data", OURS, folder)
    for name in BASELINES:
        if name in tables:
            kind: Kind = "alarm" if name in ALARMS + TELLTALES else "control"
            yield _classified(name, kind, _first_line(name), name, folder)
    for name, table in tables.items():
        if name == EVERY_VIEW or name.startswith(BESIDE):
            yield from _recipes(name, table)


def _classified(name: str, kind: Kind, about: str, table: str, folder: Path) -> Approach:
    how = BOOSTED if name == CONTROL else LINEAR
    return Approach(name, kind, about, partial(fitted_scores, table, how, folder), how=how, table=table)


def _first_line(name: str) -> str:
    told = (BASELINES[name].__doc__ or name).strip().split("\n")[0]
    return f"before the protocol, to tell how much there is to hide. {told}" if name in TELLTALES else told


def _recipes(name: str, table: FeatureTable) -> Iterator[Approach]:
    model = name.removeprefix(f"{BESIDE} ") if name != EVERY_VIEW else table.names[0].split(".")[0]
    recipes = {DIRE: "DIRE"} if model.startswith(DIFFUSION) else {recipe: recipe for recipe in training_free(table)}
    for recipe, title in recipes.items():
        yield Approach(f"{title}, {model}", "training-free", "nothing is fitted", partial(_recipe, name, recipe))


def _shipped(classifier: FaceClassifier, _: Extract, rows: Extract) -> Scores:
    return classifier.probability(rows.tables[OURS])


def _recipe(table: str, recipe: str, _: Extract, rows: Extract) -> Scores:
    return training_free(rows.tables[table])[recipe]


def network(checkpoint: Path, device: str) -> Approach:
    """A convolutional network that is trained in place, on what may be fitted."""
    about = "a convolutional network, fine-tuned on the middle of each face"
    return Approach(NETWORK, "network", about, partial(_network, checkpoint, device))


def _network(checkpoint: Path, device: str, fit: Extract, rows: Extract) -> Scores:
    from detector.benchmark.baselines.network import NetworkConfig, fit_network

    score = fit_network(fit.tables[WINDOW].values, fit.labels, fit.origins, NetworkConfig(), checkpoint, device)
    return score(rows.tables[WINDOW].values)


def external(name: str, scores: Scores) -> Approach:
    """Another detector's scores of the rows that are scored, in their order."""
    return Approach(name, "external", "scores from elsewhere", lambda _, __: scores)
