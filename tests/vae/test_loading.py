"""The embedded model and files of the family, behind the interface of every reconstructor."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from detector.errors import ShapeError, UnknownNameError, WeightsError
from detector.faces import crop_faces
from detector.types import Array, Face, Frame
from detector.vae import RECONSTRUCTORS, load_reconstructor
from detector.vae.config import VaeConfig
from detector.vae.likelihood import to_levels
from detector.vae.loading import FaceVaeReconstructor, load_face_vae, load_model, save_model
from detector.vae.model import FaceVae

KINDS = ("ae", "vae", "hierarchical", "vq-vae", "conditional")


def small(kind: str) -> FaceVae:
    torch.manual_seed(0)
    planes = 2 if kind == "conditional" else 0
    config = VaeConfig(kind, 32, 4, (16, 24), (1, 1), (1, 1), latent=8, codebook=32, condition_planes=planes)  # type: ignore[arg-type]
    model = FaceVae(config)
    model.start_from(torch.rand(16, 3, 32, 32))
    return model


@pytest.fixture(scope="module")
def face_vae() -> FaceVaeReconstructor:
    return load_face_vae()


@pytest.fixture(scope="module")
def crop(astronaut_frame: Frame, astronaut_face: Face) -> Array:
    return crop_faces(astronaut_frame, [astronaut_face]).pixels


def test_the_embedded_model_reconstructs_the_astronaut(face_vae: FaceVaeReconstructor, crop: Array) -> None:
    result = face_vae(crop)
    error = float(((result.pixels - torch.from_numpy(crop)) ** 2).mean())
    assert -10 * math.log10(error) > 30
    assert result.second is not None
    assert result.nll is not None
    assert result.kl is not None
    assert result.nll.mean() + result.kl.sum() / (3 * 128 * 128) < 5


def test_it_is_surer_of_a_face_than_of_noise(face_vae: FaceVaeReconstructor, crop: Array) -> None:
    noise = np.random.default_rng(0).random(crop.shape, np.float32)
    face, other = (face_vae(pixels, second_pass=False) for pixels in (crop, noise))
    assert face.nll is not None
    assert other.nll is not None
    assert face.nll.mean() + 2 < other.nll.mean()


def test_what_is_returned_does_not_depend_on_the_batch(face_vae: FaceVaeReconstructor, crop: Array) -> None:
    many = np.concatenate([crop, crop[:, :, ::-1], *[crop] * 9])
    together, alone = face_vae(many), face_vae(crop)
    torch.testing.assert_close(together.pixels[-1:], alone.pixels, atol=1e-4, rtol=0)
    torch.testing.assert_close(together.entropy[-1:], alone.entropy, atol=1e-3, rtol=0)  # type: ignore[index]


def test_the_second_pass_is_the_first_of_the_reconstruction(face_vae: FaceVaeReconstructor, crop: Array) -> None:
    result = face_vae(crop)
    assert result.second is not None
    torch.testing.assert_close(face_vae(result.pixels, second_pass=False).pixels, result.second.pixels)


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_is_decoded_as_the_reconstruction_was(kind: str) -> None:
    model = FaceVaeReconstructor(small(kind), "0")
    result = model(torch.rand(2, 3, 32, 32), second_pass=False)
    if kind == "hierarchical":
        assert model.decode is None, "the finest latent alone says too little"
    else:
        assert model.decode is not None
        torch.testing.assert_close(model.decode(result.mean), result.pixels)
        assert (model.decode(result.mean + 1) - result.pixels).abs().max() > 0.01


def test_any_multiple_of_the_stride(face_vae: FaceVaeReconstructor) -> None:
    assert face_vae(np.zeros((1, 3, 72, 72), np.float32), False).pixels.shape == (1, 3, 72, 72)
    with pytest.raises(ShapeError, match="multiple of 8"):
        face_vae(np.zeros((1, 3, 70, 70), np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_gives_what_it_has_and_none_for_what_it_lacks(kind: str) -> None:
    result = FaceVaeReconstructor(small(kind), "0" * 12)(np.random.default_rng(0).random((3, 3, 32, 32), np.float32))
    assert (result.kl is None) == (result.nll is None) == (result.entropy is None) == (kind == "ae")
    assert (result.logvar is None) == (kind in ("ae", "vq-vae"))
    assert result.mean.shape == (3, 8, 4, 4)
    assert result.hidden is not None


def test_the_maps_are_those_of_the_model() -> None:
    """Bits per position over all channels and scales; bits per dimension over RGB."""
    model, pixels = small("hierarchical").eval(), torch.rand(2, 3, 32, 32)
    result = FaceVaeReconstructor(model, "0" * 12)(pixels)
    with torch.inference_mode():
        codes, _ = model.encode(pixels)
        distribution = model.decode(codes.decodable).distribution
    assert distribution is not None
    assert result.kl is not None
    assert result.nll is not None
    total = sum(part.sum((1, 2, 3)) for part in codes.kl) / math.log(2)
    torch.testing.assert_close(result.kl.sum((1, 2)), total)
    torch.testing.assert_close(result.nll, distribution.nll(to_levels(pixels)).mean(1))


def test_the_condition_goes_with_its_crop() -> None:
    model = small("conditional")
    for values in model.parameters():
        torch.nn.init.normal_(values, std=0.05)
    reconstructor, pixels = FaceVaeReconstructor(model, "0" * 12), torch.rand(10, 3, 32, 32)
    condition = torch.rand(10, 2, 32, 32)
    told, untold = reconstructor(pixels, condition=condition), reconstructor(pixels)
    assert not torch.allclose(told.pixels, untold.pixels)
    alone = reconstructor(pixels[9:], condition=condition[9:])
    torch.testing.assert_close(told.pixels[9:], alone.pixels, atol=1e-5, rtol=0)
    assert told.second is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_is_the_same_model(kind: str, tmp_path: Path) -> None:
    model = small(kind).eval()
    save_model(model, tmp_path / "model.safetensors", {}, torch.float32)
    again = load_reconstructor(f"face-vae:{tmp_path / 'model.safetensors'}")
    pixels = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(again(pixels).pixels, FaceVaeReconstructor(model, "")(pixels).pixels)
    assert len(again.version) == 12


def test_what_is_no_model_of_ours_is_refused(tmp_path: Path) -> None:
    for name, content in {"none": None, "text": b"no weights", "empty": b""}.items():
        path = tmp_path / f"{name}.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(WeightsError, match=name):
            load_model(path)
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="other"):
        load_model(tmp_path / "other.safetensors")


def test_every_reconstructor_is_found_by_name() -> None:
    assert set(RECONSTRUCTORS) == {"face-vae", "diffusers", "taesd", "ddim", "onnx", "openvino"}
    assert load_reconstructor("face-vae").name == "face-vae"
    with pytest.raises(UnknownNameError, match="known: ddim, diffusers, face-vae, onnx, openvino, taesd"):
        load_reconstructor("vae-of-faces")
