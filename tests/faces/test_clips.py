"""Clips: what is cut, what is held still, and where one ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import ShapeError, UsageError
from detector.faces import ClipCutter, cut_clips
from detector.faces.runs import MAX_GAP_S, MAX_GROWTH
from detector.faces.stabilise import MARGIN, SMOOTH_S, smoothed, upright
from detector.types import Array, Clip, Face, Frame

Looked = tuple[Frame, Sequence[Face], int]


def seen(frame: Frame, face: Face, turn: float, scale: float, shift: tuple[float, float]) -> tuple[Frame, Face]:
    """A picture and its face, turned (degrees) and scaled about the face, and shifted by px."""
    middle = face.landmarks.mean(axis=0).astype(float)
    matrix = np.asarray(cv2.getRotationMatrix2D((middle[0] - 0.5, middle[1] - 0.5), turn, scale))
    matrix[:, 2] += shift
    size = frame.pixels.shape[1::-1]
    pixels = cv2.warpAffine(frame.pixels, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    linear, offset = matrix[:, :2], matrix[:, 2] + 0.5 - matrix[:, :2] @ (0.5, 0.5)
    marks = face.landmarks @ linear.T + offset
    centre = (face.box[:2] + face.box[2:]) / 2 @ linear.T + offset
    half = (face.box[2:] - face.box[:2]) / 2 * scale
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)
    return replace(frame, pixels=np.asarray(pixels)), replace(face, box=box, landmarks=marks.astype(np.float32))


def plain(places: Sequence[tuple[float, float] | None], fps: float = 25, size: float = 40) -> list[Looked]:
    """Grey frames with a face, number 3, at these places; None for none."""
    pixels = np.full((200, 300, 3), 90, np.uint8)
    return [
        (Frame(pixels, n / fps, n), () if at is None else (marked(*at, size=size),), 0) for n, at in enumerate(places)
    ]


def marked(x: float, y: float, size: float = 40, track: int | None = 3) -> Face:
    marks = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0.03], [-0.16, 0.25], [0.16, 0.25]]) * size + (x, y)
    box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2], np.float32)
    return Face(box, marks.astype(np.float32), 1.0, track)


def moving(frame: Frame, face: Face, count: int = 16, scale: float = 1.0) -> Iterator[Looked]:
    """Someone who sways, nods and turns the head, at 25 frames a second."""
    for n in range(count):
        shift = (12 * np.sin(n / 5), 7 * np.cos(n / 4))
        picture, found = seen(frame, face, 8 * np.sin(n / 6), scale, shift)
        yield replace(picture, time_s=n / 25, index=n), [replace(found, track=0)], 0


def lengths(looked: Sequence[Looked], **options: int) -> list[int]:
    return [len(clip) for clip in cut_clips(looked, **options)]


def test_a_face_that_moves_is_held_still(astronaut_frame: Frame, astronaut_face: Face) -> None:
    looked = list(moving(astronaut_frame, astronaut_face))
    (clip,) = cut_clips(looked)

    assert clip.pixels.shape == (16, 3, 128, 128)
    assert clip.pixels.dtype == np.float32
    assert 0 <= clip.pixels.min() < clip.pixels.max() <= 1
    assert clip.landmarks.std(axis=0).max() < 0.6
    assert clip.landmarks.mean(axis=(0, 1)) == pytest.approx([64, 64], abs=0.5)
    still = np.abs(np.diff(clip.pixels[:, :, 24:104, 24:104], axis=0)).mean()
    corner = astronaut_face.box[:2].astype(int)
    loose = np.stack([frame.pixels[corner[1] :, corner[0] :][:80, :80] for frame, _, _ in looked]) / 255
    assert still < 0.2 * np.abs(np.diff(loose, axis=0)).mean()


def test_landmarks_and_boxes_point_at_what_they_name(astronaut_frame: Frame, astronaut_face: Face) -> None:
    looked = list(moving(astronaut_frame, astronaut_face, 4))
    (clip,) = cut_clips(looked)

    for row, (frame, (face,), _) in enumerate(looked):
        assert np.array_equal(clip.boxes[row], face.box)
        for (x, y), (u, v) in zip(face.landmarks, clip.landmarks[row], strict=True):
            there = cv2.getRectSubPix(frame.pixels, (5, 5), (float(x) - 0.5, float(y) - 0.5)).mean((0, 1)) / 255
            here = clip.pixels[row].transpose(1, 2, 0)
            assert cv2.getRectSubPix(here, (5, 5), (float(u) - 0.5, float(v) - 0.5)).mean((0, 1)) == pytest.approx(
                there, abs=0.03
            )


@pytest.mark.parametrize(
    ("scale", "shown"), [(0.5, 0.5), (0.8, 0.8), (2.0, 128 / (MARGIN * 113)), (4.0, 128 / (MARGIN * 113))]
)
def test_a_small_face_keeps_its_size_and_a_large_one_just_fits(
    astronaut_frame: Frame, astronaut_face: Face, scale: float, shown: float
) -> None:
    (clip,) = cut_clips(moving(astronaut_frame, astronaut_face, 5, scale))
    eyes = np.linalg.norm(clip.landmarks[:, 1] - clip.landmarks[:, 0], axis=1)

    assert eyes == pytest.approx(shown * np.linalg.norm(np.diff(astronaut_face.landmarks[:2], axis=0)), rel=0.02)


def test_what_does_not_move_is_cut_without_a_change() -> None:
    """An upright face at a whole pixel, at its own scale: the very pixels of the frame."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (200, 300, 3)).astype(np.uint8)
    face = marked(150, 100)
    middle = np.array([150, 100], np.float32) - face.landmarks.mean(axis=0)
    face = replace(face, landmarks=face.landmarks + middle)
    (clip,) = cut_clips([(Frame(pixels, n / 25, n), [face], 0) for n in range(5)], size=64)

    window = pixels[100 - 32 : 100 + 32, 150 - 32 : 150 + 32].transpose(2, 0, 1) / np.float32(255)
    assert np.abs(clip.pixels - window).max() < 1e-3


