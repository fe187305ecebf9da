"""Make the twin of a model, and let it into the world only if it says the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from detector.errors import WeightsError
from detector.types import Reconstruction
from detector.vae import Reconstructor
from detector.vae.exported.engines import ENGINES, Start
from detector.vae.exported.file import Twin, write
from detector.vae.exported.graph import to_onnx
from detector.vae.exported.reconstructor import ExportedReconstructor
from detector.vae.loading import FaceVaeReconstructor, load_model
from detector.vae.model import FaceVae
from detector.weights import sha256

TOLERANCE = 1e-4
"""How far twin and original may lie apart, see `difference`: in pixels that is a fortieth of a grey level."""
CHECKED = 8
"""Crops that they are compared on."""
_NOISE = 2 / 255


def export(source: Path, target: Path, engines: Mapping[str, Start] = ENGINES) -> dict[str, float]:
    """Write the twin of a saved model.

    Args:
        source: the weights, as `detector.vae.loading.save_model` writes them.
        target: the file to write; it stays as it is unless every engine passes.
        engines: which are to run it.

    Returns:
        for each engine, how far it lies from Torch on crops drawn from the model's own prior.

    Raises:
        UsageError: a package of the extra is missing.
        WeightsError: no such weights, or a twin that differs by more than `TOLERANCE`.
    """
    model = load_model(source).to(memory_format=torch.contiguous_format)
    original = FaceVaeReconstructor(model, "")
    twin = Twin(to_onnx(model), original.name, sha256(source), model.config)
    found = compare(original, twin, drawn(model), engines)
    write(twin, target)
    return found


def compare(
    original: Reconstructor, twin: Twin, crops: Tensor, engines: Mapping[str, Start] = ENGINES
) -> dict[str, float]:
    """How far the twin lies from its original in each engine, on crops (N, 3, S, S).

    Raises:
        WeightsError: by more than `TOLERANCE` in one of them.
    """
    # One pass says all: the second is the same graph on other pixels.
    expected = original(crops, second_pass=False)
    found: dict[str, float] = {}
    for name, start in engines.items():
        found[name] = difference(expected, ExportedReconstructor(twin, start)(crops, second_pass=False))
        if not found[name] <= TOLERANCE:
            raise WeightsError(
                f"in {name} the exported model differs by {found[name]:.2g}, expected at most {TOLERANCE:g}; nothing "
                "was written"
            )
    return found


@torch.inference_mode()
def drawn(model: FaceVae) -> Tensor:
    """(N, 3, S, S) in [0, 1]: what the model takes for faces, under a camera's noise of two grey levels."""
    side = model.config.size // model.config.reduction
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        codes = model.bottleneck.prior((CHECKED, side, side), None, 1.0)
        pixels = model.decode(codes).pixels
        return (pixels + _NOISE * torch.randn_like(pixels)).clamp(0, 1)


def difference(one: Reconstruction, other: Reconstruction) -> float:
    """The largest difference in any field of one pass, relative to the field's largest value where that is above 1."""
    pairs = [(value, getattr(other, name)) for name, value in vars(one).items() if isinstance(value, Tensor)]
    return max(float((value - beside).abs().max() / value.abs().max().clamp(min=1)) for value, beside in pairs)
