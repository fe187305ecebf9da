"""What every fake that moves promises, and what is particular to each."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from detector.errors import ConfigError, UnknownNameError, UsageError
from detector.fakes import MOVING_FAKES, Workshop, load_moving_fake_maker
from detector.fakes.moving import steady
from detector.fakes.moving_codec import through_h264
from detector.fakes.moving_mouth import LEAST, ORDERS, brought, mouth_mask
from detector.fakes.moving_still import FACE_PX, camera_path, motion_from_still
from detector.fakes.outline import TEMPLATE
from detector.fakes.square import cut_square
from detector.types import Array, Face, Frame, Reconstruction
from tests.fakes.conftest import Coarse

COUNT = 8
NEEDS = {"round-trip-frames": "autoencoder", "swap-jitter": "faces"}

Moving = tuple[list[Frame], list[Face]]


@pytest.fixture(scope="module")
def clip(astronaut_frame: Frame, astronaut_face: Face) -> Moving:
    """The astronaut, carried along by whole pixels, with lips that get redder from frame to frame."""
    frames, faces = [], []
    x, y = astronaut_face.landmarks[3:].mean(axis=0).astype(int)
    for n in range(COUNT):
        pixels = astronaut_frame.pixels.copy()
        pixels[y - 6 : y + 7, x - 16 : x + 17] = (10 + 30 * n, 40, 40)
        pixels = np.roll(pixels, (n, 2 * n), axis=(0, 1))
        frames.append(Frame(pixels, n / 25, n))
        moved = np.array([2 * n, n], np.float32)
        marks, box = astronaut_face.landmarks + moved, astronaut_face.box + np.tile(moved, 2)
        faces.append(replace(astronaut_face, landmarks=marks, box=box))
    return frames, faces


@pytest.mark.parametrize("name", MOVING_FAKES)
@pytest.mark.parametrize("seed", range(4))
def test_each_frame_differs_inside_its_mask_and_nowhere_else(
    name: str, seed: int, workshop: Workshop, clip: Moving
) -> None:
    frames, faces = clip
    before = [frame.pixels.copy() for frame in frames]
    fakes = load_moving_fake_maker(name, workshop)(frames, faces, np.random.default_rng(seed))
    assert len(fakes) == COUNT
    for fake, frame, face, old in zip(fakes, frames, faces, before, strict=True):
        assert np.array_equal(frame.pixels, old), "the source is left alone"
        assert fake.face is face
        assert (fake.frame.time_s, fake.frame.index) == (frame.time_s, frame.index)
        assert np.array_equal(fake.frame.pixels[fake.mask == 0], old[fake.mask == 0])
        x0, y0, x1, y1 = face.box.astype(int)
        assert fake.mask[y0:y1, x0:x1].max() > 0.2
    changed = [np.abs(fake.frame.pixels.astype(int) - old).sum() for fake, old in zip(fakes, before, strict=True)]
    assert np.count_nonzero(changed) > COUNT / 2


@pytest.mark.parametrize("name", MOVING_FAKES)
def test_the_same_draw_gives_the_same_fake_and_another_one_another(name: str, workshop: Workshop, clip: Moving) -> None:
    maker = load_moving_fake_maker(name, workshop)
    one, again, other = (
        np.stack([fake.frame.pixels for fake in maker(*clip, np.random.default_rng(seed))]) for seed in (7, 7, 8)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", MOVING_FAKES)
def test_the_mask_goes_with_the_face(name: str, workshop: Workshop, clip: Moving) -> None:
    """What is drawn once a clip is not drawn anew in each frame: masks differ by the shift of the face, and little."""
    fakes = load_moving_fake_maker(name, workshop)(*clip, np.random.default_rng(3))
    for n in range(1, COUNT):
        back = np.roll(fakes[n].mask, (-n, -2 * n), axis=(0, 1))
        assert np.abs(back - fakes[0].mask).sum() < 0.25 * fakes[0].mask.sum()


@pytest.mark.parametrize("name", MOVING_FAKES)
def test_what_is_lacking_is_said(name: str, workshop: Workshop, clip: Moving) -> None:
    if name in NEEDS:
        with pytest.raises(ConfigError, match=f"{name}: .*{NEEDS[name]}"):
            load_moving_fake_maker(name, Workshop())
    maker, rng = load_moving_fake_maker(name, workshop), np.random.default_rng(0)
    for frames, faces in (([], []), (clip[0], clip[1][:-1])):
        with pytest.raises(UsageError, match="one face each"):
            maker(frames, faces, rng)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="moving fakes 'swap'; known: retimed-mouth, round-trip-frames"):
        load_moving_fake_maker("swap", Workshop())


def test_any_face_will_do(workshop: Workshop) -> None:
    """Faces that leave the picture, and grow."""
    rng = np.random.default_rng(0)
    frames = [Frame(rng.integers(0, 256, (100, 130, 3)).astype(np.uint8), n / 5, n) for n in range(5)]
    faces = [
        Face(
            np.array([90 + 12 * n, 20, 130 + 14 * n, 70 + 2 * n], np.float32),
            ((TEMPLATE * 16) + (110 + 13 * n, 36)).astype(np.float32),
            1.0,
        )
        for n in range(5)
    ]
    for name in MOVING_FAKES:
        for fake, frame in zip(load_moving_fake_maker(name, workshop)(frames, faces, rng), frames, strict=True):
            assert np.array_equal(fake.frame.pixels[fake.mask == 0], frame.pixels[fake.mask == 0])


def test_a_swap_trembles_where_the_source_stands_still(workshop: Workshop, clip: Moving) -> None:
    still = [replace(clip[0][0], index=n) for n in range(6)]
    fakes = load_moving_fake_maker("swap-jitter", workshop)(still, [clip[1][0]] * 6, np.random.default_rng(1))
    steps = [
        np.abs(two.frame.pixels.astype(int) - one.frame.pixels)[one.mask > 0.5].mean() for one, two in pairwise(fakes)
    ]
    assert min(steps) > 0.3


def test_round_trips_know_nothing_of_each_other(workshop: Workshop, clip: Moving) -> None:
    """The grid lies elsewhere in each frame: a still face comes out in several ways."""
    still = [replace(clip[0][0], index=n) for n in range(8)]
    fakes = load_moving_fake_maker("round-trip-frames", workshop)(still, [clip[1][0]] * 8, np.random.default_rng(1))
    assert len({fake.frame.pixels.tobytes() for fake in fakes}) > 4


def test_a_perfect_autoencoder_makes_no_fake(clip: Moving) -> None:
    class Perfect(Coarse):
        def __call__(self, pixels: Array, second_pass: bool = True) -> Reconstruction:
            assert not second_pass
            return Reconstruction(torch.as_tensor(pixels), torch.as_tensor(pixels))

    maker = load_moving_fake_maker("round-trip-frames", Workshop((Perfect(),)))
    errors = []
    for seed in range(6):
        fakes = maker(*clip, np.random.default_rng(seed))
        pairs = zip(fakes, clip[0], strict=True)
        errors.append(max(np.abs(fake.frame.pixels.astype(int) - frame.pixels).max() for fake, frame in pairs))
    assert min(errors) == 0


def test_a_mouth_is_that_of_another_time(clip: Moving) -> None:
    """Run backwards, the reddest lips come first; colours are matched only in part."""
    square, last = (cut_square(clip[0][n], steady(clip[1])[n]) for n in (0, COUNT - 1))
    moved = brought(last, square)
    x, y = square.landmarks[3:].mean(axis=0).astype(int)
    assert moved[y, x, 0] * 255 == pytest.approx(10 + 30 * (COUNT - 1), abs=3)
    assert np.abs(moved - square.pixels)[: y - 20, 20:-20].mean() < 0.01, "eyes and nose stay where they are"


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.__name__)
def test_an_order_stays_within_the_clip_and_is_another_one(order) -> None:  # type: ignore[no-untyped-def]
    for count in (LEAST, 5, 16, 33):
        for seed in range(20):
            found = order(count, np.random.default_rng(seed))
            assert found.shape == (count,)
            assert 0 <= found.min() <= found.max() < count
            assert (found != np.arange(count)).sum() >= count / 2


def test_a_clip_too_short_has_no_other_times(workshop: Workshop, clip: Moving) -> None:
    with pytest.raises(UsageError, match="4 or more frames with one face each, got 3 frames"):
        load_moving_fake_maker("retimed-mouth", workshop)(clip[0][:3], clip[1][:3], np.random.default_rng(0))


def test_the_mask_of_a_mouth_holds_it_and_neither_eyes_nor_nose() -> None:
    marks = TEMPLATE * 60 + np.array([128, 90], np.float32)
    for seed in range(10):
        mask = mouth_mask(marks, 256, np.random.default_rng(seed))
        x, y = marks.astype(int).T
        assert mask[y[3:].mean().astype(int), x[3:].mean().astype(int)] > 0.9
        assert mask[y[:3], x[:3]].max() == 0
        assert mask[[0, -1]].max() == mask[:, [0, -1]].max() == 0


def test_a_still_moves_and_its_landmarks_with_it(astronaut_frame: Frame, astronaut_face: Face) -> None:
    """Each landmark shows what the photo shows there: found again by correlation."""
    frames, faces = motion_from_still(astronaut_frame, astronaut_face, np.random.default_rng(5), count=12, fps=10)
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(12) / 10)
    side = frames[0].pixels.shape[0]
    assert {frame.pixels.shape for frame in frames} == {(side, side, 3)}
    assert faces[0].size <= min(FACE_PX[1], astronaut_face.size)
    assert np.ptp([face.landmarks[2] for face in faces], axis=0).max() > 2
    greys = [cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY) for frame in frames]
    for grey, face in zip(greys[1:], faces[1:], strict=True):
        for (u, v), (x, y) in zip(faces[0].landmarks, face.landmarks, strict=True):
            patch = cv2.getRectSubPix(greys[0], (15, 15), (float(u) - 0.5, float(v) - 0.5))
            near = cv2.getRectSubPix(grey, (27, 27), (float(x) - 0.5, float(y) - 0.5))
            _, _, _, best = cv2.minMaxLoc(cv2.matchTemplate(near, patch, cv2.TM_CCOEFF_NORMED))
            assert np.abs(np.array(best) - 6).max() <= 2


def test_a_still_is_drawn_from_its_generator_alone(astronaut_frame: Frame, astronaut_face: Face) -> None:
    one, again, other = (
        motion_from_still(astronaut_frame, astronaut_face, np.random.default_rng(seed), count=4)[0]
        for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, again, strict=True))
    assert any(not np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True))
    assert len({frame.pixels.tobytes() for frame in one}) == 4


@pytest.mark.parametrize("shape", [(40, 200), (300, 64), (65, 65)])
def test_any_photo_will_do(shape: tuple[int, int]) -> None:
    """Narrow ones, and faces that leave it."""
    rng = np.random.default_rng(0)
    frame = Frame(rng.integers(0, 256, (*shape, 3)).astype(np.uint8))
    face = Face(np.array([-10, 5, 60, 80], np.float32), (TEMPLATE * 20 + (20, 30)).astype(np.float32), 1.0)
    frames, faces = motion_from_still(frame, face, rng, count=3)
    assert len(frames) == len(faces) == 3
    assert min(frames[0].pixels.shape[:2]) >= 16


def test_a_path_is_by_seconds() -> None:
    """At any rate the camera goes the same way; from frame to frame at a high rate hardly at all."""
    slow, fast = (camera_path(int(2 * fps) + 1, fps, np.random.default_rng(3)) for fps in (10, 240))
    assert fast[::24] == pytest.approx(slow, abs=1e-9)
    assert np.abs(np.diff(fast, axis=0)).max() < 0.02


@pytest.mark.parametrize(("count", "fps"), [(0, 25.0), (4, 0.0), (4, float("nan"))])
def test_an_impossible_clip_is_refused(count: int, fps: float, astronaut_frame: Frame, astronaut_face: Face) -> None:
    with pytest.raises(UsageError, match="1 or more frames at a rate above 0"):
        motion_from_still(astronaut_frame, astronaut_face, np.random.default_rng(0), count, fps)


def test_a_codec_keeps_size_times_and_most_of_the_picture(clip: Moving) -> None:
    odd = [replace(frame, pixels=frame.pixels[:101, :77]) for frame in clip[0]]
    errors = []
    for crf in (18, 40):
        made = through_h264(odd, crf)
        assert [frame.time_s for frame in made] == [frame.time_s for frame in odd]
        assert {frame.pixels.shape for frame in made} == {(101, 77, 3)}
        errors.append(np.mean([np.abs(a.pixels.astype(int) - b.pixels).mean() for a, b in zip(made, odd, strict=True)]))
        again = through_h264(odd, crf)
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(made, again, strict=True))
    assert 0 < errors[0] < 6 < errors[1] < 30
    with pytest.raises(UsageError, match="got 2 sizes in 2 frames"):
        through_h264([clip[0][0], odd[0]], 23)
    with pytest.raises(UsageError, match="got 0 sizes in 0 frames"):
        through_h264([], 23)