def test_outside_the_frame_its_edge_is_repeated() -> None:
    (clip,) = cut_clips(plain([(0, 0)] * 3))

    assert clip.pixels == pytest.approx(np.full_like(clip.pixels, 90 / 255), abs=1e-4)


@pytest.mark.parametrize("fps", [1, 12.5, 25, 240])
def test_every_frame_is_in_one_clip_at_any_rate(fps: float) -> None:
    looked = plain([(100 + n / 4, 90) for n in range(40)], fps)
    clips = list(cut_clips(looked))

    assert [len(clip) for clip in clips] == [16, 16, 8]
    assert np.concatenate([clip.times_s for clip in clips]) == pytest.approx(np.arange(40) / fps)
    assert {(clip.track, clip.shot) for clip in clips} == {(3, 0)}


def test_frames_that_are_too_far_apart_are_no_motion() -> None:
    assert lengths(plain([(100, 90)] * 3, fps=0.5)) == [1, 1, 1]


def test_two_bursts_of_frames_are_two_clips() -> None:
    first, second = plain([(100, 90)] * 6), plain([(100, 90)] * 7)
    later = [(replace(frame, time_s=frame.time_s + 1), faces, shot) for frame, faces, shot in second]

    assert lengths([*first, *later]) == [6, 7]


def test_a_short_gap_is_filled_along_a_line() -> None:
    path = [(100 + 3.0 * n, 90.0 + n) for n in range(12)]
    (clip,) = cut_clips(plain([None if 4 <= n <= 7 else at for n, at in enumerate(path)]))

    assert len(clip) == 12
    assert clip.boxes == pytest.approx(np.stack([marked(*at).box for at in path]), abs=1e-3)
    assert clip.landmarks == pytest.approx(np.broadcast_to(clip.landmarks[0], clip.landmarks.shape), abs=1e-2)


def test_a_long_gap_parts_two_clips_and_belongs_to_neither() -> None:
    missing = int(MAX_GAP_S * 25) + 1
    clips = list(cut_clips(plain([(100, 90)] * 5 + [None] * missing + [(100, 90)] * 4)))

    assert [len(clip) for clip in clips] == [5, 4]
    assert clips[0].times_s[-1] == pytest.approx(4 / 25)
    assert clips[1].times_s[0] == pytest.approx((5 + missing) / 25)


def test_a_gap_at_the_end_is_left_out() -> None:
    assert lengths(plain([(100, 90)] * 5 + [None] * 3)) == [5]


def test_a_missed_frame_at_one_a_second_is_a_long_gap() -> None:
    assert lengths(plain([(100, 90), None, (100, 90)], fps=1)) == [1, 1]


def test_bad_input_gives_short_clips_or_none() -> None:
    assert lengths([]) == []
    assert lengths(plain([None] * 5)) == []
    assert lengths(plain([(100, 90)])) == [1]
    shots = [(frame, faces, int(n >= 3)) for n, (frame, faces, _) in enumerate(plain([(100, 90)] * 8))]
    assert [(clip.shot, len(clip)) for clip in cut_clips(shots)] == [(0, 3), (1, 5)]
    sizes = [
        (replace(frame, pixels=frame.pixels[: 200 - 10 * (n >= 4)]), faces, shot)
        for n, (frame, faces, shot) in enumerate(plain([(100, 90)] * 6))
    ]
    assert lengths(sizes) == [4, 2]
    twice = [frame for frame in plain([(100, 90)] * 4) for _ in range(2)]
    assert lengths(twice) == [4], "a frame at the time of the one before is never shown"


def test_a_face_that_grows_too_much_begins_another_clip() -> None:
    looked = [(frame, [marked(150, 100, 40 * 1.05**n)], 0) for n, (frame, _, _) in enumerate(plain([(0, 0)] * 12))]
    clips = list(cut_clips(looked))

    assert sum(len(clip) for clip in clips) == 12
    assert len(clips) > 1
    for clip in clips:
        sizes = clip.boxes[:, 2] - clip.boxes[:, 0]
        assert sizes.max() / sizes.min() <= MAX_GROWTH + 1e-3


