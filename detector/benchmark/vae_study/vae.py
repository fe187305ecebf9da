"""Where the VAE meets the data: crops of real faces -> training -> figures on real faces that it never saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detector.benchmark.vae_study.crops import CropFile, CropPlan, Split, face_crops
from detector.benchmark.vae_study.vae_report import draw_curve, measure_vae, write_curve, write_table
from detector.faces import load_face_detector
from detector.features import region_masks
from detector.vae.config import VaeTrainConfig
from detector.vae.loading import load_model
from detector.vae.state import CHECKPOINT, load_curve
from detector.vae.train import Examples, train_vae


@dataclass(frozen=True)
class VaeStudy:
    """A training with its data: the keys of a config such as experiments/face-vae.toml.

    Attributes:
        training: of the model; its table is [training], that of the model [training.model].
        crops: which pictures are cut, and how often.
        faces: an entry of `FACE_DETECTORS`, or "auto".
        held_out: the split that is reported: "val" while choosing, "test" once.
        report: folder for the tables and the curve.
        work: folder for the crops, and for what a training leaves in a folder of its name.
    """

    training: VaeTrainConfig = field(default_factory=VaeTrainConfig)
    crops: CropPlan = field(default_factory=CropPlan)
    faces: str = "auto"
    held_out: Split = "val"
    report: Path = Path("runs/report")
    work: Path = Path("runs")


def teach_vae(study: VaeStudy) -> Path:
    """Train on the real faces of the split "train", or go on where an earlier call was stopped; then report.

    Returns:
        the finished weights; copied to ``detector/assets/`` they are what the package ships.
    """
    train, val = (examples_of(crops_of(study, split)) for split in ("train", "val"))
    folder = study.work / study.training.name
    weights = train_vae(study.training, train, val, folder, study.work)
    report_vae(study, weights, folder / CHECKPOINT)
    return weights


def report_vae(study: VaeStudy, weights: Path, checkpoint: Path) -> None:
    """Measure finished weights on `VaeStudy.held_out`, and draw the curve that a checkpoint remembers."""
    study.report.mkdir(parents=True, exist_ok=True)
    crops = crops_of(study, study.held_out)
    table = measure_vae(load_model(weights), examples_of(crops), crops)
    write_table(table, study.report / f"bits-per-dim-{study.held_out}.csv")
    curve = load_curve(checkpoint)
    write_curve(curve, study.report / "curve.csv")
    draw_curve(curve, study.report / "curve.png")


def crops_of(study: VaeStudy, split: Split) -> CropFile:
    """The crops of a split; made first where they are not."""
    size = study.training.model.size
    return face_crops(study.crops, split, load_face_detector(study.faces), size, study.work / "crops" / split)


def examples_of(crops: CropFile) -> Examples:
    """Crops to learn from or to validate on, with the masks of their regions for a conditional model."""

    def condition(rows: npt.NDArray[np.int64]) -> Tensor:
        return region_masks(torch.from_numpy(crops.landmarks[rows]), crops.pixels.shape[-1])

    return Examples(crops.pixels, condition)
