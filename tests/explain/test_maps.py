"""An error shows where it was measured, in the colour of its size, in every picture alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import ShapeError
from detector.explain import CEILING, heatmap, triptych
from detector.types import Array, Frame, Pixels

RNG = np.random.default_rng(0)


def grey(height: int = 300, width: int = 300) -> Frame:
    return Frame(np.full((height, width, 3), 128, np.uint8))


def boxes(*rows: tuple[float, float, float, float]) -> Array:
    return np.array(rows, np.float32).reshape(-1, 4)


def hottest(picture: Pixels) -> tuple[float, float]:
    """Centre (x, y) of the px most unlike grey."""
    spread = np.ptp(picture.astype(int), axis=-1)
    y, x = np.nonzero(spread == spread.max())
    return float(x.mean() + 0.5), float(y.mean() + 0.5)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(-20, 200),
    st.integers(-20, 200),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1, 2]),
)
def test_a_hot_spot_appears_where_it_is(x: int, y: int, left: int, top: int, scale: int, zoom: int) -> None:
    """Also where the map is coarser than the frame, and where its box leaves the frame."""
    error = np.zeros((60, 60), np.float32)
    error[y, x] = CEILING
    box = boxes((left, top, left + 60 * scale, top + 60 * scale))
    picture = heatmap(grey(), [error], box, zoom=zoom)[: 300 * zoom]
    want = left + (x + 0.5) * scale, top + (y + 0.5) * scale
    if scale <= min(want) and max(want) <= 300 - scale:
        assert hottest(picture) == pytest.approx((want[0] * zoom, want[1] * zoom))


def test_the_frame_outside_stays(astronaut_frame: Frame) -> None:
    picture = heatmap(astronaut_frame, [np.full((64, 64), 0.05, np.float32)], boxes((100, 100, 164, 164)))
    changed = (picture[:512] != astronaut_frame.pixels).any(axis=-1)
    assert changed[100:164, 100:164].all()
    changed[98:166, 98:166] = False
    assert not changed.any()
    assert picture.shape[0] > 512


def test_one_scale_for_all_pictures() -> None:
    """The same error has the same colour, whatever else is in the picture, and more than the ceiling no other."""
    low = np.full((60, 60), CEILING / 4, np.float32)
    mixed = low.copy()
    mixed[30:] = CEILING * 3
    box = boxes((50, 50, 110, 110))
    alone, together = (heatmap(grey(), [error], box) for error in (low, mixed))
    np.testing.assert_array_equal(alone[55:75, 55:105], together[55:75, 55:105])
    at_ceiling = heatmap(grey(), [np.full((60, 60), CEILING, np.float32)], box)
    np.testing.assert_array_equal(at_ceiling[85:105, 55:105], together[85:105, 55:105])


def test_larger_errors_are_lighter() -> None:
    """In lightness too, so that a print in grey still reads."""
    error = np.linspace(0, CEILING, 256, dtype=np.float32)[None].repeat(256, axis=0)
    blank = np.zeros((3, 256, 256), np.float32)
    panel = triptych(blank, blank, error)[150, -256 - 14 : -14]
    lightness = panel @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness[::16]) > 5).all()


def test_no_seam_between_tiles_and_nothing_invented() -> None:
    """Four tiles of one error look like one; fractional borders leave no gap and no doubled line."""
    tile = np.full((32, 32), 0.06, np.float32)
    edges = [50.3, 90.6, 130.9]
    tiles = [(edges[x], edges[y], edges[x + 1], edges[y + 1]) for y in (0, 1) for x in (0, 1)]
    picture = heatmap(grey(), [tile] * 4, boxes(*tiles))
    inside = picture[52:130, 52:130].reshape(-1, 3)
    assert (inside == inside[0]).all()


def test_where_boxes_overlap_the_larger_error_shows() -> None:
    small, large = (np.full((60, 60), error, np.float32) for error in (0.02, 0.1))
    both = boxes((50, 50, 110, 110), (80, 50, 140, 110))
    one = heatmap(grey(), [small, large], both)
    other = heatmap(grey(), [large, small], both[::-1])
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one[70, 85], one[70, 130])


def test_where_there_is_no_error_the_frame_stays() -> None:
    error = np.full((60, 60), np.nan, np.float32)
    error[:20] = 0.1
    frame = Frame(RNG.integers(0, 256, (300, 300, 3), np.uint8))
    picture = heatmap(frame, [error], boxes((50, 50, 110, 110)))
    np.testing.assert_array_equal(picture[75:110, 50:110], frame.pixels[75:110, 50:110])
    np.testing.assert_array_equal(heatmap(frame, [], boxes())[:300], frame.pixels)


@pytest.mark.parametrize("side", [10, 64, 2000])
def test_the_colour_bar_has_room(side: int) -> None:
    """Words stay clear of the picture's border, however small it is."""
    picture = heatmap(grey(side, side), [np.full((8, 8), 0.1, np.float32)], boxes((0, 0, 8, 8)))
    bar = picture[side:]
    assert (bar < 128).any()
    assert (bar[:, [0, 1, -2, -1]] == 255).all()
    assert (bar[-1] == 255).all()


@pytest.mark.parametrize(("side", "zoom"), [(128, 2), (256, 1), (384, 1)])
def test_a_triptych_shows_the_face_px_by_px(side: int, zoom: int) -> None:
    face, made = (RNG.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(2))
    picture = triptych(face, made, np.zeros((side, side), np.float32))
    found = [_find(picture, panel.repeat(zoom, 0).repeat(zoom, 1)) for panel in (face, made)]
    (x0, y0), (x1, y1) = found
    assert y0 == y1
    assert x1 - x0 > side * zoom
    black = picture[y0 : y0 + side * zoom, 2 * x1 - x0 : 2 * x1 - x0 + side * zoom]
    assert (black < 8).all()


def _find(picture: Pixels, panel: Pixels) -> tuple[int, int]:
    """Where a panel stands in a picture, (x, y)."""
    corner = (picture[: -len(panel), : -panel.shape[1]] == panel[0, 0]).all(axis=-1)
    for y, x in zip(*np.nonzero(corner), strict=True):
        if np.array_equal(picture[y : y + len(panel), x : x + panel.shape[1]], panel):
            return int(x), int(y)
    raise AssertionError("the panel is not in the picture")


def test_a_triptych_takes_either_layout_and_is_deterministic() -> None:
    face = RNG.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    planes = face.transpose(2, 0, 1) / np.float32(255)
    error = RNG.random((128, 128)).astype(np.float32) * 0.2
    first = triptych(face, face, error)
    np.testing.assert_array_equal(first, triptych(planes, planes, error))


def test_what_does_not_fit_is_refused() -> None:
    face, error = np.zeros((3, 64, 64), np.float32), np.zeros((64, 64), np.float32)
    with pytest.raises(ShapeError, match="reconstruction"):
        triptych(face, face[:, :32, :32], error)
    with pytest.raises(ShapeError, match="error"):
        triptych(face, face, error[:32])
    with pytest.raises(ShapeError, match="picture"):
        triptych(np.zeros((64, 64, 4), np.float32), face, error)
    with pytest.raises(ShapeError, match="boxes"):
        heatmap(grey(), [error], boxes())
    with pytest.raises(ShapeError, match="map"):
        heatmap(grey(), [error[:32]], boxes((0, 0, 64, 64)))
