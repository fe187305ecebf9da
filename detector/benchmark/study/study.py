"""Fit the classifier that the package ships, and measure it: `detector train classifier CONFIG.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from detector import tracking
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.extraction.task import OURS
from detector.benchmark.histories.history import History
from detector.benchmark.study.card import write_card
from detector.benchmark.study.figures import Figures, measure
from detector.benchmark.study.gallery import write_gallery
from detector.benchmark.study.material import CONTROL, EVEN_CONTROL, Material, crew_for, load_tools
from detector.benchmark.study.plots import draw_figures
from detector.benchmark.study.report import write_report
from detector.classify import ClassifierConfig
from detector.errors import ConfigError, UnknownNameError
from detector.fakes import FAKES
from detector.types import VIEWS, View


@dataclass(frozen=True)
class Study:
    """One study of a classifier.

    Attributes:
        histories: what pictures that train go through.
        draws: how many of the histories each of them goes through, all in turn.
        name: of the run.
        dataset, data: an entry of `DATASETS`, and what it reads.
        left_out: sources that are not used.
        train_only: sources whose near-duplicates lie across the splits, and how many of their pictures train; nothing
            else of them calibrates or counts.
        held_out: the split that is reported. While it is "val", only "train" is fitted; for "test", "train" and "val".
        face_detectors: entries of `FACE_DETECTORS`; one is drawn for each picture and history.
        reconstructors: the VAEs, as "name" or "name:source"; the second of one name has features "name-2", and so on.
        backbone: whether the embedded backbone looks at the faces too.
        views: what the classifier is given of the VAEs; recipes that need no classifier read all that they see.
        conditions: further histories that the report is repeated under.
        fakes: entries of `FAKES` that make fakes of the real pictures that train. They are fitted and calibrate; they
            are no generator of the report.
        fakes_each: how many such fakes each picture gives, by those makers in turn.
        fakes_reconstructors: the VAEs whose traces are made, as `reconstructors`.
        fakes_donors: how many other faces there are for swaps.
        classifier: how to fit.
        seed: of the histories.
        jobs: worker processes that extract features; the cores are shared out among them.
        model, card: where the classifier and its model card go.
        report: folder for the tables.
        work: folder for what can be made again.
        store: folder of the experiment's record.
    """

    histories: Mapping[str, History]
    draws: int
    name: str = "default"
    dataset: str = "manifest"
    data: Path = Path("../shared/data/manifest.csv")
    left_out: tuple[str, ...] = ()
    train_only: Mapping[str, int] = field(default_factory=dict)
    held_out: Literal["val", "test"] = "test"
    face_detectors: tuple[str, ...] = ("face-net",)
    reconstructors: tuple[str, ...] = ("face-vae",)
    backbone: bool = False
    views: tuple[View, ...] = VIEWS
    conditions: Mapping[str, History] = field(default_factory=dict)
    fakes: tuple[str, ...] = ()
    fakes_each: int = 1
    fakes_reconstructors: tuple[str, ...] = ()
    fakes_donors: int = 96
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    seed: int = 0
    jobs: int = 1
    model: Path = Path("detector/assets/classifier.skops")
    card: Path = Path("detector/assets/model-card.md")
    report: Path = Path("reports/accuracy")
    work: Path = Path("runs/classifier")
    store: Path = Path("runs")

    def __post_init__(self) -> None:
        if not 0 < self.draws <= len(self.histories):
            raise ConfigError(f"draws: expected 1 to {len(self.histories)}, the number of histories, got {self.draws}")
        for name in self.fakes:
            if name not in FAKES:
                raise UnknownNameError("generator of fakes", name, FAKES)
        if self.fakes_each < 1:
            raise ConfigError(f"fakes_each: expected 1 or more, got {self.fakes_each}")


def teach_classifier(study: Study, tools: Tools | None = None) -> Path:
    """Extract, fit, calibrate, and report the held-out split once.

    Args:
        study: what to do.
        tools: the models to use instead of those that the study names.

    Returns:
        where the classifier is; its model card and its report are where the study says.
    """
    crowd = crew_for(study) if tools is None else nullcontext()
    tools = tools or load_tools(study)
    facts = {"data": str(study.data), "held out": study.held_out, "seed": str(study.seed), **tools.versions}
    with tracking.start("classifier", study.name, facts, study.store) as run:
        with crowd as crew:
            material = Material.of(study, tools, crew)
        approaches = (OURS, *tools.baselines, EVEN_CONTROL)
        fitted = {approach: material.classifier(approach) for approach in approaches}
        fitted[OURS] = replace(fitted[OURS], about={**fitted[OURS].about, **facts})
        figures = measure(material, fitted)
        fitted[OURS].save(study.model)
        for path in (
            *write_report(study, figures, fitted[OURS]),
            *draw_figures(figures, study.report),
            write_gallery(study, material, figures.folds.held[OURS], tools),
            write_card(study, figures, fitted[OURS]),
            study.model,
        ):
            run.artifact(path)
        run.metrics(_scalars(figures))
    return study.model


def _scalars(figures: Figures) -> dict[str, float]:
    """The figures that one wants to compare between runs, by names that MLflow takes."""
    ours = {f"AUC {generator}": estimate.value for generator, estimate in figures.aucs[OURS].items()}
    gains = {f"gain {generator}": estimate.value for generator, estimate in figures.gains[CONTROL].items()}
    blind = {f"left out {generator}": estimate.value for generator, estimate in figures.split.blind[OURS].items()}
    folds = {f"folds left out {generator}": e.value for generator, e in figures.folds.blind[OURS].items()}
    metrics = {
        name.replace("@", " at ").replace("%", " percent"): estimate.value
        for name, estimate in figures.summary[OURS].items()
    }
    return ours | gains | blind | folds | metrics
