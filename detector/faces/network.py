"""A small fully convolutional network that gives boxes, five landmarks and confidence at once.

Anchor-free, on one map of stride 8, as in TTFNet (Liu et al., "Training-time-friendly network for real-time
object detection", AAAI 2020): a face is a peak of the score map, and every cell near the peak tells the box
and the landmarks. About 0.18 G multiply-adds for a picture of 256 x 256 px.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
"""Picture px to one cell of the map."""
DIVISOR = 32
"""What the sides of a picture must be divisible by."""
_WIDTHS = (16, 32, 48, 96, 96)
_NECK = 48
_OUTPUTS = 15


class FaceNet(nn.Module):
    """Pictures to raw maps; `decode` makes candidates of them."""

    def __init__(self) -> None:
        super().__init__()
        stem, quarter, eighth, sixteenth, last = _WIDTHS
        self.eighth = nn.Sequential(
            _Unit(3, stem, 2), _Unit(stem, quarter, 2), _Unit(quarter, eighth, 2), _Unit(eighth, eighth)
        )
        self.sixteenth = nn.Sequential(
            _Unit(eighth, sixteenth, 2), _Unit(sixteenth, sixteenth), _Unit(sixteenth, sixteenth)
        )
        self.last = nn.Sequential(_Unit(sixteenth, last, 2), _Unit(last, last), _Unit(last, last))
        self.lateral = nn.ModuleList([nn.Conv2d(width, _NECK, 1) for width in (eighth, sixteenth, last)])
        self.smooth = nn.ModuleList([_Unit(_NECK, _NECK), _Unit(_NECK, _NECK)])
        self.head = nn.Sequential(_Unit(_NECK, _NECK), nn.Conv2d(_NECK, _OUTPUTS, 1))
        # Faces are rare: the focal loss starts calm.
        nn.init.constant_(self.head[-1].bias[:1], -4.0)  # type: ignore[index]

    def forward(self, pixels: Tensor) -> Tensor:
        """Raw maps (N, 15, H/8, W/8) of pictures (N, 3, H, W), RGB in [0, 1], sides divisible by 32."""
        eighth = self.eighth(pixels * 4 - 2)
        sixteenth = self.sixteenth(eighth)
        neck = self.lateral[2](self.last(sixteenth))
        neck = self.smooth[0](self.lateral[1](sixteenth) + functional.interpolate(neck, scale_factor=2.0))
        neck = self.smooth[1](self.lateral[0](eighth) + functional.interpolate(neck, scale_factor=2.0))
        return self.head(neck)  # type: ignore[no-any-return]


class _Unit(nn.Sequential):
    """Convolution 3 x 3, norm, ReLU; with a shortcut where the shape stays."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
        )
        self.shortcut = before == after and stride == 1

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Sequential gives it
        output: Tensor = super().forward(input)  # type: ignore[no-untyped-call]
        return output + input if self.shortcut else output


def decode(raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the raw maps (N, 15, h, w) say in px of the picture.

    Returns:
        scores: (N, h, w) logits.
        boxes: (N, 4, h, w), x0 y0 x1 y1; a cell tells its distance to the four sides, exponentially.
        landmarks: (N, 10, h, w), x y; told from the middle of the box, in box sides.
    """
    height, width = raw.shape[2:]
    x = (torch.arange(width, device=raw.device, dtype=raw.dtype) + 0.5) * STRIDE
    y = (torch.arange(height, device=raw.device, dtype=raw.dtype) + 0.5) * STRIDE
    cells = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])[None]
    reach = raw[:, 1:5].clamp(-4, 4).exp() * (4 * STRIDE)
    boxes = torch.cat([cells - reach[:, :2], cells + reach[:, 2:]], dim=1)
    middle, side = ((boxes[:, :2] + boxes[:, 2:]) / 2).detach(), (boxes[:, 2:] - boxes[:, :2]).detach()
    landmarks = middle.repeat(1, 5, 1, 1) + raw[:, 5:] * side.repeat(1, 5, 1, 1)
    return raw[:, 0], boxes, landmarks
