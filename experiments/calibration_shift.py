"""Does a probability still mean what it says on generators, sources and histories that were not met?

    DETECTOR_MODELS=../shared/models python experiments/calibration_shift.py experiments/default.toml

Held-out folds of train and val; nothing of the test split is read. Each row has a score by a model that met neither its
group nor the origin that the scenario leaves out (a history is left out of the calibration only). A sigmoid (Platt
1999) is fitted on such scores of what the scenario has left, and is applied to other groups. "Plain": those scores are
of models that met the row's own origin, as in the shipped classifier. "Unmet": each generator and each source in turn
is not met either, and joins the fit with all faces of the other class, so that the sigmoid sees how far scores carry.
Writes ``calibration.md`` and ``calibration.png``. Scores are kept: a killed run goes on.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from tqdm import tqdm

from detector import config
from detector.benchmark.extraction.code import digest
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.held_out import NOTHING, Bools, Known, Recipe, fold_scores
from detector.benchmark.measures.metrics import Estimate, Groups, Labels, Scores, auc, resampled
from detector.benchmark.study.ablation import Ablation, Change, known_rows
from detector.benchmark.study.material import fit_rows, load_tools
from detector.benchmark.study.study import Study
from detector.benchmark.tables import table
from detector.classify.balance import balanced

BINS, FOLDS, RESAMPLES = 10, 5, 300
MET = "everything met"
ORIGINS = ("generator", "source")
KINDS = (*ORIGINS, "history")
WAYS = ("plain", "unmet")
FIGURES = ("ECE", "Brier", "signed")
TEXT = """# Calibration under shift

Command: `python experiments/calibration_shift.py experiments/default.toml`, at commit {commit}. Held-out folds of train
and val: {rows} rows of {groups} groups, each picture under three of the four histories. The test split was not read.

{table}

All at even odds of real and synthetic, with sources and generators weighed as in the fit: ECE in ten bins, Brier score,
and the mean of probability less truth ("signed": above 0 faces are called too synthetic). 95 % intervals from
{resamples} bootstraps over groups. A generator is judged with all real faces, a source with all fakes, a history by
itself. A generator or source is left out of fit and calibration, with the fakes that were made of its faces; a history
is left out of the calibration only. "Plain" is Platt scaling on held-out scores of what was met, as shipped. "Unmet" is
Platt scaling on the scores of each generator (and real source) by models that met nothing of it, with all real faces
(fakes) by the same models: leave-one-family-out calibration. AUC is the same for both: a sigmoid keeps the order.

![share of fakes over the calibrated probability](calibration.png)

- **Met, the probability means what it says**, and it goes on doing so for a history that the calibration never saw.
- **A generator that was not met breaks it**: its fakes are called real with confidence, the mean is a fifth too low.
  Two of the three real sources are called too synthetic when they are new; unsplash is not.
- **Leave-one-family-out calibration mends the unknown generator and costs the known one.** It flattens the sigmoid, so
  that little is ever said with confidence. New sources gain where they were off, and lose where they were not.
- No one sigmoid serves both: whether a face is of a known kind is not in its score. The shipped classifier keeps Platt
  scaling for what was met; on a generator that it never met, its probability is no probability.
- Fitted on rows of both classes that are unmet at once, without the met ones beside them, the sigmoid turned around
  (ECE where met 0.442, commit c6797cd): new fakes then lie below new real faces.
