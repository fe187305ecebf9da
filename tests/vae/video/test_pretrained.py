"""Video autoencoders of diffusers: small ones made here, checked against the model called directly."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from detector.errors import WeightsError
from detector.vae.video import pretrained
from detector.vae.video.families import FAMILIES
from detector.vae.video.pretrained import load_video_diffusers

WIDTHS = {"block_out_channels": (8, 8, 8, 8), "latent_channels": 4, "layers_per_block": 1}
NORM = {"norm_num_groups": 2}
LTX = {"latent_channels": 4, "layers_per_block": (1,) * 5, "patch_size": 2}
LTX_8 = {"block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4, "decoder_layers_per_block": (1,) * 5}
LTX_2 = {"block_out_channels": (8, 16, 32, 64), "decoder_block_out_channels": (8, 16, 32)}
WAN = {"dim_mult": [1, 1, 1, 1], "num_res_blocks": 1, "latents_mean": [0.5] * 4, "latents_std": [2.0] * 4}
COSMOS = {"encoder_block_out_channels": (8,) * 4, "decode_block_out_channels": (8,) * 4, "latent_channels": 4}
SVD = {"block_out_channels": (32, 32), "down_block_types": ("DownEncoderBlock2D",) * 2, "latent_channels": 4}
CONFIGS: dict[str, dict[str, Any]] = {
    "AutoencoderKLCogVideoX": {**WIDTHS, **NORM},
    "AutoencoderKLCosmos": {**COSMOS, "num_layers": 1, "latents_mean": None, "latents_std": None},
    "AutoencoderKLHunyuanVideo": {**WIDTHS, **NORM},
    "AutoencoderKLHunyuanVideo15": {**WIDTHS, "block_out_channels": (8,) * 5},
    "AutoencoderKLLTX2Video": {**LTX, **LTX_2, "decoder_layers_per_block": (1,) * 4},
    "AutoencoderKLLTXVideo": {**LTX, **LTX_8},
    "AutoencoderKLMagvit": {**WIDTHS, **NORM},
    "AutoencoderKLTemporalDecoder": SVD,
    "AutoencoderKLWan": {**WAN, "base_dim": 4, "z_dim": 4},
}
GRIDS = {
    "AutoencoderKLCogVideoX": (8, 9),
    "AutoencoderKLCosmos": (8, 9),
    "AutoencoderKLHunyuanVideo": (8, 9),
    "AutoencoderKLHunyuanVideo15": (16, 9),
    "AutoencoderKLLTX2Video": (16, 9),
    "AutoencoderKLLTXVideo": (16, 9),
    "AutoencoderKLMagvit": (8, 9),
    "AutoencoderKLTemporalDecoder": (2, 8),
    "AutoencoderKLWan": (8, 9),
}
"""The side that each small model takes, and the length of clips that it wants."""


def save(folder: Path, name: str, **more: Any) -> Any:
    """A small model with random weights, written into a folder."""
    import diffusers

    torch.manual_seed(0)
    model = getattr(diffusers, name)(**{**CONFIGS[name], **more}).eval()
    model.save_pretrained(folder, safe_serialization=True)
    return model


@pytest.fixture(scope="module", params=CONFIGS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Any]:
    folder = tmp_path_factory.mktemp("models") / request.param
    return request.param, folder, save(folder, request.param)


def clips(count: int, length: int, side: int) -> Tensor:
    return torch.rand((count, length, 3, side, side), generator=torch.Generator().manual_seed(1))


def directly(name: str, model: Any, clip: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (T, 3, S, S) and latents (C, t, h, w) of a clip (T, 3, S, S), as the documentation of each has it."""
    with torch.no_grad():
        if name == "AutoencoderKLTemporalDecoder":
            latents = model.encode(2 * clip - 1).latent_dist.mode()
            return model.decode(latents, num_frames=len(clip)).sample, latents.movedim(0, 1)
        latents = model.encode((2 * clip - 1).movedim(1, 0)[None]).latent_dist.mode()
        return model.decode(latents).sample[0].movedim(0, 1), latents[0]


def test_there_is_a_small_model_of_every_class(saved: tuple[str, Path, Any]) -> None:
    assert set(CONFIGS) == set(FAMILIES) == set(GRIDS)
    name, folder, _ = saved
    model = load_video_diffusers(str(folder))
    assert (model.name, len(model.version)) == (name, 12)
    assert (model.grid.side, model.length) == GRIDS[name]


def test_it_agrees_with_itself_called_directly(saved: tuple[str, Path, Any]) -> None:
    name, folder, direct = saved
    side, length = GRIDS[name]
    pixels = clips(2, length, 2 * side)
    result = load_video_diffusers(str(folder))(pixels, second_pass=True)
    for row, clip in enumerate(pixels):
        made, latents = directly(name, direct, clip)
        torch.testing.assert_close(result.pixels[row], (made / 2 + 0.5).clamp(0, 1))
        torch.testing.assert_close(result.mean[row], latents)
    assert result.nll is None
    assert result.second is not None
    again, _ = directly(name, direct, result.pixels[0])
    torch.testing.assert_close(result.second.pixels[0], (again / 2 + 0.5).clamp(0, 1))


