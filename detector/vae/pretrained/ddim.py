"""Diffusion models of pixels as reconstructors: from a picture to the noise it would come from, and back.

Wang et al. 2023, DIRE for diffusion-generated image detection: DIRE(x) = |x - R(I(x))|, with I the inversion of a
deterministic sampler and R the sampler: a diffusion model retraces what a diffusion model has made better than what
a camera has. Song et al. 2021, Denoising diffusion implicit models, give both: eq. 12 without noise (sigma = 0) takes
a picture from one level of noise to another,

    x' = sqrt(a') (x - sqrt(1 - a) e(x, t)) / sqrt(a) + sqrt(1 - a') e(x, t),

where a, their alpha, is the picture's share of the variance, and a' that of the other level. Towards no noise that is
R; away from it, I (sec. 5.4: eq. 14 reversed). Each asks the network for the noise e where it comes from: at other
points of the same path, and so R(I(x)) is not x.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from detector import weights
from detector.errors import WeightsError
from detector.types import Reconstruction
from detector.vae.pretrained.hub import FILES, HUB_ID, load_part, snapshot
from detector.vae.pretrained.model import Pretrained, feature_name

STEPS = 20
"""T, the steps in each direction: those of the paper (its ``ddim20``)."""

_PIPELINE, _UNET, _SCHEDULER = "model_index.json", "config.json", "scheduler_config.json"
_PARTS = {_UNET: "unet", _SCHEDULER: "scheduler"}
_PIPELINES = ("DDPMPipeline", "DDIMPipeline")
_SCHEDULERS = ("DDPMScheduler", "DDIMScheduler")
_PLAIN = {"in_channels": 3, "out_channels": 3, "class_embed_type": None, "num_class_embeds": None}
"""What config.json says, or leaves to its default, of a network that sees pixels and nothing else."""


class _Level(NamedTuple):
    """A level of noise: the time step that the network is told there, and a in (0, 1]."""

    time: int
    kept: float


def load_ddim(source: str, device: str = "cpu", steps: int = STEPS) -> Pretrained:
    """Load an unconditional diffusion model of pixels, in the layout of diffusers' DDPMPipeline or DDIMPipeline.

    `Reconstruction.pixels` is R(I(x)) and `mean` the noise I(x), (N, 3, S, S); there is no posterior and no encoder:
    `logvar`, `kl` and `hidden` are None. Nothing is drawn; and nothing is clipped on the way, where the paper's code
    clips: what was clipped cannot be retraced. One pass asks the network 2 T times.

    Args:
        source: a local folder with ``model_index.json``, ``unet/`` and ``scheduler/``, or all of it side by side; or a
            Hub id, ``OWNER/NAME`` or ``OWNER/NAME@REVISION``, read from its cache when HF_HUB_OFFLINE is set.
        device: a Torch device.
        steps: T.

    Raises:
        WeightsError: when there is nothing of that name, or it is damaged, of another kind, or pickled.
    """
    root = _root(source)
    folder = _checked(root)
    files, levels = _weights(folder), _levels(_place(root, _SCHEDULER), steps)
    unet = load_part(folder, "UNet2DModel").to(device)
    return Pretrained(
        name=feature_name(Path(source.partition("@")[0]).expanduser().resolve().name),
        version=weights.version(*files, _place(root, _SCHEDULER)),  # The levels of noise are part of the model.
        device=torch.device(device),
        stride=2 ** (len(unet.config.block_out_channels) - 1),
        step=partial(_step, unet, levels),
        decode=partial(_generate, unet, levels),
    )


def _step(unet: Any, levels: list[_Level], pixels: Tensor) -> Reconstruction:
    noise = _walk(unet, 2 * pixels - 1, levels)
    return Reconstruction(_generate(unet, levels, noise), noise)


@torch.inference_mode()
def _generate(unet: Any, levels: list[_Level], noise: Tensor) -> Tensor:
    return ((_walk(unet, noise, reversed(levels)) + 1) / 2).clamp(0, 1)


def _walk(unet: Any, x: Tensor, levels: Iterable[_Level]) -> Tensor:
    """From the first level of noise to the last, either way: eq. 12 at every step."""
    for (time, here), (_, there) in pairwise(levels):
        noise = unet(x, time).sample
        picture = (x - sqrt(1 - here) * noise) / sqrt(here)
        x = sqrt(there) * picture + sqrt(1 - there) * noise
    return x


def _levels(path: Path, steps: int) -> list[_Level]:
    """No noise at all, then `steps` levels evenly from the first time step on; no noise is told as the first."""
    import diffusers

    config = _read(path, _SCHEDULERS)
    if (kind := config.get("prediction_type", "epsilon")) != "epsilon":
        raise WeightsError(f"{path}: expected a network that predicts the noise, epsilon, got {kind!r}")
    try:
        kept = getattr(diffusers, config["_class_name"]).from_config(config).alphas_cumprod.tolist()
    except Exception as error:  # A strange configuration can make it raise anything.
        raise WeightsError(f"{path}: no scheduler: {' '.join(str(error).split())}") from error
    if len(kept) < steps or not all(0 < a < 1 for a in kept[:: len(kept) // steps]):
        raise WeightsError(f"{path}: expected {steps} levels of noise or more, each with some picture left")
    times = [i * (len(kept) // steps) for i in range(steps)]
    return [_Level(times[0], 1.0), *(_Level(time, kept[time]) for time in times)]


def _checked(root: Path) -> Path:
    """The folder of the network, when both say that it makes pixels from noise and from nothing else."""
    _read(root / _PIPELINE, _PIPELINES)
    path = _place(root, _UNET)
    config = _read(path, ("UNet2DModel",))
    for key, wanted in _PLAIN.items():
        if (got := config.get(key, wanted)) != wanted:
            raise WeightsError(f"{path}: expected a network of pixels without a condition, got {key} {got!r}")
    return path.parent


def _read(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    """A configuration of one of the `wanted` classes."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from error
    name = config.get("_class_name") if isinstance(config, dict) else None
    if name not in wanted:
        raise WeightsError(f"{path}: expected {' or '.join(wanted)}, got {name!r}")
    return dict(config)


def _root(source: str) -> Path:
    """The local folder of the pipeline; fetched first for a Hub id."""
    root = Path(source).expanduser()
    if source and root.is_dir():
        return root
    match = HUB_ID.fullmatch(source)
    if not match:
        raise WeightsError(f"there is no folder {source!r}; expected one, or a Hub id as OWNER/NAME@REVISION")
    parts = [form for file, part in _PARTS.items() for form in (file, f"{part}/{file}")]
    root = snapshot(match, [_PIPELINE, *parts])
    within = _checked(root).relative_to(root)
    return snapshot(match, [_PIPELINE, *parts, *((within / file).as_posix() for file in FILES)])


def _place(root: Path, file: str) -> Path:
    """Where a configuration is: in the folder of its part, or beside ``model_index.json``."""
    inside = root / _PARTS[file] / file
    return inside if inside.is_file() else root / file


def _weights(folder: Path) -> list[Path]:
    files = sorted(file for pattern in FILES for file in folder.glob(pattern))
    if not any(file.suffix == ".safetensors" for file in files):
        raise WeightsError(f"{folder}: expected {FILES[0]}; pickled weights are refused, for they can run code")
    return files
