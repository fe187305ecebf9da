"""What a study is made of: which pictures fit and which are reported, and the features of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detector.benchmark.datasets import leaks, load_dataset
from detector.benchmark.extraction.crew import Crew
from detector.benchmark.extraction.extract import Extract, concat, extract
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.extraction.task import OURS
from detector.benchmark.histories.history import STRICT, History
from detector.benchmark.measures.evaluate import Answers
from detector.benchmark.measures.held_out import Known
from detector.benchmark.study.made import made_samples, with_makers
from detector.classify import ClassifierConfig, FaceClassifier, fit_classifier
from detector.errors import ConfigError
from detector.faces import load_face_detector
from detector.features import load_backbone
from detector.score.judge import versions
from detector.types import MADE, FeatureTable, Sample
from detector.vae import Reconstructor, load_reconstructor

if TYPE_CHECKING:
    from detector.benchmark.study.study import Study

CONTROL = "blur residual"
"""The published control: a blur's residual, and gradient boosting."""
EVEN_CONTROL = "blur residual, our candidates"
"""The same residual, with the classifiers that our own features have."""
CONTROLS = {CONTROL: CONTROL, EVEN_CONTROL: CONTROL}
"""Each control, and the table of its features."""
PROTOCOL = "protocol"
AS_FOUND = "as found"


@dataclass(frozen=True)
class Split:
    """Which samples do what.

    Attributes:
        fit: what is fitted and, on its held-out folds, calibrated.
        report: what the figures are about.
        aside: the pictures of `Study.train_only` in the reported split: shown, not counted.
    """

    fit: tuple[Sample, ...]
    report: tuple[Sample, ...]
    aside: tuple[Sample, ...]


def split(samples: Sequence[Sample], study: Study) -> Split:
    """Part the samples as a study says.

    Raises:
        ConfigError: a group lies in more than one split, or a part is empty.
    """
    used = [sample for sample in samples if sample.source not in study.left_out]
    if leaking := leaks(used):
        group, splits = next(iter(leaking.items()))
        raise ConfigError(f"{study.data}: {len(leaking)} groups leak across splits, e.g. {group}: {', '.join(splits)}")
    fitted = ("train",) if study.held_out == "val" else ("train", "val")
    plain = [sample for sample in used if sample.source not in study.train_only]
    special = [sample for sample in used if sample.source in study.train_only]
    parts = Split(
        fit=(*(sample for sample in plain if sample.split in fitted), *_capped(special, study.train_only)),
        report=tuple(sample for sample in plain if sample.split == study.held_out),
        aside=tuple(sample for sample in special if sample.split == study.held_out),
    )
    if not parts.fit or not parts.report:
        raise ConfigError(f"{study.data}: expected samples of the splits {', '.join(fitted)} and {study.held_out}")
    return parts


def in_turn(samples: Sequence[Sample], study: Study) -> list[tuple[dict[str, History], list[Sample]]]:
    """Which histories which samples go through: each `Study.draws` of them, all in turn."""
    names, draws = list(study.histories), study.draws
    turns: dict[tuple[str, ...], list[Sample]] = {}
    for place, sample in enumerate(samples):
        window = tuple(names[(place * draws + draw) % len(names)] for draw in range(draws))
        turns.setdefault(window, []).append(sample)
    return [({name: study.histories[name] for name in window}, some) for window, some in turns.items()]


def load_tools(study: Study) -> Tools:
    """The models that a study names."""
    return Tools(
        tuple(load_face_detector(name) for name in study.face_detectors),
        named_apart([load_reconstructor(spec) for spec in study.reconstructors]),
        backbone=load_backbone() if study.backbone else None,
        views=study.views,
    )


def named_apart(models: Sequence[Reconstructor]) -> tuple[Reconstructor, ...]:
    """The models, each further one of a name with its number after it: their features lie side by side."""
    seen: dict[str, int] = {}
    for model in models:
        seen[model.name] = number = seen.get(model.name, 0) + 1
        if number > 1:
            model.name = f"{model.name}-{number}"
    return tuple(models)


def load_equipped(study: Study) -> Tools:
    """The models that a study names, with the makers of its fakes: what a worker process needs."""
    return equipped(study, load_tools(study))


def equipped(study: Study, tools: Tools) -> Tools:
    """The models with the makers of the study's fakes."""
    return with_makers(tools, split(load_dataset(study.dataset, study.data), study).fit, study)


