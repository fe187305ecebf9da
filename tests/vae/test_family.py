"""Every member of the family: shapes, the bound term by term, and that it learns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from detector.errors import ConfigError, ShapeError
from detector.vae.bottleneck import BOTTLENECKS, Hierarchical, Quantised
from detector.vae.config import VaeConfig
from detector.vae.likelihood import Logistic, to_levels
from detector.vae.model import FaceVae
from detector.vae.posterior import gaussian_kl

SMALL = VaeConfig(size=32, widths=(16, 24), encoder_blocks=(1, 1), decoder_blocks=(1, 1), latent=8)
FAMILY = {
    "ae": replace(SMALL, kind="ae"),
    "vae": SMALL,
    "beta-vae": replace(SMALL, kind="beta-vae", beta=4.0),
    "hierarchical": replace(SMALL, kind="hierarchical", coarse_latent=4),
    "vq-vae": replace(SMALL, kind="vq-vae", codebook=32, beta=0.25),
    "conditional": replace(SMALL, kind="conditional", condition_planes=2),
}
TIMM = replace(SMALL, encoder="timm:test_resnet")
every = pytest.mark.parametrize("config", [*FAMILY.values(), TIMM], ids=[*FAMILY, "timm"])


def make(config: VaeConfig, start: bool = True) -> FaceVae:
    torch.manual_seed(0)
    model = FaceVae(config)
    if start:
        model.start_from(crops(16))
    return model


def crops(count: int, side: int = 32) -> Tensor:
    """Smooth blobs with a little noise: something that can be learnt."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand((count, 3, 4, 4), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=side, mode="bicubic")
    return (smooth + 0.02 * torch.randn(smooth.shape, generator=generator)).clamp(0, 1)


def test_every_kind_is_tested() -> None:
    assert set(FAMILY) == set(BOTTLENECKS)


@every
def test_shapes_at_any_multiple_of_the_stride(config: VaeConfig) -> None:
    model = make(config).eval()
    side = 2 * config.stride + 32
    pixels = crops(2, side)
    codes, hidden = model.encode(pixels)
    assert codes.mean.shape == (2, config.latent, side // 8, side // 8)
    assert hidden.shape[0] == 2
    assert model.decode(codes.decodable).pixels.shape == pixels.shape


@every
def test_learns(config: VaeConfig) -> None:
    model = make(config, start=False).train()
    pixels = crops(8)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    losses = []
    for _ in range(30):
        torch.manual_seed(1)
        loss = model.bound(pixels).loss
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


@every
def test_everything_learns_something(config: VaeConfig) -> None:
    """No parameter is left out of the computation, so none would be shipped untrained."""
    model = make(config, start=False).train()
    condition = torch.rand(2, 2, 32, 32) if config.condition_planes else None
    model.bound(crops(2), condition).loss.backward()  # type: ignore[no-untyped-call]
    beyond = ("encoder.body.layer3", "encoder.body.layer4")  # a backbone's stages after the one that is used
    without = [n for n, p in model.named_parameters() if p.grad is None and not n.startswith(beyond)]
    assert without == []


@pytest.mark.parametrize("kind", ["vae", "beta-vae", "hierarchical", "conditional"])
def test_the_bound_is_likelihood_less_divergence(kind: str) -> None:
    """Both terms again from their definitions, with Torch's own divergence and the bins of the distribution."""
    config = FAMILY[kind]
    model, pixels = make(config).eval(), crops(3)
    torch.manual_seed(5)
    bound = model.bound(pixels)
    torch.manual_seed(5)
    codes, _ = model.encode(pixels, draw=True)
    distribution = model.decode(codes.decodable).distribution
    assert isinstance(distribution, Logistic)
    dims = pixels[0].numel()
    nll = distribution.nll(to_levels(pixels)).sum((1, 2, 3)) / dims
    kl = sum(part.sum((1, 2, 3)) for part in codes.kl) / math.log(2) / dims
    assert bound.nll is not None
    assert bound.kl is not None
    torch.testing.assert_close(bound.nll, nll)
    torch.testing.assert_close(bound.kl, kl)
    torch.testing.assert_close(bound.bits_per_dim, nll + kl)
    torch.testing.assert_close(bound.loss, (nll + config.beta * kl).mean())


def test_divergence_from_any_prior() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, logvar, prior_mean, prior_logvar = torch.randn(4, 2, 3, 4, 4, generator=generator)
    reference = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(prior_mean, (prior_logvar / 2).exp()))
    torch.testing.assert_close(gaussian_kl(mean, logvar, prior_mean, prior_logvar), reference)


