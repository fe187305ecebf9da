"""The contract of `RECONSTRUCTORS`: what every entry promises, on a small model of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from detector.errors import ShapeError, WeightsError
from detector.types import Reconstruction
from detector.vae import RECONSTRUCTORS, Reconstructor, load_reconstructor
from detector.vae.config import VaeConfig
from detector.vae.loading import save_model
from detector.vae.model import FaceVae
from tests.vae.test_ddim import save_pipeline, smooth_unet
from tests.vae.test_diffusers import CONFIGS
from tests.vae.test_taesd import decoder, encoder, save

SIDE = 32


def face_vae(folder: Path) -> str:
    model = FaceVae(VaeConfig("vae", SIDE, 4, (16, 24), (1, 1), (1, 1), latent=8))
    save_model(model, folder / "model.safetensors", {}, torch.float32)
    return str(folder / "model.safetensors")


def autoencoder_kl(folder: Path) -> str:
    import diffusers

    diffusers.AutoencoderKL(**CONFIGS["AutoencoderKL"]).save_pretrained(folder, safe_serialization=True)
    return str(folder)


def exported(folder: Path) -> str:
    from detector.vae.exported.export import export

    export(Path(face_vae(folder)), folder / "twin.onnx")
    return str(folder / "twin.onnx")


MAKERS: dict[str, Callable[[Path], str]] = {
    "face-vae": face_vae,
    "diffusers": autoencoder_kl,
    "taesd": lambda folder: save(folder, encoder(), decoder()),
    "ddim": lambda folder: str(save_pipeline(folder, smooth_unet())),
    "onnx": exported,
    "openvino": exported,
}
"""Entry to what writes a small model of it into a folder and gives its source."""


@pytest.fixture(scope="module", params=RECONSTRUCTORS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reconstructor:
    torch.manual_seed(0)
    return load_reconstructor(f"{request.param}:{MAKERS[request.param](tmp_path_factory.mktemp('model'))}")


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.rand((5, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def made(model: Reconstructor, pixels: Tensor) -> Reconstruction:
    return model(pixels)


def tensors(made: Reconstruction) -> dict[str, Tensor]:
    return {name: value for name, value in vars(made).items() if isinstance(value, Tensor)}


def test_it_says_who_it_is(model: Reconstructor) -> None:
    assert model.name
    assert "." not in model.name
    assert len(bytes.fromhex(model.version)) == 6
    assert model.size > 0
    assert model.device == torch.device("cpu")


def test_pixels_stay_pixels_and_the_second_pass_gives_at_least_what_is_read_of_it(
    model: Reconstructor, made: Reconstruction, pixels: Tensor
) -> None:
    assert made.pixels.shape == pixels.shape
    assert 0 <= made.pixels.min() < made.pixels.max() <= 1
    assert made.second is not None
    assert made.second.second is None
    first, second = ({name: value.shape for name, value in tensors(one).items()} for one in (made, made.second))
    assert second == {name: first[name] for name in second}
    assert second.keys() >= first.keys() & {"pixels", "mean", "hidden"}
    assert all(value.isfinite().all() and not value.requires_grad for value in tensors(made).values())
    assert model(pixels, second_pass=False).second is None


def test_the_second_pass_is_a_pass_over_the_first(model: Reconstructor, made: Reconstruction) -> None:
    assert made.second is not None
    again = tensors(model(made.pixels, second_pass=False))
    for name, value in tensors(made.second).items():
        torch.testing.assert_close(value, again[name])


def test_the_same_crop_gives_the_same_answer_whoever_is_beside_it(
    model: Reconstructor, made: Reconstruction, pixels: Tensor
) -> None:
    again, alone = (tensors(model(given, second_pass=False)) for given in (pixels.numpy(), pixels[4:]))
    for name, value in tensors(made).items():
        assert torch.equal(value, again[name])
        torch.testing.assert_close(value[4:], alone[name], atol=1e-4, rtol=1e-4)


def test_no_crop_gives_nothing_of_the_right_shape(model: Reconstructor, made: Reconstruction, pixels: Tensor) -> None:
    none = tensors(model(pixels[:0]))
    assert {name: (0, *value.shape[1:]) for name, value in tensors(made).items()} == {
        name: tuple(value.shape) for name, value in none.items()
    }


@pytest.mark.parametrize("shape", [(1, 3, SIDE, SIDE + 1), (1, 3, SIDE - 1, SIDE - 1), (1, 4, SIDE, SIDE)])
def test_other_shapes_and_ranges_are_refused(model: Reconstructor, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="pixels: expected"):
        model(torch.zeros(shape))
    with pytest.raises(ShapeError, match=r"values in \[0, 1\], got"):
        model(torch.full((1, 3, SIDE, SIDE), 1.5))


@pytest.mark.parametrize("name", RECONSTRUCTORS)
def test_a_source_that_is_not_there_is_one_clear_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere") as error:
        load_reconstructor(f"{name}:{tmp_path / 'nowhere'}")
    assert "\n" not in str(error.value)
