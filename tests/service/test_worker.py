"""Whatever happens to a worker, every item ends, and ends once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from detector.service.records import Item, Order, Upload
from detector.service.settings import Batching, Keep, Queue, Settings
from detector.service.spool import Spool
from detector.service.store import Store
from detector.service.upkeep import Every, let_go
from detector.types import MediaKind, Pixels
from tests.service.fast_worker import FastEngine, worker

ROOT = Path(__file__).resolve().parents[2]


def upload(spool: Spool, name: str, content: bytes = b"content", media: MediaKind = "image") -> Upload:
    with spool.writer() as writer:
        writer.write(content)
        return Upload(name, writer.keep(), writer.size, writer.sha256, media)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@contextmanager
def working(settings: Settings, store: Store, engine: Any, name: str = "w") -> Iterator[Event]:
    """A worker on a thread of the test."""
    stop = Event()
    thread = threading.Thread(target=worker(settings, name, store, engine).run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def opened(database_url: str) -> Iterator[Store]:
    """An empty store, once of each kind, with the true time."""
    store = Store.open(database_url)
    yield store
    store.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'one.db'}")
    yield store
    store.close()


def items(store: Store, jobs: list[str]) -> list[Item]:
    found = [store.job(job) for job in jobs]
    return [item for job in found if job is not None for item in job.items]


def test_a_worker_that_is_killed_in_the_middle_of_fifty_jobs_loses_and_doubles_none(
    opened: Store, database_url: str, tmp_path: Path
) -> None:
    spool, hook = Spool(tmp_path), "https://example.com/hook"
    jobs = [opened.submit(Order("", (upload(spool, f"{n}.jpg"),), webhook=hook), 100)[0].id for n in range(50)]

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.service.fast_worker", str(tmp_path), database_url, name]
        return subprocess.Popen(command, cwd=ROOT)

    first = start("first")
    until(lambda: len(opened.ended(jobs)) >= 5)
    second = start("second")
    until(lambda: len(opened.ended(jobs)) >= 12)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    assert len(opened.ended(jobs)) < 50, "it was in the middle"
    until(lambda: len(opened.ended(jobs)) == 50)
    second.terminate()
    assert second.wait(30) == 0
    assert {item.state for item in items(opened, jobs)} == {"done"}
    assert {item.attempts for item in items(opened, jobs)} <= {1, 2}
    told = opened.owed("test", 1000, 60)
    assert len(told) == 50, "every job told of its end once"
    assert len(list((tmp_path / "uploads").iterdir())) <= 1, "only what it was about to delete when it was killed"
    time.sleep(0.01)
    spool.sweep(opened.blobs(), opened.pictured(), older_than_s=0)
    assert not list((tmp_path / "uploads").iterdir())


def test_a_worker_that_is_asked_to_stop_finishes_what_runs_and_puts_the_rest_back(
    sqlite: Store, tmp_path: Path
) -> None:
    spool = Spool(tmp_path)
    jobs = [sqlite.submit(Order("", (upload(spool, f"{n}.jpg"),)), 100)[0].id for n in range(20)]
    engine = FastEngine(takes_s=0.1)
    with working(Settings(state=tmp_path), sqlite, engine) as stop:
        until(lambda: len(sqlite.ended(jobs)) >= 2)
        stop.set()
    states = [item.state for item in items(sqlite, jobs)]
    assert set(states) == {"done", "queued"}
    assert states.count("done") < 8
    assert {item.attempts for item in items(sqlite, jobs) if item.state == "queued"} == {0}, "that was no try"
    assert engine.ended == "closed"
    assert not sqlite.workers(since=0)


def test_jobs_have_their_turn_while_others_are_waited_for(sqlite: Store, tmp_path: Path) -> None:
    """However many requests wait for their answer, a job gets one place in nine."""
    spool = Spool(tmp_path)

    def submit(urgent: bool) -> str:
        return sqlite.submit(Order("", (upload(spool, "a.jpg"),), urgent=urgent), 1000)[0].id

    waited_for = [submit(urgent=True) for _ in range(60)]
    patient = [submit(urgent=False) for _ in range(3)]
    with working(Settings(state=tmp_path), sqlite, FastEngine()):
        until(lambda: sqlite.ended(patient) == set(patient))
        assert len(sqlite.ended(waited_for)) < 45


def test_a_worker_whose_engine_fails_says_so_and_puts_everything_back(sqlite: Store, tmp_path: Path) -> None:
    class Failing(FastEngine):
        def finished(self, timeout_s: float) -> Any:
            time.sleep(timeout_s)
            if self.held:
                raise MemoryError

    job = sqlite.submit(Order("", (upload(Spool(tmp_path), "a.jpg"),)), 100)[0].id
    engine = Failing()
    with pytest.raises(MemoryError):
        worker(Settings(state=tmp_path), "w", sqlite, engine).run(Event())
    [item] = items(sqlite, [job])
    assert (item.state, item.attempts, engine.ended) == ("queued", 1, "aborted")


def test_a_name_that_comes_back_takes_over_what_it_left(sqlite: Store, tmp_path: Path) -> None:
    job = sqlite.submit(Order("", (upload(Spool(tmp_path), "a.jpg"),)), 100)[0].id
    assert sqlite.claim("w", 10, lease_s=3600)
    with working(Settings(state=tmp_path), sqlite, FastEngine()):
        until(lambda: sqlite.ended([job]) == {job})


def test_a_lease_is_kept_while_there_is_work_and_a_worker_can_be_seen(sqlite: Store, tmp_path: Path) -> None:
    job = sqlite.submit(Order("", (upload(Spool(tmp_path), "a.jpg"),)), 100)[0].id
    with working(Settings(state=tmp_path, queue=Queue(lease_s=0.4)), sqlite, FastEngine(takes_s=1.5)):
        until(lambda: items(sqlite, [job])[0].state == "running")
        until(lambda: "w" in sqlite.workers(since=time.time() - 1))
        about = sqlite.workers(since=0)["w"]
        assert (about["threshold"], about["fpr"], about["pid"]) == (0.5, 0.05, os.getpid())
        stolen = [sqlite.claim("other", 1, lease_s=1) for _ in range(20) if not time.sleep(0.05)]
        assert not any(stolen)
        until(lambda: sqlite.ended([job]) == {job})
    assert items(sqlite, [job])[0].attempts == 1


def test_a_cancelled_item_is_dropped_and_leaves_nothing(sqlite: Store, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    jobs = [sqlite.submit(Order("", (upload(spool, f"{n}.jpg"),)), 100)[0].id for n in range(3)]
    engine = FastEngine(takes_s=0.5)
    with working(Settings(state=tmp_path, queue=Queue(lease_s=0.3)), sqlite, engine):
        until(lambda: items(sqlite, jobs)[2].state == "running")
        sqlite.cancel(jobs[2])
        until(lambda: bool(engine.dropped))
        until(lambda: sqlite.ended(jobs) == set(jobs))
    assert [item.state for item in items(sqlite, jobs)] == ["done", "done", "cancelled"]
    assert {claim.job_id for claim in engine.dropped} == {jobs[2]}


def test_pictures_pass_the_videos_that_have_to_wait(sqlite: Store, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    clips = [upload(spool, f"{n}.mp4", media="video") for n in range(9)]
    sqlite.submit(Order("", tuple(clips)), 100)
    picture = sqlite.submit(Order("", (upload(spool, "a.jpg"),)), 100)[0].id

    class Stuck(FastEngine):
        @property
        def free_videos(self) -> int:
            return max(0, 1 - sum(task.media == "video" for task in self._waiting))

        def finished(self, timeout_s: float) -> Any:
            self._waiting.sort(key=lambda task: task.media)
            if self._waiting and self._waiting[0].media == "image":
                return super().finished(timeout_s)
            time.sleep(timeout_s)
            return None

        def withdraw(self) -> None:
            self._waiting.clear()

    engine = Stuck()
    with working(Settings(state=tmp_path), sqlite, engine):
        until(lambda: sqlite.ended([picture]) == {picture})
        assert engine.held == 1


@pytest.mark.parametrize(
    ("kept", "left"), [("never", []), ("review", ["nobody.jpg"]), ("always", ["face.jpg", "nobody.jpg"])]
)
def test_only_the_uploads_stay_that_have_to(sqlite: Store, tmp_path: Path, kept: Any, left: list[str]) -> None:
    """A face is allowed; where there is nobody, a person has to look."""
    spool = Spool(tmp_path)
    uploads = (upload(spool, "face.jpg"), upload(spool, "nobody.jpg"))
    job = sqlite.submit(Order("", uploads), 100)[0].id
    with working(Settings(state=tmp_path, keep=Keep(media=kept)), sqlite, FastEngine()):
        until(lambda: sqlite.ended([job]) == {job})
    found = items(sqlite, [job])
    assert [item.decision.action for item in found if item.decision] == ["allow", "review"]
    assert [item.name for item in found if item.blob is not None] == left
    assert {path.name for path in (tmp_path / "uploads").iterdir()} == {item.blob for item in found} - {None}


@pytest.mark.parametrize("kept", ["never", "review"])
def test_the_real_models_score_and_the_pictures_are_kept(
    sqlite: Store, tmp_path: Path, astronaut: Pixels, kept: Any
) -> None:
    from detector.service.engine.engine import Engine

    spool = Spool(tmp_path)
    Image.fromarray(astronaut).save(tmp_path / "face.png")
    job = sqlite.submit(Order("", (upload(spool, "face.jpg", (tmp_path / "face.png").read_bytes()),)), 100)[0].id
    settings = Settings(state=tmp_path, keep=Keep(media=kept), batching=Batching(judges=1, decoders=1))
    engine: Engine[Any] = Engine.load(settings)
    engine.start()
    with working(settings, sqlite, engine):
        until(lambda: sqlite.ended([job]) == {job}, 60)
    [item] = items(sqlite, [job])
    assert item.report is not None
    assert item.report["verdict"] == "real"
    assert item.report["warnings"] == ["mislabelled: the name ends in .jpg, the content is PNG"]
    assert item.pictures == (() if kept == "never" else ("frame.jpg", "heatmap0.png"))
    assert item.report["exhibit"] == (None if kept == "never" else {"time_s": 0.0, "width": 512, "height": 512})
    assert all(spool.picture(item.id, name) for name in item.pictures)


def test_what_is_too_old_goes_with_its_files(sqlite: Store, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    stray = upload(spool, "stray")
    os.utime(spool.path(stray.blob), (0, 0))
    job = sqlite.submit(Order("", (upload(spool, "a.jpg"),)), 100)[0].id
    with working(Settings(state=tmp_path, keep=Keep(media="always")), sqlite, FastEngine()):
        until(lambda: sqlite.ended([job]) == {job})
    [item] = items(sqlite, [job])
    (spool.pictures(item.id) / "frame.jpg").write_bytes(b"x")
    let_go(sqlite, spool, Keep())
    assert item.blob is not None
    assert spool.path(item.blob).exists()
    let_go(sqlite, spool, Keep(media_days=0))
    assert not list((tmp_path / "uploads").iterdir())
    assert items(sqlite, [job])[0].report is not None
    let_go(sqlite, spool, Keep(media_days=0, result_days=0))
    assert sqlite.job(job) is None


def test_upkeep_that_fails_is_tried_again() -> None:
    times = []

    def work() -> None:
        times.append(time.monotonic())
        if len(times) < 3:
            raise OSError("the disk is full")

    with Every(0.01, work, "test"):
        until(lambda: len(times) >= 4)
