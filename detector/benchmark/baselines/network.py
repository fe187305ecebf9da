"""A network trained in place: what a researcher would try first, on the same faces and no others.

A convolutional network that was trained on everyday pictures is fine-tuned on the middle of each face, in pixels as
they are. It is resumable at any step, with nothing random that the step's number does not decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from detector.benchmark.baselines import network_state
from detector.benchmark.baselines.network_state import Network, State, load_body
from detector.benchmark.histories.history import Remade
from detector.benchmark.measures.metrics import Labels, Scores
from detector.classify.balance import Words, balanced
from detector.errors import ConfigError, ShapeError
from detector.faces.crops import cut
from detector.features.backbone import ARCHITECTURE
from detector.types import Array, Pixels
from detector.weights import sha256

SIDE = 128
"""Of a window in px; after the strict protocol, inside the face."""
CROP = 0.8
"""The part of a window's side that a step of the training sees. Whole windows are scored."""
RISE = 0.1
"""The part of all steps in which the learning rate rises."""
EVERY = 50
"""Steps between checkpoints."""
BATCH = 32
"""Windows that are scored at a time."""

Scorer = Callable[[Array], Scores]
"""Windows (M, 3 * S * S) to scores (M,)."""


@dataclass(frozen=True)
class NetworkConfig:
    """How the network is trained.

    Attributes:
        model: name of a convolutional network of timm. The weights of the default are embedded; those of another one
            are fetched by timm.
        steps: of the optimiser.
        batch: windows a step, drawn so that classes and origins are balanced.
        rate: of AdamW at its highest.
        seed: of the head, the draws and the dropout.
    """

    model: str = ARCHITECTURE
    steps: int = 300
    batch: int = 16
    rate: float = 4e-4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or not self.rate > 0:
            raise ConfigError(f"network: expected steps, batch and rate above 0, got {self}")


def window(_: Path, made: Remade) -> dict[str, float]:
    """The `SIDE` x `SIDE` native pixels in the middle of the face: integers from 0 to 255, row by row, R, G, B."""
    x, y = np.round((made.face.box[:2] + made.face.box[2:] - SIDE) / 2).astype(int)
    return dict(zip(_names(), cut(made.frame.pixels, int(x), int(y), SIDE).ravel().tolist(), strict=True))


@cache
def _names() -> tuple[str, ...]:
    return tuple(f"network.native.pixels.picture.{place}" for place in range(3 * SIDE * SIDE))


def fit_network(
    values: Array, labels: Labels, origins: Words, config: NetworkConfig, checkpoint: Path, device: str = "cpu"
) -> Scorer:
    """Train a network on windows, or go on where an earlier call was stopped.

    AdamW (Loshchilov & Hutter 2019) with one cosine; what scores is the moving average of the weights. On a CPU, the
    same rows, config and number of threads give the same network to the last bit, interrupted or not.

    Args:
        values: (N, 3 * S * S) windows, as `window` gives them.
        labels: (N,) 1 for synthetic.
        origins: (N,) the real data set or the generator of each row.
        config: how.
        checkpoint: the file that the training is kept in, every `EVERY` steps. One that was begun on other rows, with
            another config or by other code is not used but written over.
        device: a Torch device.

    Returns:
        windows to the network's probabilities in [0, 1] that they are synthetic, where both classes are equally
        frequent. They are not calibrated: fitted on all rows, it has none left to be calibrated on, and is surer of
        itself than it should be.

    Raises:
        ShapeError: the values are no windows.
        ConfigError: a class is missing, or timm has no such model.
        WeightsError: the weights to start from cannot be had, or the checkpoint is damaged.
    """
    pixels = _pixels(values)
    if (found := set(labels.tolist())) != {0, 1}:
        raise ConfigError(f"network: expected rows of both classes, 0 and 1, to train on, got {found or 'none'}")
    with _randomness(config.seed):
        state = State.begin(load_body(config.model), config.rate, device)
    about = state.digest(f"{_code()} {config} {pixels.shape} {origins.tolist()}", pixels, labels.astype(np.int64))
    state.resume(about, checkpoint)
    chances = balanced(labels, origins)
    _train(config, state, partial(_draw, pixels, labels, chances / chances.sum(), config.batch), about, checkpoint)
    return partial(_scores, state.average)


