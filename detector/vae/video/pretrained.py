"""Video autoencoders in the format of `diffusers`, from a local folder or a Hub id."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from detector import weights
from detector.errors import WeightsError
from detector.types import Array, ClipReconstruction
from detector.vae.posterior import gaussian_kl
from detector.vae.pretrained.hub import FILES, HUB_ID, load_part, snapshot
from detector.vae.pretrained.model import feature_name
from detector.vae.video.clips import ClipStep, Grid, reconstruct_clips
from detector.vae.video.families import FAMILIES, Family

_FOLDERS = ("", "vae")
_SIZE, _LENGTH = 96, 8


@dataclass(eq=False)
class PretrainedVideo:
    """A video autoencoder that others trained, as a `detector.vae.ClipReconstructor`.

    None has a likelihood decoder: `ClipReconstruction.nll` is None. Clips go through one by one.

    Attributes:
        name: prefix of the feature names; no dots.
        version: the first 12 hex digits of the weights' sha256.
        device: where the model is.
        grid: the shapes that it takes; other clips are padded, and cut again.
        step: the single pass over one clip.
        size: the side of the crops it wants, in px: that of ours, so that all models see the same clips.
    """

    name: str
    version: str
    device: torch.device
    grid: Grid
    step: ClipStep
    size: int = _SIZE

    @property
    def length(self) -> int:
        """T, the shortest clip of about ours that needs no padding."""
        return self.grid.length(_LENGTH)

    def __call__(self, pixels: Array | Tensor, second_pass: bool = False) -> ClipReconstruction:
        """Reconstruct (N, T, 3, S, S) RGB pixels in [0, 1], any T and S; `ShapeError` for another shape or range."""
        return reconstruct_clips(self.step, pixels, self.device, self.grid, second_pass)


def load_video_diffusers(source: str, device: str = "cpu") -> PretrainedVideo:
    """Load a video autoencoder of `diffusers`: CogVideoX, Cosmos, EasyAnimate, Hunyuan, LTX, SVD, Wan.

    `ClipReconstruction.mean` and `logvar` are the encoder's own, before the scale and shift with which a generator
    normalises its latents: a round trip cancels those. `kl` is against N(0, I). Cosmos has no posterior variance:
    `logvar` and `kl` are None.

    Args:
        source: a local folder, of the autoencoder or of a pipeline with ``vae/`` in it; or a Hub id, ``OWNER/NAME`` or
            ``OWNER/NAME@REVISION``, read from its cache when HF_HUB_OFFLINE is set.
        device: a Torch device.

    Raises:
        WeightsError: when there is nothing of that name, or it is damaged, of another kind, or pickled.
    """
    folder = _folder(source)
    class_name = _class_name(folder)
    files = sorted(file for pattern in FILES for file in folder.glob(pattern))
    if not any(file.suffix == ".safetensors" for file in files):
        raise WeightsError(f"{folder}: expected {FILES[0]}; pickled weights are refused, for they can run code")
    family, model = FAMILIES[class_name], load_part(folder, class_name).to(device)
    return PretrainedVideo(
        name=feature_name(_name(source)),
        version=weights.version(*files),
        device=torch.device(device),
        grid=family.grid(model.config),
        step=partial(_step, model, family),
    )


def _step(model: Any, family: Family, clips: Tensor) -> ClipReconstruction:
    pixels, means, logvars = zip(*(_one(model, family, 2 * clip - 1) for clip in clips), strict=True)
    made, mean = ((torch.cat(pixels) + 1) / 2).clamp(0, 1), torch.cat(means)
    if logvars[0] is None:
        return ClipReconstruction(made, mean)
    logvar = torch.cat(logvars)
    return ClipReconstruction(made, mean, logvar, gaussian_kl(mean, logvar).sum(1) / log(2))


def _one(model: Any, family: Family, clip: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Pixels (1, T, 3, S, S) in [-1, 1], mean and log variance (1, C, t, h, w) of one clip (T, 3, S, S)."""
    posterior = model.encode(family.given(clip)).latent_dist
    mean, logvar = posterior.mode(), getattr(posterior, "logvar", None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # some decoders add noise: the same to every clip
        made = family.decode(model, mean, len(clip))
    pixels = family.taken(made).movedim(1, 2)
    return pixels, family.taken(mean), None if logvar is None else family.taken(logvar)


def _class_name(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder}: config.json cannot be read: {error}") from error
    name = config.get("_class_name") if isinstance(config, dict) else None
    if name not in FAMILIES:
        raise WeightsError(f"{folder}: expected one of {', '.join(FAMILIES)}, got {name!r}")
    return str(name)


def _folder(source: str) -> Path:
    """The local folder with config.json and weights; fetched first for a Hub id."""
    root = Path(source).expanduser()
    if source and root.is_dir():
        return _inside(root)
    match = HUB_ID.fullmatch(source)
    if not match:
        raise WeightsError(f"there is no folder {source!r}; expected one, or a Hub id as OWNER/NAME@REVISION")
    root = snapshot(match, ["config.json", "vae/config.json"])
    folder = _inside(root)
    _class_name(folder)  # before gigabytes come
    within = folder.relative_to(root)
    return snapshot(match, [(within / file).as_posix() for file in FILES]) / within


def _inside(root: Path) -> Path:
    for folder in _FOLDERS:
        if (root / folder / "config.json").is_file():
            return root / folder
    raise WeightsError(f"{root}: expected config.json there or in vae/")


def _name(source: str) -> str:
    """The last part of a path or Hub id that names the model."""
    parts = Path(source.partition("@")[0]).expanduser().resolve().parts
    return parts[-2] if parts[-1] in _FOLDERS and len(parts) > 2 else parts[-1]
