"""The robustness grid: every kind at every level keeps its promises; golden values and other people's code agree."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio

from detector.benchmark.histories.disturbances import DISTURBANCES, GRID, SMALL_GRID, disturbance
from detector.benchmark.histories.history import resize
from detector.errors import ConfigError, UnknownNameError, UsageError
from detector.types import Face, Frame, Pixels
from tests.clips import write_clip

EVERY = [f"{kind} {level:g}" for kind, levels in GRID.items() for level in levels]
IDENTITIES = ["resize 1", "crop 1", "noise 0", "gamma 1"]
SIZES = {"plain": (300, 400), "odd": (251, 333), "tiny": (40, 40)}


def face_in(box: tuple[float, float, float, float]) -> Face:
    x0, y0, x1, y1 = box
    landmarks = [[x0, y0], [x1, y0], [(x0 + x1) / 2, (y0 + y1) / 2], [x0, y1], [x1, y1]]
    return Face(np.array(box, np.float32), np.array(landmarks, np.float32), 0.9, track=3)


def bright_face(height: int, width: int) -> tuple[Frame, Face]:
    """A dark picture with a light square off its middle, and the face that is the square."""
    x0, y0, side = width // 2, height // 4, min(height, width) // 3
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[y0 : y0 + side, x0 : x0 + side] = 210
    return Frame(pixels, 1.5, 7), face_in((x0, y0, x0 + side, y0 + side))


def made(name: str, pixels: Pixels, seed: int = 0) -> Pixels:
    """The pixels after a disturbance, whatever the face."""
    return disturbance(name)(Frame(pixels), face_in((10, 10, 30, 30)), np.random.default_rng(seed))[0].pixels


def grey(value: int, height: int = 64, width: int = 64) -> Pixels:
    return np.full((height, width, 3), value, np.uint8)


def opened(pixels: Pixels, form: str, quality: int) -> Pixels:
    """Pillow's way there and back."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, form, quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"), np.uint8)


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", EVERY)
def test_the_face_stays_on_what_it_was_on(name: str, size: str) -> None:
    frame, face = bright_face(*SIZES[size])
    disturbed, moved = disturbance(name)(frame, face, np.random.default_rng(4))
    assert (disturbed.time_s, disturbed.index, moved.confidence, moved.track) == (1.5, 7, 0.9, 3)
    rows, columns = np.nonzero(disturbed.pixels[..., 1] > 125)
    assert abs(columns.mean() + 0.5 - moved.box[0::2].mean()) < 1
    assert abs(rows.mean() + 0.5 - moved.box[1::2].mean()) < 1
    assert np.sqrt(len(rows)) == pytest.approx(moved.size, abs=1.5)
    np.testing.assert_allclose(moved.landmarks[[0, 4]].ravel(), moved.box, rtol=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_the_same_state_gives_the_same_picture_of_a_plausible_size(name: str, astronaut: Pixels) -> None:
    odd = astronaut[:251, :333]
    disturbed = made(name, odd)
    np.testing.assert_array_equal(made(name, odd), disturbed)
    assert not np.array_equal(disturbed, odd)
    assert disturbed.dtype == np.uint8
    assert disturbed.flags.c_contiguous
    assert disturbed.shape[1] / disturbed.shape[0] == pytest.approx(333 / 251, rel=0.01)


@pytest.mark.parametrize("name", EVERY + IDENTITIES)
def test_what_came_in_is_not_changed_nor_part_of_what_comes_out(name: str) -> None:
    frame, face = bright_face(251, 333)
    before = frame.pixels.copy(), face.box.copy(), face.landmarks.copy()
    disturbed, _ = disturbance(name)(frame, face, np.random.default_rng(0))
    disturbed.pixels[:] = 0
    for array, was in zip((frame.pixels, face.box, face.landmarks), before, strict=True):
        np.testing.assert_array_equal(array, was)


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_level_that_does_nothing_does_nothing(name: str, astronaut: Pixels) -> None:
    np.testing.assert_array_equal(made(name, astronaut), astronaut)


@pytest.mark.parametrize("kind", ["H.264", "crop", "noise"])
def test_what_is_drawn_differs_from_seed_to_seed(kind: str, astronaut: Pixels) -> None:
    name = f"{kind} {GRID[kind][-1]:g}"
    assert not np.array_equal(made(name, astronaut, 1), made(name, astronaut, 2))


@pytest.mark.parametrize("kind", ["JPEG", "WebP", "H.264", "blur", "noise"])
def test_each_level_damages_more_than_the_one_before(kind: str, astronaut: Pixels) -> None:
    similar = [peak_signal_noise_ratio(astronaut, made(f"{kind} {level:g}", astronaut)) for level in GRID[kind]]
    assert similar == sorted(similar, reverse=True)
    assert len(set(similar)) == len(similar)


def test_a_smaller_picture_kept_less(astronaut: Pixels) -> None:
    def similarity(name: str) -> float:
        back = Image.fromarray(made(name, astronaut)).resize((512, 512), Image.Resampling.BICUBIC)
        return float(peak_signal_noise_ratio(astronaut, np.asarray(back)))

    assert similarity("resize 0.75") > similarity("resize 0.5") > 20
    assert similarity("messenger 90") > similarity("messenger 70") > similarity("messenger 40")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resize 0.75", (250, 188)),
        ("resize 0.5", (166, 126)),
        ("crop 0.9", (300, 226)),
        ("crop 0.8", (266, 201)),
        ("screenshot 1.25", (416, 314)),
        ("messenger 70", (250, 188)),
        ("H.264 23", (333, 251)),
    ],
)
def test_sizes_by_hand(name: str, size: tuple[int, int]) -> None:
    assert made(name, grey(90, 251, 333)).shape == (size[1], size[0], 3)


