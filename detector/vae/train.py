"""Training of the family: resumable at any step, with nothing random that the step's number does not decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from detector import tracking
from detector.errors import ConfigError
from detector.types import Pixels
from detector.vae import grids
from detector.vae.config import VaeConfig
from detector.vae.loading import save_model
from detector.vae.model import FaceVae

Rows = npt.NDArray[np.int64]
_FIRST_CROPS = 512
"""Crops that the linear start is made from."""


@dataclass(frozen=True)
class VaeTrainConfig:
    """A training: the keys of a config file.

    Attributes:
        model: the member of the family.
        name: of the experiment and of the weights' file.
        steps: of the optimiser.
        batch: patches a step.
        patch: side of the square cut from each crop at random, in px; a multiple of the model's stride.
        rate: highest learning rate (AdamW); it falls to zero on a cosine.
        warmup: steps over which the rate rises to it.
        anneal: steps over which the weight of the KL term rises from 0 to beta.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are the ones that are kept.
        condition_drop: how often a conditional model is told nothing, so that it can do without.
        every: steps between checkpoints, each with validation and grids.
        val_crops: crops used for validation, evenly taken.
        bfloat16: compute in bfloat16 where that is safe.
        threads: CPU threads.
        seed: of everything random.
    """

    model: VaeConfig = field(default_factory=VaeConfig)
    name: str = "face-vae"
    steps: int = 20_000
    batch: int = 16
    patch: int = 96
    rate: float = 1e-3
    warmup: int = 300
    anneal: int = 1000
    clip: float = 1.0
    ema: float = 0.999
    condition_drop: float = 0.2
    every: int = 500
    val_crops: int = 192
    bfloat16: bool = True
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.patch % self.model.stride:
            raise ConfigError(f"patch: expected a multiple of the stride {self.model.stride}, got {self.patch}")


@dataclass(frozen=True, eq=False)
class Examples:
    """Crops to learn from, or to validate on.

    Attributes:
        pixels: (M, 3, S, S) uint8, in memory or mapped from a file.
        condition: the planes (N, R, S, S) of some rows, for a conditional model.
    """

    pixels: Pixels
    condition: Callable[[Rows], Tensor] | None = None


@dataclass
class _State:
    """All that a checkpoint holds."""

    model: FaceVae
    average: FaceVae
    optimiser: torch.optim.AdamW
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


def train_vae(config: VaeTrainConfig, train: Examples, val: Examples, out: Path, store: Path = Path("runs")) -> Path:
    """Train a model of the family, or go on where an earlier call was stopped.

    Args:
        config: what and how.
        train: the crops to learn from; real faces only, if the model is to tell fakes from them.
        val: the crops that the curve is measured on.
        out: folder for the checkpoint, the grids and the weights; a checkpoint found there is resumed.
        store: folder of the experiments' database.

    Returns:
        the file of the averaged weights.

    Raises:
        ConfigError: the checkpoint in `out` is of another model.
    """
    torch.set_num_threads(config.threads)
    (out / "grids").mkdir(parents=True, exist_ok=True)
    state = _resume(config, train, out)
    with tracking.start(config.name, out.name, _flat(asdict(config)), store) as run:
        for point in state.curve:
            run.metrics(_without_step(point), int(point["step"]))
        for point in _loop(config, state, train, val, out):
            run.metrics(_without_step(point), int(point["step"]))
        run.artifact(out / f"{config.name}.safetensors")
        for picture in sorted((out / "grids").glob(f"*{config.steps:06d}.png")):
            run.artifact(picture)
    return out / f"{config.name}.safetensors"


def _loop(
    config: VaeTrainConfig, state: _State, train: Examples, val: Examples, out: Path
) -> Iterator[dict[str, float]]:
    """Train to the end; gives the point of the curve at each checkpoint."""
    losses: list[float] = []
    with tqdm(total=config.steps, initial=state.step, desc=config.name, unit="step") as bar:
        while state.step < config.steps:
            losses.append(_step(config, state, train))
            bar.update()
            if state.step % config.every == 0 or state.step == config.steps:
                point = {
                    "step": float(state.step),
                    "train_loss": float(np.mean(losses)),
                    **_validate(config, state, val),
                }
                losses.clear()
                state.curve.append(point)
                _save(config, state, val, out)
                bar.set_postfix({key: f"{value:.3f}" for key, value in _without_step(point).items()})
                yield point


def _step(config: VaeTrainConfig, state: _State, train: Examples) -> float:
    for group in state.optimiser.param_groups:
        group["lr"] = _rate(config, state.step)
    with _randomness(config.seed, state.step) as rng:
        pixels, condition = _batch(config, train, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            weight = min(1.0, (state.step + 1) / max(config.anneal, 1))
            loss = state.model.train().bound(pixels, condition, weight).loss
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), config.clip, error_if_nonfinite=True)
    state.optimiser.step()
    state.step += 1
    _average(state, min(config.ema, (1 + state.step) / (10 + state.step)))
    return float(loss.detach())


def _rate(config: VaeTrainConfig, step: int) -> float:
    rise = min(1.0, (step + 1) / max(config.warmup, 1))
    return config.rate * rise * 0.5 * (1 + math.cos(math.pi * step / config.steps))


@contextmanager
def _randomness(seed: int, step: int) -> Iterator[np.random.Generator]:
    """Randomness that the step alone decides: a resumed training draws what an unbroken one would have drawn."""
    rng = np.random.default_rng((seed, step))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        yield rng


def _batch(config: VaeTrainConfig, train: Examples, rng: np.random.Generator) -> tuple[Tensor, Tensor | None]:
    """Patches cut at random offsets, every second one mirrored."""
    rows = rng.integers(len(train.pixels), size=config.batch)
    pixels = _floats(train.pixels[np.sort(rows)])
    planes = config.model.condition_planes
    condition = train.condition(np.sort(rows)) if planes and train.condition else None
    if condition is not None:
        told = torch.from_numpy(rng.random(len(rows)) >= config.condition_drop)
        condition = condition * told.view(-1, 1, 1, 1)
    y, x = rng.integers(pixels.shape[-1] - config.patch + 1, size=2)
    return _cut(pixels, y, x, config.patch), None if condition is None else _cut(condition, y, x, config.patch)


def _cut(planes: Tensor, y: int, x: int, side: int) -> Tensor:
    part = planes[..., y : y + side, x : x + side].clone()
    part[::2] = part[::2].flip(-1)
    return part.contiguous(memory_format=torch.channels_last)


def _floats(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.asarray(pixels)).float() / 255


def _average(state: _State, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(state.average.state_dict().values(), state.model.state_dict().values(), strict=True):
            kept.lerp_(new, 1 - decay) if kept.is_floating_point() else kept.copy_(new)


def _validate(config: VaeTrainConfig, state: _State, val: Examples) -> dict[str, float]:
    """The bound of the averaged weights in bits per dimension, and the PSNR of the mean picture in dB."""
    rows = np.linspace(0, len(val.pixels) - 1, min(config.val_crops, len(val.pixels))).astype(np.int64)
    with _randomness(config.seed, 0):
        return evaluate(state.average.eval(), val, rows)


@torch.inference_mode()
def evaluate(model: FaceVae, examples: Examples, rows: Rows, batch: int = 16) -> dict[str, float]:
    """Means over some rows: nll, kl and bits_per_dim where the model has them, and psnr."""
    parts: dict[str, list[Tensor]] = {}
    for some in np.array_split(rows, math.ceil(len(rows) / batch)):
        pixels = _floats(examples.pixels[some]).contiguous(memory_format=torch.channels_last)
        condition = examples.condition(some) if model.config.condition_planes and examples.condition else None
        for name, value in _terms(model, pixels, condition).items():
            parts.setdefault(name, []).append(value)
    return {name: float(torch.cat(values).mean()) for name, values in parts.items()}


def _terms(model: FaceVae, pixels: Tensor, condition: Tensor | None) -> dict[str, Tensor]:
    bound = model.bound(pixels, condition)
    codes, _ = model.encode(pixels, condition)
    error = (model.decode(codes.decodable, condition).pixels - pixels).square().mean((1, 2, 3))
    terms = {"nll": bound.nll, "kl": bound.kl, "bits_per_dim": bound.bits_per_dim, "psnr": -10 * error.log10()}
    return {name: value for name, value in terms.items() if value is not None}


def _resume(config: VaeTrainConfig, train: Examples, out: Path) -> _State:
    torch.manual_seed(config.seed)
    model = FaceVae(config.model).to(memory_format=torch.channels_last)
    rows = np.linspace(0, len(train.pixels) - 1, min(_FIRST_CROPS, len(train.pixels))).astype(np.int64)
    model.start_from(_floats(train.pixels[rows]))
    average = FaceVae(config.model).requires_grad_(False)
    average.load_state_dict(model.state_dict())
    state = _State(model, average, torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=1e-4))
    if (path := out / "checkpoint.pt").exists():
        kept = torch.load(path, weights_only=True)
        if kept["model_config"] != repr(config.model):
            raise ConfigError(f"{path} is of another model: train into another folder, or delete it to start afresh")
        state.model.load_state_dict(kept["model"])
        state.average.load_state_dict(kept["average"])
        state.optimiser.load_state_dict(kept["optimiser"])
        state.step, state.curve = kept["step"], kept["curve"]
    return state


def _save(config: VaeTrainConfig, state: _State, val: Examples, out: Path) -> None:
    """Checkpoint, weights and grids; each file is replaced whole, so that a kill leaves the one before."""
    partial = out / "checkpoint.partial"
    torch.save(
        {
            "model_config": repr(config.model),
            "model": state.model.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "step": state.step,
            "curve": state.curve,
        },
        partial,
    )
    partial.replace(out / "checkpoint.pt")
    facts = {"steps": str(state.step), **{k: f"{v:.4f}" for k, v in _without_step(state.curve[-1]).items()}}
    save_model(state.average, out / f"{config.name}.safetensors", facts)
    rows = np.linspace(0, len(val.pixels) - 1, 8).astype(np.int64)
    pictures = {
        "reconstructions": grids.reconstructions(state.average, _floats(val.pixels[rows])),
        "samples": grids.samples(state.average, 16),
    }
    for name, grid in pictures.items():
        Image.fromarray(grid).save(out / "grids" / f"{name}-{state.step:06d}.png")


def _without_step(point: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in point.items() if name != "step"}


def _flat(values: dict[str, object]) -> dict[str, object]:
    model = values.pop("model")
    return {**values, **{f"model.{key}": value for key, value in (model.items() if isinstance(model, dict) else ())}}
