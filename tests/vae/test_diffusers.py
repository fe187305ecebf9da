"""Autoencoders in the format of diffusers: small ones made here, checked against the model called directly."""

from __future__ import annotations

import copy
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from detector.errors import ShapeError, WeightsError
from detector.types import Array
from detector.vae.pretrained import load_diffusers

KL = {"block_out_channels": (8, 16, 16, 16), "norm_num_groups": 4, "latent_channels": 3}
STAGES = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
TINY = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
CONFIGS: dict[str, dict[str, Any]] = {
    "AutoencoderKL": {**KL, **STAGES, "scaling_factor": 0.3, "shift_factor": 0.1},
    "AutoencoderKLFlux2": {**KL, **STAGES},
    "AutoencoderTiny": TINY,
    "VQModel": {**KL, **STAGES, "num_vq_embeddings": 16},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A small model of each class with random weights, saved below `folder` as NAME."""
    import diffusers

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    made = {name: getattr(diffusers, name)(**config).eval() for name, config in CONFIGS.items()}
    for name, model in made.items():
        model.save_pretrained(folder / name, safe_serialization=True)
    return {"folder": folder, **made}


@pytest.fixture
def pixels() -> Tensor:
    return torch.rand((3, 3, 32, 32), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", ["AutoencoderKL", "AutoencoderKLFlux2"])
def test_a_kl_model_agrees_with_itself_called_directly(models: dict[str, Any], name: str, pixels: Tensor) -> None:
    result = load_diffusers(str(models["folder"] / name))(pixels)
    with torch.no_grad():
        posterior = models[name].encode(pixels * 2 - 1).latent_dist
        expected = (models[name].decode(posterior.mode()).sample / 2 + 0.5).clamp(0, 1)
        again = models[name].encode(expected * 2 - 1).latent_dist
    torch.testing.assert_close(result.pixels, expected)
    torch.testing.assert_close(result.mean, posterior.mean)
    torch.testing.assert_close(result.logvar, posterior.logvar)
    assert result.kl is not None
    torch.testing.assert_close(result.kl.sum(dim=(1, 2)) * math.log(2), posterior.kl())
    assert result.nll is None
    assert result.entropy is None
    assert result.second is not None
    torch.testing.assert_close(result.second.mean, again.mean)


@pytest.mark.parametrize("name", ["AutoencoderTiny", "VQModel"])
def test_a_model_without_posterior_says_so(models: dict[str, Any], name: str, pixels: Tensor) -> None:
    result = load_diffusers(str(models["folder"] / name))(pixels, second_pass=False)
    with torch.no_grad():
        latents = models[name].encode(pixels * 2 - 1).latents
        expected = (models[name].decode(latents).sample / 2 + 0.5).clamp(0, 1)
    torch.testing.assert_close(result.pixels, expected)
    torch.testing.assert_close(result.mean, latents)
    assert result.logvar is None
    assert result.kl is None
    assert result.second is None


@pytest.mark.parametrize("name", CONFIGS)
def test_hidden_is_the_encoder_at_half_the_side(models: dict[str, Any], name: str, pixels: Tensor) -> None:
    load = load_diffusers(str(models["folder"] / name))
    hidden = load(pixels, second_pass=False).hidden
    assert hidden is not None
    assert hidden.shape == (3, 8, 16, 16)
    assert not torch.equal(hidden, hidden.flip(0))
    again = load(pixels, second_pass=False).hidden
    assert again is not None
    assert torch.equal(hidden, again)


@pytest.mark.parametrize("name", CONFIGS)
def test_it_has_a_name_a_version_and_a_stride(models: dict[str, Any], name: str, pixels: Tensor) -> None:
    model = load_diffusers(str(models["folder"] / name))
    assert model.name == name
    assert len(model.version) == 12
    assert model.size % model.stride == 0
    assert not torch.is_grad_enabled() or not model(pixels).pixels.requires_grad
    with pytest.raises(ShapeError, match="multiple of 8, got 36"):
        model(torch.zeros(1, 3, 36, 36))


def test_the_scale_of_the_generator_changes_nothing(models: dict[str, Any], tmp_path: Path, pixels: Tensor) -> None:
    folder = shutil.copytree(models["folder"] / "AutoencoderKL", tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "scaling_factor": 0.18215, "shift_factor": None}))
    first, second = (load_diffusers(str(path))(pixels) for path in (models["folder"] / "AutoencoderKL", folder))
    assert torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.mean, second.mean)


@pytest.mark.parametrize("inside", ["vae", "vqvae"])
def test_a_pipeline_folder_names_the_model(models: dict[str, Any], tmp_path: Path, inside: str, pixels: Tensor) -> None:
    shutil.copytree(models["folder"] / "VQModel", tmp_path / "some-pipeline-v1.5" / inside)
    outer = load_diffusers(str(tmp_path / "some-pipeline-v1.5"))
    inner = load_diffusers(str(tmp_path / "some-pipeline-v1.5" / inside))
    assert outer.name == inner.name == "some-pipeline-v1-5"
    assert outer.version == inner.version == load_diffusers(str(models["folder"] / "VQModel")).version
    assert torch.equal(outer(pixels).pixels, inner(pixels).pixels)


def test_half_precision_files_are_computed_in_full(models: dict[str, Any], tmp_path: Path, pixels: Tensor) -> None:
    half = copy.deepcopy(models["AutoencoderTiny"]).half()
    half.save_pretrained(tmp_path)
    result = load_diffusers(str(tmp_path))(pixels)
    assert result.pixels.dtype == torch.float32
    with torch.no_grad():
        torch.testing.assert_close(result.mean, half.float().encode(pixels * 2 - 1).latents)


def test_pickled_weights_are_refused(models: dict[str, Any], tmp_path: Path) -> None:
    models["AutoencoderTiny"].save_pretrained(tmp_path, safe_serialization=False)
    assert list(tmp_path.glob("*.bin"))
    with pytest.raises(WeightsError, match=r"diffusion_pytorch_model\.safetensors; pickled weights are refused"):
        load_diffusers(str(tmp_path))


def damaged(folder: Path, change: dict[str, Tensor | None]) -> str:
    """The folder's weights with some tensors replaced or, where None, left out."""
    from safetensors.torch import load_file, save_file

    path = folder / "diffusion_pytorch_model.safetensors"
    state = {**load_file(path), **change}
    save_file({key: value for key, value in state.items() if value is not None}, path)
    return str(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"decoder.layers.0.bias": None}, r"missing_keys decoder\.layers\.0\.bias"),
        ({"decoder.extra": torch.zeros(1)}, r"unexpected_keys decoder\.extra"),
        ({"decoder.layers.0.bias": torch.zeros(3)}, r"decoder\.layers\.0\.bias"),
    ],
)
def test_weights_that_do_not_fit_are_one_clear_line(
    models: dict[str, Any], tmp_path: Path, change: dict[str, Tensor | None], says: str
) -> None:
    folder = shutil.copytree(models["folder"] / "AutoencoderTiny", tmp_path / "damaged")
    with pytest.raises(WeightsError, match=says) as error:
        load_diffusers(damaged(folder, change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "expected one of AutoencoderKL, .* got None"),
        ('{"_class_name": "UNet2DModel"}', "got 'UNet2DModel'"),
        ('{"_class_name": "AutoencoderTiny", "encoder_block_out_channels": 3}', "cannot be loaded"),
        (
            '{"_class_name": "AutoencoderTiny", "in_channels": 1, "encoder_block_out_channels": [8, 8, 8, 8]}',
            "fit|load",
        ),
    ],
)
def test_a_strange_config_is_one_clear_line(models: dict[str, Any], tmp_path: Path, config: str, says: str) -> None:
    folder = shutil.copytree(models["folder"] / "AutoencoderTiny", tmp_path / "strange")
    (folder / "config.json").write_text(config)
    with pytest.raises(WeightsError, match=says) as error:
        load_diffusers(str(folder))
    assert "\n" not in str(error.value)


