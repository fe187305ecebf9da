"""The TAESD layout: the architecture is read from the keys, and nothing but tensors is read from the files."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from detector.errors import ShapeError, WeightsError
from detector.faces.crops import crop_faces
from detector.types import Face, Frame, Pixels
from detector.vae.pretrained import load_taesd

State = dict[str, Tensor]
WIDTH, LATENTS = 8, 3
BLOCKS = (1, 3, 3, 3)


def convolution(n_in: int, n_out: int, name: str, bias: bool = True, kernel: int = 3) -> State:
    weight = torch.randn(n_out, n_in, kernel, kernel) / (n_in * kernel**2) ** 0.5
    return {f"{name}.weight": weight, **({f"{name}.bias": torch.randn(n_out) / 10} if bias else {})}


def block(name: str, pooled: bool = False, n_in: int = WIDTH) -> State:
    state = convolution(n_in, WIDTH, f"{name}.conv.0")
    state |= convolution(WIDTH, WIDTH, f"{name}.conv.2") | convolution(WIDTH, WIDTH, f"{name}.conv.4")
    if n_in != WIDTH:
        state |= convolution(n_in, WIDTH, f"{name}.skip", bias=False, kernel=1)
    if pooled:
        state |= convolution(n_in, 4 * n_in, f"{name}.pool.0", bias=False, kernel=1)
        state |= {f"{name}.pool.1.weight": 1 + torch.randn(4 * n_in) / 10, f"{name}.pool.1.bias": torch.randn(4 * n_in)}
        state |= convolution(4 * n_in, n_in, f"{name}.pool.3", bias=False, kernel=1)
    return state


def encoder(pooled: bool = False) -> State:
    """A narrow encoder of the published depth: the keys are those of taesd, or taef2 when `pooled`."""
    state, index = convolution(3, WIDTH, "0"), 1
    for stage, count in enumerate(BLOCKS):
        if stage:
            state |= convolution(WIDTH, WIDTH, str(index), bias=False)
            index += 1
        for _ in range(count):
            state |= block(str(index), pooled and stage == len(BLOCKS) - 1)
            index += 1
    return state | convolution(WIDTH, LATENTS, str(index))


def decoder(pooled: bool = False) -> State:
    """Its decoder: indices 0 (clamp), 2 (ReLU) and those before a convolution without bias (doubling) have no key."""
    state, index = convolution(LATENTS, WIDTH, "1"), 3
    for stage, count in enumerate(reversed(BLOCKS)):
        for _ in range(count):
            state |= block(str(index), pooled and stage == 0)
            index += 1
        if stage < len(BLOCKS) - 1:
            state |= convolution(WIDTH, WIDTH, str(index + 1), bias=False)
            index += 2
    return state | convolution(WIDTH, 3, str(index))


def save(folder: Path, encoded: State, decoded: State, name: str = "small") -> str:
    torch.save(encoded, folder / f"{name}_encoder.pth")
    torch.save(decoded, folder / f"{name}_decoder.pth")
    return str(folder)


def apply_conv(state: State, name: str, x: Tensor, **options: Any) -> Tensor:
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state.get(f"{name}.bias"), padding=weight.shape[-1] // 2, **options)


def apply_block(state: State, name: str, x: Tensor) -> Tensor:
    if f"{name}.pool.0.weight" in state:
        wide = F.group_norm(
            apply_conv(state, f"{name}.pool.0", x), 4, state[f"{name}.pool.1.weight"], state[f"{name}.pool.1.bias"]
        )
        x = x + apply_conv(state, f"{name}.pool.3", wide.relu())
    y = apply_conv(state, f"{name}.conv.2", apply_conv(state, f"{name}.conv.0", x).relu()).relu()
    skip = apply_conv(state, f"{name}.skip", x) if f"{name}.skip.weight" in state else x
    return (apply_conv(state, f"{name}.conv.4", y) + skip).relu()


def round_trip(encoded: State, decoded: State, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The published architecture, written out layer by layer: code and picture."""
    x = apply_block(encoded, "1", apply_conv(encoded, "0", pixels))
    for first in (2, 6, 10):
        x = apply_conv(encoded, str(first), x, stride=2)
        for index in range(first + 1, first + 4):
            x = apply_block(encoded, str(index), x)
    code = apply_conv(encoded, "14", x)
    x = apply_conv(decoded, "1", 3 * torch.tanh(code / 3)).relu()
    for first in (3, 8, 13):
        for index in range(first, first + 3):
            x = apply_block(decoded, str(index), x)
        doubled = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        x = apply_conv(decoded, str(first + 4), doubled)
    return code, apply_conv(decoded, "19", apply_block(decoded, "18", x)).clamp(0, 1)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("pooled", [False, True])
