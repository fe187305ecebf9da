"""The trunk of EfficientNet-Lite0 (Tan & Le 2019, arXiv 1905.11946; Lite: no squeeze-and-excitation, ReLU6).

timm has this network too, and a test holds ours to it. But to import timm is to import torchvision, which takes as
long as Torch itself: too long for somebody who wants one photo scored. The layers have the names that timm gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Stage:
    """Blocks of one width.

    Attributes:
        blocks: how many; the first one strides.
        kernel: of the depthwise convolutions, in cells.
        stride: by how much the first block reduces the side.
        expansion: of a block's inner width over its input's.
        width: channels that come out.
    """

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


STEM = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
READ = (2, 4, 6)
"""The stages whose maps are given: 40, 112 and 320 channels at 1/8, 1/16 and 1/32 of the side."""
EPSILON = 1e-3


class Lite0(nn.Module):
    """(N, 3, H, W) pixels in [-1, 1] to the maps of the stages `READ`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = Convolution(3, STEM, 3, 2), _norm(STEM)
        widths = [STEM, *(stage.width for stage in STAGES)]
        self.blocks = nn.ModuleList([_stage(*pair) for pair in zip(widths, STAGES, strict=False)])

    def forward(self, pixels: Tensor) -> list[Tensor]:
        maps = functional.relu6(self.bn1(self.conv_stem(pixels)), inplace=True)
        found = []
        for stage in self.blocks:
            maps = stage(maps)
            found.append(maps)
        return [found[place] for place in READ]


class Block(nn.Module):
    """Widen, look around, narrow again (Sandler et al. 2018, arXiv 1801.04381); the first stage does not widen."""

    def __init__(self, before: int, inner: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        around = Convolution(inner, inner, kernel, stride, groups=inner)
        if inner > before:
            self.conv_pw, self.bn1 = Convolution(before, inner), _norm(inner)
            self.conv_dw, self.bn2 = around, _norm(inner)
            self.conv_pwl, self.bn3 = Convolution(inner, after), _norm(after)
        else:
            self.conv_dw, self.bn1 = around, _norm(inner)
            self.conv_pw, self.bn2 = Convolution(inner, after), _norm(after)
        self.shortcut = before == after and stride == 1

    def forward(self, maps: Tensor) -> Tensor:
        layers = list(self.children())
        *first, (last, norm) = zip(layers[::2], layers[1::2], strict=True)
        inner = maps
        for convolution, its in first:
            inner = functional.relu6(its(convolution(inner)), inplace=True)
        narrow: Tensor = norm(last(inner))
        return narrow + maps if self.shortcut else narrow


class Convolution(nn.Conv2d):
    """Without bias; the output covers the input as TensorFlow's "same" does: an odd border goes right and below."""

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Conv2d gives it
        if self.kernel_size[0] == 1:  # one matrix product for all cells of all pictures, where channels come last
            last = functional.linear(input.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias)
            return last.permute(0, 3, 1, 2)
        # The border of an even side is odd at stride 2. An even one with a zero before the kernel is the same, and
        # spares a copy of the input.
        rows, columns = (int(self.stride[0] == 2 and side % 2 == 0) for side in input.shape[2:])
        kernel = functional.pad(self.weight, (columns, 0, rows, 0)) if rows or columns else self.weight
        return functional.conv2d(input, kernel, self.bias, self.stride, self.padding, groups=self.groups)


def _stage(before: int, stage: Stage) -> nn.Sequential:
    widths, strides = [before, *[stage.width] * stage.blocks], [stage.stride, *[1] * stage.blocks]
    return nn.Sequential(
        *(
            Block(width, width * stage.expansion, stage.width, stage.kernel, stride)
            for width, stride in zip(widths[:-1], strides, strict=False)
        )
    )


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, EPSILON)
