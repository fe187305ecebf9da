"""The audit: skin as an independent reference measures it, and slices that part the faces."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab

from detector.benchmark.baselines.face_facts import PREFIX, face_facts, to_lab, typology_angle
from detector.benchmark.histories.history import Remade
from detector.benchmark.measures.evaluate import Answers, Rate
from detector.benchmark.run.audit import SCALES, THIRDS, disparity, slices
from detector.benchmark.run.results import Slice
from detector.types import Face, FeatureTable, Frame, Pixels

FACTS = ("ita", "size", "sharpness", "lightness", "chroma", "yaw", "roll")


def facts_of(pixels: Pixels, face: Face) -> dict[str, float]:
    found = face_facts(Path("no such file"), Remade(Frame(pixels), face))
    return {name.removeprefix(PREFIX): value for name, value in found.items()}


def plain(lightness: float, a: float, b: float) -> Pixels:
    """A picture of one colour, by scikit-image."""
    colour = lab2rgb(np.array([[[lightness, a, b]]], np.float64))
    return np.tile(np.round(colour * 255).astype(np.uint8), (512, 512, 1))


def test_lab_is_that_of_scikit_image() -> None:
    """Up to OpenCV's table, between whose entries it interpolates."""
    pixels = np.random.default_rng(0).random((200, 200, 3)).astype(np.float32)
    far = np.abs(to_lab(pixels) - rgb2lab(pixels))
    assert far.max() < 0.7
    assert far.mean() < 0.1


@pytest.mark.parametrize(
    ("lightness", "b", "degrees"),
    [(70, 20, 45.0), (50, 15, 0.0), (30, 20, -45.0), (50 + 3**0.5 * 10, 10, 60.0), (60, 3**0.5 * 10, 30.0)],
)
def test_the_typology_angle_by_hand(lightness: float, b: float, degrees: float, astronaut_face: Face) -> None:
    """An angle of Chardon's formula, from the formula and from a picture in which all skin has that colour."""
    assert typology_angle(lightness, b) == pytest.approx(degrees)
    found = facts_of(plain(lightness, 12, b), astronaut_face)
    assert found["ita"] == pytest.approx(degrees, abs=1.5)  # eight bits a colour
    assert found["lightness"] == pytest.approx(lightness, abs=0.5)
    assert found["chroma"] == pytest.approx(np.hypot(12, b), abs=0.5)


@given(st.floats(0, 99), st.floats(0.1, 1), st.floats(1, 60))
def test_lighter_skin_has_a_larger_angle(lightness: float, more: float, b: float) -> None:
    assert -90 < typology_angle(lightness, b) < typology_angle(lightness + more, b) < 90


def test_grey_and_blue_faces_have_no_skin_tone(astronaut: Pixels, astronaut_face: Face) -> None:
    grey = np.repeat(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    found = facts_of(np.asarray(grey, np.uint8), astronaut_face)
    assert np.isnan(found["ita"])
    assert found["chroma"] < 0.1
    assert np.isnan(facts_of(plain(60, 0, -20), astronaut_face)["ita"])
    assert np.isfinite(facts_of(astronaut, astronaut_face)["ita"])


def test_a_covered_forehead_does_not_change_the_skin_tone(astronaut_face: Face) -> None:
    """Two regions of three outvote the third."""
    pixels = plain(65, 12, 20)
    bare = facts_of(pixels, astronaut_face)
    pixels[:90] = (20, 15, 10)
    covered = facts_of(pixels, astronaut_face)
    assert covered["ita"] == bare["ita"]
    assert covered["lightness"] < bare["lightness"]


def test_the_astronaut_in_numbers(astronaut: Pixels, astronaut_face: Face) -> None:
    found = facts_of(astronaut, astronaut_face)
    assert tuple(found) == FACTS
    assert found["size"] == 113  # 176 - 63
    assert found["yaw"] == pytest.approx((220 - 223.5) / 47, abs=0.02)  # her eyes are all but level
    assert found["roll"] == pytest.approx(np.degrees(np.arctan(1 / 47)))
    assert 0.22 < found["sharpness"] < 1


def test_a_blur_is_less_sharp_and_a_darker_picture_darker(astronaut: Pixels, astronaut_face: Face) -> None:
    found = facts_of(astronaut, astronaut_face)
    blurred = facts_of(np.asarray(cv2.GaussianBlur(astronaut, (0, 0), 2), np.uint8), astronaut_face)
    darker = facts_of(astronaut // 2, astronaut_face)
    assert blurred["sharpness"] < found["sharpness"] - 0.1
    assert darker["lightness"] < found["lightness"] - 10
    assert darker["ita"] < found["ita"]


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.6, 0.6), st.floats(-80, 80), st.floats(5, 200))
def test_pose_is_read_from_the_landmarks(yaw: float, roll: float, distance: float) -> None:
    """A nose that lies `yaw` eye distances from the middle, in a face that is turned in its plane."""
    marks = np.array([[-0.5, 0], [0.5, 0], [yaw, 0.6], [-0.4, 1.1], [0.4, 1.1]]) * distance
    cosine, sine = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    turned = marks @ np.array([[cosine, sine], [-sine, cosine]]) + 250
    face = Face(np.array([200, 200, 300, 300], np.float32), turned.astype(np.float32), 1.0)
    found = facts_of(np.zeros((500, 500, 3), np.uint8), face)
    assert (found["yaw"], found["roll"]) == pytest.approx((yaw, roll), abs=1e-3)