def test_the_layers_are_the_published_ones(tmp_path: Path, pooled: bool) -> None:
    encoded, decoded, pixels = encoder(pooled), decoder(pooled), torch.rand(2, 3, 32, 32)
    model = load_taesd(save(tmp_path, encoded, decoded))
    result = model(pixels)
    code, picture = round_trip(encoded, decoded, pixels)
    torch.testing.assert_close(result.mean, code)
    torch.testing.assert_close(result.pixels, picture)
    assert model.decode is not None
    torch.testing.assert_close(model.decode(code), picture)
    assert result.second is not None
    torch.testing.assert_close(result.second.mean, round_trip(encoded, decoded, picture)[0])
    assert result.hidden is not None
    assert result.hidden.shape == (2, WIDTH, 16, 16)
    assert (result.logvar, result.kl, result.nll, result.entropy) == (None, None, None, None)
    assert (model.name, model.stride) == ("small", 8)


def test_diffusers_agrees_on_the_plain_layout(tmp_path: Path) -> None:
    """An independent reference: its tiny autoencoder has the same weights under other names."""
    from diffusers import AutoencoderTiny

    encoded, decoded, pixels = encoder(), decoder(), torch.rand(1, 3, 24, 24)
    reference = AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 4, decoder_block_out_channels=(WIDTH,) * 4, latent_channels=LATENTS
    ).eval()
    # There the clamp is no layer, so every index of the decoder is one less.
    renamed = {f"encoder.layers.{key}": value for key, value in encoded.items()}
    for key, value in decoded.items():
        index, _, rest = key.partition(".")
        renamed[f"decoder.layers.{int(index) - 1}.{rest}"] = value
    reference.load_state_dict(renamed)
    result = load_taesd(save(tmp_path, encoded, decoded))(pixels, second_pass=False)
    with torch.no_grad():
        code = reference.encode(pixels * 2 - 1).latents
        picture = (reference.decode(code).sample / 2 + 0.5).clamp(0, 1)
    torch.testing.assert_close(result.mean, code)
    torch.testing.assert_close(result.pixels, picture)


def test_a_block_that_widens_has_a_skip(tmp_path: Path) -> None:
    encoded = convolution(3, 4, "0") | block("1", n_in=4) | convolution(WIDTH, LATENTS, "2")
    decoded = convolution(LATENTS, WIDTH, "1") | convolution(WIDTH, 3, "3")
    model = load_taesd(save(tmp_path, encoded, decoded))
    assert model.stride == 1
    pixels = torch.rand(1, 3, 5, 5)
    code = apply_conv(encoded, "2", apply_block(encoded, "1", apply_conv(encoded, "0", pixels)))
    torch.testing.assert_close(model(pixels).mean, code)


def test_both_file_formats_and_both_ways_to_name_them(tmp_path: Path) -> None:
    encoded, decoded, pixels = encoder(), decoder(), torch.rand(1, 3, 16, 16)
    save_file(encoded, tmp_path / "v1.5_encoder.safetensors")
    save_file(decoded, tmp_path / "v1.5_decoder.safetensors")
    folder = load_taesd(str(tmp_path))
    pair = load_taesd(f"{tmp_path}/v1.5_encoder.safetensors,{tmp_path}/v1.5_decoder.safetensors")
    assert folder.name == pair.name == "v1-5"
    assert folder.version == pair.version
    torch.testing.assert_close(folder(pixels).mean, round_trip(encoded, decoded, pixels)[0])


def test_half_precision_files_are_computed_in_full(tmp_path: Path) -> None:
    half = {key: value.half() for key, value in encoder().items()}
    result = load_taesd(save(tmp_path, half, decoder()))(torch.rand(1, 3, 16, 16))
    assert result.mean.dtype == torch.float32


def test_other_sides_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="multiple of 8, got 20"):
        load_taesd(save(tmp_path, encoder(), decoder()))(torch.zeros(1, 3, 20, 20))


def without(state: State, start: str) -> State:
    return {key: value for key, value in state.items() if not key.startswith(start)}


