"""Where the VAE meets the data: crops of real faces -> training; crops of other real faces -> bits per dimension."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detector.benchmark.crops import CropFile, CropPlan, Split, face_crops
from detector.benchmark.metrics import Estimate, estimate
from detector.faces import load_face_detector
from detector.features import region_masks
from detector.vae.config import VaeTrainConfig
from detector.vae.model import FaceVae
from detector.vae.train import Examples, evaluate, train_vae

ALL = "all"


@dataclass(frozen=True)
class VaeStudy:
    """A training with its data: the keys of a config such as experiments/face-vae.toml.

    Attributes:
        training: of the model; its table is [training], that of the model [training.model].
        crops: which pictures are cut, and how often.
        faces: an entry of `FACE_DETECTORS`, or "auto".
        work: folder for the crops, and for what a training leaves in a folder of its name.
    """

    training: VaeTrainConfig = field(default_factory=VaeTrainConfig)
    crops: CropPlan = field(default_factory=CropPlan)
    faces: str = "auto"
    work: Path = Path("runs")


def teach_vae(study: VaeStudy) -> Path:
    """Train on the real faces of the split "train", or go on where an earlier call was stopped.

    Returns:
        the finished weights; copied to ``detector/assets/`` they are what the package ships.
    """
    train, val = (_examples(crops_of(study, split)) for split in ("train", "val"))
    return train_vae(study.training, train, val, study.work / study.training.name, study.work)


def crops_of(study: VaeStudy, split: Split) -> CropFile:
    """The crops of a split; made first where they are not."""
    size = study.training.model.size
    return face_crops(study.crops, split, load_face_detector(study.faces), size, study.work / "crops" / split)


def measure_vae(model: FaceVae, crops: CropFile, out: Path) -> dict[str, dict[str, Estimate]]:
    """How well a model explains crops of real faces: by source, and over all, as mean over pictures.

    Args:
        model: a member of the family.
        crops: of a split that it was not trained on.
        out: the table, CSV.

    Returns:
        source -> term (nll, kl, bits_per_dim in bits per dimension, psnr in dB) -> mean and its interval from a
        bootstrap over pictures.
    """
    torch.manual_seed(0)
    terms = evaluate(model.eval(), _examples(crops), np.arange(len(crops.pixels)))
    table = {
        source: {name: _mean(values[rows], crops.groups[rows]) for name, values in terms.items()}
        for source, rows in _parts(crops.sources).items()
    }
    _write_table(table, out)
    return table


def _examples(crops: CropFile) -> Examples:
    def condition(rows: npt.NDArray[np.int64]) -> Tensor:
        return region_masks(torch.from_numpy(crops.landmarks[rows]), crops.pixels.shape[-1])

    return Examples(crops.pixels, condition)


def _parts(sources: npt.NDArray[np.str_]) -> dict[str, npt.NDArray[np.int64]]:
    parts = {str(source): np.flatnonzero(sources == source) for source in np.unique(sources)}
    return {**parts, ALL: np.arange(len(sources))}


def _mean(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> Estimate:
    """Every picture counts once, however many crops it gives."""
    names, rows = np.unique(groups, return_inverse=True)
    per_picture = (np.bincount(rows, values) / np.bincount(rows)).astype(np.float64)
    labels = np.zeros(len(names), np.int64)
    return estimate(lambda _, scores: float(scores.mean()), labels, per_picture, names.astype(np.str_))


def _write_table(table: Mapping[str, Mapping[str, Estimate]], out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["source", "term", "mean", "low_95", "high_95"])
        for source, terms in table.items():
            for name, figure in terms.items():
                rows.writerow([source, name, *(f"{x:.4f}" for x in (figure.value, figure.low, figure.high))])
