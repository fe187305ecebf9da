"""Charts say the sign, the order and the gaps."""

from __future__ import annotations

import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from detector.explain import region_bars, timeline
from detector.explain.charts import PEOPLE
from detector.explain.style import FAKE, INK, REAL
from detector.types import FaceReport, Pixels, RegionEvidence, TimelinePoint

Where = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


def where(picture: Pixels, colour: tuple[int, int, int]) -> Where:
    """The px of a colour, give or take what smoothing a line's border leaves of it."""
    return np.asarray((abs(picture.astype(int) - np.array(colour)) < 16).all(axis=-1))


def points(*probabilities: float | None) -> list[TimelinePoint]:
    return [TimelinePoint(0.5 * row, value) for row, value in enumerate(probabilities)]


def person(track: int, probabilities: list[float | None]) -> list[FaceReport]:
    return [
        FaceReport((0, 0, 9, 9), 1.0, value, time_s=0.5 * row, track=track) for row, value in enumerate(probabilities)
    ]


def evidence(**contributions: float) -> list[RegionEvidence]:
    return [RegionEvidence(name, value, f"{name}: unlike real faces") for name, value in contributions.items()]


def test_bars_towards_fake_point_right_and_stand_on_top() -> None:
    picture = region_bars(evidence(mouth=-0.5, nose=1.0))
    right, left = np.argwhere(where(picture, FAKE)), np.argwhere(where(picture, REAL))
    assert right[:, 1].min() > left[:, 1].max()
    assert right[:, 0].max() < left[:, 0].min()
    assert np.ptp(right[:, 1]) == pytest.approx(2 * np.ptp(left[:, 1]), rel=0.02)


def test_bars_do_not_depend_on_the_order_of_the_regions() -> None:
    regions = evidence(mouth=-0.5, nose=1.0, eyes=0.2, jaw=-2.0)
    np.testing.assert_array_equal(region_bars(regions), region_bars(regions[::-1]))


def test_the_evidence_in_words_is_there_and_long_words_make_room() -> None:
    plain = [RegionEvidence("mouth", 0.5, "mouth: one thing"), RegionEvidence("nose", 0.2, "nose: another")]
    other = [RegionEvidence("mouth", 0.5, "mouth: one think"), plain[1]]
    long = [RegionEvidence("mouth", 0.5, "a long story $ of _ what was found " * 6), plain[1]]
    assert (region_bars(plain) != region_bars(other)).any()
    assert len(region_bars(long)) > len(region_bars(plain))


def test_the_region_is_not_said_twice() -> None:
    said = region_bars([RegionEvidence("right_eye", 0.5, "right eye: error 2.0 σ above real faces")])
    bare = region_bars([RegionEvidence("right_eye", 0.5, "error 2.0 σ above real faces")])
    np.testing.assert_array_equal(said, bare)


@pytest.mark.parametrize("regions", [[], evidence(mouth=0.0), evidence(**{f"region_{n}": n - 9.0 for n in range(18)})])
def test_nothing_is_cut_off_at_the_border(regions: list[RegionEvidence]) -> None:
    picture = region_bars(regions)
    border = np.concatenate([picture[[0, -1]].reshape(-1, 3), picture[:, [0, -1]].reshape(-1, 3)])
    assert (border == 255).all()
    assert (picture < 128).any()


def inked(picture: Pixels) -> Where:
    """For each column whether a line crosses it near 0.9; the words around the plot and in its middle are left out."""
    return np.asarray(where(picture[60:150, 80:], INK).any(axis=0))


def longest_gap(columns: Where) -> int:
    """Columns between two that are crossed, at most."""
    return int(np.diff(np.flatnonzero(columns)).max())


def test_a_gap_is_a_gap() -> None:
    """Neither 0 nor 0.5 nor a line from one side to the other; as wide as the time it lasted."""
    whole = timeline(points(*[0.9] * 20), 0.2)
    gap = timeline(points(*[0.9] * 5, *[None] * 10, *[0.9] * 5), 0.2)
    step = np.ptp(np.flatnonzero(inked(whole))) / 19
    assert longest_gap(inked(whole)) <= 2
    assert longest_gap(inked(gap)) == pytest.approx(11 * step, rel=0.1)
    middle = int(np.flatnonzero(inked(whole)).mean()) + 80
    assert not where(gap[60:360, middle - 200 : middle + 200], INK).any()


def test_a_point_between_two_gaps_shows() -> None:
    none = [None] * 200
    alone = timeline(points(*none, 0.9, *none), 0.2)
    assert inked(alone).sum() >= 5
    assert not inked(timeline(points(*none, None, *none), 0.2)).any()


def test_points_in_any_order() -> None:
    ordered = points(0.1, None, 0.8, 0.3, None)
    np.testing.assert_array_equal(timeline(ordered, 0.5), timeline(ordered[::-1], 0.5))


def test_the_threshold_is_where_it_is() -> None:
    """A higher threshold draws its line higher; without one there is none."""

    def height(threshold: float) -> float:
        reddish = np.ptp(timeline(points(0.1, 0.1), threshold)[:, 80:1000].astype(int), axis=-1) > 100
        return float(np.flatnonzero(reddish.sum(axis=1) > 300).mean())

    assert height(0.8) < height(0.5) < height(0.2)
    assert height(0.8) + height(0.2) == pytest.approx(2 * height(0.5), abs=2)
    assert not where(timeline(points(0.1, 0.1), None), FAKE).any()


def test_two_people_get_a_line_each_and_one_gets_none() -> None:
    first, second = (tuple(int(colour[n : n + 2], 16) for n in (1, 3, 5)) for colour in PEOPLE[:2])
    scored = points(0.9, 0.9, 0.8, 0.9)
    one = person(4, [0.9, 0.9, 0.8, 0.9])
    both = timeline(scored, 0.5, one + person(7, [0.2, None, None, 0.3]))
    assert where(both, first).sum() > 500
    assert 50 < where(both, second).sum() < 400, "person 7 was there twice, with no line between"
    assert not where(timeline(scored, 0.5, one), first).any()


def test_many_people_do_not_crowd_the_picture() -> None:
    faces = [face for track in range(12) for face in person(track, [0.05 * track] * 4)]
    border = timeline(points(*[0.55] * 4), 0.5, faces)[[0, -1]]
    assert (border == 255).all()


@pytest.mark.parametrize(
    "probabilities", [[], [None], [0.7], [None] * 30, [0.5, None], [float(n % 7) / 7 for n in range(5000)]]
)
@pytest.mark.parametrize("threshold", [None, 0.0, 0.41, 1.0])
def test_every_video_has_a_timeline(probabilities: list[float | None], threshold: float | None) -> None:
    picture = timeline(points(*probabilities), threshold)
    assert picture.shape == (432, 1200, 3)
    assert (picture[[0, -1]] == 255).all()
    assert (picture[:, [0, -1]] == 255).all()


def test_the_style_of_the_user_changes_nothing() -> None:
    before = timeline(points(0.1, None, 0.8), 0.5)
    with matplotlib.rc_context({"figure.facecolor": "black", "font.size": 30, "lines.linewidth": 9}):
        np.testing.assert_array_equal(timeline(points(0.1, None, 0.8), 0.5), before)
        assert matplotlib.rcParams["font.size"] == 30


def test_neither_torch_nor_pyplot_is_imported_and_matplotlib_only_when_it_draws() -> None:
    code = (
        "import sys, detector.explain as explain; assert 'matplotlib' not in sys.modules\n"
        "explain.region_bars([]); explain.timeline([], 0.5)\n"
        "print([name for name in ('torch', 'matplotlib.pyplot') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