"""


@dataclass(frozen=True, eq=False)
class Faces:
    """The M rows that count: labels, groups, origins and histories, each (M,)."""

    labels: Labels
    groups: Groups
    origins: Groups
    histories: Groups


@dataclass(frozen=True, eq=False)
class Scenario:
    """What is left out of everything ("" for nothing), and (M,) which rows are judged."""

    kind: str
    name: str
    judged: Bools


class Scorer:
    """(M,) held-out scores by models that met nothing of some origins, nor what was made of them; kept on disk."""

    def __init__(self, rows: Extract, known: Known, recipe: Recipe, folder: Path) -> None:
        self._values, self._known, self._recipe, self._folder = rows.tables[OURS].values, known, recipe, folder
        self._tells = rows.origins, np.array([sample.source for sample in rows.samples])
        self._words = sha256(self._values.tobytes()).hexdigest(), str(recipe)

    def __call__(self, *without: str) -> Scores:
        left_out = sorted({name for name in without if name})
        path = self._folder / f"{digest(*self._words, *left_out)}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            met = ~np.any([np.isin(column, left_out) for column in self._tells], axis=0)
            known = replace(self._known, trains=self._known.trains & met)
            np.save(path, fold_scores(self._values, known, self._recipe).scores[NOTHING])
        return np.asarray(np.load(path), np.float64)


def scenarios(faces: Faces) -> Iterator[Scenario]:
    """Nothing left out, then each generator, each real source and each history in turn."""
    yield Scenario("met", "", np.full(len(faces.labels), True))
    for label, kind in ((1, "generator"), (0, "source")):
        for name in np.unique(faces.origins[faces.labels == label]).tolist():
            yield Scenario(kind, name, (faces.labels != label) | (faces.origins == name))
    for name in np.unique(faces.histories).tolist():
        yield Scenario("history", name, faces.histories == name)


def probabilities(faces: Faces, scores: Scorer, scenario: Scenario) -> dict[str, Scores]:
    """Way to calibrate -> (M,) probabilities. Of a history that is left out, models have met the pictures still."""
    left_out = "" if scenario.kind == "history" else scenario.name
    own = scores(left_out)
    fits = (faces.origins != scenario.name) & (faces.histories != scenario.name)
    unmet = [
        (fits & one.judged, scores(left_out, one.name))
        for one in scenarios(faces)
        if one.kind in ORIGINS and one.name != left_out
    ]
    sets = {"plain": [(fits, own)], "unmet": unmet}
    return {way: sigmoid(faces, sets[way], own) for way in WAYS}


def sigmoid(faces: Faces, sets: Sequence[tuple[Bools, Scores]], applied: Scores) -> Scores:
    """Platt scaling as in `fit_classifier`: fitted on sets of scored rows of some groups, applied to other groups."""
    found = np.empty(len(applied))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=1)
    for inside, outside in splitter.split(applied, faces.origins, faces.groups):
        parts = [(inside[fits[inside]], used) for fits, used in sets]
        shown = np.concatenate([used[some] for some, used in parts])
        labels = np.concatenate([faces.labels[some] for some, _ in parts])
        weights = np.concatenate([balanced(faces.labels[some], faces.origins[some]) for some, _ in parts])
        model = LogisticRegression(C=1e6).fit(shown[:, None], labels, sample_weight=weights)
        found[outside] = model.predict_proba(applied[outside, None])[:, 1]
    return found


def figures(labels: Labels, probability: Scores, weights: Scores) -> list[float]:
    """`FIGURES` of weighted faces."""
    excess, weights = probability - labels, weights / weights.sum()
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    binned = np.bincount(place, weights=weights * excess, minlength=BINS)
    return [float(np.abs(binned).sum()), float(weights @ excess**2), float(weights @ excess)]


def judge(faces: Faces, found: Sequence[tuple[Scenario, Mapping[str, Scores]]]) -> np.ndarray:
    """(1 + resamples, scenarios, ways, figures): of all rows first, and then of each resample of groups."""
    weights = [np.zeros(len(faces.labels)) for _ in found]
    for own, (scenario, _) in zip(weights, found, strict=True):
        own[scenario.judged] = balanced(faces.labels[scenario.judged], faces.origins[scenario.judged])
    everything = np.arange(len(faces.labels))
    return np.array(
        [
            [
                [figures(faces.labels[some], told[way][some], own[some]) for way in WAYS]
                for own, (scenario, told) in zip(weights, found, strict=True)
                for some in [rows[scenario.judged[rows]]]
            ]
            for rows in (everything, *resampled(faces.groups, faces.origins, RESAMPLES, seed=0))
        ]
    )


def lines(faces: Faces, found: Sequence[tuple[Scenario, Mapping[str, Scores]]]) -> Iterator[list[object]]:
    """The rows of the table; after each kind, the mean of its scenarios."""
    drawn = judge(faces, found)
    for kind in ("met", *KINDS):
        places = [place for place, (scenario, _) in enumerate(found) if scenario.kind == kind]
        for place in places:
            scenario, told = found[place]
            order = auc(faces.labels[scenario.judged], told["plain"][scenario.judged])
            yield [f"{scenario.name} left out" if scenario.name else MET, f"{order:.3f}", *cells(drawn[:, place])]
        if len(places) > 1:
            yield [f"**a {kind} left out, mean**", "", *cells(drawn[:, places].mean(axis=1))]


def cells(drawn: np.ndarray) -> list[Estimate]:
    """Of (1 + resamples, ways, figures): each figure by both ways; of ECE and Brier their difference too."""
    shown = []
    for plain, unmet, name in zip(drawn[:, 0].T, drawn[:, 1].T, FIGURES, strict=True):
        columns = [plain, unmet] if name == "signed" else [plain, unmet, unmet - plain]
        shown += [interval(column) for column in columns]
    return shown


def interval(values: Scores) -> Estimate:
    return Estimate(float(values[0]), *(float(end) for end in np.quantile(values[1:], [0.025, 0.975])))


def draw(faces: Faces, found: Sequence[tuple[Scenario, Mapping[str, Scores]]], path: Path) -> None:
    """The share of fakes over the probability; a panel for each kind of scenario, its scenarios together."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.8), dpi=120, layout="constrained")
    panels = figure.subplots(1, 1 + len(KINDS), sharex=True, sharey=True)
    for kind, axes in zip(("met", *KINDS), panels, strict=True):
        some = [(scenario.judged, told) for scenario, told in found if scenario.kind == kind]
        labels = np.concatenate([faces.labels[rows] for rows, _ in some])
        weights = np.concatenate([balanced(faces.labels[rows], faces.origins[rows]) for rows, _ in some])
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for way, colour, marker in zip(WAYS, ("#0072b2", "#e69f00"), "os", strict=True):
            probability = np.concatenate([told[way][rows] for rows, told in some])
            place = np.minimum((probability * BINS).astype(int), BINS - 1)
            mass = np.bincount(place, weights, BINS)
            filled = mass > 0
            mean, share = (np.bincount(place, weights * v, BINS)[filled] / mass[filled] for v in (probability, labels))
            axes.plot(mean, share, color=colour, linewidth=1)
            axes.scatter(mean, share, 300 * mass[filled] / mass.sum() + 5, color=colour, marker=marker, label=way)
        axes.set_title(MET if kind == "met" else f"a {kind} left out")
        axes.set_xlabel("calibrated probability")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share of fakes, at even odds")
    panels[0].legend(loc="upper left", markerscale=0.6)
    figure.savefig(path)


def main(path: Path) -> None:
    study = config.load(Study, path)
    rows = fit_rows(study, replace(load_tools(study), baselines=()))
    assert study.classifier.candidates
    assert study.classifier.strength
    how = Change(candidate=study.classifier.candidates[0], strength=study.classifier.strength)
    known = known_rows(rows, how, Ablation(study, {}))
    judged = known.counts
    faces = Faces(known.labels[judged], known.groups[judged], known.origins[judged], rows.histories[judged])
    scorer = Scorer(rows, known, Recipe(how.candidate, how.strength), study.work / "shift")
    found = [(one, probabilities(faces, scorer, one)) for one in tqdm(list(scenarios(faces)))]
    head = ["scenario", "AUC", *(f"{name}, {way}" for name in ("ECE", "Brier") for way in (*WAYS, "change"))]
    head += [f"signed, {way}" for way in WAYS]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True)
    text = TEXT.format(
        commit=commit.stdout.strip(),
        rows=len(faces.labels),
        groups=len(np.unique(faces.groups)),
        table=table(head, lines(faces, found)),
        resamples=RESAMPLES,
    )
    (study.report / "calibration.md").write_text(text, encoding="utf-8")
    draw(faces, found, study.report / "calibration.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
