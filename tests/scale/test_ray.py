"""The real thing: one Ray on this machine, workers that are killed, and the answers of one process beside it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from detector.cli.demo import write_clip
from detector.errors import UsageError
from detector.scale import ScaleError, cluster, find_inputs, score
from detector.score import Detector
from detector.types import Pixels, Report
from tests.scale.buckets import Bucket, serve_bucket
from tests.scale.comparing import differences
from tests.scale.loading import mortal, unfit

pytest.importorskip("ray", reason="Ray is the extra [scale]")
pytestmark = [
    pytest.mark.timeout(900),
    # Ray leaves the pipes of its own processes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray", "ignore::DeprecationWarning:ray"),
]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket | None]:
    """An empty bucket on a local server; None where moto and s3fs are not installed."""
    with serve_bucket() as one:
        yield one


@pytest.fixture(scope="module")
def ray(bucket: Bucket | None) -> Iterator[None]:  # noqa: ARG001 (workers inherit where the bucket is)
    """Two workers' worth of cores."""
    with cluster(workers=2):
        yield


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    """Photos, a clip, a wall, and what cannot be scored for one reason or another."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(14):
        cut = Image.fromarray(astronaut[3 * number :, 2 * number :])
        cut.save(folder / f"photo{number}.jpg", quality=95 - number)
    write_clip(astronaut, folder / "clip.mp4", seconds=1)
    Image.new("RGB", (320, 240), "grey").save(folder / "wall.png")
    (folder / "broken.jpg").write_bytes((folder / "photo0.jpg").read_bytes()[:9000])
    (folder / "lies.png").write_bytes((folder / "photo1.jpg").read_bytes())
    return folder


def workers(kind: str) -> list[int]:
    """The processes of one kind of worker of the Ray that this process has started."""
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if f"({kind})".encode() in _read(path) and os.getpid() in _ancestors(int(path.parent.name))
    ]


def kill_when(kind: str, there: Path) -> None:
    """Kill one worker of a kind with SIGKILL, as soon as a path is there."""
    deadline = time.monotonic() + 600
    while not there.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(workers(kind)[0], signal.SIGKILL)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _ancestors(process: int) -> Iterator[int]:
    while process > 1:
        stat = _read(Path(f"/proc/{process}/stat")).rpartition(b")")[2].split()
        process = int(stat[1]) if stat else 0
        yield process


@pytest.mark.usefixtures("ray")
def test_killed_workers_and_killing_files_change_no_row(pictures: Path) -> None:
    whole = find_inputs([str(pictures), str(pictures / "gone.jpg")])
    hurting = [str(pictures / name) for name in ("poison.jpg", "once.jpg")]
    for path in hurting:
        Path(path).write_bytes((pictures / "photo2.jpg").read_bytes())
    reports: list[Report] = []
    with ThreadPoolExecutor(1) as other:
        looker = other.submit(kill_when, "MapBatches(Looker)", pictures / "once.mark")
        for report in score([*whole[:8], *hurting, *whole[8:]], mortal):
            if not reports:
                kill_when("MapBatches(Judging)", pictures)
            reports.append(report)
        looker.result()
    assert sorted(report.path for report in reports) == sorted([*whole, *hurting]), "one row a file"
    found = {report.path: report for report in reports}
    assert (found[hurting[0]].status, found[hurting[0]].reason) == ("error", "crashed")
    assert found[hurting[1]].verdict == "real"
    alone = mortal().score_many([(path, Path(path)) for path in whole])
    same = [report for report in reports if report.path in whole]
    assert differences(same, [scored.report for scored in alone]) == []


@pytest.mark.usefixtures("ray")
def test_a_bucket_is_scored_as_a_folder_is(pictures: Path, bucket: Bucket | None) -> None:
    if bucket is None:
        pytest.skip("no local bucket: pip install 'moto[server]' s3fs")
    names = ("photo3.jpg", "wall.png", "broken.jpg", "lies.png")
    for name in names:
        bucket.put(name, (pictures / name).read_bytes())
    urls = [*find_inputs([bucket.url]), f"{bucket.url}/gone.jpg"]
    assert {Path(url).name for url in urls} == {*names, "gone.jpg"}
    load = partial(Detector.load, faces="face-net")
    remote = [_renamed(report) for report in score(urls, load)]
    paths = [pictures / name for name in (*names, "gone.jpg")]
    local = [_renamed(scored.report) for scored in load().score_many([(str(path), path) for path in paths])]
    assert differences(remote, local) == []


def _renamed(report: Report) -> Report:
    """By the bare name, in what it says too."""
    name = Path(report.path).name
    return replace(report, path=name, warnings=tuple(text.replace(report.path, name) for text in report.warnings))


@pytest.mark.usefixtures("ray")
def test_models_that_do_not_exist_are_one_error(pictures: Path) -> None:
    with pytest.raises(UsageError, match="no-such-vae"):
        list(score([str(pictures / "photo0.jpg")], unfit))


@pytest.mark.usefixtures("ray")
def test_a_gpu_that_is_not_there_is_one_error(pictures: Path) -> None:
    with pytest.raises(UsageError, match="a cluster with a GPU"):
        list(score([str(pictures / "photo0.jpg")], mortal, gpu=True))


def test_no_cluster_at_an_address_is_one_error() -> None:
    began = time.monotonic()
    with pytest.raises(ScaleError, match="no Ray cluster answers at"), cluster("127.0.0.1:1"):
        pass
    assert time.monotonic() - began < 120
