"""Diffusion models of pixels: small ones made here, checked against eq. 13 written out and against diffusers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from detector.errors import ShapeError, WeightsError
from detector.vae.pretrained import load_ddim
from detector.vae.pretrained.ddim import STEPS

UNET = {
    "block_out_channels": (8, 8),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 4,
}


def make_unet(**changes: Any) -> Any:
    """A small network with random weights."""
    from diffusers import UNet2DModel

    torch.manual_seed(0)
    return UNet2DModel(**{**UNET, **changes}).eval()


def smooth_unet() -> Any:
    """A network that sees little noise, and much the same in pictures that are much the same."""
    unet = make_unet()
    unet.conv_out.weight.data /= 100
    return unet


def constant_unet(noise: float) -> Any:
    """A network that sees the same noise everywhere, always."""
    unet = make_unet()
    unet.conv_out.weight.data.zero_()
    unet.conv_out.bias.data.fill_(noise)
    return unet


def save_pipeline(folder: Path, unet: Any, scheduler: Any = None, pipeline: str = "DDPMPipeline") -> Path:
    """What `DDPMPipeline.save_pretrained` writes."""
    import diffusers

    made = getattr(diffusers, pipeline)(unet=unet, scheduler=scheduler or diffusers.DDPMScheduler())
    made.save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="module")
def unet() -> Any:
    return make_unet()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, unet: Any) -> Path:
    return save_pipeline(tmp_path_factory.mktemp("models") / "small-ddpm-v1.5", unet)


@pytest.fixture
def pixels() -> Tensor:
    return torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(2))


def kept(time: int) -> float:
    """DDPM's share of the picture at a time step, by hand: the product of 1 - beta, betas even from 1e-4 to 0.02."""
    share = 1.0
    for step in range(time + 1):
        share *= 1 - (1e-4 + (0.02 - 1e-4) * step / 999)
    return share


def test_without_any_noise_seen_the_round_trip_is_the_identity(tmp_path: Path, pixels: Tensor) -> None:
    """The picture only fades, to sqrt(alpha) of itself at the last of the 20 time steps, 950."""
    result = load_ddim(str(save_pipeline(tmp_path, constant_unet(0))))(pixels)
    torch.testing.assert_close(result.pixels, pixels, atol=1e-5, rtol=0)
    torch.testing.assert_close(result.mean, kept(950) ** 0.5 * (2 * pixels - 1), atol=1e-6, rtol=1e-4)


