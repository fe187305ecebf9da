"""Training of the family: resumable at any step, with nothing random that the step's number does not decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from detector import tracking
from detector.types import Pixels
from detector.vae import grids
from detector.vae.config import VaeTrainConfig
from detector.vae.hiding import chessboard, hide
from detector.vae.loading import save_model
from detector.vae.model import FaceVae
from detector.vae.state import CHECKPOINT, State, begin, save_checkpoint

Rows = npt.NDArray[np.int64]
_FIRST_CROPS = 512
"""Crops that the linear start is made from."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Crops to learn from, or to validate on.

    Attributes:
        pixels: (M, 3, S, S) uint8, in memory or mapped from a file.
        condition: the planes (N, R, S, S) of some rows, for a conditional model.
    """

    pixels: Pixels
    condition: Callable[[Rows], Tensor] | None = None


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
    weights = out / f"{config.name}.safetensors"
    with tracking.start(config.name, out.name, _flat(asdict(config)), store) as run:
        for point in learn(config, train, val, out):
            run.metrics(_without_step(point), int(point["step"]))
        run.artifact(weights)
        for picture in sorted((out / "grids").glob(f"*{config.steps:06d}.png")):
            run.artifact(picture)
    return weights


def learn(config: VaeTrainConfig, train: Examples, val: Examples, out: Path) -> Iterator[dict[str, float]]:
    """`train_vae` without the experiments' database: gives the curve, point by point, from its beginning."""
    torch.set_num_threads(config.threads)
    (out / "grids").mkdir(parents=True, exist_ok=True)
    rows = np.linspace(0, len(train.pixels) - 1, min(_FIRST_CROPS, len(train.pixels))).astype(np.int64)
    state = begin(config, _floats(train.pixels[rows]), out / CHECKPOINT)
    yield from state.curve
    losses: list[float] = []
    with tqdm(total=config.steps, initial=state.step, desc=config.name, unit="step") as bar:
        while state.step < config.steps:
            losses.append(_step(config, state, train))
            bar.update()
            if state.step % config.every == 0 or state.step == config.steps:
                yield _checkpoint(config, state, float(np.mean(losses)), val, out)
                losses.clear()
                bar.set_postfix({key: f"{value:.3f}" for key, value in _without_step(state.curve[-1]).items()})


def _step(config: VaeTrainConfig, state: State, train: Examples) -> float:
    for group in state.optimiser.param_groups:
        group["lr"] = _rate(config, state.step)
    with _randomness(config.seed, state.step) as rng:
        pixels, condition = _batch(config, train, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            weight = min(1.0, (state.step + 1) / max(config.anneal, 1))
            bound = state.model.train().bound(pixels, condition, weight, _seen(config, pixels, rng))
            loss = bound.loss
            if config.perceptual:
                # The averaged weights judge and do not learn: those that do could make it small by going blind.
                loss = loss + config.perceptual * state.average.distance(pixels, bound.pixels, condition).mean()
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), config.clip, error_if_nonfinite=True)
    state.optimiser.step()
    state.step += 1
    state.follow(min(config.ema, (1 + state.step) / (10 + state.step)))
    return float(loss.detach())


def _seen(config: VaeTrainConfig, pixels: Tensor, rng: np.random.Generator) -> Tensor | None:
    """What the encoder is shown of the patches, where that is not all."""
    if not config.hide:
        return None
    board = chessboard(config.patch, config.hide)
    seen = pixels.clone()
    seen[1::2] = hide(pixels[1::2], board if rng.random() < 0.5 else ~board)
    return seen


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
    """Patches cut at random offsets, every second one mirrored where there are no masks."""
    rows = rng.integers(len(train.pixels), size=config.batch)
    rows.sort()  # neighbours lie together in the file
    pixels = _floats(train.pixels[rows])
    condition = train.condition(rows) if config.model.condition_planes and train.condition else None
    if condition is not None:
        told = torch.from_numpy(rng.random(len(rows)) >= config.condition_drop)
        condition = condition * told.view(-1, 1, 1, 1)
    y, x = rng.integers(pixels.shape[-1] - config.patch + 1, size=2)
    within = (..., slice(y, y + config.patch), slice(x, x + config.patch))
    if condition is None:  # a mirrored right eye is no right eye: masks would have to be renamed
        pixels[::2] = pixels[::2].flip(-1)
    return pixels[within].contiguous(memory_format=torch.channels_last), None if condition is None else condition[
        within
    ]


def _floats(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.asarray(pixels)).float() / 255


def _validate(config: VaeTrainConfig, state: State, val: Examples) -> dict[str, float]:
    """The bound of the averaged weights in bits per dimension, and the PSNR of the mean picture in dB."""
    rows = np.linspace(0, len(val.pixels) - 1, min(config.val_crops, len(val.pixels))).astype(np.int64)
    with _randomness(config.seed, 0):
        terms = evaluate(state.average.eval(), val, rows)
    return {name: float(values.mean()) for name, values in terms.items()}


@torch.inference_mode()
def evaluate(model: FaceVae, examples: Examples, rows: Rows, batch: int = 16) -> dict[str, npt.NDArray[np.float64]]:
    """Of each of some rows: nll, kl and bits_per_dim (one draw) where the model has them, and the mean's psnr in dB."""
    parts: dict[str, list[Tensor]] = {}
    for some in np.array_split(rows, math.ceil(len(rows) / batch)):
        pixels = _floats(examples.pixels[some]).contiguous(memory_format=torch.channels_last)
        condition = examples.condition(some) if model.config.condition_planes and examples.condition else None
        for name, value in _terms(model, pixels, condition).items():
            parts.setdefault(name, []).append(value)
    return {name: torch.cat(values).double().numpy() for name, values in parts.items()}


def _terms(model: FaceVae, pixels: Tensor, condition: Tensor | None) -> dict[str, Tensor]:
    bound = model.bound(pixels, condition)
    codes, _ = model.encode(pixels, condition)
    error = (model.decode(codes.decodable, condition).pixels - pixels).square().mean((1, 2, 3))
    terms = {"nll": bound.nll, "kl": bound.kl, "bits_per_dim": bound.bits_per_dim, "psnr": -10 * error.log10()}
    return {name: value for name, value in terms.items() if value is not None}


def _checkpoint(config: VaeTrainConfig, state: State, loss: float, val: Examples, out: Path) -> dict[str, float]:
    """Measure, and write checkpoint, weights and grids, each file whole, so that a kill leaves the one before."""
    point = {"step": float(state.step), "train_loss": loss, **_validate(config, state, val)}
    state.curve.append(point)
    save_checkpoint(config.model, state, out / CHECKPOINT)
    facts = {"steps": str(state.step), **{k: f"{v:.4f}" for k, v in _without_step(point).items()}}
    save_model(state.average, out / f"{config.name}.safetensors", facts)
    rows = np.linspace(0, len(val.pixels) - 1, 8).astype(np.int64)
    pictures = {
        "reconstructions": grids.reconstructions(state.average, _floats(val.pixels[rows])),
        "samples": grids.samples(state.average, 16),
    }
    for name, grid in pictures.items():
        Image.fromarray(grid).save(out / "grids" / f"{name}-{state.step:06d}.png")
    return point


def _without_step(point: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in point.items() if name != "step"}


def _flat(values: dict[str, object]) -> dict[str, object]:
    model = values.pop("model")
    return {**values, **{f"model.{key}": value for key, value in (model.items() if isinstance(model, dict) else ())}}
