"""A video within a time: the answer that those frames give, with what was left out; everything else as without."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from detector.errors import UsageError
from detector.faces import Tracker
from detector.media import MediaLimits, open_media
from detector.score import Detector
from detector.score.budget import UNNOTICED, Clock
from detector.score.judges import Judges
from detector.score.look import Eyes
from detector.score.looks import Looks
from detector.score.pictures import save_pictures
from detector.score.results import to_json
from detector.types import Array, FeatureTable, PartialReport, Pixels, Report
from tests.clips import write_clip
from tests.score.test_detector import Centre, MeanError, judge

LONG = 3600.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    """120 frames, ten of them keys, of a face whose contrast changes."""
    face = astronaut[:256, 96:352]
    frames = ((face * (0.5 + 0.4 * np.sin(number / 9))).astype(np.uint8) for number in range(120))
    return write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", frames)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(lambda: Eyes(Centre), judge)


class Constant(MeanError):  # noqa: N818 – an error of reconstruction
    """Gives every face the same probability."""

    def __init__(self, says: float) -> None:
        self.says = says

    def probability(self, table: FeatureTable) -> Array:
        return np.full(len(table), self.says)


def sure(says: float) -> Detector:
    return Detector(lambda: Eyes(Centre), lambda: replace(judge(), classifier=Constant(says)))  # type: ignore[arg-type]


def within(detector: Detector, source: Path, budget_s: float) -> PartialReport:
    report = detector.score(source, budget_s)
    assert isinstance(report, PartialReport)
    return report


def test_without_a_budget_the_report_is_what_it_was(detector: Detector, clip: Path) -> None:
    report = detector.score(clip)
    assert type(report) is Report
    assert "seen" not in to_json(report)
    assert len(report.timeline) == 32
    assert report.warnings == ()


def test_with_all_the_time_every_frame_is_seen_and_no_doubt_is_left(clip: Path) -> None:
    """0.499 is so close to 0.5 that no part of the frames decides."""
    report = within(sure(0.499), clip, LONG)
    assert (report.seen.frames, report.seen.of_frames, report.seen.stopped) == (120, 120, "all")
    assert report.seen.interval == pytest.approx((0.499, 0.499))
    assert (report.seen.unnoticed, report.warnings) == (0.0, ())
    assert report.seen.covered_s == pytest.approx(4.0, abs=0.01)
    assert [point.time_s for point in report.timeline] == pytest.approx(np.arange(120) / 30, abs=0.001)


def test_a_time_that_is_up_at_once_leaves_one_look_and_says_so(detector: Detector, clip: Path) -> None:
    report = within(detector, clip, 1e-6)
    seen = report.seen
    assert (seen.frames, seen.key_frames, seen.stopped, seen.unnoticed) == (1, 1, "time", 1.0)
    assert seen.interval is not None
    assert report.fake_probability is not None
    assert seen.interval[0] < report.fake_probability < seen.interval[1]
    assert seen.interval[1] - seen.interval[0] > 0.8, "one frame tells little"
    assert seen.gap_s >= 2.0
    assert "1 of 120 frames were looked at, all of them key frames" in report.warnings[0]
    assert "the verdict may change with a larger budget" in report.warnings[1]


@pytest.mark.parametrize(("says", "verdict"), [(0.01, "real"), (0.99, "fake")])
def test_it_ends_as_soon_as_the_interval_decides(clip: Path, says: float, verdict: str) -> None:
    report = within(sure(says), clip, LONG)
    seen = report.seen
    assert (report.verdict, seen.stopped) == (verdict, "decided")
    assert seen.frames < 60
    assert seen.interval is not None
    low, high = seen.interval
    assert high < 0.5 if verdict == "real" else low >= 0.5
    if verdict == "real":
        assert seen.unnoticed <= UNNOTICED
    assert not any("larger budget" in warning for warning in report.warnings)


def test_the_answer_is_that_of_the_same_frames_in_order(detector: Detector, clip: Path) -> None:
    looks = Looks(str(clip), open_media(clip), detector.eyes, detector.judges)
    looks.more(8)
    looks.more(20)
    found = looks.summary().verdict("video", 0.5)
    eyes = detector.eyes
    sights = [sight for part in eyes.look_at(open_media(clip), looks.frames) for sight in part]
    tracker = Tracker()
    tracks = [face.track for one in sights for face in tracker.update(one.faces, one.frame.index)]
    assert [point.time_s for point in found.timeline] == [sight.frame.time_s for sight in sights]
    told = [judged.faces[0].probability for judged in detector.judges(sights)]
    assert [point.probability for point in found.timeline] == pytest.approx(told, abs=1e-5)
    assert [face.track for face in looks.summary().sightings] == tracks
    assert looks.frames == sorted(open_media(clip).refining()[:28].tolist())


def test_no_frame_is_kept_and_the_one_to_show_is_looked_at_again(
    detector: Detector, clip: Path, tmp_path: Path
) -> None:
    [scored] = detector.score_many([("a.mp4", clip)], 1e-6)
    shown = scored.summary.exhibit
    assert shown is not None
    assert shown.sight.frame.pixels.shape == (256, 256, 3)
    assert {path.name for path in save_pictures(scored, tmp_path)} == {
        *(f"a.face0.{what}.png" for what in ("heatmap", "regions", "triptych")),
        "a.annotated.png",
        "a.timeline.png",
    }
    looks = Looks("a.mp4", open_media(clip), detector.eyes, detector.judges)
    looks.more(5)
    held = [person.exhibit for person in looks.summary().persons.values()]
    assert all(one is not None and one.sight.frame.pixels.size == one.crops.pixels.size == 0 for one in held)


def test_the_report_is_one_line_of_json(detector: Detector, clip: Path) -> None:
    report = within(detector, clip, 1e-6)
    assert asdict(report)["seen"]["of_frames"] == 120
    assert '"stopped": "time"' in to_json(report)
    assert to_json(report).startswith('{"path": ')


def test_pictures_and_broken_files_are_answered_as_without(
    detector: Detector, clip: Path, tmp_path: Path, astronaut: Pixels
) -> None:
    from PIL import Image

    Image.fromarray(astronaut[:256, 96:352]).save(tmp_path / "a.png")
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:5000])
    for name in ("a.png", "cut.mp4"):
        fields = [vars(detector.score(tmp_path / name, budget_s)) | {"elapsed_s": 0} for budget_s in (None, 5.0)]
        assert fields[0] == fields[1]


def test_a_clip_without_a_face_has_no_interval(detector: Detector, tmp_path: Path) -> None:
    blank: Pixels = np.full((64, 64, 3), 90, np.uint8)
    report = within(detector, write_clip(tmp_path / "blank.mp4", [blank] * 30), LONG)
    assert (report.status, report.reason, report.seen.interval) == ("abstained", "no_face", None)
    assert report.seen.stopped == "all"


def test_two_people_share_the_error(clip: Path) -> None:
    """Of two who may decide each has a wider interval than alone."""

    class Both(Centre):
        def __call__(self, frames):  # type: ignore[no-untyped-def]
            found = super().__call__(frames)
            away = np.array([-70, 0, -70, 0], np.float32)
            return [
                (face, replace(face, box=face.box + away, landmarks=face.landmarks + away[:2])) for (face,) in found
            ]

    def look(finder: type[Centre]) -> tuple[float, float]:
        looks = Looks("a.mp4", open_media(clip), Eyes(finder), Judges(judge))
        looks.more(6)
        interval = looks.interval(looks.summary())
        assert interval is not None
        return interval

    one, both = look(Centre), look(Both)
    assert both[0] < one[0]
    assert both[1] > one[1]


def test_loading_models_is_not_on_the_clock() -> None:
    class Slow:
        detector = judge = property(lambda _: __import__("time").sleep(0.2))

    clock = Clock()
    clock.load(Slow(), Slow())  # type: ignore[arg-type]
    assert clock.loading_s >= 0.4
    assert clock.spent_s < 0.3


@pytest.mark.parametrize("budget_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_budget_is_a_positive_time(detector: Detector, clip: Path, budget_s: float) -> None:
    with pytest.raises(UsageError, match="budget_s: expected a positive number"):
        detector.score(clip, budget_s)


def test_limits_hold_within_a_budget(clip: Path) -> None:
    short = Detector(lambda: Eyes(Centre, media_limits=MediaLimits(max_duration_s=1.0)), judge)
    assert short.score(clip, 5.0).reason == "too_long"
