"""What a training of a VAE came to: its curve, and how well it explains real faces it never saw."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from detector.benchmark.measures.metrics import Estimate, estimate
from detector.benchmark.vae_study.crops import CropFile
from detector.vae.model import FaceVae
from detector.vae.train import Examples, evaluate

ALL = "all"
Table = dict[str, dict[str, Estimate]]


def measure_vae(model: FaceVae, examples: Examples, crops: CropFile) -> Table:
    """How well a model explains crops of real faces: by source, and over all, as mean over pictures.

    Args:
        model: a member of the family.
        examples: the crops, with masks for a conditional model.
        crops: what is known of the same crops.

    Returns:
        source -> term (nll, kl, bits_per_dim in bits per dimension, psnr in dB) -> mean and its interval from a
        bootstrap over pictures.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        terms = evaluate(model.eval(), examples, np.arange(len(crops.groups)))
    parts = {str(source): np.flatnonzero(crops.sources == source) for source in np.unique(crops.sources)}
    return {
        source: {name: _mean(values[rows], crops.groups[rows]) for name, values in terms.items()}
        for source, rows in {**parts, ALL: np.arange(len(crops.groups))}.items()
    }


def _mean(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> Estimate:
    """Every picture counts once, however many crops it gives."""
    names, rows = np.unique(groups, return_inverse=True)
    per_picture = (np.bincount(rows, values) / np.bincount(rows)).astype(np.float64)
    labels = np.zeros(len(names), np.int64)
    return estimate(lambda _, scores: float(scores.mean()), labels, per_picture, names.astype(np.str_))


def write_table(table: Mapping[str, Mapping[str, Estimate]], path: Path) -> None:
    """One row for each source and term, CSV."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["source", "term", "mean", "low_95", "high_95"])
        for source, terms in table.items():
            for name, figure in terms.items():
                rows.writerow([source, name, *(f"{x:.4f}" for x in (figure.value, figure.low, figure.high))])


def write_curve(curve: Sequence[Mapping[str, float]], path: Path) -> None:
    """One row for each point, CSV."""
    with path.open("w", newline="") as file:
        rows = csv.DictWriter(file, list(curve[0]), lineterminator="\n")
        rows.writeheader()
        rows.writerows({name: f"{value:.6g}" for name, value in point.items()} for point in curve)


def draw_curve(curve: Sequence[Mapping[str, float]], path: Path) -> None:
    """Every term of the curve over the steps, PNG; what is in bits per dimension shares one plot."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    bits, decibels = figure.subplots(1, 2)
    steps = [point["step"] for point in curve]
    for name in [name for name in curve[0] if name != "step"]:
        axes = decibels if name == "psnr" else bits
        axes.plot(steps, [point[name] for point in curve], marker=".", label=name)
    bits.set(xlabel="step", ylabel="bits per dimension", ylim=(0, None))
    decibels.set(xlabel="step", ylabel="dB")
    for axes in (bits, decibels):
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    figure.savefig(path, dpi=120)