def test_landmarks_in_one_point_have_no_pose(astronaut: Pixels, astronaut_face: Face) -> None:
    found = facts_of(astronaut, replace(astronaut_face, landmarks=np.full((5, 2), 220, np.float32)))
    assert np.isnan([found["yaw"], found["roll"]]).all()


def table(**columns: list[float]) -> FeatureTable:
    """Facts; those that are not given are 1 for every face."""
    count = len(next(iter(columns.values())))
    values = [columns.get(name, [1.0] * count) for name in FACTS]
    return FeatureTable(np.array(values, np.float32).T, tuple(PREFIX + name for name in FACTS))


def answers_of(labels: list[int], scores: list[float]) -> Answers:
    """Every face is a group of its own."""
    groups = np.array([str(number) for number in range(len(labels))])
    return Answers(np.array(labels), groups, groups, {"ours": np.array(scores, np.float64)})


def named(found: tuple[Slice, ...], by: str) -> dict[str, Slice]:
    return {one.name: one for one in found if one.by == by}


def test_rates_by_hand() -> None:
    """Angles in every class, at their edges too; a grey face; a face without a score, which does not count."""
    angles = [-40, -30, 9, 10, 30, 50, 55, 60, np.nan, 60]
    labels = [0, 0, 1, 0, 1, 0, 0, 1, 0, 0]
    scores = [0.9, 0.1, 0.5, 0.6, 0.4, 0.5, 0.2, 0.7, 0.1, np.nan]
    found = named(slices(table(ita=angles), answers_of(labels, scores), "ours", 0.5), "skin tone")
    rates = {name: (one.alarms, one.found) for name, one in found.items()}
    assert rates == {
        "ITA below -30° (dark)": (Rate(1, 1), None),
        "ITA -30° to 10° (brown)": (Rate(0, 1), Rate(1, 1)),
        "ITA 10° to 28° (tan)": (Rate(1, 1), None),
        "ITA 28° to 41° (intermediate)": (None, Rate(0, 1)),
        "ITA 41° to 55° (light)": (Rate(1, 1), None),
        "ITA above 55° (very light)": (Rate(0, 1), Rate(1, 1)),
        "not measured": (Rate(0, 1), None),
    }
    assert [one.auc.value for one in found.values() if one.auc] == [1.0, 1.0]


def test_pose_counts_both_sides() -> None:
    found = named(
        slices(table(yaw=[-0.5, 0.1, -0.1, 0.5]), answers_of([0, 0, 0, 0], [1, 0, 0, 1]), "ours", 0.5), "pose"
    )
    assert [one.alarms for one in found.values()] == [Rate(0, 2), Rate(2, 2)]


def test_an_auc_is_of_its_slice_and_needs_both_classes() -> None:
    """Of ten large faces with one pair the wrong way round, and of five small ones that are all real."""
    labels, sizes = [0] * 5 + [1] * 5 + [0] * 5, [600.0] * 10 + [90.0] * 5
    scores = [1.0, 2, 3, 4, 6, 5, 7, 8, 9, 10] + [0.0] * 5
    found = named(slices(table(size=sizes), answers_of(labels, scores), "ours", 5), "face size")
    large = found["above 500 px"].auc
    assert large is not None
    assert large.value == 24 / 25
    assert large.low < large.value <= large.high
    assert found["below 110 px"] == Slice("face size", "below 110 px", Rate(0, 5), None, None)
    assert found["110 to 250 px"] == Slice("face size", "110 to 250 px", None, None, None)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_slices_part_the_faces(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    number = st.one_of(st.just(np.nan), st.floats(-100, 700, width=32))
    columns = {name: data.draw(st.lists(number, min_size=count, max_size=count)) for name in FACTS}
    labels = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    found = slices(table(**columns), answers_of(labels, [0.5] * count), "ours", 0.5)
    total: Counter[str] = Counter()
    for one in found:
        total[one.by] += sum(rate.count for rate in (one.alarms, one.found) if rate)
    assert dict(total) == dict.fromkeys([*(scale.by for scale in SCALES), *THIRDS], count)
    assert len({(one.by, one.name) for one in found}) == len(found)


def test_thirds_are_thirds() -> None:
    facts = table(lightness=[float(n) for n in range(30)])
    found = named(slices(facts, answers_of([0] * 30, [0.0] * 30), "ours", 0.5), "brightness")
    assert [one.alarms for one in found.values()] == [Rate(0, 10)] * 3


def test_the_largest_disparity_is_named() -> None:
    def one(by: str, name: str, hits: int, count: int) -> Slice:
        return Slice(by, name, Rate(hits, count), None, None)

    small = [one("pose", "frontal", 0, 19), one("pose", "turned", 19, 19)]
    assert disparity([*small, one("colour", "grey", 0, 50)]) is None
    assert disparity([one("pose", "frontal", 5, 50), one("pose", "turned", 2, 20)]) is None
    sure = [one("skin tone", "tan", 30, 40), one("skin tone", "light", 2, 40), one("colour", "grey", 40, 40)]
    assert disparity([*small, *sure]) == (
        "False alarms differ most by skin tone: tan, 30 of 40, 0.750 (0.588 to 0.873); "
        "light, 2 of 40, 0.050 (0.006 to 0.169); the intervals do not overlap."
    )
    unsure = disparity([one("pose", "frontal", 1, 20), one("pose", "turned", 2, 20)])
    assert unsure is not None
    assert "may be chance" in unsure
