"""Files, folders and globs become the list of files that a person means."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from detector.errors import MediaError
from detector.media import find_media, open_media


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("frame10.png", "frame2.png", "deep/er/ünï cödé.jpg", "nameless", ".hidden.png", ".git/a.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path, "PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.jpg").write_text("no picture either")
    (tmp_path / "manifest.csv").write_text("path,label\n")
    return tmp_path


def names(paths: list[Path], folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_a_folder_is_searched_through_in_natural_order(folder: Path) -> None:
    """What has the extension of a picture is kept even if it is none, so that it is reported."""
    wanted = ["broken.jpg", "deep/er/ünï cödé.jpg", "frame2.png", "frame10.png", "nameless"]
    assert names(find_media([str(folder)]), folder) == wanted


def test_globs(folder: Path) -> None:
    assert names(find_media([str(folder / "frame*.png")]), folder) == ["frame2.png", "frame10.png"]
    assert names(find_media([str(folder / "**" / "*.jpg")]), folder) == ["broken.jpg", "deep/er/ünï cödé.jpg"]
    assert names(find_media([str(folder / "de*")]), folder) == ["deep/er/ünï cödé.jpg"]
    assert names(find_media([str(folder / "*.txt")]), folder) == ["notes.txt"]


def test_each_file_once_and_patterns_in_their_order(folder: Path) -> None:
    (folder / "again.png").symlink_to(folder / "frame2.png")
    patterns = [str(folder / "frame10.png"), str(folder / "*2.png"), str(folder / "." / "frame2.png"), str(folder)]
    found = names(find_media(patterns), folder)
    assert found[:2] == ["frame10.png", "frame2.png"]
    assert len(found) == 5


def test_a_name_with_brackets_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "clip[1].png"
    path.write_bytes(b"")
    assert find_media([str(path)]) == [path]


def test_loops_of_links_end(folder: Path) -> None:
    (folder / "deep" / "up").symlink_to(folder)
    (folder / "a.png").symlink_to(folder / "b.png")
    (folder / "b.png").symlink_to(folder / "a.png")
    found = find_media([str(folder)])
    assert len(found) == 7
    with pytest.raises(MediaError) as caught:
        open_media(folder / "a.png")
    assert caught.value.reason == "unreadable"


def test_a_linked_folder_is_searched(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    Image.new("RGB", (4, 4)).save(outside / "far.png")
    (folder / "link").symlink_to(outside)
    assert "link/far.png" in names(find_media([str(folder)]), folder)


def test_what_names_nothing_is_kept_and_reported(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    patterns = [str(tmp_path / "gone.jpg"), str(tmp_path / "*.gif"), str(empty)]
    assert [str(path) for path in find_media(patterns)] == patterns
    for pattern, reason in zip(patterns, ["not_found", "not_found", "unreadable"], strict=True):
        with pytest.raises(MediaError) as caught:
            open_media(Path(pattern))
        assert caught.value.reason == reason


def test_a_dangling_link_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    (found,) = find_media([str(tmp_path)])
    with pytest.raises(MediaError) as caught:
        open_media(found)
    assert caught.value.reason == "not_found"
