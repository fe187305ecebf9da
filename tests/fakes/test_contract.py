"""What every fake promises, whoever makes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import ConfigError, ShapeError, UnknownNameError
from detector.fakes import FAKES, Fake, Workshop, load_fake_maker, servable
from detector.types import Face, Frame

NEEDS = {"round-trip": "autoencoder", "round-trip-region": "autoencoder", "swap": "faces", "vae-sample": "decode"}


@pytest.mark.parametrize("name", FAKES)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_fake_differs_inside_its_mask_and_nowhere_else(
    name: str, seed: int, workshop: Workshop, astronaut_frame: Frame, astronaut_face: Face
) -> None:
    before = astronaut_frame.pixels.copy()
    fake = load_fake_maker(name, workshop)(astronaut_frame, astronaut_face, np.random.default_rng(seed))
    assert np.array_equal(astronaut_frame.pixels, before), "the source is left alone"
    assert (fake.frame.pixels.shape, fake.frame.pixels.dtype) == (before.shape, np.uint8)
    assert fake.face is astronaut_face
    assert fake.mask.dtype == np.float32
    assert 0 <= fake.mask.min() < fake.mask.max() <= 1
    changed = np.abs(fake.frame.pixels.astype(int) - before).max(axis=2)
    assert not changed[fake.mask == 0].any()
    assert changed[fake.mask > 0.2].mean() > 0.5, "more than rounding"


@pytest.mark.parametrize("name", FAKES)
def test_a_fake_lies_on_the_face(name: str, workshop: Workshop, astronaut_frame: Frame, astronaut_face: Face) -> None:
    maker = load_fake_maker(name, workshop)
    x0, y0, x1, y1 = astronaut_face.box.astype(int)
    for seed in range(4):
        mask = maker(astronaut_frame, astronaut_face, np.random.default_rng(seed)).mask
        assert mask[y0:y1, x0:x1].max() > 0.2
        assert mask.sum() < 3 * (y1 - y0) ** 2, "of the picture only the face and what is near it"


@pytest.mark.parametrize("name", FAKES)
def test_the_same_draw_gives_the_same_fake_and_another_one_another(
    name: str, workshop: Workshop, astronaut_frame: Frame, astronaut_face: Face
) -> None:
    maker = load_fake_maker(name, workshop)
    one, again, other = (maker(astronaut_frame, astronaut_face, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one.frame.pixels, again.frame.pixels)
    assert np.array_equal(one.mask, again.mask)
    assert not np.array_equal(one.frame.pixels, other.frame.pixels)


@pytest.mark.parametrize("name", FAKES)
@settings(max_examples=8, deadline=None)
@given(
    corner=st.tuples(st.integers(-30, 90), st.integers(-30, 90)),
    size=st.integers(20, 110),
    turn=st.floats(-1.5, 1.5),
    seed=st.integers(0, 1000),
)
def test_any_face_will_do(
    name: str, workshop: Workshop, corner: tuple[int, int], size: int, turn: float, seed: int
) -> None:
    """Small ones, turned ones, and those that the edge of the picture cuts."""
    rng = np.random.default_rng(seed)
    frame = Frame(rng.integers(0, 256, (100, 130, 3), np.uint8), time_s=2.0, index=5)
    box = np.array([*corner, corner[0] + size * 0.8, corner[1] + size], np.float32)
    middle = (box[:2] + box[2:]) / 2
    marks = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0.03], [-0.15, 0.25], [0.15, 0.25]]) * size
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    face = Face(box, (marks @ rotation + middle).astype(np.float32), 1.0)
    fake = load_fake_maker(name, workshop)(frame, face, rng)
    assert (fake.frame.time_s, fake.frame.index) == (2.0, 5)
    assert np.array_equal(fake.frame.pixels[fake.mask == 0], frame.pixels[fake.mask == 0])


@pytest.mark.parametrize("name", FAKES)
def test_what_a_workshop_lacks_is_said(name: str) -> None:
    if name in NEEDS:
        with pytest.raises(ConfigError, match=f"{name}: .*{NEEDS[name]}"):
            load_fake_maker(name, Workshop())
    assert (name in servable(Workshop())) == (name not in NEEDS)


def test_a_full_workshop_serves_all(workshop: Workshop) -> None:
    assert servable(workshop) == tuple(FAKES)
    assert "swap" not in servable(replace(workshop, donors=()))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match=r"'nothing'; known: .*self-blend, swap"):
        load_fake_maker("nothing", Workshop())


def test_a_mask_must_fit_its_picture(astronaut_frame: Frame, astronaut_face: Face) -> None:
    with pytest.raises(ShapeError, match=r"expected shape \(512, 512\), got \(3, 3\)"):
        Fake(astronaut_frame, astronaut_face, np.zeros((3, 3), np.float32))
    with pytest.raises(ShapeError, match="expected float32"):
        Fake(astronaut_frame, astronaut_face, np.zeros((512, 512)))  # type: ignore[arg-type]