@pytest.mark.parametrize("time", [0.5, -1.0, float("nan")])
def test_time_must_not_run_backwards(time: float) -> None:
    cutter, (frame, faces, _) = ClipCutter(), plain([(100, 90)])[0]
    cutter.update(replace(frame, time_s=1.0), faces)
    with pytest.raises(UsageError, match=r"expected 1\.0 s or later"):
        cutter.update(replace(frame, time_s=time), faces)


def test_a_face_needs_a_track_of_its_own() -> None:
    frame = plain([None])[0][0]
    for faces in ([marked(10, 10, track=None)], [marked(10, 10), marked(50, 50)]):
        with pytest.raises(UsageError, match="give them to a Tracker first"):
            ClipCutter().update(frame, faces)
    with pytest.raises(UsageError, match="got 0 and 16"):
        ClipCutter(size=0)


def test_two_people_have_their_own_clips() -> None:
    looked = [
        (frame, [marked(60 + n, 90, track=1), marked(240 - n, 90, track=7)], 0)
        for n, (frame, _, _) in enumerate(plain([None] * 10))
    ]
    clips = list(cut_clips(looked))

    assert [(clip.track, len(clip)) for clip in clips] == [(1, 10), (7, 10)]
    assert clips[1].boxes[-1] == pytest.approx(marked(231, 90).box)


def test_frames_are_not_kept_and_patches_do_not_pile_up() -> None:
    cutter = ClipCutter(size=32, length=4)
    frame = np.full((500, 500, 3), 90, np.uint8)
    for n in range(40):
        cutter.update(Frame(frame, n / 240, n), [marked(250, 250, 400)])
        for run in cutter._runs.values():
            assert len(run._views) <= 2 * 4
            assert not any(np.shares_memory(view.patch, frame) for view in run._views)
            assert max(view.patch.shape[0] for view in run._views) <= 2 * 1.8 * 32 + 1


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.booleans(), min_size=1, max_size=40),
    st.lists(st.sampled_from([0.004, 0.04, 0.2, 1.0, 7.0]), min_size=40, max_size=40),
    st.integers(1, 6),
)
def test_every_face_is_in_exactly_one_clip(there: list[bool], steps: list[float], length: int) -> None:
    times = np.cumsum(steps[: len(there)])
    looked = [
        (Frame(np.zeros((60, 60, 3), np.uint8), float(time)), [marked(30, 30, 20)] if found else [], 0)
        for time, found in zip(times, there, strict=True)
    ]
    clips = list(cut_clips(looked, size=16, length=length))

    assert all(1 <= len(clip) <= length for clip in clips)
    stamps = np.concatenate([clip.times_s for clip in clips]) if clips else np.empty(0)
    assert len(set(stamps)) == len(stamps)
    assert set(times[there]) <= set(stamps) <= set(times)


TIMES = st.lists(st.floats(0.002, 2), min_size=2, max_size=30).map(np.cumsum)


@settings(deadline=None)
@given(TIMES, st.floats(-100, 100), st.floats(-100, 100))
def test_smoothing_keeps_lines_at_any_times(times: Array, start: float, speed: float) -> None:
    line = start + speed * times
    assert smoothed(line, times) == pytest.approx(line, abs=1e-3)


@settings(deadline=None)
@given(TIMES, st.integers(0, 1000))
def test_smoothing_has_no_phase(times: Array, seed: int) -> None:
    """Backwards in time it gives the same, backwards."""
    values = np.random.default_rng(seed).normal(size=(len(times), 5, 2))
    assert smoothed(values[::-1], -times[::-1])[::-1] == pytest.approx(smoothed(values, times), abs=1e-6)


def test_smoothing_is_by_seconds() -> None:
    noise = np.random.default_rng(0).normal(size=400)
    kept = {fps: smoothed(noise, np.arange(400) / fps)[50:-50].std() for fps in (1, 25, 240)}

    assert kept[1] == pytest.approx(noise[50:-50].std())
    gaussian = {fps: 1 / np.sqrt(2 * np.sqrt(np.pi) * SMOOTH_S * fps) for fps in (25, 240)}
    assert kept[25] == pytest.approx(gaussian[25], rel=0.15)
    assert kept[240] == pytest.approx(gaussian[240], rel=0.5)


def test_upright_turns_back_what_was_turned() -> None:
    face = marked(0, 0).landmarks.astype(float)
    for turn in np.linspace(-3, 3, 7):
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = upright(face @ rotation.T + (70, 20), 0.5, 64)
        found = (face @ rotation.T + (70, 20)) @ matrix[:, :2].T + matrix[:, 2]
        assert found == pytest.approx((face - face.mean(axis=0)) * 0.5 + 32, abs=1e-6)


def test_a_clip_checks_its_own_shapes() -> None:
    (clip,) = cut_clips(plain([(100, 90)] * 3))
    with pytest.raises(ShapeError, match="strictly ascending"):
        replace(clip, times_s=np.array([0.0, 0.0, 1.0]))
    with pytest.raises(ShapeError, match=r"Clip\.landmarks"):
        replace(clip, landmarks=clip.landmarks[:2])
    assert isinstance(clip, Clip)
    assert clip.size == 128