def crew_for(study: Study) -> AbstractContextManager[Crew | None]:
    """The worker processes that a study asks for."""
    return Crew(partial(load_equipped, study), study.jobs) if study.jobs > 1 else nullcontext()


def fit_rows(study: Study, tools: Tools, crew: Crew | None = None) -> Extract:
    """The features of everything that is fitted, with the fakes that are made of it, under the study's histories."""
    chosen = split(load_dataset(study.dataset, study.data), study).fit
    tools = equipped(study, tools)
    turns = in_turn((*chosen, *made_samples(chosen, study)), study)
    return concat([extract(some, drawn, tools, study.work, study.seed, crew=crew) for drawn, some in turns])


@dataclass(frozen=True, eq=False)
class Material:
    """The features of a study's pictures.

    Attributes:
        fit: what may be fitted, under some of the study's histories each.
        report: what is reported, under each condition: `PROTOCOL`, `AS_FOUND` and the study's own.
        aside: what is shown and not counted, under the first two.
        versions: the models that made the features of `OURS`.
        how: how to fit.
    """

    fit: Extract
    report: Extract
    aside: Extract
    versions: Mapping[str, str]
    how: ClassifierConfig

    @classmethod
    def of(cls, study: Study, tools: Tools, crew: Crew | None = None) -> Material:
        """Extract what a study asks for, or read what an earlier run has extracted."""
        parts = split(load_dataset(study.dataset, study.data), study)
        found: dict[str, History | None] = {PROTOCOL: STRICT, AS_FOUND: None}
        return cls(
            fit_rows(study, tools, crew),
            extract(parts.report, {**found, **study.conditions}, tools, study.work, study.seed, crew=crew),
            extract(parts.aside, found, tools, study.work, study.seed, crew=crew),
            versions(tools.reconstructors, tools.backbone),
            study.classifier,
        )

    def classifier(self, approach: str) -> FaceClassifier:
        """The classifier of an approach: `OURS`, or a baseline."""
        rows, how = self.fit, self.how
        if approach == CONTROL and how.mode == "two-class":
            how = replace(how, candidates=("boosting",), strength=None)
        versions = self.versions if approach == OURS else {}
        return fit_classifier(table_of(rows, approach), rows.labels, rows.groups, rows.origins, how, versions)

    @property
    def protocol(self) -> Extract:
        """The reported rows under the protocol."""
        return self.report.where(self.report.histories == PROTOCOL)

    @property
    def known(self) -> Known:
        """The fitted rows: all train; fakes of our own making and sources that stand aside never count."""
        rows = self.fit
        made = np.array([sample.generator.startswith(MADE) for sample in rows.samples])
        aside = np.isin([sample.source for sample in rows.samples], [sample.source for sample in self.aside.samples])
        trains = np.full(len(rows.samples), True)
        return Known(rows.labels, rows.groups, rows.origins, trains, ~made & ~aside)

    def without(self, *origins: str) -> Material:
        """The same, but nothing of these origins is fitted."""
        return replace(self, fit=self.fit.where(~np.isin(self.fit.origins, origins)))

    def like(self, chosen: FaceClassifier) -> Material:
        """The same, but the choice among candidates is as it was for `chosen`."""
        candidate, strength = chosen.about["candidate"], float(chosen.about["strength"])
        return replace(self, how=replace(self.how, candidates=(candidate,), strength=strength))

    def answers(self, classifiers: Mapping[str, FaceClassifier], condition: str = PROTOCOL) -> Answers:
        """What classifiers, by the name of their approach, say of the reported faces under a condition."""
        return answers(self.report.where(self.report.histories == condition), classifiers)


def answers(rows: Extract, classifiers: Mapping[str, FaceClassifier]) -> Answers:
    """What classifiers, by the name of their approach, say of rows."""
    probability = {name: one.probability(table_of(rows, name)) for name, one in classifiers.items()}
    return Answers(rows.labels, rows.groups, rows.origins, probability)


def table_of(rows: Extract, approach: str) -> FeatureTable:
    """The features of an approach."""
    return rows.tables[CONTROLS.get(approach, approach)]


def _capped(samples: Sequence[Sample], most: Mapping[str, int]) -> list[Sample]:
    """The training pictures of each source, evenly thinned to at most so many."""
    kept: list[Sample] = []
    for source, count in most.items():
        own = [sample for sample in samples if sample.source == source and sample.split == "train"]
        places: npt.NDArray[np.int64] = np.linspace(0, len(own), min(count, len(own)), endpoint=False).astype(int)
        kept += [own[place] for place in places]
    return kept