def test_constant_noise_is_added_and_taken_away(tmp_path: Path, pixels: Tensor) -> None:
    """The closed form x_T = sqrt(alpha) x + sqrt(1 - alpha) e."""
    result = load_ddim(str(save_pipeline(tmp_path, constant_unet(0.5))))(pixels)
    share = kept(950)
    torch.testing.assert_close(
        result.mean, share**0.5 * (2 * pixels - 1) + 0.5 * (1 - share) ** 0.5, atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(result.pixels, pixels, atol=1e-4, rtol=0)


def test_the_inversion_is_equation_13_backwards(folder: Path, unet: Any, pixels: Tensor) -> None:
    """With y = x / sqrt(alpha) and s = sqrt((1 - alpha) / alpha) a step is y' = y + (s' - s) e(x, t)."""
    x, level, told = 2 * pixels.double() - 1, 0.0, 0
    y = x
    for time in range(0, 1000, 1000 // STEPS):
        following = (1 / kept(time) - 1) ** 0.5
        with torch.no_grad():
            noise = unet(x.float(), told).sample
        y = y + (following - level) * noise.double()
        x, level, told = y * kept(time) ** 0.5, following, time
    torch.testing.assert_close(load_ddim(str(folder))(pixels).mean, x.float(), atol=1e-4, rtol=1e-4)


def test_diffusers_generates_the_same_from_the_noise(folder: Path, unet: Any, pixels: Tensor) -> None:
    from diffusers import DDIMScheduler

    model = load_ddim(str(folder))
    result = model(pixels)
    scheduler = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(STEPS)
    x = result.mean
    for time in scheduler.timesteps:
        with torch.no_grad():
            x = scheduler.step(unet(x, time).sample, time, x).prev_sample
    expected = ((x + 1) / 2).clamp(0, 1)
    torch.testing.assert_close(result.pixels, expected, atol=1e-4, rtol=1e-4)
    assert model.decode is not None
    torch.testing.assert_close(model.decode(result.mean), result.pixels)


def test_more_steps_retrace_the_path_more_closely(tmp_path: Path, pixels: Tensor) -> None:
    """Each step is Euler's: where the noise seen is smooth, ten times the steps leave a tenth of the error, about."""
    source = str(save_pipeline(tmp_path, smooth_unet()))
    few, more = ((load_ddim(source, steps=n)(pixels, False).pixels - pixels).abs().mean() for n in (20, 200))
    assert few > 0.01
    assert more < few / 4


def test_what_it_gives_and_what_it_does_not(folder: Path, pixels: Tensor) -> None:
    model = load_ddim(str(folder))
    result = model(pixels)
    assert result.mean.shape == pixels.shape
    assert (result.logvar, result.kl, result.nll, result.entropy, result.hidden) == (None,) * 5
    assert result.second is not None
    assert torch.equal(result.second.mean, model(result.pixels, False).mean)
    assert (model.name, model.stride, len(model.version)) == ("small-ddpm-v1-5", 2, 12)
    with pytest.raises(ShapeError, match="multiple of 2, got 17"):
        model(torch.zeros(1, 3, 17, 17))


def test_both_pipelines_are_the_same_model(folder: Path, unet: Any, tmp_path: Path, pixels: Tensor) -> None:
    from diffusers import DDIMScheduler

    other = load_ddim(str(save_pipeline(tmp_path, unet, DDIMScheduler(), "DDIMPipeline")))
    assert torch.equal(other(pixels).pixels, load_ddim(str(folder))(pixels).pixels)


def test_the_levels_of_noise_are_part_of_the_version(folder: Path, unet: Any, tmp_path: Path, pixels: Tensor) -> None:
    from diffusers import DDPMScheduler

    one = load_ddim(str(folder))
    other = load_ddim(str(save_pipeline(tmp_path, unet, DDPMScheduler(beta_schedule="squaredcos_cap_v2"))))
    assert one.version != other.version
    assert not torch.allclose(one(pixels).mean, other(pixels).mean)


def flatten(folder: Path) -> None:
    """All files side by side, as the first DDPMs of the Hub have them."""
    for part in ("unet", "scheduler"):
        for file in list((folder / part).iterdir()):
            file.rename(folder / file.name)
        (folder / part).rmdir()


def test_the_files_may_lie_side_by_side(folder: Path, tmp_path: Path, pixels: Tensor) -> None:
    flat = Path(shutil.copytree(folder, tmp_path / "flat"))
    flatten(flat)
    one, other = load_ddim(str(folder)), load_ddim(str(flat))
    assert one.version == other.version
    assert torch.equal(one(pixels).pixels, other(pixels).pixels)


def rewrite(file: str, change: dict[str, Any], folder: Path) -> None:
    """A configuration with other values."""
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def unpickled(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")


INDEX, CONFIG, SCHEDULER = "model_index.json", "unet/config.json", "scheduler/scheduler_config.json"
WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no pipeline": (lambda folder: (folder / INDEX).unlink(), r"model_index\.json: cannot be read"),
    "latent": (partial(rewrite, INDEX, {"_class_name": "LDMPipeline"}), "DDPMPipeline or DDIMPipeline, got 'LDMPip"),
    "no list": (lambda folder: (folder / INDEX).write_text("[]"), "expected DDPMPipeline or DDIMPipeline, got None"),
    "text to image": (partial(rewrite, CONFIG, {"_class_name": "UNet2DConditionModel"}), "expected UNet2DModel, got"),
    "four channels": (partial(rewrite, CONFIG, {"in_channels": 4}), "a network of pixels .*, got in_channels 4"),
    "learned variance": (partial(rewrite, CONFIG, {"out_channels": 6}), "a network of pixels .*, got out_channels 6"),
    "classes": (partial(rewrite, CONFIG, {"num_class_embeds": 10}), "without a condition, got num_class_embeds 10"),
    "another scheduler": (partial(rewrite, SCHEDULER, {"_class_name": "EulerDiscreteScheduler"}), "DDIMScheduler, got"),
    "another prediction": (partial(rewrite, SCHEDULER, {"prediction_type": "sample"}), "epsilon, got 'sample'"),
    "no such schedule": (partial(rewrite, SCHEDULER, {"beta_schedule": "none"}), "no scheduler: none is not implem"),
    "too short": (partial(rewrite, SCHEDULER, {"num_train_timesteps": 19}), "expected 20 levels of noise or more"),
    "nothing left": (
        partial(rewrite, SCHEDULER, {"num_train_timesteps": 20, "rescale_betas_zero_snr": True}),
        "expected 20 levels of noise or more, each with some picture left",
    ),
    "pickled": (unpickled, r"diffusion_pytorch_model\.safetensors; pickled weights are refused"),
    "other weights": (
        partial(rewrite, CONFIG, {"mid_block_type": None}),
        "weights do not fit config.json: unexpected_keys",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_folder_is_one_clear_line(name: str, folder: Path, tmp_path: Path) -> None:
    spoil, says = WRONG[name]
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    spoil(copy)
    with pytest.raises(WeightsError, match=says) as error:
        load_ddim(str(copy))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source", ["", "no-such-folder", "/no/such/folder"])
def test_a_missing_folder_says_what_was_expected(source: str) -> None:
    with pytest.raises(WeightsError, match=r"there is no folder .* or a Hub id as OWNER/NAME@REVISION"):
        load_ddim(source)


def test_a_hub_id_is_read_from_its_cache_when_offline(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    repository, commit = tmp_path / "models--owner--some-ddpm", "0123456789" * 4
    shutil.copytree(folder, repository / "snapshots" / commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    model = load_ddim(f"owner/some-ddpm@{commit}")
    assert (model.name, model.version) == ("some-ddpm", load_ddim(str(folder)).version)
    with pytest.raises(WeightsError, match="the Hub gave none of that name"):
        load_ddim("owner/other")
