"""What holds for every kind of motion, and for the table that they make together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import ShapeError, UnknownNameError
from detector.features import MOTION, REGIONS, WHOLE, compute_motion
from detector.features.motion.batch import MAX_GAP_S, neighbour_step
from detector.types import Clip, ClipReconstruction, FeatureTable
from tests.features.motion.clips import MARKS, SIDE, a_clip, blurred, lively, same, texture, through_time

CLIPS = [lively(0), lively(1, track=2), lively(2, count=16), lively(3, count=9, track=2)]
AT_ANY_RATE = {
    "identity_drift": {"spread", "trend", "face_contrast_spread"},
    "blink": {"spread", "skew", "together"},
    "mouth": {"spread", "skew", "width_spread", "together"},
    "boundary": {"inside", "outside", "inside_breath", "outside_breath"},
}
"""Statistics of how frames are spread, whatever lies between them."""
FLOWS = 0.15
"""How far numbers of flow may part when the picture is mirrored or played backwards: the search has a direction."""


def compute(clips: list[Clip], kinds: list[str] | None = None) -> FeatureTable:
    return compute_motion(clips, [blurred(clip) for clip in clips], "m", kinds)


def mirrored(clip: Clip) -> Clip:
    landmarks = clip.landmarks[:, [1, 0, 2, 4, 3]].copy()
    landmarks[..., 0] = clip.size - landmarks[..., 0]
    return replace(clip, pixels=clip.pixels[..., ::-1].copy(), landmarks=landmarks)


def reversed_in_time(clip: Clip) -> Clip:
    times = (clip.times_s[-1] - clip.times_s)[::-1].copy()
    return replace(clip, pixels=clip.pixels[::-1].copy(), landmarks=clip.landmarks[::-1].copy(), times_s=times)


def swapped(table: FeatureTable) -> FeatureTable:
    """Left for right in the names, in the order of before."""
    names = [n.replace("right_", "X_").replace("left_", "right_").replace("X_", "left_") for n in table.names]
    return FeatureTable(table.values[:, [names.index(name) for name in table.names]], table.names)


@pytest.mark.parametrize("kind", MOTION)
class TestEveryKind:
    def test_one_finite_row_per_clip(self, kind: str) -> None:
        table = compute(CLIPS, [kind])
        assert table.values.shape == (4, len(table.names))
        assert np.isfinite(table.values).all()
        parts = [name.split(".") for name in table.names]
        assert {tuple(part[:3]) for part in parts} == {("m", "clip", kind)}
        shared = {WHOLE} if MOTION[kind].shared else set()
        assert {part[3] for part in parts} == {*MOTION[kind].regions} | shared
        assert {len(part) for part in parts} == {5}

    def test_it_tells_clips_apart(self, kind: str) -> None:
        table = compute(CLIPS, [kind])
        assert [n for n, v in zip(table.names, table.values.T, strict=True) if np.ptp(v) == 0] == []

    def test_clips_do_not_see_one_another(self, kind: str) -> None:
        alone = [compute([clip], [kind]).values for clip in CLIPS]
        same(compute(CLIPS, [kind]), FeatureTable(np.vstack(alone), compute(CLIPS, [kind]).names))

    def test_the_same_input_gives_the_same_bits(self, kind: str) -> None:
        one, other = (compute(CLIPS, [kind]).values for _ in range(2))
        assert np.array_equal(one, other)

    def test_a_still_clip_keeps_every_number_finite(self, kind: str) -> None:
        still = a_clip(np.repeat(texture()[None], 12, axis=0))
        assert np.isfinite(compute([still], [kind]).values).all()

    def test_black_clips_keep_every_number_finite(self, kind: str) -> None:
        assert np.isfinite(compute([a_clip(np.zeros((12, 3, SIDE, SIDE)))], [kind]).values).all()

    def test_it_says_nothing_of_fewer_frames_than_it_needs(self, kind: str) -> None:
        least = MOTION[kind].least
        assert np.isnan(compute([lively(0, count=least - 1)], [kind]).values).all()
        assert np.isfinite(compute([lively(0, count=least)], [kind]).values).mean() > 0.8

    def test_one_frame_says_nothing(self, kind: str) -> None:
        assert np.isnan(compute([lively(0, count=1)], [kind]).values).all()

    def test_it_says_nothing_of_change_at_one_frame_a_second(self, kind: str) -> None:
        table = compute([lively(0, fps=1)], [kind])
        finite = {n.rsplit(".", 1)[1] for n, v in zip(table.names, table.values[0], strict=True) if np.isfinite(v)}
        assert finite == AT_ANY_RATE.get(kind, set())

    def test_it_speaks_of_240_frames_a_second(self, kind: str) -> None:
        assert np.isfinite(compute([lively(0, count=60, fps=240)], [kind]).values).all()

    def test_mirroring_the_clip_swaps_right_and_left(self, kind: str) -> None:
        there, back = compute(CLIPS, [kind]), compute([mirrored(clip) for clip in CLIPS], [kind])
        same(there, swapped(back), FLOWS if kind == "region_motion" else 2e-3)

    def test_backwards_is_as_forwards(self, kind: str) -> None:
        there, back = compute(CLIPS, [kind]), compute([reversed_in_time(clip) for clip in CLIPS], [kind])
        same(there, back, FLOWS if kind == "region_motion" else 2e-3)

    def test_brightness_is_nothing_to_it(self, kind: str) -> None:
        """Four grey levels more everywhere; or, for the mouth, whose openness is relative to the light, less light."""
        gain, shift = (0.9, 0.0) if kind == "mouth" else (1.0, 4 / 255)
        other = [replace(clip, pixels=clip.pixels * np.float32(gain) + np.float32(shift)) for clip in CLIPS]
        made = [replace(blurred(new), mean=blurred(old).mean) for old, new in zip(CLIPS, other, strict=True)]
        tolerance = {"mouth": 0.01, "region_motion": FLOWS}.get(kind, 1e-3)
        same(compute(CLIPS, [kind]), compute_motion(other, made, "m", [kind]), tolerance)

    def test_a_track_is_the_whole_of_its_clips(self, kind: str) -> None:
        """Twice the same clip says what one says; so no mean of statistics that forgets how many frames there were."""
        clip = lively(4)
        twice = compute_motion([clip, clip], [blurred(clip)] * 2, "m", [kind], rows="tracks")
        same(twice, compute([clip], [kind]))

    def test_a_model_of_clips_has_the_same_names(self, kind: str) -> None:
        table = compute_motion(CLIPS, [through_time(clip) for clip in CLIPS], "m", [kind])
        assert table.names == compute(CLIPS, [kind]).names
        assert np.isfinite(table.values).all()

    @settings(max_examples=8, deadline=None)
    @given(st.integers(1, 14), st.sampled_from([0.5, 5, 24, 60, 240]), st.integers(0, 9), st.integers(16, 40))
    def test_it_is_finite_or_not_there(self, kind: str, count: int, fps: float, seed: int, side: int) -> None:
        rng = np.random.default_rng(seed)
        side = side // 8 * 8
        marks = MARKS[None] + rng.normal(0, 12, (count, 5, 2))
        clip = a_clip(rng.random((count, 3, side, side)), fps, marks)
        times = np.sort(rng.choice(10 * count, count, replace=False)) / (10 * fps)
        values = compute([clip, replace(clip, times_s=times)], [kind]).values
        assert not np.isinf(values).any()


def test_rows_come_in_the_order_of_the_clips() -> None:
    shuffled = [CLIPS[row] for row in (2, 0, 3, 1)]
    there, back = compute(CLIPS), compute(shuffled)
    same(FeatureTable(there.values[[2, 0, 3, 1]], there.names), back)


def test_tracks_have_rows_in_the_order_of_their_numbers() -> None:
    made = [blurred(clip) for clip in CLIPS]
    table = compute_motion(CLIPS, made, "m", rows="tracks")
    assert len(table) == 2
    pairs = [[clip for clip in CLIPS if clip.track == track] for track in (0, 2)]
    alone = [compute_motion(p, [blurred(c) for c in p], "m", rows="tracks").values for p in pairs]
    same(table, FeatureTable(np.vstack(alone), table.names))


def test_the_drift_of_a_track_is_also_that_between_its_clips() -> None:
    """Two still clips that differ have no spread each, and a spread together."""
    clips = [a_clip(np.full((6, 3, SIDE, SIDE), level)) for level in (0.3, 0.6)]
    clips[1] = replace(clips[1], times_s=clips[1].times_s + 5)
    column = "m.clip.identity_drift.nose.spread"
    made = [blurred(clip) for clip in clips]
    each, both = (compute_motion(clips, made, "m", ["identity_drift"], rows) for rows in ("clips", "tracks"))
    assert (each.values[:, each.names.index(column)] < -8).all()
    assert both.values[0, both.names.index(column)] > -2


def test_a_region_that_is_not_shown_has_no_value() -> None:
    clip = lively(0)
    low = replace(clip, landmarks=clip.landmarks + np.array([0, 30], np.float32))
    table = compute([low], ["flicker"])
    row = dict(zip(table.names, table.values[0], strict=True))
    assert np.isfinite(row["m.clip.flicker.forehead.ratio"])
    assert np.isnan(row["m.clip.flicker.mouth.ratio"])


def test_every_region_has_its_numbers() -> None:
    table = compute([CLIPS[0]])
    assert {name.split(".")[3] for name in table.names} == {*REGIONS, WHOLE}
    assert 300 < len(table.names) < 400


def test_clips_of_one_record_are_those_of_one_each() -> None:
    clips = [lively(seed) for seed in range(3)]
    parts = [through_time(clip) for clip in clips]
    joined = ClipReconstruction(*(torch.cat([getattr(p, n) for p in parts]) for n in ("pixels", "mean")))
    same(compute_motion(clips, [joined], "m"), compute_motion(clips, parts, "m"))


def test_neighbours_are_a_twenty_fifth_of_a_second_apart() -> None:
    steps = {fps: neighbour_step(np.arange(20) / fps) for fps in (1, 24, 25, 30, 50, 60, 120, 240)}
    assert steps == {1: 1, 24: 1, 25: 1, 30: 1, 50: 2, 60: 2, 120: 5, 240: 10}


def test_twice_the_frames_a_second_say_the_same() -> None:
    """The same motion, filmed at 25 and at 50 frames a second."""

    def film(fps: int) -> Clip:
        time = np.arange(0, 1, 1 / fps)[:, None, None, None]
        swell = np.sin(2 * np.pi * (2 * time + np.arange(SIDE) / 40)) * np.cos(np.arange(SIDE) / 3)[:, None]
        return a_clip(np.broadcast_to(0.5 + 0.3 * swell, (fps, 3, SIDE, SIDE)), fps)

    slow, fast = (compute([film(fps)], ["flicker", "latent_velocity"]) for fps in (25, 50))
    same(slow, fast, 0.05)


def test_a_gap_in_time_is_no_pair() -> None:
    """Two halves that differ, with a hole between them, flicker no more than each."""
    rng = np.random.default_rng(0)
    halves = [np.repeat(rng.random((1, 3, SIDE, SIDE)), 4, axis=0) for _ in range(2)]
    clip = a_clip(np.concatenate(halves))
    holed = replace(clip, times_s=clip.times_s + np.repeat([0, 1.1 * MAX_GAP_S], 4))
    jump, hole = (compute([c], ["flicker"]) for c in (clip, holed))
    column = jump.names.index("m.clip.flicker.whole.log_abs")
    assert jump.values[0, column] > -5
    assert hole.values[0, column] == pytest.approx(np.log(0.025 / 255))


def test_an_unknown_kind_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="unknown kind of motion 'aura'; known: blink, boundary"):
        compute(CLIPS, ["aura"])


def test_a_reconstruction_of_other_clips_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"clip by clip, got \[\(16, 3, 48, 48\)\]"):
        compute_motion([CLIPS[0]], [blurred(CLIPS[2])], "m")