Draw = Callable[[np.random.Generator], tuple[Pixels, Labels]]
"""A batch (B, C, C, 3) and its labels (B,)."""


def _code() -> str:
    return "".join(sha256(Path(file)) for file in (__file__, network_state.__file__))


def _pixels(values: Array) -> Pixels:
    """(N, S, S, 3) of values (N, 3 * S * S)."""
    side = math.isqrt(values.shape[-1] // 3)
    if values.ndim != 2 or not side or values.shape[1] != 3 * side**2:
        raise ShapeError(f"network: expected windows (N, 3 * S * S), got {values.shape}")
    with np.errstate(invalid="ignore"):  # what does not fit is told in the next line
        pixels = values.astype(np.uint8)
    if not np.array_equal(pixels, values):
        raise ShapeError("network: expected pixels, integers from 0 to 255, got other numbers")
    return pixels.reshape(-1, side, side, 3)


@contextmanager
def _randomness(*seed: int) -> Iterator[np.random.Generator]:
    """Randomness that the seed alone decides; Torch's own goes on afterwards as if nothing had happened."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        yield rng


def _train(config: NetworkConfig, state: State, draw: Draw, about: str, checkpoint: Path) -> None:
    with tqdm(total=config.steps, initial=state.step, desc=f"network {config.model}", unit="step") as bar:
        while state.step < config.steps:
            bar.set_postfix(loss=f"{_learn(config, state, draw):.3f}", refresh=False)
            bar.update()
            if state.step % EVERY == 0 or state.step == config.steps:
                state.save(about, checkpoint)


def _learn(config: NetworkConfig, state: State, draw: Draw) -> float:
    """One step; its loss."""
    for group in state.optimiser.param_groups:
        group["lr"] = group["rate"] * _cycle((state.step + 1) / config.steps)
    with _randomness(config.seed, state.step) as rng:
        pixels, labels = draw(rng)
        odds = state.model.train()(_planes(state.model, pixels))
    loss = F.binary_cross_entropy_with_logits(odds, torch.from_numpy(labels).to(odds))
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    state.step += 1
    state.follow()
    return loss.item()


def _cycle(gone: float) -> float:
    """The learning rate's factor: up to 1, then down to 0 as a cosine (Loshchilov & Hutter 2017, eq. 5)."""
    return gone / RISE if gone < RISE else (1 + math.cos(math.pi * (gone - RISE) / (1 - RISE))) / 2


def _draw(
    pixels: Pixels, labels: Labels, chances: npt.NDArray[np.float64], batch: int, rng: np.random.Generator
) -> tuple[Pixels, Labels]:
    """Rows by their chances; of each window a part from anywhere in it, every second one mirrored."""
    rows = rng.choice(len(labels), batch, p=chances)
    side = round(CROP * pixels.shape[1])
    corners = rng.integers(0, pixels.shape[1] - side, (batch, 2), endpoint=True)
    parts = [pixels[row, y : y + side, x : x + side] for row, (y, x) in zip(rows, corners, strict=True)]
    parts[::2] = [part[:, ::-1] for part in parts[::2]]
    return np.stack(parts), labels[rows]


def _planes(network: Network, pixels: Pixels) -> Tensor:
    """(N, S, S, 3) uint8 to (N, 3, S, S) in [0, 1], where the network is."""
    return torch.from_numpy(pixels).to(network.mean.device).permute(0, 3, 1, 2).float() / 255


@torch.inference_mode()
def _scores(network: Network, values: Array) -> Scores:
    """(M,) probabilities of windows (M, 3 * S * S)."""
    pixels = _pixels(values)
    parts = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    scores = [network(_planes(network, part)).double().sigmoid().cpu().numpy() for part in parts]
    return np.concatenate([np.empty(0), *scores])
