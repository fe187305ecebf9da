"""The convolutional halves that every member of the family shares: pixels to features, and codes to planes.

Everything is local and works on any crop whose side is a multiple of the stride: there is no normalisation
over the picture, so the same pixels are explained in the same way whatever else is in the crop.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.errors import ConfigError
from detector.vae.config import VaeConfig

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ResBlock(nn.Module):
    """x + conv(silu(conv(silu(x)))), the second convolution starting near zero in place of a normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.second(F.silu(self.first(F.silu(x))))
        return x + residual


def blocks(count: int, width: int) -> nn.Sequential:
    """`count` residual blocks."""
    return nn.Sequential(*(ResBlock(width) for _ in range(count)))


def pooled(condition: Tensor, reduction: int) -> Tensor:
    """Condition planes (N, R, S, S) averaged to (N, R, S / reduction, S / reduction)."""
    return F.avg_pool2d(condition, reduction)


def to_signal(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] in the units that the networks work in, about -2 to 2; `to_pixels` turns them back."""
    return (pixels - 0.5) * 4


def to_pixels(signal: Tensor) -> Tensor:
    """The inverse of `to_signal`."""
    return signal / 4 + 0.5


def zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution with all its weights at zero: a path that the training has yet to open."""
    for values in conv.parameters():
        nn.init.zeros_(values)
    return conv


class ConvEncoder(nn.Module):
    """Pixels (N, 3, S, S) in [0, 1], and condition planes, to features (N, W, S / reduction, S / reduction).

    Attributes:
        width: W.
    """

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.stem = config.stem
        self.width = config.widths[-1]
        self.enter = nn.Conv2d(3 * config.stem**2 + config.condition_planes, config.widths[0], 3, padding=1)
        self.stages = nn.ModuleList(blocks(*pair) for pair in zip(config.encoder_blocks, config.widths, strict=True))
        self.downs = nn.ModuleList(nn.Conv2d(4 * a, b, 1) for a, b in pairwise(config.widths))
        self.leave = zeroed(nn.Conv2d(self.width, self.width, 1))

    def forward(self, pixels: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """The features, and the hidden activations of the first stage, (N, widths[0], S / stem, S / stem)."""
        x = F.pixel_unshuffle(to_signal(pixels), self.stem)
        if condition is not None:
            x = torch.cat([x, pooled(condition, self.stem)], dim=1)
        x = hidden = self.stages[0](self.enter(x))
        for down, stage in zip(self.downs, self.stages[1:], strict=True):
            x = stage(down(F.pixel_unshuffle(x, 2)))
        return self.leave(F.silu(x)), hidden


class TimmEncoder(nn.Module):
    """A timm backbone up to the family's reduction; same interface as `ConvEncoder`, but it takes no condition."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        import timm

        name = config.encoder.removeprefix("timm:")
        self.body = timm.create_model(name, pretrained=config.encoder_pretrained, features_only=True)
        info: Any = self.body.feature_info
        reductions = info.reduction()
        if config.reduction not in reductions or config.condition_planes:
            raise ConfigError(
                f"encoder {config.encoder}: expected reduction {config.reduction} among its own, {reductions}, "
                'and no condition: change stem or widths, or take encoder = "conv"'
            )
        self.stage = reductions.index(config.reduction)
        self.width = int(info.channels()[self.stage])
        self.leave = zeroed(nn.Conv2d(self.width, self.width, 1))
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_IMAGENET_STD).view(3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The features of the stage with the family's reduction, and those of the first stage as hidden."""
        features = self.body((pixels - self.mean) / self.std)
        return self.leave(features[self.stage]), features[0]


def make_encoder(config: VaeConfig) -> ConvEncoder | TimmEncoder:
    """The encoder that the config names."""
    if config.encoder == "conv":
        return ConvEncoder(config)
    if config.encoder.startswith("timm:"):
        return TimmEncoder(config)
    raise ConfigError(f'encoder: expected "conv" or "timm:NAME", got {config.encoder!r}')


class Decoder(nn.Module):
    """A code (N, `channels`, h, w), and condition planes, to planes (N, `planes`, S, S) of a distribution.

    The first three planes, the mean picture, have a linear path beside the deep one.
    """

    def __init__(self, config: VaeConfig, channels: int, planes: int) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.stem, self.reduction = config.stem, config.reduction
        self.enter = nn.Conv2d(channels + config.condition_planes, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(blocks(*pair) for pair in zip(config.decoder_blocks[::-1], widths, strict=True))
        self.ups = nn.ModuleList(nn.Conv2d(a, 4 * b, 1) for a, b in pairwise(widths))
        self.leave = zeroed(nn.Conv2d(widths[-1], planes * config.stem**2, 3, padding=1))
        self.synthesis = nn.Conv2d(channels, 3 * config.reduction**2, 1)

    def forward(self, code: Tensor, condition: Tensor | None, mean_only: bool = False) -> Tensor:
        """The planes; with `mean_only` the first three alone, for less computing."""
        whole = code if condition is None else torch.cat([code, pooled(condition, self.reduction)], dim=1)
        x = self.stages[0](self.enter(whole))
        for up, stage in zip(self.ups, self.stages[1:], strict=True):
            x = stage(F.pixel_shuffle(up(x), 2))
        # Grey levels need more digits than bfloat16 has: what makes them is not for autocast.
        with torch.autocast(x.device.type, enabled=False):
            rows = slice(3 * self.stem**2 if mean_only else None)
            last = F.conv2d(F.silu(x.float()), self.leave.weight[rows], self._bias(rows), padding=1)
            planes = F.pixel_shuffle(last, self.stem)
            linear = F.pixel_shuffle(self.synthesis(code.float()), self.reduction)
        return torch.cat([planes[:, :3] + linear, planes[:, 3:]], dim=1)

    def _bias(self, rows: slice) -> Tensor | None:
        return None if self.leave.bias is None else self.leave.bias[rows]
