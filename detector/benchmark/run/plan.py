"""What a benchmark is asked to do, and the models that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from detector.benchmark.histories.disturbances import GRID, SMALL_GRID
from detector.benchmark.run.protocols import PROTOCOLS, Protocol
from detector.errors import ConfigError
from detector.weights import asset

if TYPE_CHECKING:
    from detector.benchmark.extraction.meeting import Tools

GRIDS: dict[str, Mapping[str, tuple[float, ...]]] = {"full": GRID, "small": SMALL_GRID, "none": {}}
"""The robustness grids by name."""


@dataclass(frozen=True)
class Plan:
    """One run of `detector benchmark`.

    Attributes:
        data: the datasets that are tested, as "PATH" or "LAYOUT:PATH".
        train: datasets that are fitted instead of the tested one's own training split.
        protocol: how files are treated.
        aside: sources whose files are fitted but never tested.
        most: of each generator and real source, so many clips at most are tested; None for all.
        grid: an entry of `GRIDS`.
        grid_files: so many files at most go through the grid, as many of each origin as possible.
        scores: name -> CSV file of another detector's scores.
        beside: VAEs whose recipes are put into the table, as "name" or "name:source".
        network: whether a network is trained in place.
        faces: an entry of `FACE_DETECTORS`, or "auto".
        vaes, classifier: what is measured; the embedded ones by default.
        gallery: so many of the most confident errors of each class get a picture.
        jobs: worker processes; 1 works in this one.
        device: a Torch device.
        report, work, store: folders of the report, of what can be made again, and of the experiment's record.
        command: what was typed.
    """

    data: tuple[str, ...]
    train: tuple[str, ...] = ()
    protocol: Protocol = PROTOCOLS["strict"]
    aside: tuple[str, ...] = ()
    most: int | None = None
    grid: Literal["full", "small", "none"] = "full"
    grid_files: int = 120
    scores: Mapping[str, Path] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    network: bool = True
    faces: str = "auto"
    vaes: tuple[str, ...] = ("face-vae",)
    classifier: Path = field(default_factory=lambda: asset("classifier.skops"))
    gallery: int = 8
    jobs: int = 1
    device: str = "cpu"
    report: Path = Path("reports/benchmark")
    work: Path = Path("runs/benchmark")
    store: Path = Path("runs")
    command: str = "detector benchmark"

    def __post_init__(self) -> None:
        for name, least in {"jobs": 1, "gallery": 0, "grid_files": 1, "most": 1}.items():
            if (value := getattr(self, name)) is not None and value < least:
                raise ConfigError(f"{name}: expected {least} or more, got {value}")

    @property
    def disturbances(self) -> tuple[str, ...]:
        """The names of those of the grid, e.g. "JPEG 60"."""
        return tuple(f"{kind} {level:g}" for kind, levels in GRIDS[self.grid].items() for level in levels)

    @property
    def kept(self) -> Path:
        """The folder of what was fitted."""
        return self.work / "fitted"

    @property
    def load(self) -> partial[Tools]:
        """What loads the models, in this process or in another one."""
        return partial(load_tools, self.faces, self.vaes, self.beside, self.classifier, self.device)


def load_tools(faces: str, vaes: tuple[str, ...], beside: tuple[str, ...], classifier: Path, device: str) -> Tools:
    """The models that a plan names; the backbone too, where the classifier was fitted with it."""
    from detector.benchmark.baselines import MEASURES
    from detector.benchmark.extraction.meeting import Tools
    from detector.benchmark.study.material import named_apart
    from detector.classify import FaceClassifier
    from detector.faces import load_face_detector
    from detector.features import backbone
    from detector.score.judge import views_in
    from detector.vae import load_reconstructor

    fitted = FaceClassifier.load(classifier)
    models = named_apart([load_reconstructor(spec, device) for spec in (*vaes, *beside)])
    return Tools(
        detectors=(load_face_detector(faces),),
        reconstructors=models[: len(vaes)],
        beside=models[len(vaes) :],
        backbone=backbone.load_backbone(device=device) if backbone.NAME in fitted.versions else None,
        views=views_in(fitted.names, [model.name for model in models[: len(vaes)]]),
        baselines=tuple(MEASURES),
    )
