"""What is to be scored: here, behind URLs, and in manifests."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from detector.errors import ConfigError, MediaError, UsageError
from detector.media import MediaLimits
from detector.scale import find_inputs
from detector.scale.fetch import fetched


@pytest.fixture
def bucket() -> str:
    """A folder of fsspec's own kind of storage, which is memory."""
    pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for name in ("a10.jpg", "a2.jpg", "sub/clip.mp4", "notes.txt"):
        memory.pipe_file(f"/bucket/{name}", name.encode())
    return "memory:///bucket"


def test_files_and_folders_here_are_as_ever(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.png"):
        (tmp_path / name).write_bytes(b"x")
    found = find_inputs([str(tmp_path / "b.jpg"), str(tmp_path), "gone.jpg"])
    assert found == [str(tmp_path / "b.jpg"), str(tmp_path / "a.png"), "gone.jpg"]


def test_a_folder_behind_a_url_stands_for_the_media_below_it(bucket: str) -> None:
    assert find_inputs([bucket]) == [f"{bucket}/{name}" for name in ("a2.jpg", "a10.jpg", "sub/clip.mp4")]


def test_globs_and_files_behind_a_url(bucket: str) -> None:
    assert find_inputs([f"{bucket}/*.jpg"]) == [f"{bucket}/a2.jpg", f"{bucket}/a10.jpg"]
    assert find_inputs([f"{bucket}/**/*.mp4"]) == [f"{bucket}/sub/clip.mp4"]
    assert find_inputs([f"{bucket}/notes.txt"]) == [f"{bucket}/notes.txt"], "who names a file means it"


def test_what_names_nothing_stays_so_that_its_row_says_so(bucket: str) -> None:
    assert find_inputs([f"{bucket}/gone.jpg"]) == [f"{bucket}/gone.jpg"]


def test_a_manifest_names_files_from_its_own_folder_on(tmp_path: Path) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_text("label,path\nreal,a b.jpg\nfake,sub\\c.jpg\nreal,/d.jpg\nreal,s3://x/e.jpg\nreal,a b.jpg\n")
    assert find_inputs([str(manifest)]) == [
        str(tmp_path / "a b.jpg"),
        str(tmp_path / "sub" / "c.jpg"),
        "/d.jpg",
        "s3://x/e.jpg",
    ]


def test_a_manifest_behind_a_url(bucket: str) -> None:
    fsspec.filesystem("memory").pipe_file("/bucket/list.csv", "\ufeffpath\na2.jpg\n".encode())
    assert find_inputs([f"{bucket}/list.csv"]) == [f"{bucket}/a2.jpg"]


@pytest.mark.parametrize(("content", "says"), [(b"file\na.jpg\n", "'path', got file"), (b"\xff\xfe", "expected a CSV")])
def test_a_bad_manifest_is_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        find_inputs([str(tmp_path / "list.csv")])


def test_a_url_that_nobody_knows_is_one_line() -> None:
    with pytest.raises(UsageError, match="nowhere://x: it cannot be listed"):
        find_inputs(["nowhere://x"])


def test_a_copy_lasts_as_long_as_it_is_needed_and_keeps_its_extension(bucket: str) -> None:
    with fetched(f"{bucket}/a2.jpg", MediaLimits()) as copy:
        assert (copy.suffix, copy.read_bytes()) == (".jpg", b"a2.jpg")
    assert not copy.exists()
    with fetched("here.jpg", MediaLimits()) as file:
        assert file == Path("here.jpg")


def test_a_copy_has_the_limits_of_a_file(bucket: str) -> None:
    with pytest.raises(MediaError, match="at most 3 bytes"), fetched(f"{bucket}/a2.jpg", MediaLimits(max_bytes=3)):
        pass
    with pytest.raises(MediaError, match="there is no file") as caught, fetched(f"{bucket}/gone.jpg", MediaLimits()):
        pass
    assert caught.value.reason == "not_found"
