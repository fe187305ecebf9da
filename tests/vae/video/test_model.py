"""The VAE of clips: it begins as the VAE of single frames, looks back and never ahead, and counts its bits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from detector.errors import ConfigError, ShapeError
from detector.vae.config import VaeConfig
from detector.vae.likelihood import to_levels
from detector.vae.model import FaceVae
from detector.vae.video.config import VideoVaeConfig
from detector.vae.video.model import Past, VideoVae

CONFIG = VideoVaeConfig(
    "vae", 24, 4, (8, 12), (1, 1), (1, 1), latent=4, coarse_latent=4, codebook=4, length=5, past=2, prior_width=8
)
IMAGE = VaeConfig("vae", 24, 4, (8, 12), (1, 1), (1, 1), latent=4)


def clips(count: int = 2, length: int = 5) -> Tensor:
    return torch.rand((count, length, 3, 24, 24), generator=torch.Generator().manual_seed(3))


def shaken(config: VideoVaeConfig = CONFIG) -> VideoVae:
    """A model in which no layer is the identity any more."""
    torch.manual_seed(1)
    model = VideoVae(config).eval()
    with torch.no_grad():
        for values in model.parameters():
            values.add_(0.1 * torch.randn_like(values))
    return model


def image() -> FaceVae:
    torch.manual_seed(2)
    model = FaceVae(IMAGE).eval()
    with torch.no_grad():
        for values in model.parameters():
            values.add_(0.1 * torch.randn_like(values))
    return model


@pytest.mark.parametrize("past", [0, 2])
@pytest.mark.parametrize("length", [1, 5])
@torch.no_grad()
def test_inflated_it_is_the_image_model_frame_by_frame(past: int, length: int) -> None:
    still, model, pixels = image(), VideoVae(replace(CONFIG, past=past)).eval(), clips(length=length)
    model.inflate(still)
    made, (codes, _) = model.encode_clips(pixels), still.encode(pixels.flatten(0, 1))
    torch.testing.assert_close(made.mean.flatten(0, 1), codes.mean)
    torch.testing.assert_close(made.logvar.flatten(0, 1), codes.logvar)
    torch.testing.assert_close(made.kl.flatten(0, 1), codes.kl[0])
    likelihood, expected = model.decode_clips(made.decodable), still.decode(codes.decodable).distribution
    assert expected is not None
    levels = to_levels(pixels.flatten(0, 1))
    torch.testing.assert_close(likelihood.nll(levels), expected.nll(levels))


def everything(model: VideoVae, pixels: Tensor) -> list[Tensor]:
    """All that is said of clips, each (N, T, ...)."""
    codes = model.encode_clips(pixels)
    likelihood = model.decode_clips(codes.decodable)
    return [codes.mean, codes.logvar, codes.kl, likelihood.pixels.view_as(pixels), likelihood.log_scale.view_as(pixels)]


@pytest.mark.parametrize("frame", range(1, 5))
@torch.no_grad()
def test_nothing_of_a_frame_depends_on_a_later_one(frame: int) -> None:
    model, pixels = shaken(), clips()
    other = pixels.clone()
    other[:, frame:] = 1 - other[:, frame:]
    for one, two in zip(everything(model, pixels), everything(model, other), strict=True):
        assert torch.equal(one[:, :frame], two[:, :frame])
        assert not torch.equal(one[:, frame], two[:, frame])


@torch.no_grad()
def test_a_frame_depends_on_the_one_before_it() -> None:
    model, pixels = shaken(), clips()
    other = pixels.clone()
    other[:, 1] = 1 - other[:, 1]
    for one, two in zip(everything(model, pixels), everything(model, other), strict=True):
        assert not torch.equal(one[:, 2], two[:, 2])


@torch.no_grad()
def test_a_longer_clip_begins_as_the_shorter() -> None:
    model, pixels = shaken(), clips(length=9)
    for length in (1, 2, 4):
        for one, two in zip(everything(model, pixels), everything(model, pixels[:, :length]), strict=True):
            torch.testing.assert_close(one[:, :length], two)


@torch.no_grad()
def test_a_look_back_is_a_convolution_over_time_without_padding() -> None:
    """Against nn.Conv1d over zeros, without the bias that has no past to come from."""
    torch.manual_seed(0)
    look, x = Past(3, 2), torch.randn(2, 6, 3, 4, 4)
    nn.init.normal_(look.mix.weight)
    weight = look.mix.weight.view(3, 3, 3).permute(1, 2, 0).flip(-1)  # (out, in, oldest first)
    rows = torch.nn.functional.silu(x).permute(0, 3, 4, 2, 1).reshape(-1, 3, 6)
    mixed = nn.functional.conv1d(nn.functional.pad(rows, (2, 0)), weight)
    expected = x + mixed.view(2, 4, 4, 3, 6).permute(0, 4, 3, 1, 2)
    torch.testing.assert_close(look(x.flatten(0, 1), 6).view_as(x), expected)


@torch.no_grad()
def test_of_the_first_frame_nothing_is_expected_and_of_later_ones_something() -> None:
    model = shaken()
    assert model.prior is not None
    codes = torch.randn(2, 5, 4, 3, 3)
    for part in model.prior(codes):
        assert part.shape == codes.shape
        assert not part[:, 0].any()
        assert part[:, 1:].all()
    assert not any(part.any() for part in model.prior(codes[:, :1]))


def test_the_bound_is_what_its_terms_sum_to_and_every_layer_learns_from_it() -> None:
    model, pixels = shaken(), clips()
    bound = model.bound_clips(pixels)
    assert bound.nll is not None
    assert bound.kl is not None
    assert bound.nll.shape == bound.kl.shape == (2,)
    torch.testing.assert_close(bound.loss, (bound.nll + bound.kl).mean())
    assert bound.pixels.shape == (10, 3, 24, 24)
    bound.loss.backward()  # type: ignore[no-untyped-call]
    assert all(values.grad is not None and values.grad.any() for values in model.parameters())


@torch.no_grad()
def test_what_the_past_tells_need_not_be_sent_again() -> None:
    """A prior that expects the last code makes a clip that stands still cost less than one that jumps."""
    model = VideoVae(CONFIG).eval()
    model.inflate(image())
    assert model.prior is not None
    nn.init.dirac_(model.prior.leave.weight[:4, 8:])  # mean: the code before
    still = clips(1, 1).expand(-1, 5, -1, -1, -1)
    first, *later = model.encode_clips(still).kl.sum((0, 2, 3, 4)) / math.log(2)
    jumps = model.encode_clips(clips(1)).kl.sum((0, 2, 3, 4)) / math.log(2)
    assert all(bits < first for bits in later)
    assert jumps[1:].sum() > sum(later)


def test_a_model_of_another_make_is_refused() -> None:
    for other in (replace(IMAGE, widths=(8, 16)), replace(IMAGE, kind="hierarchical", size=32)):
        with pytest.raises(ConfigError, match="another make") as error:
            VideoVae(CONFIG).inflate(FaceVae(other))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "ae"}, 'expected kind "vae"'),
        ({"encoder": "timm:resnet18"}, "timm:resnet18"),
        ({"length": 0}, "at least 1 and 0, got 0"),
        ({"past": -1}, "got 5 and -1"),
    ],
)
def test_an_impossible_config_says_so(change: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        replace(CONFIG, **change)  # type: ignore[arg-type]


def test_pictures_are_no_clips() -> None:
    with pytest.raises(ShapeError, match="clips: expected shape"):
        VideoVae(CONFIG).encode_clips(torch.zeros(2, 3, 24, 24))