def test_no_picture_vanishes_and_none_is_too_small_for_a_codec() -> None:
    for name in EVERY:
        disturbed, _ = disturbance(name)(Frame(grey(90, 1, 1)), face_in((0, 0, 1, 1)), np.random.default_rng(0))
        assert disturbed.pixels.shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("gamma 0.7", 128, 157),  # 255 (128/255)^0.7 = 157.4
        ("gamma 1.4", 128, 97),  # 255 (128/255)^1.4 = 97.2
        ("gamma 0.7", 255, 255),
        ("gamma 1.4", 0, 0),
        ("screenshot 1.25", 128, 127),  # sRGB 128 is light 0.2159, and 0.2159^(1/2.2) is 127.0 of 255
        ("screenshot 1.25", 10, 18),  # sRGB 10 is light 10/255/12.92, which is 18.3 of 255
        ("screenshot 1.25", 255, 255),
    ],
)
def test_greys_by_hand(name: str, before: int, after: int) -> None:
    assert np.unique(made(name, grey(before))).tolist() == [after]


def test_a_screenshot_is_no_wider_than_a_phone() -> None:
    frame, face = Frame(grey(90, 1000, 2000)), face_in((1000, 500, 1200, 700))
    disturbed, moved = disturbance("screenshot 1.25")(frame, face, np.random.default_rng(0))
    assert disturbed.pixels.shape == (540, 1080, 3)
    np.testing.assert_allclose(moved.box, [540, 270, 648, 378], rtol=1e-5)


@given(
    corner=st.tuples(st.integers(-40, 190), st.integers(-40, 140)),
    sides=st.tuples(st.integers(1, 230), st.integers(1, 180)),
    share=st.floats(0.1, 1),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_a_crop_is_a_cut_around_as_much_of_the_face_as_fits(
    corner: tuple[int, int], sides: tuple[int, int], share: float, seed: int
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 200, 3)).astype(np.uint8)
    box = np.array([*corner, corner[0] + sides[0], corner[1] + sides[1]], np.float32)
    frame, moved = DISTURBANCES["crop"](share)(Frame(pixels), face_in(tuple(box)), np.random.default_rng(seed))
    height, width = frame.pixels.shape[:2]
    x, y = (box - moved.box)[:2].astype(int)
    np.testing.assert_array_equal(frame.pixels, pixels[y : y + height, x : x + width])
    for axis, (length, kept, start) in enumerate([(200, width, x), (150, height, y)]):
        low, high = np.clip(box[axis::2], 0, length)
        seen = min(high, start + kept) - max(low, start)
        assert seen == min(high - low, kept)


def test_a_crop_moves_the_grid_of_an_earlier_jpeg(astronaut: Pixels) -> None:
    face = face_in((178, 63, 268, 176))
    cuts = [disturbance("crop 0.8")(Frame(astronaut), face, np.random.default_rng(seed)) for seed in range(30)]
    offsets = np.array([face.box[:2] - moved.box[:2] for _, moved in cuts]).astype(int) % 8
    assert len(np.unique(offsets[:, 0])) > 4
    assert len(np.unique(offsets[:, 1])) > 4


@pytest.mark.parametrize("quality", GRID["JPEG"])
def test_jpeg_is_as_pillow_writes_it(quality: float, astronaut: Pixels) -> None:
    assert difference(made(f"JPEG {quality:g}", astronaut), opened(astronaut, "JPEG", int(quality))) < 0.5


@pytest.mark.parametrize("quality", GRID["WebP"])
def test_webp_is_as_pillow_writes_it(quality: float, astronaut: Pixels) -> None:
    assert difference(made(f"WebP {quality:g}", astronaut), opened(astronaut, "WEBP", int(quality))) < 0.5


