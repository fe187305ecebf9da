"""Uploads and pictures on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.service.spool import Spool

REPOSITORY = Path(__file__).parents[2]
OLD = 7200.0


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "state")


def _files(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "state").rglob("*") if path.is_file()}


def _age(path: Path, by_s: float = OLD) -> None:
    at = path.stat().st_mtime - by_s
    os.utime(path, (at, at))


def _kept(spool: Spool, content: bytes = b"content") -> str:
    with spool.writer() as writer:
        writer.write(content)
        return writer.keep()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=100), max_size=5))
def test_an_upload_is_kept_as_it_came(spool: Spool, chunks: list[bytes]) -> None:
    content = b"".join(chunks)
    with spool.writer() as writer:
        for chunk in chunks:
            writer.write(chunk)
        assert (writer.size, writer.head) == (len(content), content[:64])
        assert writer.sha256 == sha256(content).hexdigest()
        blob = writer.keep()
    assert spool.path(blob).read_bytes() == content


def test_what_is_not_kept_leaves_no_trace(spool: Spool, tmp_path: Path) -> None:
    with spool.writer() as writer:
        writer.write(b"half")
        assert len(_files(tmp_path)) == 1
    assert _files(tmp_path) == set()
    with pytest.raises(TypeError), spool.writer() as writer:
        writer.write(None)  # type: ignore[arg-type]
    assert _files(tmp_path) == set()


@pytest.mark.usefixtures("no_umask")
def test_only_its_user_can_read_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "state")
    blob = _kept(spool)
    spool.pictures(uuid4().hex)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "state").rglob("*") if path.is_dir()}
    assert modes == {0o700}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert spool.path(blob).stat().st_mode & 0o777 == 0o600


def test_names_are_made_here_and_differ(spool: Spool) -> None:
    blobs = {_kept(spool) for _ in range(20)}
    assert len(blobs) == 20
    assert all(len(blob) == 32 and int(blob, 16) >= 0 for blob in blobs)


NO_NAMES = ["", "x", "../../etc/passwd", "0" * 31, "0" * 33, "A" * 32, "0" * 32 + "\n", "/" + "0" * 31, "٠" * 32]


@pytest.mark.parametrize("name", NO_NAMES)
def test_no_other_name_becomes_a_path(spool: Spool, name: str) -> None:
    for asked in (spool.path, spool.delete, spool.pictures, spool.drop_pictures):
        with pytest.raises(ValueError, match="expected 32 hex digits"):
            asked(name)
    assert spool.picture(name, "frame.jpg") is None


def test_deleting_is_done_once_and_asked_for_any_number_of_times(spool: Spool, tmp_path: Path) -> None:
    blob = _kept(spool)
    spool.delete(blob)
    spool.delete(blob)
    assert _files(tmp_path) == set()


@pytest.mark.parametrize("name", ["heatmap0.png", "heatmap12.png", "frame.jpg", "face3.jpg"])
def test_a_picture_is_found_by_its_name(spool: Spool, name: str) -> None:
    item = uuid4().hex
    assert spool.picture(item, name) is None
    (spool.pictures(item) / name).write_bytes(b"picture")
    assert spool.picture(item, name) == spool.pictures(item) / name
    assert spool.picture(uuid4().hex, name) is None
    spool.drop_pictures(item)
    spool.drop_pictures(item)
    assert spool.picture(item, name) is None


@pytest.mark.parametrize("name", ["../x.png", "x", "x.svg", "X.png", "a/b.png", "0.png", "x.png\n", ".png", "a.b.png"])
def test_no_other_picture_is_found(spool: Spool, tmp_path: Path, name: str) -> None:
    item = uuid4().hex
    spool.pictures(item)
    (tmp_path / "state" / "pictures" / "x.png").write_bytes(b"somebody else's")
    assert spool.picture(item, name) is None


def test_sweeping_deletes_old_strays_alone(spool: Spool, tmp_path: Path) -> None:
    known, stray, young = (_kept(spool) for _ in range(3))
    for blob in (known, stray):
        _age(spool.path(blob))
    with spool.writer() as writer:
        writer.write(b"slow")
        assert spool.sweep({known}, ()) == 1
        writer.write(b"ly")
        last = writer.keep()
    assert _files(tmp_path) == {known, young, last}
    assert spool.sweep({known}, (), older_than_s=-60) == 2


def test_sweeping_deletes_the_pictures_of_items_that_have_none(spool: Spool, tmp_path: Path) -> None:
    known, stray, young = (uuid4().hex for _ in range(3))
    for item in (known, stray, young):
        (spool.pictures(item) / f"{item[0]}.jpg").write_bytes(b"picture")
    for item in (known, stray):
        _age(spool.pictures(item))
    assert spool.sweep((), {known}) == 1
    assert {path.name for path in (tmp_path / "state" / "pictures").iterdir()} == {known, young}
    assert spool.sweep((), {known}, older_than_s=-60) == 1
    assert spool.sweep((), {known}, older_than_s=-60) == 0


def test_what_a_killed_writer_leaves_is_swept(spool: Spool, tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from detector.service.spool import Spool\n"
        "with Spool(Path(sys.argv[1])).writer() as writer:\n"
        "    writer.write(b'x' * 1000_000); print('written', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "state")]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    [left] = _files(tmp_path)
    assert spool.sweep((), ()) == 0  # it might still be written
    _age(tmp_path / "state" / "uploads" / left)
    assert spool.sweep((), ()) == 1
    assert _files(tmp_path) == set()


def test_the_room_on_the_disk_is_told(spool: Spool) -> None:
    assert spool.free_bytes() > 0