def test_divergence_by_hand() -> None:
    """N(1, 4) from N(3, 2): 1/2 (4/2 + (1-3)^2/2 - 1 - ln(4/2)) = 1/2 (3 - ln 2)."""
    args = [torch.tensor(x) for x in (1.0, math.log(4), 3.0, math.log(2))]
    assert gaussian_kl(*args).item() == pytest.approx((3 - math.log(2)) / 2)


def test_the_linear_start_is_the_principal_components() -> None:
    """Untrained, the mean picture is the projection of each block on its first components."""
    model, pixels = make(replace(SMALL, kind="ae")).eval(), crops(16)
    codes, _ = model.encode(pixels)
    blocks = torch.nn.functional.pixel_unshuffle(pixels, 8).movedim(1, -1).reshape(-1, 192)
    centred = blocks - blocks.mean(0)
    basis = torch.linalg.svd(centred, full_matrices=False).Vh[: SMALL.latent]
    projected = centred @ basis.T @ basis + blocks.mean(0)
    expected = torch.nn.functional.pixel_shuffle(projected.reshape(16, 4, 4, 192).movedim(-1, 1), 8)
    torch.testing.assert_close(model.decode(codes.decodable).pixels, expected.clamp(0, 1), atol=2e-3, rtol=0)


def test_free_bits_stop_the_cost_of_what_is_nearly_free() -> None:
    """At the prior the divergence is 0, and each of 8 channels at 4 x 4 positions is charged its free 2 bits."""
    model = FaceVae(replace(SMALL, free_bits=2.0)).eval()
    for values in model.bottleneck.parameters():
        torch.nn.init.zeros_(values)
    bound = model.bound(crops(1))
    assert bound.kl is not None
    assert bound.nll is not None
    assert bound.kl.item() == 0
    assert (bound.loss - bound.nll.mean()).item() == pytest.approx(2 * 8 * 4 * 4 / (3 * 32 * 32), rel=1e-4)


def test_annealing_takes_the_divergence_out_of_the_loss() -> None:
    bound = make(SMALL).bound(crops(2), kl_weight=0.0)
    assert bound.nll is not None
    assert bound.loss.item() == pytest.approx(bound.nll.mean().item())


def test_the_fine_prior_follows_the_coarse_latent() -> None:
    model = make(FAMILY["hierarchical"], start=False)
    bottleneck = model.bottleneck
    assert isinstance(bottleneck, Hierarchical)
    contexts = [bottleneck.up(torch.full((1, 4, 2, 2), value)) for value in (-2.0, 2.0)]
    assert not torch.allclose(bottleneck.to_prior(contexts[0]), bottleneck.to_prior(contexts[1]))
    codes, _ = model.encode(crops(2))
    assert [part.shape for part in codes.kl] == [(2, 8, 4, 4), (2, 4, 2, 2)]


def test_code_words_are_the_nearest_and_gradients_pass_straight() -> None:
    bottleneck = make(FAMILY["vq-vae"]).bottleneck.eval()
    assert isinstance(bottleneck, Quantised)
    features = torch.randn(1, 24, 2, 2, requires_grad=True)
    codes = bottleneck(features, None, draw=False)
    code = bottleneck.to_code(features)
    for y, x in [(0, 0), (1, 1)]:
        distances = (bottleneck.words - code[0, :, y, x]).norm(dim=1)
        torch.testing.assert_close(codes.mean[0, :, y, x], bottleneck.words[distances.argmin()])
    direct = torch.autograd.grad(code.sum(), features, retain_graph=True)[0]
    through = torch.autograd.grad(codes.decodable.sum(), features, retain_graph=True)[0]
    torch.testing.assert_close(through, direct)
    assert codes.penalty is not None
    torch.testing.assert_close(codes.penalty, 0.25 * (code - codes.mean).square().sum((1, 2, 3)))