@pytest.mark.parametrize("crf", [18, 23, 40])
def test_h264_damages_as_a_longer_clip_does(crf: float, astronaut: Pixels, tmp_path: Path) -> None:
    """A file of 30 frames that pan over the picture, by x264's defaults; its middle frame is the picture itself."""
    offsets = np.random.default_rng(0).integers(-3, 4, (30, 2)) + 50
    offsets[15] = 50
    frames = [astronaut[y : y + 256, x + 60 : x + 316] for y, x in offsets]
    path = write_clip(tmp_path / "clip.mp4", frames, gop=250, b_frames=3, options={"crf": f"{crf:g}"})
    with av.open(str(path)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][15]
    similarity = peak_signal_noise_ratio(frames[15], made(f"H.264 {crf:g}", frames[15]))
    assert similarity == pytest.approx(peak_signal_noise_ratio(frames[15], shown), abs=1)


def test_h264_does_not_depend_on_what_was_in_memory(tmp_path: Path) -> None:
    """x264's defaults do: glibc fills fresh memory with what MALLOC_PERTURB_ says."""
    picture = tmp_path / "picture.npy"
    np.save(picture, np.random.default_rng(0).integers(0, 256, (252, 334, 3)).astype(np.uint8))
    code = f"""
import numpy as np
from detector.benchmark.histories.codecs import h264
print(h264(np.load({str(picture)!r}), 28, np.random.default_rng(0)).tobytes().hex())
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "MALLOC_PERTURB_": fill}, capture_output=True, check=True
        ).stdout
        for fill in ("1", "170")
    ]
    assert len(said[0]) > 252 * 334 * 3
    assert said[0] == said[1]


@pytest.mark.parametrize("sigma", GRID["blur"])
def test_blur_is_as_scipy_blurs(sigma: float, astronaut: Pixels) -> None:
    expected = gaussian_filter(astronaut.astype(float), (sigma, sigma, 0), mode="mirror")
    assert np.abs(made(f"blur {sigma:g}", astronaut) - expected).max() < 2


@pytest.mark.parametrize("sigma", GRID["noise"])
def test_noise_has_its_deviation_and_no_mean(sigma: float) -> None:
    error = made(f"noise {sigma:g}", grey(128, 300, 300)).astype(float) - 128
    assert error.std() == pytest.approx(np.sqrt(sigma**2 + 1 / 12), rel=0.01)  # rounding adds 1/12
    assert abs(error.mean()) < 0.05
    assert np.abs(np.corrcoef(error.reshape(-1, 3).T) - np.eye(3)).max() < 0.02


def test_noise_is_clipped_and_does_not_wrap() -> None:
    assert made("noise 10", grey(255)).min() > 190
    assert made("noise 10", grey(0)).max() < 65


def test_a_messenger_reduces_and_compresses_twice(astronaut: Pixels) -> None:
    small = resize(astronaut, 384, 384)
    twice = opened(opened(small, "JPEG", 70), "JPEG", 85)
    disturbed = made("messenger 70", astronaut)
    assert difference(disturbed, twice) < 0.5 * difference(disturbed, opened(small, "JPEG", 70))


def test_every_kind_has_levels_and_the_small_grid_is_part_of_the_grid() -> None:
    assert list(GRID) == list(DISTURBANCES) == list(SMALL_GRID)
    for kind, levels in SMALL_GRID.items():
        assert 1 <= len(levels) <= 2
        assert set(levels) <= set(GRID[kind])


@pytest.mark.parametrize("name", ["", "jpeg 60", "H264 23", "60 JPEG"])
def test_an_unknown_kind_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"known: H\.264, JPEG, WebP, blur"):
        disturbance(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("JPEG", "quality, a whole number from 1 to 100"),
        ("JPEG 0", "quality, a whole number from 1 to 100"),
        ("JPEG 101", "quality, a whole number from 1 to 100"),
        ("JPEG 60.5", "quality, a whole number from 1 to 100"),
        ("JPEG inf", "quality, a whole number from 1 to 100"),
        ("WebP sixty", "quality, a whole number from 1 to 100"),
        ("H.264 52", "constant rate factor, a number from 0 to 51"),
        ("blur nan", "standard deviation in px, a number from 0.1 to 50"),
        ("noise -1", "standard deviation in grey levels, a number from 0 to 128"),
        ("crop 1.1", "share of each side that is kept, a number from 0.1 to 1"),
        ("gamma 0", "exponent, a number from 0.1 to 10"),
    ],
)
def test_an_impossible_level_names_the_range(name: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=f"disturbance '{name}': .*{expected}"):
        disturbance(name)


def test_a_factory_refuses_an_impossible_level_too() -> None:
    with pytest.raises(ConfigError, match="expected quality, a whole number from 1 to 100, got 400"):
        DISTURBANCES["JPEG"](400)


def test_h264_without_its_encoder_says_so_before_any_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    with pytest.raises(UsageError, match="libx264"):
        disturbance("H.264 23")