@pytest.mark.parametrize(
    ("encoded", "decoded", "says"),
    [
        (without(encoder(), "4.conv.2.bias"), decoder(), r"layer 4 has conv\.0\.bias"),
        (without(encoder(), "4."), decoder(), "layer 4 has no tensor"),
        (encoder() | {"4.gate.weight": torch.zeros(1)}, decoder(), r"layer 4 has .*gate\.weight"),
        (encoder() | {"layers.0.weight": torch.zeros(1)}, decoder(), r"keys like .* got 'layers\.0\.weight'"),
        (encoder() | {"4.conv.2.bias": torch.zeros(5)}, decoder(), r"size mismatch for 4\.conv\.2\.bias"),
        (encoder() | {"14.weight": torch.zeros(LATENTS)}, decoder(), r"convolution of shape \(3,\)"),
        (encoder() | {"999.weight": torch.zeros(1, 1, 3, 3)}, decoder(), "layer 15 has no tensor"),
        (encoder(), without(decoder(), "4."), "layer 4 has no tensor"),
        (encoder(), without(decoder(), "19."), "8 channels|expected an encoder"),
        (encoder(), decoder() | convolution(7, WIDTH, "1"), "expected an encoder of 3 colours and its decoder"),
        (decoder(), encoder(), "not the TAESD layout"),
        ({}, decoder(), "there is no tensor"),
        (block("0", n_in=3), decoder(), "there is no convolution"),
    ],
)
def test_another_layout_is_one_clear_line(tmp_path: Path, encoded: State, decoded: State, says: str) -> None:
    with pytest.raises(WeightsError, match=says) as error:
        load_taesd(save(tmp_path, encoded, decoded))
    assert "small_encoder.pth, small_decoder.pth" in str(error.value)
    assert "\n" not in str(error.value)


class Malice:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_refused_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    trap, files = tmp_path / "trap", tmp_path / "files"
    files.mkdir()
    save(files, {**encoder(), "0.extra": Malice(trap)}, decoder())  # type: ignore[dict-item]
    if not zipped:
        (files / "small_encoder.pth").write_bytes(pickle.dumps(Malice(trap), protocol=2))
    with pytest.raises(WeightsError, match="refused, for it is damaged or holds more than plain tensors"):
        load_taesd(str(files))
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    for half in ("encoder", "decoder"):
        (tmp_path / f"small_{half}.{suffix}").write_bytes(content)
    with pytest.raises(WeightsError, match="refused, for it is damaged"):
        load_taesd(str(tmp_path))


def test_something_else_than_named_tensors_is_refused(tmp_path: Path) -> None:
    save(tmp_path, [torch.zeros(1)], decoder())  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match="expected named tensors"):
        load_taesd(str(tmp_path))


def test_files_that_are_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no folder 'nowhere'; expected a folder, or two files"):
        load_taesd("nowhere")
    with pytest.raises(WeightsError, match="expected one NAME_encoder, got none"):
        load_taesd(str(tmp_path))
    with pytest.raises(WeightsError, match=r"there is no file .*missing\.pth"):
        load_taesd(f"{tmp_path}/missing.pth,{tmp_path}/other.pth")
    save(tmp_path, encoder(), decoder(), "one")
    save(tmp_path, encoder(), decoder(), "two")
    with pytest.raises(WeightsError, match=r"got one_encoder\.pth, two_encoder\.pth; name the files"):
        load_taesd(str(tmp_path))


def test_the_default_says_how_to_fetch_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_MODELS", str(tmp_path))
    with pytest.raises(WeightsError, match="detector models pull taef2_encoder"):
        load_taesd()


@pytest.mark.data
def test_the_tiny_flux2_autoencoder_reconstructs_a_head(
    shared: Path, astronaut: Pixels, astronaut_face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    monkeypatch.setenv("DETECTOR_MODELS", str(shared / "models"))
    model = load_taesd()
    assert (model.name, model.stride) == ("taef2", 8)
    assert load_taesd(str(shared / "models")).version == model.version
    head = np.ascontiguousarray(astronaut[0:256, 96:352].transpose(2, 0, 1)[None]).astype(np.float32) / np.float32(255)
    for pixels in (head, crop_faces(Frame(astronaut), [astronaut_face], 128).pixels):
        result = model(pixels, second_pass=False)
        assert result.mean.shape[1] == 32
        for crop, made in zip(pixels, result.pixels.numpy(), strict=True):
            assert peak_signal_noise_ratio(crop, made, data_range=1) >= 30
