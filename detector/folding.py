"""Batch normalisations, which at inference only scale and shift, folded into the convolutions before them."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def fold(network: Network) -> Network:
    """The same function without its batch normalisations, in place; the network is in evaluation mode.

    w' = w gamma / sigma (Jacob et al. 2018, arXiv 1712.05877, eq. 14). What a normalisation had beside it, its
    activation, takes its place.
    """
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in list(network.modules()):
        for (name, conv), (other, norm) in pairwise(module.named_children()):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, other, getattr(norm, "act", nn.Identity()))
    return network
