"""What is particular to each maker."""

from __future__ import annotations

import numpy as np
import pytest

from detector.fakes import Workshop, load_fake_maker
from detector.fakes.outline import TEMPLATE, hull_mask
from detector.fakes.self_blend import CHANGES
from detector.fakes.square import cut_square
from detector.fakes.swap import aligned, fitting, misfit, transfer_colours
from detector.fakes.up_sample import chain, double
from detector.types import Array, Face, Frame, Pixels
from tests.fakes.conftest import Coarse


@pytest.fixture(scope="module")
def patch(astronaut: Pixels) -> Array:
    """(192, 192, 3) in [0, 1]: the astronaut's face."""
    return astronaut[32:224, 128:320].astype(np.float32) / np.float32(255)


def test_a_perfect_autoencoder_makes_no_fake(astronaut_frame: Frame, astronaut_face: Face) -> None:
    """Only the trace of the autoencoder tells a round trip from its source, never that of its making."""

    class Perfect(Coarse):
        def __call__(self, pixels: Array, second_pass: bool = True):  # type: ignore[no-untyped-def]
            import torch

            from detector.types import Reconstruction

            assert not second_pass
            return Reconstruction(torch.as_tensor(pixels), torch.as_tensor(pixels))

    for name in ("round-trip", "round-trip-region"):
        maker = load_fake_maker(name, Workshop((Perfect(),)))
        errors = []
        for seed in range(12):
            fake = maker(astronaut_frame, astronaut_face, np.random.default_rng(seed))
            errors.append(np.abs(fake.frame.pixels.astype(int) - astronaut_frame.pixels).max())
        assert min(errors) == 0, name


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_change_is_small_but_there(change, patch: Array) -> None:  # type: ignore[no-untyped-def]
    for seed in range(5):
        made = change(patch, np.random.default_rng(seed))
        assert (made.shape, made.dtype) == (patch.shape, np.float32)
        assert 1e-4 < np.abs(made - patch).mean() < 0.15


def test_colours_are_those_of_the_target(patch: Array) -> None:
    other = np.clip(patch[:, ::-1] * np.array([0.6, 0.8, 1.0], np.float32), 0, 1)
    mask = np.ones(patch.shape[:2], np.float32)
    moved = transfer_colours(np.ascontiguousarray(other), patch, mask, 1.0)
    assert np.abs(other.mean((0, 1)) - patch.mean((0, 1))).max() > 0.1
    assert moved.mean((0, 1)) == pytest.approx(patch.mean((0, 1)), abs=0.02)
    assert transfer_colours(patch, other, mask, 0.0) == pytest.approx(patch, abs=5e-3)


def test_a_face_keeps_its_own_colours_and_place(astronaut_frame: Frame, astronaut_face: Face) -> None:
    square = cut_square(astronaut_frame, astronaut_face)
    assert misfit(square, square) == pytest.approx(0, abs=1e-5)
    warped = aligned(square, square, 1000.0, np.random.default_rng(0))
    assert warped == pytest.approx(square.pixels, abs=0.02)
    mask = hull_mask(square.landmarks, square.side, np.random.default_rng(0))
    assert transfer_colours(square.pixels, square.pixels, mask, 1.0) == pytest.approx(square.pixels, abs=5e-3)


def test_a_donor_lies_where_the_face_was(
    astronaut_frame: Frame, astronaut_face: Face, donor: tuple[Frame, Face]
) -> None:
    """Her mirror image, warped onto her, has dark eyes where hers are."""
    square, other = cut_square(astronaut_frame, astronaut_face), cut_square(*donor)
    warped = aligned(other, square, 320.0, np.random.default_rng(0)).mean(axis=2)
    eyes = square.landmarks[:2].astype(int)
    cheeks = eyes + np.array([0, 22])
    dark, bright = (np.mean([warped[y - 2 : y + 3, x - 2 : x + 3].mean() for x, y in at]) for at in (eyes, cheeks))
    assert dark < 0.7 * bright


def test_the_donor_that_fits_best_is_taken(astronaut_frame: Frame, astronaut_face: Face) -> None:
    square = cut_square(astronaut_frame, astronaut_face)
    profile = (TEMPLATE * np.array([0.2, 1]) * 40 + np.array([220, 110])).astype(np.float32)
    bad = (astronaut_frame, Face(astronaut_face.box, profile, 1.0))
    good = (astronaut_frame, astronaut_face)
    chosen = fitting((bad, good, bad), square, np.random.default_rng(0))
    assert np.array_equal(chosen.landmarks, square.landmarks)


def test_doubling_leaves_a_period_of_two(patch: Array) -> None:
    """A flat field through uneven transposed kernels has energy at the highest frequencies only."""
    flat = np.full((32, 32, 3), 0.5, np.float32)
    peaks = 0
    for seed in range(30):
        made = double(flat, np.random.default_rng(seed))[8:-8, 8:-8]
        assert made.shape == (48, 48, 3)
        assert made.mean() == pytest.approx(0.5, abs=0.02)
        power = np.abs(np.fft.fft2(made[..., 0] - made[..., 0].mean()))
        at_two = power[24, 0] + power[0, 24] + power[24, 24]
        peaks += power.sum() > 1e-2 and at_two > 0.99 * power.sum()
    assert 5 <= peaks <= 20, "about a third of the ways to double"
    assert double(patch, np.random.default_rng(0)).shape == (384, 384, 3)


def test_a_chain_moves_nothing(patch: Array) -> None:
    """No shift by a part of a pixel: that would show at every edge."""
    for seed in range(12):
        made = chain(patch, np.random.default_rng(seed))
        here = np.abs(made - patch)[8:-8, 8:-8].mean()
        moved = min(np.abs(made - np.roll(patch, step, axis))[8:-8, 8:-8].mean() for step in (-1, 1) for axis in (0, 1))
        assert here < moved
        assert made.mean() == pytest.approx(patch.mean(), abs=0.01)
