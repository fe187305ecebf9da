"""The architecture of a tiny autoencoder, read from the keys of its weights.

TAESD (Bohan, github.com/madebyollin/taesd) and its kin are two plain stacks of layers. Their files say nothing
of the architecture, but their keys do. ``INDEX.weight`` with a bias is a 3x3 convolution; without one it is a
convolution that halves (encoder) or follows a doubling (decoder); ``INDEX.conv.*`` is a residual block, and
``INDEX.pool.*`` makes it one that first adds statistics pooled over the picture (the mid blocks of the tiny
FLUX.2 autoencoder); an index without keys is a layer without weights. So taesd, taesdxl, taesd3, taef1 and taef2
are all one builder.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from detector.errors import WeightsError

_PLAIN = {"weight", "bias"}
_RESAMPLING = {"weight"}
_BLOCK = {f"conv.{index}.{kind}" for index in (0, 2, 4) for kind in _PLAIN}
_SKIP = {"skip.weight"}
_POOL = {"pool.0.weight", "pool.1.weight", "pool.1.bias", "pool.3.weight"}
_POOL_GROUPS = 4  # The one number that the weights do not tell; it is the publisher's.

Layers = Mapping[int, Mapping[str, Tensor]]


class Clamp(nn.Module):
    """3 tanh(x / 3): latents stay within what the generator makes."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


class Block(nn.Module):
    """ReLU(conv(x) + skip(x)), where a pooled block first adds pool(x) to x."""

    def __init__(self, n_in: int, n_out: int, pooled: int = 0) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(n_out, n_out, 3, padding=1), nn.ReLU()),
            nn.Conv2d(n_out, n_out, 3, padding=1),
        )
        self.skip = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1, bias=False)
        self.pool = _pool(n_in, pooled) if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + self.skip(x))


def _pool(channels: int, pooled: int) -> nn.Sequential:
    widen = nn.Conv2d(channels, pooled, 1, bias=False)
    return nn.Sequential(
        widen, nn.GroupNorm(_POOL_GROUPS, pooled), nn.ReLU(), nn.Conv2d(pooled, channels, 1, bias=False)
    )


def build_encoder(state: Mapping[str, Tensor]) -> tuple[nn.Sequential, nn.Sequential]:
    """The encoder, (N, 3, S, S) in [0, 1] to (N, C, S/stride, S/stride), cut in two where S/2 becomes S/4.

    Raises:
        WeightsError: when the keys or shapes are not those of the layout.
    """
    layers = _by_index(state)
    stack = _stack(state, [_layer(layers, index, stride=2) for index in range(len(layers))])
    halvings = [index for index, layer in enumerate(stack) if is_resampling(layer)]
    cut = halvings[1] if len(halvings) > 1 else len(stack) - 1
    return stack[:cut], stack[cut:]


def build_decoder(state: Mapping[str, Tensor]) -> nn.Sequential:
    """The decoder, (N, C, h, w) to (N, 3, stride h, stride w), about in [0, 1].

    Raises:
        WeightsError: when the keys or shapes are not those of the layout.
    """
    layers = _by_index(state)
    stack: list[nn.Module] = []
    while len(stack) <= max(layers):
        index = len(stack)
        stack.append(_layer(layers, index, stride=1) if index in layers else _weightless(layers, index))
    return _stack(state, stack)


def is_resampling(layer: nn.Module) -> bool:
    """Whether a layer of an encoder halves the side, or one of a decoder follows a doubling."""
    return isinstance(layer, nn.Conv2d) and layer.bias is None


def _by_index(state: Mapping[str, Tensor]) -> Layers:
    layers: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for key, tensor in state.items():
        if not (match := re.fullmatch(r"(\d{1,3})\.(.+)", key)):
            raise WeightsError(f"not the TAESD layout: expected keys like '3.conv.0.weight', got {key!r}")
        layers[int(match[1])][match[2]] = tensor
    if not layers:
        raise WeightsError("not the TAESD layout: there is no tensor")
    return dict(layers)


def _layer(layers: Layers, index: int, stride: int) -> nn.Module:
    tensors = layers.get(index, {})
    keys = set(tensors)
    if keys in (_PLAIN, _RESAMPLING):
        n_out, n_in = _channels(tensors["weight"])
        plain = keys == _PLAIN
        return nn.Conv2d(n_in, n_out, 3, padding=1, stride=1 if plain else stride, bias=plain)
    if keys - _SKIP in (_BLOCK, _BLOCK | _POOL):
        n_out, n_in = _channels(tensors["conv.0.weight"])
        return Block(n_in, n_out, _channels(tensors["pool.0.weight"])[0] if keys >= _POOL else 0)
    raise WeightsError(f"not the TAESD layout: layer {index} has {', '.join(sorted(keys)) or 'no tensor'}")


def _weightless(layers: Layers, index: int) -> nn.Module:
    if index == 0:
        return Clamp()
    if layers.get(index + 1, {}).keys() == _RESAMPLING:
        return nn.Upsample(scale_factor=2)
    if layers.get(index - 1, {}).keys() == _PLAIN:
        return nn.ReLU()
    raise WeightsError(f"not the TAESD layout: layer {index} has no tensor")


def _channels(weight: Tensor) -> tuple[int, int]:
    if weight.ndim != 4:
        raise WeightsError(f"not the TAESD layout: a convolution of shape {tuple(weight.shape)}")
    return weight.shape[0], weight.shape[1]


def _stack(state: Mapping[str, Tensor], layers: list[nn.Module]) -> nn.Sequential:
    stack = nn.Sequential(*layers)
    try:
        stack.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"not the TAESD layout: {' '.join(str(error).split())}") from error
    return stack
