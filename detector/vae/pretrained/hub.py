"""Autoencoders in the format of `diffusers`, from a local folder or a Hub id."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from detector import weights
from detector.errors import WeightsError
from detector.types import Reconstruction
from detector.vae.posterior import kl_bits
from detector.vae.pretrained.model import Pretrained, feature_name

_FOLDERS = ("", "vae", "vqvae")
_WEIGHTS = "diffusion_pytorch_model"
FILES = (f"{_WEIGHTS}.safetensors", f"{_WEIGHTS}-*-of-*.safetensors", f"{_WEIGHTS}.safetensors.index.json")
HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True)
class _Family:
    """What differs between the classes of `diffusers`.

    Attributes:
        encode: the model and pixels in [-1, 1] to mean and log variance.
        early: the layer of the encoder whose output is `Reconstruction.hidden`.
        stages: the config's list of encoder stages; all but one halve the side.
    """

    encode: Callable[[Any, Tensor], tuple[Tensor, Tensor | None]]
    early: Callable[[Any], nn.Module]
    stages: str


def _posterior(model: Any, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    posterior = model.encode(pixels).latent_dist
    return posterior.mean, posterior.logvar


def _code(model: Any, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    return model.encode(pixels).latents, None


def _first_stage(model: Any) -> nn.Module:
    stage: nn.Module = model.encoder.down_blocks[0]
    return stage


def _before_second_halving(model: Any) -> nn.Module:
    layers = list(model.encoder.layers)
    convolutions = [index for index, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    layer: nn.Module = layers[convolutions[min(2, len(convolutions) - 1)] - 1]
    return layer


FAMILIES: dict[str, _Family] = {
    "AutoencoderKL": _Family(_posterior, _first_stage, "block_out_channels"),
    "AutoencoderKLFlux2": _Family(_posterior, _first_stage, "block_out_channels"),
    "AutoencoderTiny": _Family(_code, _before_second_halving, "encoder_block_out_channels"),
    "VQModel": _Family(_code, _first_stage, "block_out_channels"),
}
"""Every class of `diffusers` that is understood, by the ``_class_name`` of its config."""


def load_diffusers(source: str, device: str = "cpu") -> Pretrained:
    """Load an autoencoder of `diffusers`: SD 1 and 2, SDXL, SD3, FLUX, FLUX.2, the tiny ones, VQ models.

    `Reconstruction.mean` and `logvar` are the encoder's own, before the scale and shift with which a generator
    normalises its latents: a round trip cancels those, and `kl` is against the N(0, I) of the VAE's own training.
    Tiny and VQ models have no posterior variance: `mean` is the code (before quantization), `logvar` and `kl`
    are None.

    Args:
        source: a local folder, of the autoencoder or of a pipeline with ``vae/`` or ``vqvae/`` in it; or a Hub id,
            ``OWNER/NAME`` or ``OWNER/NAME@REVISION``, read from its cache when HF_HUB_OFFLINE is set.
        device: a Torch device.

    Raises:
        WeightsError: when there is nothing of that name, or it is damaged, of another kind, or pickled.
    """
    folder = _folder(source)
    config = _config(folder)
    files = sorted(file for pattern in FILES for file in folder.glob(pattern))
    if not any(file.suffix == ".safetensors" for file in files):
        raise WeightsError(f"{folder}: expected {FILES[0]}; pickled weights are refused, for they can run code")
    family = FAMILIES[config["_class_name"]]
    model = load_part(folder, config["_class_name"]).to(device)
    return Pretrained(
        name=feature_name(_name(source)),
        version=weights.version(*files),
        device=torch.device(device),
        stride=2 ** (len(model.config[family.stages]) - 1),
        step=partial(_step, model, family),
    )


def _step(model: Any, family: _Family, pixels: Tensor) -> Reconstruction:
    with _output_of(family.early(model)) as hidden:
        mean, logvar = family.encode(model, 2 * pixels - 1)
    made = (model.decode(mean).sample + 1) / 2
    kl = None if logvar is None else kl_bits(mean, logvar)
    return Reconstruction(made.clamp(0, 1), mean, logvar, kl, hidden=hidden[0])


@contextmanager
def _output_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    """The outputs that `layer` gives inside the block, in a list."""
    outputs: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def load_part(folder: Path, class_name: str) -> Any:
    import diffusers

    try:
        model, info = getattr(diffusers, class_name).from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            low_cpu_mem_usage=False,
            torch_dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # A strange config.json can make it raise anything.
        raise WeightsError(f"{folder}: {class_name} cannot be loaded: {' '.join(str(error).split())}") from error
    # diffusers fills what is missing with random numbers and goes on; a random decoder would look like evidence.
    if wrong := [f"{kind} {', '.join(map(str, keys))}" for kind, keys in info.items() if keys]:
        raise WeightsError(f"{folder}: the weights do not fit config.json: {'; '.join(wrong)}")
    if (model.config.in_channels, model.config.out_channels) != (3, 3):
        raise WeightsError(f"{folder}: expected an autoencoder of 3 colours, got {model.config.in_channels}")
    return model.eval().requires_grad_(False)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder}: config.json cannot be read: {error}") from error
    name = config.get("_class_name") if isinstance(config, dict) else None
    if name not in FAMILIES:
        raise WeightsError(f"{folder}: expected one of {', '.join(FAMILIES)}, got {name!r}")
    return dict(config)


def _folder(source: str) -> Path:
    """The local folder with config.json and weights; fetched first for a Hub id."""
    root = Path(source).expanduser()
    if source and root.is_dir():
        return _inside(root)
    match = HUB_ID.fullmatch(source)
    if not match:
        raise WeightsError(f"there is no folder {source!r}; expected one, or a Hub id as OWNER/NAME@REVISION")
    folders = [f"{folder}/" if folder else "" for folder in _FOLDERS]
    root = snapshot(match, [f"{folder}config.json" for folder in folders])
    folder = _inside(root)
    _config(folder)
    within = folder.relative_to(root)
    return snapshot(match, [(within / file).as_posix() for file in FILES]) / within


def _inside(root: Path) -> Path:
    for folder in _FOLDERS:
        if (root / folder / "config.json").is_file():
            return root / folder
    raise WeightsError(f"{root}: expected config.json there, in vae/ or in vqvae/")


def snapshot(hub_id: re.Match[str], patterns: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    repository, revision = hub_id["repository"], hub_id["revision"]
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=patterns))
    except (
        Exception
    ) as error:  # Offline, unknown, gated, rate limited: each is of another class, some of its HTTP library.
        reason = str(error).strip().split("\n")[0]
        raise WeightsError(f"no folder {repository!r} here, and the Hub gave none of that name: {reason}") from error


def _name(source: str) -> str:
    """The last part of a path or Hub id that names the model."""
    parts = Path(source.partition("@")[0]).expanduser().resolve().parts
    return parts[-2] if parts[-1] in _FOLDERS and len(parts) > 2 else parts[-1]
