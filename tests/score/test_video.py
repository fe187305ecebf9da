"""Videos as videos: who looks fake, and when; odd clips are scored honestly or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import numpy as np
import pytest

from detector.cli.score import in_words
from detector.faces import concat_crops, load_face_detector
from detector.fakes import Workshop, load_moving_fake_maker
from detector.media import Sampling
from detector.score import Detector
from detector.score.judge import Judge, Judged
from detector.score.look import Eyes, Sight
from detector.score.pictures import save_pictures
from detector.types import Face, FaceReport, Frame, Pixels, Report
from tests.clips import write_clip
from tests.fakes.conftest import Coarse
from tests.score.test_budget import sure
from tests.score.test_detector import Centre

FPS, SECONDS, SIDE = 10, 10, 256
SWAPPED = (4.0, 7.0)


class Two:
    """Two real faces that move: the astronaut, and her in the mirror and in another light, who may be swapped."""

    def __init__(self, astronaut: Pixels, face: Face) -> None:
        self._left = astronaut[: SIDE + 40, 96 : 96 + SIDE]
        self._right = (astronaut[: SIDE + 40, 96 : 96 + SIDE][:, ::-1] * np.array([0.7, 0.8, 0.9])).astype(np.uint8)
        marks = face.landmarks[[1, 0, 2, 4, 3]] - (96, 0)
        x0, y0, x1, y1 = face.box - (96, 0, 96, 0)
        self._face = Face(
            np.array([2 * SIDE - x1, y0, 2 * SIDE - x0, y1], np.float32),
            (np.array([2 * SIDE, 0]) + marks * (-1, 1)).astype(np.float32),
            1.0,
        )

    def frame(self, number: int) -> Frame:
        """Both go up and down, out of step."""
        ups = [round(20 + 15 * np.sin(number / 9 + phase)) for phase in (0, 2)]
        sides = [one[up : up + SIDE] for one, up in zip((self._left, self._right), ups, strict=True)]
        return Frame(np.hstack(sides), number / FPS, number)

    def face(self, number: int) -> Face:
        """Of the one on the right."""
        up = round(20 + 15 * np.sin(number / 9 + 2))
        return replace(
            self._face,
            box=self._face.box - np.array([0, up, 0, up], np.float32),
            landmarks=self._face.landmarks - np.array([0, up], np.float32),
        )


class Oracle:
    """A judge that knows the clip before anything was done to it, and tells a face that is not as it was."""

    classifier = SimpleNamespace(threshold=0.3)
    reconstructors = (SimpleNamespace(device=SimpleNamespace(type="none")),)
    models = {"oracle": "1"}  # noqa: RUF012

    def __init__(self, two: Two) -> None:
        self._two = two

    def __call__(self, sights: Sequence[Sight]) -> list[Judged]:
        return [self._judged(sight) for sight in sights]

    def _judged(self, sight: Sight) -> Judged:
        clean = self._two.frame(sight.frame.index).pixels.astype(int)
        change = np.abs(sight.frame.pixels - clean).mean(axis=-1)
        reports = []
        for face, reason in zip(sight.faces, sight.reasons, strict=True):
            x0, y0, x1, y1 = face.box.round().astype(int).clip(0)
            says = 0.9 if change[y0:y1, x0:x1].mean() > 3 else 0.1
            box = cast("tuple[float, float, float, float]", tuple(face.box.tolist()))
            told = None if reason else says
            reports.append(FaceReport(box, 1.0, told, reason, time_s=sight.frame.time_s, track=face.track))
        crops = concat_crops([], 1)
        return Judged(sight, tuple(reports), crops, crops.pixels)


@pytest.fixture(scope="module")
def two(astronaut: Pixels, astronaut_face: Face) -> Two:
    return Two(astronaut, astronaut_face)


@pytest.mark.parametrize("maker", ["round-trip-frames", "swap-jitter"])
def test_the_right_person_and_the_right_seconds_are_named(
    maker: str, two: Two, astronaut_frame: Frame, astronaut_face: Face, tmp_path: Path
) -> None:
    """Of two real faces one is swapped from 4 to 7 s; the real face finder, and a judge that knows."""
    frames = [two.frame(number) for number in range(FPS * SECONDS)]
    first, end = (round(time_s * FPS) for time_s in SWAPPED)
    workshop = Workshop((Coarse(),), ((astronaut_frame, astronaut_face),))
    faces = [two.face(number) for number in range(first, end)]
    fakes = load_moving_fake_maker(maker, workshop)(frames[first:end], faces, np.random.default_rng(1))
    frames[first:end] = [fake.frame for fake in fakes]
    clip = write_clip(
        tmp_path / "a.mp4",
        [frame.pixels for frame in frames],
        unit=Fraction(1, FPS),
        options={"crf": "4"},
    )
    detector = Detector(lambda: Eyes(lambda: load_face_detector("face-net")), lambda: cast(Judge, Oracle(two)))
    [scored] = detector.score_many([(str(clip), clip)])
    left, right = sorted(scored.report.faces, key=lambda face: face.box[0])
    assert left.person is not None
    assert right.person is not None
    step = SECONDS / 32
    [segment] = right.person.segments
    assert segment.from_s == pytest.approx(SWAPPED[0], abs=step)
    assert segment.to_s == pytest.approx(SWAPPED[1], abs=step)
    assert (segment.probability, left.person.segments) == (pytest.approx(0.9), ())
    assert (left.person.verdict, left.probability) == ("real", pytest.approx(0.1))
    assert [left.person.frames, right.person.frames] == [32, 32]
    assert {point.shot for point in scored.report.timeline} == {0}
    assert f"0:04.2–0:06.7, {right.name}: looks fake, 90%" in in_words(scored.report)


def scored(clip: Path, says: float = 0.9) -> Report:
    """With a face in the middle of whatever is not flat, and the same probability for each."""
    report = sure(says).score(clip)
    if report.status == "ok":
        assert all(face.person is not None and face.person.interval is not None for face in report.faces)
    return report


def width(report: Report) -> float:
    [face] = report.faces
    assert face.person is not None
    assert face.person.interval is not None
    return face.person.interval[1] - face.person.interval[0]


def pictures(astronaut: Pixels, count: int) -> Iterator[Pixels]:
    for number in range(count):
        yield np.asarray(astronaut[number % 7 : 256 + number % 7, 96:352])


def test_one_frame_is_scored_and_says_how_little_it_rests_on(astronaut: Pixels, tmp_path: Path) -> None:
    one = scored(write_clip(tmp_path / "one.mp4", pictures(astronaut, 1)))
    many = scored(write_clip(tmp_path / "many.mp4", pictures(astronaut, 40)))
    [face] = one.faces
    assert face.person is not None
    assert (one.status, one.verdict, face.person.verdict, face.person.frames) == ("ok", "fake", "fake", 1)
    assert face.person.segments == (), "no span of time was seen"
    assert width(one) > 0.8
    assert width(many) < 0.2
    assert "1 frame: " in in_words(one)


def test_no_face_is_no_person(tmp_path: Path) -> None:
    blank = np.full((64, 64, 3), 90, np.uint8)
    report = scored(write_clip(tmp_path / "blank.mp4", [blank] * 30))
    assert (report.status, report.reason, report.faces) == ("abstained", "no_face", ())
    assert {(point.probability, point.shot) for point in report.timeline} <= {(None, 0)}


def test_nobody_goes_on_after_a_cut(astronaut: Pixels, tmp_path: Path) -> None:
    """Another picture with a face in the same place: place and size alone would go on."""
    from skimage import data

    other = np.asarray(data.coffee()[:256, 150:406], np.uint8)
    clip = write_clip(tmp_path / "cut.mp4", [*pictures(astronaut, 45), *[other] * 45])
    report = scored(clip)
    first, second = (face.person for face in report.faces)
    assert first is not None
    assert second is not None
    assert first.last_s < 1.5 <= second.first_s
    shots = [point.shot for point in report.timeline]
    assert shots == [0] * first.frames + [1] * second.frames
    assert [(len(person.segments), person.number) for person in (first, second)] == [(1, 1), (1, 2)]


def test_frames_that_change_their_size(astronaut: Pixels, tmp_path: Path) -> None:
    """Motion JPEG, whose every frame says its own size."""
    clip = tmp_path / "sizes.avi"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuvj420p"
        for number in range(20):
            side = 256 if number < 10 else 160
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = side, side, "yuvj420p", Fraction(1, 10)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(astronaut[:side, 96 : 96 + side]))
            for packet in encoder.encode(frame.reformat(format="yuvj420p")):
                packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 10)
                container.mux(packet)
    detector = sure(0.9)
    [answered] = detector.score_many([(str(clip), clip)])
    assert answered.report.status == "ok"
    assert len(answered.report.timeline) == 20
    assert sum(face.person.frames for face in answered.report.faces if face.person) == 20
    film = save_pictures(answered, tmp_path / "why", open_file=lambda: detector.eyes.open(clip))[-1]
    with av.open(str(film)) as container:
        assert {(one.width, one.height) for one in container.decode(video=0)} == {(256, 256)}


@pytest.mark.parametrize(("name", "stamps"), [("negative.mkv", range(-20, 20)), ("missing.avi", None)])
def test_negative_and_missing_time_stamps_count_from_the_start(
    name: str, stamps: range | None, astronaut: Pixels, tmp_path: Path
) -> None:
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    mux = {} if stamps is None else {"avoid_negative_ts": "disabled"}
    report = scored(write_clip(tmp_path / name, pictures(astronaut, 40), codec=codec, stamps=stamps, mux=mux))
    [face] = report.faces
    assert face.person is not None
    times = [point.time_s for point in report.timeline]
    assert times[0] == pytest.approx(0, abs=0.07)
    assert times[-1] == pytest.approx(39 / 30, abs=0.07)
    [segment] = face.person.segments
    assert (segment.from_s, segment.to_s) == (times[0], times[-1])


@pytest.mark.parametrize(("fps", "count"), [(1, 6), (240, 120)])
def test_slow_and_fast_clips_have_their_own_seconds(fps: int, count: int, astronaut: Pixels, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", pictures(astronaut, count), unit=Fraction(1, fps))
    report = scored(clip)
    [face] = report.faces
    assert face.person is not None
    [segment] = face.person.segments
    assert segment.frames == face.person.frames == len(report.timeline)
    assert len(report.timeline) >= min(31, count)
    assert segment.to_s - segment.from_s == pytest.approx((count - 1) / fps, abs=4 / fps)


def test_every_frame_may_be_looked_at(astronaut: Pixels, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", pictures(astronaut, 60))
    judge = sure(0.9).load_judge
    report = Detector(lambda: Eyes(Centre, Sampling(every=True)), judge).score(clip)
    assert [face.person.frames for face in report.faces if face.person] == [60]
    assert width(report) < width(scored(clip))


def test_a_picture_has_no_person(astronaut: Pixels, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(astronaut[:256, 96:352]).save(tmp_path / "a.png")
    [face] = sure(0.9).score(tmp_path / "a.png").faces
    assert (face.person, face.name) == (None, None)
