"""The trained VAE of clips behind the one interface of every spatiotemporal reconstructor."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from detector import weights
from detector.config import parse
from detector.errors import ConfigError, WeightsError
from detector.types import Array, ClipReconstruction
from detector.vae.likelihood import to_levels
from detector.vae.video.clips import Grid, reconstruct_clips
from detector.vae.video.config import VideoVaeConfig
from detector.vae.video.model import VideoVae, in_clips

ASSET = "video-vae.safetensors"


def load_video_vae(source: str = "", device: str = "cpu") -> VideoVaeReconstructor:
    """The embedded VAE of clips, or the one in the file `source`, as a reconstructor.

    Raises:
        WeightsError: no such file, no safetensors file, or not one of this kind.
    """
    path = Path(source) if source else weights.asset(ASSET)
    return VideoVaeReconstructor(load_clip_model(path, device), weights.version(path))


def load_clip_model(path: Path, device: str = "cpu") -> VideoVae:
    """A VAE of clips as its training wrote it, in float32, ready to evaluate; `WeightsError` as `load_video_vae`."""
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = VideoVae(parse(VideoVaeConfig, config, str(path)))
        model.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, ConfigError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: expected what `detector train video-vae` has written ({reason})") from error
    return model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]


class VideoVaeReconstructor:
    """A trained VAE of clips as a `detector.vae.ClipReconstructor`.

    What its `ClipReconstruction` means: `pixels` is the decoder's mean picture for the posterior means of that frame
    and those before it (nothing is drawn: the same clip gives the same answer). `nll` is that of the frame rounded to
    256 grey levels. `kl` is what the frame adds to the frames before it, given their posterior means. There is one
    latent per frame, t = T; and nothing of a frame depends on a later one.
    """

    def __init__(self, model: VideoVae, version: str, name: str = "video-vae") -> None:
        self.model = model.eval()
        self.name, self.version = name, version
        self.size, self.length = model.config.size, model.config.length
        self.device = next(model.parameters()).device

    def __call__(self, pixels: Array | Tensor, second_pass: bool = False) -> ClipReconstruction:
        """Reconstruct (N, T, 3, S, S) RGB pixels in [0, 1], any T and S; `ShapeError` for another shape or range."""
        return reconstruct_clips(self._step, pixels, self.device, Grid(self.model.config.stride), second_pass)

    def _step(self, clips: Tensor) -> ClipReconstruction:
        length = clips.shape[1]
        codes = self.model.encode_clips(clips)
        likelihood = self.model.decode_clips(codes.decodable)
        return ClipReconstruction(
            pixels=in_clips(likelihood.pixels, length),
            mean=codes.mean.movedim(2, 1),
            logvar=codes.logvar.movedim(2, 1),
            kl=codes.kl.sum(2) / math.log(2),
            nll=in_clips(likelihood.nll(to_levels(clips.flatten(0, 1))).mean(1), length),
        )
