"""A folder of results that is whole at any time: cut off, full, or somebody else's."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detector.errors import UsageError
from detector.scale import ScaleError, Shards, read_shards
from detector.scale import shards as module
from detector.score.results import to_json
from detector.types import FaceReport, RegionEvidence, Report, TimelinePoint

FACE = FaceReport((0.1, 0, 9, 9), 0.93, 0.123456789012345, regions=(RegionEvidence("eyes", -0.5, "eyes: ü"),), track=3)
REPORTS = [
    Report("a.jpg", "image", "ok", None, 0.1, "real", 0.7, (FACE,), (), {"face-vae": "1", "classifier": "2"}, ("odd",)),
    Report("b ü.mp4", "video", "abstained", "no_face", timeline=(TimelinePoint(0.5, None), TimelinePoint(1.0, 0.3))),
    Report("c", "unknown", "error", "crashed", warnings=("it died",), elapsed_s=1.25),
]


def fill(folder: Path, reports: list[Report]) -> None:
    with Shards(folder) as shards:
        for report in reports:
            shards.add(report)


def test_a_row_is_the_line_that_one_process_writes(tmp_path: Path) -> None:
    fill(tmp_path / "out", REPORTS)
    assert list(read_shards(tmp_path / "out")) == [json.loads(to_json(report)) for report in REPORTS]


def test_any_reader_of_parquet_takes_the_folder_for_one_table(tmp_path: Path) -> None:
    fill(tmp_path / "results.parquet", REPORTS[:2])
    fill(tmp_path / "results.parquet", REPORTS[2:])
    table = pq.read_table(tmp_path / "results.parquet")
    assert sorted(table["path"].to_pylist()) == ["a.jpg", "b ü.mp4", "c"]
    assert len(list((tmp_path / "results.parquet").iterdir())) == 2


def test_a_second_run_knows_what_is_done(tmp_path: Path) -> None:
    fill(tmp_path, REPORTS[:2])
    again = Shards(tmp_path)
    assert [report.path in again for report in REPORTS] == [True, True, False]


def test_a_shard_is_written_when_it_is_full(tmp_path: Path) -> None:
    shards = Shards(tmp_path)
    for number in range(module.ROWS + 1):
        shards.add(Report(str(number), "image", "abstained", "no_face"))
    assert len(list(read_shards(tmp_path))) == module.ROWS
    shards.close()
    assert len(list(read_shards(tmp_path))) == module.ROWS + 1


def interrupted(folder: Path) -> None:
    with Shards(folder) as shards:
        shards.add(REPORTS[0])
        raise KeyboardInterrupt


def test_what_an_exception_ends_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path)
    assert [row["path"] for row in read_shards(tmp_path)] == ["a.jpg"]


def test_a_run_that_is_killed_leaves_whole_shards_alone(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from detector.scale import shards
from detector.types import Report
shards.ROWS, real = 4, Path.replace
def replace(self, target):
    if len(list(self.parent.glob("*.parquet"))) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)
Path.replace = replace
out = shards.Shards(Path({str(tmp_path)!r}))
for number in range(20):
    out.add(Report(str(number), "image", "abstained", "no_face"))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.glob(".unfinished-*")), "it was killed between writing and naming"
    again = Shards(tmp_path)
    assert sorted(int(row["path"]) for row in read_shards(tmp_path)) == list(range(8))
    assert ("7" in again, "8" in again) == (True, False)
    assert all(path.name.startswith("part-") for path in tmp_path.iterdir())


def test_a_full_disk_is_one_line_and_a_second_run_goes_on(tmp_path: Path) -> None:
    """A real one: a small tmpfs, in a namespace of its own."""
    code = f"""
import subprocess, sys
from pathlib import Path
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", {str(tmp_path)!r}], check=True)
from detector.errors import DetectorError
from detector.scale import Shards, read_shards
from detector.types import Report
folder = Path({str(tmp_path)!r}, "out")
first = Shards(folder)
first.add(Report("first", "image", "abstained", "no_face"))
first.close()
filler = Path({str(tmp_path)!r}, "filler")
try:
    filler.write_bytes(bytes(1 << 20))
except OSError:
    pass
try:
    with Shards(folder) as shards:
        shards.add(Report("second", "image", "abstained", "no_face"))
except DetectorError as error:
    print(error)
assert [path.name[:5] for path in folder.iterdir()] == ["part-"]
filler.unlink()
with Shards(folder) as shards:
    assert ("first" in shards, "second" in shards) == (True, False)
    shards.add(Report("second", "image", "abstained", "no_face"))
print(sorted(row["path"] for row in read_shards(folder)))
"""
    command = ["unshare", "--mount", "--map-root-user", sys.executable, "-c", code]
    if subprocess.run([*command[:3], "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespace for a small disk of one's own here")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    line, rows = done.stdout.splitlines()
    assert os.strerror(errno.ENOSPC) in line
    assert "run again" in line
    assert rows == "['first', 'second']"


def test_where_nobody_may_write_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shards = Shards(tmp_path / "file" / "out")
    shards.add(REPORTS[0])
    with pytest.raises(ScaleError, match="1 rows cannot be written: Not a directory"):
        shards.close()


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").touch()
    with pytest.raises(UsageError, match="expected a folder"):
        Shards(tmp_path / "results.jsonl")
    pq.write_table(pa.table({"path": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(UsageError, match="no results of ours"):
        Shards(tmp_path)
    (tmp_path / "other.parquet").write_bytes(b"no Parquet")
    with pytest.raises(UsageError, match="no Parquet that can be read"):
        Shards(tmp_path)