def test_other_than_three_colours_are_refused(tmp_path: Path) -> None:
    import diffusers

    diffusers.AutoencoderTiny(**TINY, in_channels=4, out_channels=4).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="3 colours, got 4"):
        load_diffusers(str(tmp_path))


def test_damaged_safetensors_are_one_clear_line(models: dict[str, Any], tmp_path: Path) -> None:
    folder = shutil.copytree(models["folder"] / "AutoencoderTiny", tmp_path / "damaged")
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"not a tensor in sight")
    with pytest.raises(WeightsError, match="AutoencoderTiny cannot be loaded"):
        load_diffusers(str(folder))


@pytest.mark.parametrize("source", ["", "no-such-folder", "/no/such/folder", "../no/such/folder"])
def test_a_missing_folder_says_what_was_expected(source: str) -> None:
    with pytest.raises(WeightsError, match=r"there is no folder .* or a Hub id as OWNER/NAME@REVISION"):
        load_diffusers(source)


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"expected config\.json there, in vae/ or in vqvae/"):
        load_diffusers(str(tmp_path))


OFFLINE = """
import sys
from detector.errors import WeightsError
from detector.vae.pretrained import load_diffusers
for source in sys.argv[1:]:
    try:
        model = load_diffusers(source)
        print(model.name, model.stride)
    except WeightsError as error:
        print(error)
"""


def test_a_hub_id_is_read_from_its_cache_when_offline(models: dict[str, Any], tmp_path: Path) -> None:
    repository, commit = tmp_path / "hub" / "models--owner--some-vae", "0123456789" * 4
    shutil.copytree(models["folder"] / "AutoencoderKL", repository / "snapshots" / commit / "vae")
    (repository / "refs").mkdir()
    (repository / "refs" / "v2").write_text(commit)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}
    sources = ["owner/some-vae@v2", f"owner/some-vae@{commit}", "owner/some-vae", "owner/other"]
    answer = subprocess.run(
        [sys.executable, "-c", OFFLINE, *sources], env=environment, capture_output=True, text=True, check=True
    )
    named, by_commit, no_ref, unknown = answer.stdout.splitlines()
    assert named == by_commit == "some-vae 8"
    assert no_ref.startswith("no folder 'owner/some-vae' here, and the Hub gave none of that name")
    assert unknown.startswith("no folder 'owner/other' here, and the Hub gave none of that name")


def test_arrays_do_as_well(models: dict[str, Any], pixels: Tensor) -> None:
    model = load_diffusers(str(models["folder"] / "AutoencoderKL"))
    array: Array = pixels.numpy()
    assert torch.equal(model(array).pixels, model(pixels).pixels)
