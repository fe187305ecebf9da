"""Training of the VAE of clips: resumable at any step, with nothing random that the step's number does not decide."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from detector import tracking
from detector.vae.grids import tile
from detector.vae.loading import save_model
from detector.vae.state import CHECKPOINT, save_checkpoint
from detector.vae.video.config import VideoTrainConfig
from detector.vae.video.model import VideoVae
from detector.vae.video.motion import ClipSource
from detector.vae.video.state import VideoState, begin


def train_video_vae(
    config: VideoTrainConfig, train: ClipSource, val: ClipSource, out: Path, store: Path = Path("runs")
) -> Path:
    """Train a VAE of clips, or go on where an earlier call was stopped.

    Args:
        config: what and how.
        train: the clips to learn from; of real faces only, if the model is to tell fakes from them.
        val: the clips that the curve is measured on.
        out: folder for the checkpoint, the grids and the weights; a checkpoint found there is resumed.
        store: folder of the experiments' database.

    Returns:
        the file of the averaged weights.

    Raises:
        ConfigError: the checkpoint in `out`, or the VAE to start from, is of another make.
        WeightsError: the VAE to start from is missing or damaged.
    """
    weights = out / f"{config.name}.safetensors"
    model, training = (asdict(part) for part in (config.model, config))
    params = {**training, **{f"model.{key}": value for key, value in model.items()}}
    del params["model"]
    with tracking.start(config.name, out.name, params, store) as run:
        for point in learn(config, train, val, out):
            run.metrics({name: value for name, value in point.items() if name != "step"}, int(point["step"]))
        run.artifact(weights)
        for picture in sorted((out / "grids").glob(f"*{config.steps:06d}.png")):
            run.artifact(picture)
    return weights


def learn(config: VideoTrainConfig, train: ClipSource, val: ClipSource, out: Path) -> Iterator[dict[str, float]]:
    """`train_video_vae` without the experiments' database: gives the curve, point by point, from its beginning.

    The first point, of step 0, is the VAE of single frames applied frame by frame.
    """
    torch.set_num_threads(config.threads)
    (out / "grids").mkdir(parents=True, exist_ok=True)
    state = begin(config, out / CHECKPOINT)
    held = val(np.random.default_rng(config.seed), config.val_clips)
    if not state.curve:
        _checkpoint(config, state, [], held, out)
    yield from state.curve
    losses: list[float] = []
    with tqdm(total=config.steps, initial=state.step, desc=config.name, unit="step") as bar:
        while state.step < config.steps:
            losses.append(_step(config, state, train))
            bar.update()
            if state.step % config.every == 0 or state.step == config.steps:
                point = _checkpoint(config, state, losses, held, out)
                yield point
                losses.clear()
                bar.set_postfix({key: f"{value:.3f}" for key, value in point.items() if key != "step"})


def _step(config: VideoTrainConfig, state: VideoState, train: ClipSource) -> float:
    for group in state.optimiser.param_groups:
        group["lr"] = _rate(config, state.step)
    with _randomness(config.seed, state.step) as rng:
        clips = train(rng, config.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            loss = state.model.train().bound_clips(clips).loss
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), config.clip, error_if_nonfinite=True)
    state.optimiser.step()
    state.step += 1
    state.follow(min(config.ema, (1 + state.step) / (10 + state.step)))
    return float(loss.detach())


def _rate(config: VideoTrainConfig, step: int) -> float:
    rise = min(1.0, (step + 1) / max(config.warmup, 1))
    return config.rate * rise * 0.5 * (1 + math.cos(math.pi * step / config.steps))


@contextmanager
def _randomness(seed: int, step: int) -> Iterator[np.random.Generator]:
    """Randomness that the step alone decides: a resumed training draws what an unbroken one would have drawn."""
    rng = np.random.default_rng((seed, step))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        yield rng


@torch.inference_mode()
def evaluate(model: VideoVae, clips: Tensor) -> dict[str, Tensor]:
    """Of each clip (N, T, 3, S, S): nll, kl and bits_per_dim (one draw), and the psnr in dB of the mean picture."""
    parts: dict[str, list[Tensor]] = {}
    for some in torch.split(clips, 1):
        bound = model.bound_clips(some)
        mean = model.decode_clips(model.encode_clips(some).decodable).pixels
        psnr = -10 * (mean - some[0]).square().mean().log10()[None]
        terms = {"nll": bound.nll, "kl": bound.kl, "bits_per_dim": bound.bits_per_dim, "psnr": psnr}
        for name, value in terms.items():
            parts.setdefault(name, []).extend([] if value is None else [value])
    return {name: torch.cat(values) for name, values in parts.items()}


def _checkpoint(
    config: VideoTrainConfig, state: VideoState, losses: list[float], held: Tensor, out: Path
) -> dict[str, float]:
    """Measure, and write checkpoint, weights and grid, each file whole, so that a kill leaves the one before."""
    with _randomness(config.seed, 0):
        measured = {name: float(value.mean()) for name, value in evaluate(state.average.eval(), held).items()}
    point = {"step": float(state.step), **measured}
    if losses:
        point["train_loss"] = float(np.mean(losses))
    state.curve.append(point)
    save_checkpoint(config.model, state, out / CHECKPOINT)
    facts = {"steps": str(state.step), **{name: f"{value:.4f}" for name, value in measured.items()}}
    save_model(state.average, out / f"{config.name}.safetensors", facts)
    _draw(state.average, held[0], out / "grids" / f"clip-{state.step:06d}.png")
    return point


@torch.inference_mode()
def _draw(model: VideoVae, clip: Tensor, path: Path) -> None:
    """Three rows: the frames of a clip, their reconstructions, and eight times the signed error around grey."""
    again = model.decode_clips(model.encode_clips(clip[None]).decodable).pixels
    Image.fromarray(tile(torch.cat([clip, again, 0.5 + 8 * (clip - again)]), len(clip))).save(path)
