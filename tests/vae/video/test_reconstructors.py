"""The contract of `CLIP_RECONSTRUCTORS`: what every entry promises, on a small model of each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from detector.errors import ShapeError, UnknownNameError, WeightsError
from detector.types import ClipReconstruction
from detector.vae import RECONSTRUCTORS, load_reconstructor
from detector.vae.config import VaeConfig
from detector.vae.loading import save_model
from detector.vae.model import FaceVae
from detector.vae.video import CLIP_RECONSTRUCTORS, ClipReconstructor, load_clip_reconstructor
from tests.vae.video.test_model import shaken
from tests.vae.video.test_pretrained import save

SIDE = 24


def video_vae(folder: Path) -> str:
    save_model(shaken(), folder / "model.safetensors", {}, torch.float32)
    return f"video-vae:{folder / 'model.safetensors'}"


def video_diffusers(folder: Path) -> str:
    save(folder, "AutoencoderKLWan")
    return f"video-diffusers:{folder}"


def frame_by_frame(folder: Path) -> str:
    torch.manual_seed(0)
    model = FaceVae(VaeConfig("vae", 32, 4, (8, 12), (1, 1), (1, 1), latent=4))
    save_model(model, folder / "model.safetensors", {}, torch.float32)
    return f"face-vae:{folder / 'model.safetensors'}"


MAKERS: dict[str, Callable[[Path], str]] = {
    "video-vae": video_vae,
    "video-diffusers": video_diffusers,
    "face-vae": frame_by_frame,
}
"""Entry to what writes a small model of it into a folder and gives its spec; and one of pictures."""


@pytest.fixture(scope="module", params=MAKERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ClipReconstructor:
    return load_clip_reconstructor(MAKERS[request.param](tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.rand((3, 6, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def made(model: ClipReconstructor, pixels: Tensor) -> ClipReconstruction:
    return model(pixels, second_pass=True)


def tensors(made: ClipReconstruction) -> dict[str, Tensor]:
    return {name: value for name, value in vars(made).items() if isinstance(value, Tensor)}


def test_there_is_a_small_model_of_every_entry() -> None:
    assert set(CLIP_RECONSTRUCTORS) <= set(MAKERS)
    assert not set(CLIP_RECONSTRUCTORS) & set(RECONSTRUCTORS)


def test_it_says_who_it_is(model: ClipReconstructor) -> None:
    assert model.name
    assert "." not in model.name
    assert len(bytes.fromhex(model.version)) == 6
    assert model.size > 0
    assert model.length > 0
    assert model.device == torch.device("cpu")


def test_pixels_stay_pixels_and_both_passes_give_the_same_fields(
    model: ClipReconstructor, made: ClipReconstruction, pixels: Tensor
) -> None:
    assert made.pixels.shape == pixels.shape
    assert 0 <= made.pixels.min() < made.pixels.max() <= 1
    assert made.second is not None
    assert made.second.second is None
    assert {name: value.shape for name, value in tensors(made).items()} == {
        name: value.shape for name, value in tensors(made.second).items()
    }
    assert all(value.isfinite().all() and not value.requires_grad for value in tensors(made).values())
    assert model(pixels).second is None


def test_the_second_pass_is_a_pass_over_the_first(model: ClipReconstructor, made: ClipReconstruction) -> None:
    assert made.second is not None
    again = tensors(model(made.pixels))
    for name, value in tensors(made.second).items():
        torch.testing.assert_close(value, again[name])


def test_the_same_clip_gives_the_same_answer_whoever_is_beside_it(
    model: ClipReconstructor, made: ClipReconstruction, pixels: Tensor
) -> None:
    again, alone = (tensors(model(given)) for given in (pixels.numpy(), pixels[2:]))
    for name, value in tensors(made).items():
        assert torch.equal(value, again[name])
        torch.testing.assert_close(value[2:], alone[name], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_any_length_works(model: ClipReconstructor, made: ClipReconstruction, pixels: Tensor, length: int) -> None:
    clips = pixels[:1].repeat(1, 2, 1, 1, 1)[:, :length]
    result = tensors(model(clips))
    assert set(result) == set(tensors(made))
    assert result["pixels"].shape == clips.shape
    assert 1 <= result["mean"].shape[2] <= length


def test_no_clip_gives_nothing_of_the_right_shape(
    model: ClipReconstructor, made: ClipReconstruction, pixels: Tensor
) -> None:
    none = tensors(model(pixels[:0]))
    assert {name: (0, *value.shape[1:]) for name, value in tensors(made).items()} == {
        name: tuple(value.shape) for name, value in none.items()
    }


@pytest.mark.parametrize(
    "shape", [(1, 2, 3, SIDE, SIDE + 1), (1, 2, 4, SIDE, SIDE), (2, 3, SIDE, SIDE), (1, 0, 3, 8, 8)]
)
def test_other_shapes_and_ranges_are_refused(model: ClipReconstructor, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="clips: expected"):
        model(torch.zeros(shape))
    with pytest.raises(ShapeError, match=r"values in \[0, 1\], got"):
        model(torch.full((1, 2, 3, SIDE, SIDE), 1.5))


@pytest.mark.parametrize("name", CLIP_RECONSTRUCTORS)
def test_a_source_that_is_not_there_is_one_clear_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere") as error:
        load_clip_reconstructor(f"{name}:{tmp_path / 'nowhere'}")
    assert "\n" not in str(error.value)


def test_weights_of_pictures_are_no_weights_of_clips(tmp_path: Path) -> None:
    spec = frame_by_frame(tmp_path).replace("face-vae:", "video-vae:")
    with pytest.raises(WeightsError, match="expected what `detector train video-vae` has written"):
        load_clip_reconstructor(spec)


def test_an_unknown_name_lists_those_of_clips_and_of_pictures() -> None:
    with pytest.raises(UnknownNameError, match=r"reconstructor of clips 'nothing'; known: .*face-vae.*video-vae"):
        load_clip_reconstructor("nothing:at-all")


def test_frame_by_frame_is_the_reconstructor_of_pictures(tmp_path: Path, pixels: Tensor) -> None:
    spec = frame_by_frame(tmp_path)
    made, still = load_clip_reconstructor(spec)(pixels), load_reconstructor(spec)(pixels.flatten(0, 1))
    assert made.kl is not None
    assert still.kl is not None
    torch.testing.assert_close(made.pixels.flatten(0, 1), still.pixels)
    torch.testing.assert_close(made.mean.movedim(1, 2).flatten(0, 1), still.mean)
    torch.testing.assert_close(made.kl.flatten(0, 1), still.kl)


def test_importing_the_registry_imports_no_torch() -> None:
    code = "import sys, detector.vae.video; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