def test_kl_is_that_of_the_posterior(saved: tuple[str, Path, Any]) -> None:
    name, folder, direct = saved
    side, length = GRIDS[name]
    pixels = clips(1, length, 2 * side)
    result = load_video_diffusers(str(folder))(pixels)
    if name == "AutoencoderKLCosmos":  # its latents are no distribution
        assert result.kl is None
        assert result.logvar is None
        return
    given = pixels[0] if name == "AutoencoderKLTemporalDecoder" else pixels.movedim(1, 2)
    with torch.no_grad():
        posterior = direct.encode(2 * given - 1).latent_dist
    assert result.kl is not None
    torch.testing.assert_close(result.kl.sum() * math.log(2), posterior.kl().sum())


@pytest.mark.parametrize("length", [1, 2, 5, 12])
def test_any_length_and_side_come_back_as_they_went(saved: tuple[str, Path, Any], length: int) -> None:
    name, folder, direct = saved
    model = load_video_diffusers(str(folder))
    pixels = clips(1, length, 20)
    result = model(pixels)
    assert result.pixels.shape == pixels.shape
    whole = model.grid.pad(pixels)
    made, _ = directly(name, direct, whole[0])
    assert len(made) == whole.shape[1] == model.grid.length(length)
    torch.testing.assert_close(result.pixels[0], (made / 2 + 0.5).clamp(0, 1)[:length, :, :20, :20])


def test_a_decoder_that_removes_noise_is_told_of_none_and_says_the_same_twice(tmp_path: Path) -> None:
    inject = {"timestep_conditioning": True, "decoder_inject_noise": (True, True, True, False, False)}
    direct = save(tmp_path, "AutoencoderKLLTXVideo", **inject)
    for values in direct.decoder.parameters():
        torch.nn.init.normal_(values, std=0.2)
    direct.save_pretrained(tmp_path, safe_serialization=True)
    model, pixels = load_video_diffusers(str(tmp_path)), clips(2, 9, 16)
    first, second, alone = model(pixels), model(pixels), model(pixels[1:])
    assert torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.pixels[1:], alone.pixels)


def test_a_pipeline_folder_names_the_model(tmp_path: Path) -> None:
    save(tmp_path / "some-pipeline-v1.5" / "vae", "AutoencoderKLWan")
    outer = load_video_diffusers(str(tmp_path / "some-pipeline-v1.5"))
    inner = load_video_diffusers(str(tmp_path / "some-pipeline-v1.5" / "vae"))
    assert outer.name == inner.name == "some-pipeline-v1-5"
    assert outer.version == inner.version


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    model = save(tmp_path, "AutoencoderKLWan")
    shutil.rmtree(tmp_path)
    model.save_pretrained(tmp_path, safe_serialization=False)
    assert list(tmp_path.glob("*.bin"))
    with pytest.raises(WeightsError, match=r"diffusion_pytorch_model\.safetensors; pickled weights are refused"):
        load_video_diffusers(str(tmp_path))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "expected one of AutoencoderKLCogVideoX, .* got None"),
        ('{"_class_name": "AutoencoderKL"}', "got 'AutoencoderKL'"),
        ('{"_class_name": "AutoencoderKLWan", "base_dim": 8}', "fit|load"),
    ],
)
def test_a_strange_config_is_one_clear_line(tmp_path: Path, config: str, says: str) -> None:
    save(tmp_path, "AutoencoderKLWan")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(WeightsError, match=says) as error:
        load_video_diffusers(str(tmp_path))
    assert "\n" not in str(error.value)


def test_weights_that_lack_a_tensor_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save(tmp_path, "AutoencoderKLWan")
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    del state["quant_conv.bias"]
    save_file(state, path)
    with pytest.raises(WeightsError, match=r"missing_keys quant_conv\.bias"):
        load_video_diffusers(str(tmp_path))


@pytest.mark.parametrize("source", ["", "no-such-folder", "/no/such/folder"])
def test_a_missing_folder_says_what_was_expected(source: str) -> None:
    with pytest.raises(WeightsError, match=r"there is no folder .* or a Hub id as OWNER/NAME@REVISION"):
        load_video_diffusers(source)


def test_of_a_hub_id_the_class_is_looked_at_before_weights_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def snapshot(_match: object, patterns: list[str]) -> Path:
        asked.append(patterns)
        return tmp_path

    monkeypatch.setattr(pretrained, "snapshot", snapshot)
    direct = save(tmp_path / "vae", "AutoencoderKLWan")
    assert load_video_diffusers("owner/some-video@v2").name == "some-video"
    assert asked[0] == ["config.json", "vae/config.json"]
    assert asked[1][0] == "vae/diffusion_pytorch_model.safetensors"
    config = {**direct.config, "_class_name": "UNet2DModel"}
    (tmp_path / "vae" / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="got 'UNet2DModel'"):
        load_video_diffusers("owner/some-video")
    assert len(asked) == 3