def test_a_sure_word_costs_its_surprise() -> None:
    bottleneck = make(FAMILY["vq-vae"]).bottleneck.eval()
    assert isinstance(bottleneck, Quantised)
    codes = bottleneck(torch.randn(1, 24, 2, 2), None, draw=False)
    # Every word was used as often as every other: log2 32 = 5 bits each.
    torch.testing.assert_close(codes.kl[0] / math.log(2), torch.full((1, 1, 2, 2), 5.0))


def test_dead_words_come_back_to_life() -> None:
    bottleneck = make(FAMILY["vq-vae"]).bottleneck.train()
    assert isinstance(bottleneck, Quantised)
    bottleneck.words[5:] += 1000.0
    bottleneck.counts[5:] = 0.01
    bottleneck(torch.randn(4, 24, 2, 2), None, draw=True)
    assert bottleneck.words.abs().max() < 100


def test_the_condition_matters_and_can_be_left_out() -> None:
    model, pixels = make(FAMILY["conditional"], start=False), crops(2)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    condition = torch.zeros(2, 2, 32, 32)
    condition[:, 0] = 1
    for _ in range(3):  # the conditioned prior begins at N(0, 1)
        loss = model.bound(pixels, condition).loss
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    told, untold = (model.encode(pixels, c)[0] for c in (condition, None))
    assert not torch.allclose(told.kl[0], untold.kl[0])
    torch.testing.assert_close(untold.kl[0], model.encode(pixels, torch.zeros_like(condition))[0].kl[0])


@every
def test_the_distance_is_one(config: VaeConfig) -> None:
    """Nothing from itself, the same both ways, larger for the larger change."""
    model, pixels = make(config, start=False).eval(), crops(2)
    near, far = (pixels + size * torch.randn_like(pixels) for size in (0.01, 0.1))
    assert model.distance(pixels, pixels).tolist() == [0, 0]
    torch.testing.assert_close(model.distance(pixels, near), model.distance(near, pixels))
    assert (model.distance(pixels, near) < model.distance(pixels, far)).all()


def test_what_is_seen_decides_the_code_and_the_crops_the_bits() -> None:
    model, pixels = make(SMALL).eval(), crops(2)
    torch.manual_seed(3)
    plain = model.bound(pixels)
    torch.manual_seed(3)
    told = model.bound(pixels, seen=pixels)
    grey = model.bound(pixels, seen=torch.full_like(pixels, 0.5))
    assert plain.bits_per_dim is not None
    assert told.bits_per_dim is not None
    assert grey.bits_per_dim is not None
    torch.testing.assert_close(told.bits_per_dim, plain.bits_per_dim)
    assert (grey.bits_per_dim > plain.bits_per_dim).all()


@pytest.mark.parametrize("kind", FAMILY)
def test_draws_from_the_prior_can_be_decoded(kind: str) -> None:
    model = make(FAMILY[kind])
    code = model.bottleneck.prior((2, 4, 4), None, 1.0)
    assert model.decode(code).pixels.shape == (2, 3, 32, 32)


def test_wrong_input_is_refused() -> None:
    model = make(SMALL, start=False)
    with pytest.raises(ShapeError, match=r"multiples of 8, got 32 x 36"):
        model.encode(torch.rand(1, 3, 32, 36))
    with pytest.raises(ShapeError, match="condition"):
        model.encode(crops(1), torch.zeros(1, 2, 32, 32))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"beta": 2.0}, "beta-vae"),
        ({"condition_planes": 3}, "condition_planes"),
        ({"kind": "conditional"}, "condition_planes"),
        ({"size": 36}, "multiple of the stride 8"),
        ({"widths": (16,)}, "one number per stage"),
    ],
)
def test_impossible_configs_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(SMALL, **wrong)  # type: ignore[arg-type]


def test_impossible_encoders_are_refused() -> None:
    with pytest.raises(ConfigError, match="timm:NAME"):
        FaceVae(replace(SMALL, encoder="resnet18"))
    with pytest.raises(ConfigError, match="reduction 24"):
        FaceVae(replace(SMALL, size=48, stem=12, encoder="timm:test_resnet"))
