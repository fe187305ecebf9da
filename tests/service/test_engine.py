"""The engine with real decoders: the real models give what `Detector.score` gives, fakes show how it works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from detector.errors import DetectorError
from detector.score import Detector, Scored
from detector.score.judge import Judge, Judged
from detector.score.look import Sight
from detector.service.engine.case import Task
from detector.service.engine.engine import Engine
from detector.service.engine.exhibits import LONGEST_PX, save_exhibit
from detector.service.engine.sandbox import Sandbox
from detector.service.settings import Batching, Limits, Settings
from detector.types import Crops, FaceReport, MediaKind, Pixels, Report
from tests.clips import write_clip

ODD = "tests.service.odd_eyes:load"


def results(engine: Engine[Any], count: int) -> dict[Any, Scored]:
    found: dict[Any, Scored] = {}
    until = time.monotonic() + 60
    while len(found) < count and time.monotonic() < until:
        if (result := engine.finished(0.5)) is not None:
            assert result[0] not in found
            found[result[0]] = result[1]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    """Two photos, a clip and a broken file."""
    made = tmp_path_factory.mktemp("media")
    Image.fromarray(astronaut).save(made / "photo.png")
    Image.fromarray(astronaut).resize((2048, 2048)).save(made / "large.jpg")
    views = [np.ascontiguousarray(astronaut[:320, 60 + 4 * n : 380 + 4 * n]) for n in range(4)]
    write_clip(made / "clip.mp4", views)
    (made / "broken.jpg").write_bytes((made / "large.jpg").read_bytes()[:5000])
    return made


MEDIA: dict[str, MediaKind] = {"photo.png": "image", "large.jpg": "image", "clip.mp4": "video", "broken.jpg": "image"}


@pytest.fixture(scope="module", params=["batching", "one by one"])
def scored(request: pytest.FixtureRequest, folder: Path) -> dict[str, Scored]:
    """Every file, by the real models in an engine."""
    batching = Batching(judges=2, decoders=2) if request.param == "batching" else Batching(1, 0.0, 1, 1, 1)
    engine: Engine[str] = Engine.load(Settings(batching=batching))
    engine.start()
    try:
        for name, media in MEDIA.items():
            engine.submit(Task(name, folder / name, name, media))
        return results(engine, len(MEDIA))
    finally:
        engine.close()


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, Report]:
    detector = Detector.load()
    return {name: detector.score(folder / name) for name in MEDIA}


def test_the_service_says_what_the_command_says(scored: dict[str, Scored], alone: dict[str, Report]) -> None:
    for name, report in alone.items():
        found = scored[name].report
        assert (found.path, found.media, found.status, found.reason) == (
            name,
            report.media,
            report.status,
            report.reason,
        )
        assert (found.verdict, found.threshold, found.models) == (report.verdict, report.threshold, report.models)
        assert found.warnings == report.warnings
        assert len(found.faces) == len(report.faces)
        for one, other in zip(found.faces, report.faces, strict=True):
            assert one.box == pytest.approx(other.box, abs=0.11)
            assert one.probability == pytest.approx(other.probability, abs=1e-4)
            assert [part.region for part in one.regions] == [part.region for part in other.regions]
            assert (one.time_s, one.track) == (other.time_s, other.track)
        assert [(point.time_s, point.shot) for point in found.timeline] == [
            (point.time_s, point.shot) for point in report.timeline
        ]
        assert [point.probability for point in found.timeline] == pytest.approx(
            [point.probability for point in report.timeline], abs=1e-4
        )
    assert {report.status for report in alone.values()} == {"ok", "error"}
    assert len(alone["clip.mp4"].timeline) == 4


def test_a_reviewer_is_shown_the_frame_and_a_heatmap_of_each_face(scored: dict[str, Scored], tmp_path: Path) -> None:
    kept = save_exhibit(scored["large.jpg"], tmp_path)
    assert kept is not None
    assert (kept.pictures, kept.width, kept.height) == (("frame.jpg", "heatmap0.png"), 2048, 2048)
    with Image.open(tmp_path / "frame.jpg") as frame:
        assert frame.size == (LONGEST_PX, LONGEST_PX)
        assert not frame.getexif()
    with Image.open(tmp_path / "heatmap0.png") as heatmap:
        assert heatmap.width >= 400
    clip = save_exhibit(scored["clip.mp4"], tmp_path)
    assert clip is not None
    assert clip.time_s in {face.time_s for face in scored["clip.mp4"].report.faces}
    assert save_exhibit(scored["broken.jpg"], tmp_path) is None


class Fake:
    """Stands for a judge: every face is as fake as its pixels are bright."""

    reconstructors = (SimpleNamespace(device=torch.device("cpu")),)
    classifier = SimpleNamespace(threshold=0.5)
    models = {"fake": "1"}  # noqa: RUF012

    def __init__(self, fails: Callable[[Sight], bool] = lambda _: False, takes_s: float = 0.0) -> None:
        self.passes: list[int] = []
        self._fails, self._takes_s = fails, takes_s

    def __call__(self, sights: Sequence[Sight]) -> list[Judged]:
        self.passes.append(len(sights))
        time.sleep(self._takes_s)
        if any(map(self._fails, sights)):
            raise RuntimeError("bad pixels")
        crops = Crops(*(np.empty(shape, kind) for shape, kind in EMPTY))
        return [Judged(one, (FaceReport((0, 0, 1, 1), 1.0, 0.25, track=3),), crops, crops.pixels) for one in sights]


EMPTY = (
    ((0, 3, 1, 1), np.float32),
    ((0, 5, 2), np.float32),
    ((0, 4), np.float32),
    ((0,), np.int64),
    ((0,), np.bool_),
    ((0,), np.bool_),
)


@pytest.fixture
def make() -> Iterator[Callable[..., Engine[str]]]:
    """Makes an engine with odd eyes and a fake judge."""
    engines: list[Engine[str]] = []

    def made(judge: Fake, limits: Limits | None = None, **batching: Any) -> Engine[str]:
        limits = limits or Limits(decode_s=20)
        engine: Engine[str] = Engine(cast(Judge, judge), lambda: Sandbox(limits, eyes=ODD), Batching(**batching))
        engines.append(engine)
        engine.start()
        return engine

    yield made
    for engine in engines:
        engine.abort()


def submit(engine: Engine[str], folder: Path, ticket: str, word: str = "fine", media: MediaKind = "image") -> None:
    path = folder / ticket
    path.write_text(word)
    engine.submit(Task(ticket, path, f"{ticket}.jpg", media))


def test_faces_of_many_files_are_judged_in_one_pass(make: Callable[..., Engine[str]], tmp_path: Path) -> None:
    engine = make(judge := Fake(), faces=6, wait_ms=5000, judges=1, decoders=2)
    for number in range(12):
        submit(engine, tmp_path, f"{number}")
    found = results(engine, 12)
    assert judge.passes == [6, 6]
    assert {scored.report.fake_probability for scored in found.values()} == {0.25}
    assert found["3"].report.path == "3.jpg"
    assert found["3"].report.models == {"odd": "1", "fake": "1"}
    assert (engine.held, engine.free) == (0, 2 + 2 * 6), "while a pass is judged, the next one is looked at"


def test_one_by_one_is_one_file_at_a_time(make: Callable[..., Engine[str]], tmp_path: Path) -> None:
    engine = make(judge := Fake(), faces=1, wait_ms=0, judges=1, decoders=1, in_flight=1)
    assert engine.free == 1
    submit(engine, tmp_path, "a")
    assert (engine.free, engine.tickets) == (0, {"a"})
    assert list(results(engine, 1)) == ["a"]
    assert judge.passes == [1]


def test_a_video_never_keeps_the_last_decoder_from_pictures(make: Callable[..., Engine[str]], tmp_path: Path) -> None:
    engine = make(Fake(), judges=1, decoders=2)
    assert engine.free_videos == 1
    for number in range(3):
        submit(engine, tmp_path, f"video {number}", "hang", "video")
    assert engine.free_videos == 0
    for number in range(3):
        submit(engine, tmp_path, f"picture {number}")
    assert set(results(engine, 3)) == {"picture 0", "picture 1", "picture 2"}
    assert engine.tickets == {"video 0", "video 1", "video 2"}


def test_a_file_that_kills_its_decoder_or_fails_the_models_is_an_error_of_its_own(
    make: Callable[..., Engine[str]], tmp_path: Path
) -> None:
    judge = Fake(fails=lambda sight: sight.frame.index == 8)
    engine = make(judge, Limits(decode_s=1.5), judges=1, decoders=2, wait_ms=300)
    words = {"a": "fine", "b": "die", "c": "hang", "d": "index 8", "e": "fine", "f": "refuse"}
    for ticket, word in words.items():
        submit(engine, tmp_path, ticket, word)
    reports = {ticket: scored.report for ticket, scored in results(engine, 6).items()}
    assert {ticket: (report.status, report.reason) for ticket, report in reports.items()} == {
        "a": ("ok", None),
        "b": ("error", "crashed"),
        "c": ("error", "timeout"),
        "d": ("error", "failed"),
        "e": ("ok", None),
        "f": ("error", "too_long"),
    }
    assert "RuntimeError: bad pixels" in reports["d"].warnings[0]


def test_what_is_dropped_or_withdrawn_does_not_come_back(make: Callable[..., Engine[str]], tmp_path: Path) -> None:
    engine = make(Fake(takes_s=0.3), judges=1, decoders=1, faces=1, in_flight=9)
    for number in range(6):
        submit(engine, tmp_path, f"{number}")
    engine.drop({"1"})
    time.sleep(0.1)
    engine.withdraw()
    left = engine.tickets - {"1"}
    assert set(results(engine, len(left))) == left
    assert engine.finished(0.5) is None
    assert engine.held == 0


def test_closing_finishes_what_is_in_it(make: Callable[..., Engine[str]], tmp_path: Path) -> None:
    engine = make(Fake(takes_s=0.05), judges=1, decoders=1, in_flight=9)
    for number in range(5):
        submit(engine, tmp_path, f"{number}")
    engine.close()
    assert len(results(engine, 5)) == 5


def test_an_engine_whose_eyes_cannot_be_loaded_does_not_start() -> None:
    broken = "tests.service.odd_eyes:broken"
    engine: Engine[str] = Engine(
        cast(Judge, Fake()), lambda: Sandbox(Limits(), eyes=broken), Batching(judges=1, decoders=2)
    )
    with pytest.raises(DetectorError, match="there are no weights"):
        engine.start()
