"""The check of a dataset: what it counts, and that it finds what was planted."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detector.benchmark.datasets import load_dataset, tell_layout
from detector.benchmark.datasets.check import EXAMPLES, Count, Finding, Some, check
from detector.benchmark.datasets.check_report import in_json, in_words
from detector.benchmark.datasets.files import copies, look
from detector.benchmark.datasets.manifest import COLUMNS
from detector.benchmark.datasets.shortcuts import SAMPLED
from detector.errors import MediaError
from detector.types import Sample
from tests.benchmark.datasets import trees
from tests.clips import write_clip

NONE = Some(0, ())
Row = tuple[str, str, str, str, str, str]
CLEAN: tuple[Row, ...] = (
    ("Büro, 写真/a one.png", "real", "camera", "office", "anna", "train"),
    ("Büro, 写真/a two.png", "real", "camera", "office", "anna", "train"),
    ("Büro, 写真/b.png", "real", "camera", "office", "ben", "val"),
    ("Büro, 写真/c.png", "real", "camera", "office", "carl", "test"),
    ("swaps\\a.png", "fake", "swap-x", "swaps", "anna", "train"),
    ("swaps\\b.png", "fake", "swap-x", "swaps", "ben", "val"),
    ("swaps\\c.png", "fake", "swap-y", "swaps", "carl", "test"),
)
"""Every split with both classes, paths of either system, no person in two splits."""


def picture(path: Path, number: int, size: tuple[int, int] = (24, 16), form: str = "PNG") -> None:
    """A picture that no other number gives; those of one size and format have as many bytes where they are BMP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (number % 256, number // 256, 7)).save(path, format=form)


def manifest(root: Path, rows: Iterable[Row] = CLEAN) -> Path:
    """The manifest of some rows, and their pictures."""
    root.mkdir(parents=True, exist_ok=True)
    rows = list(rows)
    for number, (path, *_) in enumerate(rows):
        picture(root / path.replace("\\", "/"), number)
    with (root / "list.csv").open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([COLUMNS, *rows])
    return root / "list.csv"


def rows(split: str, *groups: str) -> list[Row]:
    """A real and a fake file of each group."""
    return [
        (f"{name} {split} {group}.png", name, generator, name, group, split)
        for group in groups
        for name, generator in (("real", "camera"), ("fake", "swap"))
    ]


def folder(root: Path, real: Callable[[Path, int], None], fake: Callable[[Path, int], None], count: int = 3) -> Finding:
    """What is found in a plain folder whose files are written by these."""
    for number in range(count):
        (root / "real").mkdir(parents=True, exist_ok=True)
        (root / "fake" / "gan").mkdir(parents=True, exist_ok=True)
        real(root / "real" / f"{number}", 2 * number)
        fake(root / "fake" / "gan" / f"{number}", 2 * number + 1)
    return check("folder", root)


def saved(size: tuple[int, int] = (24, 16), form: str = "PNG") -> Callable[[Path, int], None]:
    """Writes pictures of a size and format, with its extension."""
    return lambda path, number: picture(path.with_suffix(f".{form.lower()}"), number, size, form)


def test_a_clean_set_is_counted_and_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    found = check("manifest", manifest(tmp_path / "Größe 漢字"))
    assert found.ok
    assert found.counts == (
        Count("test", "real", "office", 1, 1),
        Count("train", "real", "office", 2, 2),
        Count("val", "real", "office", 1, 1),
        Count("train", "fake", "swap-x", 1, 1),
        Count("val", "fake", "swap-x", 1, 1),
        Count("test", "fake", "swap-y", 1, 1),
    )
    assert found.groups == {"train": 1, "val": 1, "test": 1}
    assert (found.leaking, found.copies, found.absent, found.empty, found.unknown, found.mislabelled) == (NONE,) * 6
    assert (found.one_class, found.splits_unknown, found.splits_missing, found.shortcuts) == ((),) * 4
    page = in_words(found)
    assert "Nothing is missing and nothing leaks." in page
    assert "Beware" not in page
    assert "| real | office | 2 | 1 | 1 |" in page
    assert "| fake | swap-y | – | – | 1 |" in page


def test_frames_are_told_from_clips(tmp_path: Path) -> None:
    found = check("wilddeepfake", trees.wilddeepfake(tmp_path))
    assert Count("train", "real", "wilddeepfake", 2, 4) in found.counts
    assert "| real | wilddeepfake | 2 clips, 4 files | 2 clips, 4 files |" in in_words(found)


def test_a_planted_group_in_two_splits_is_found(tmp_path: Path) -> None:
    found = check("manifest", manifest(tmp_path, rows("test", "anna", "ben") + rows("train", "ben", "carl")))
    assert found.leaking == Some(1, ("ben (train, test)",))
    assert not found.ok
    assert "groups in more than one split: 1, such as ben (train, test)" in in_words(found)


def test_of_many_leaking_groups_a_few_are_shown(tmp_path: Path) -> None:
    names = [f"id{number}" for number in range(EXAMPLES + 2)]
    found = check("manifest", manifest(tmp_path, rows("test", *names) + rows("train", *names)))
    assert found.leaking.count == EXAMPLES + 2
    assert len(found.leaking.examples) == EXAMPLES
    assert in_words(found).count("…") == 1


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("real train b.png", "real test a.png", "(real, train) = "),
        ("real train b.png", "fake train b.png", "(real, train) = "),
        ("real train b.png", "real train c.png", ""),
    ],
    ids=["two splits", "two classes", "one split and class"],
)
def test_the_same_bytes_under_two_names_are_found_where_they_leak(
    one: str, other: str, told: str, tmp_path: Path
) -> None:
    path = manifest(tmp_path, rows("train", "b", "c") + rows("test", "a"))
    (tmp_path / other).write_bytes((tmp_path / one).read_bytes())
    found = check("manifest", path)
    assert found.copies is not None
    assert found.copies.count == int(bool(told))
    assert found.ok is not bool(told)
    for example in found.copies.examples:
        assert one in example
        assert told in example
        assert other in example
    quick = check("manifest", path, quick=True)
    assert quick.copies is None
    assert quick.ok
    assert "contents were not compared" in in_words(quick)


def test_one_path_in_two_splits_is_a_copy_of_itself(tmp_path: Path) -> None:
    twice = [("a.png", "real", "camera", "office", group, group) for group in ("train", "test")]
    found = check("manifest", manifest(tmp_path, [*twice, *rows("train", "b"), *rows("test", "c")]))
    assert found.copies is not None
    assert found.copies.count == 1
    assert found.copies.examples[0].count("a.png") == 2


@given(
    files=st.lists(
        st.tuples(st.sampled_from([b"", b"a", b"b", b"aa", b"ab"]), st.sampled_from(["train", "test"]), st.booleans()),
        max_size=8,
    )
)
def test_copies_are_those_of_a_comparison_of_all_with_all(
    files: list[tuple[bytes, str, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("copies")
    samples, same = [], defaultdict(set)
    for number, (content, split, label) in enumerate(files):
        path = root / str(number)
        path.write_bytes(content)
        samples.append(Sample(str(path), int(label), "any", "set", str(number), split))
        same[content].add((str(path), split, label))
    expected = {
        frozenset(path for path, _, _ in some)
        for content, some in same.items()
        if content and any(one[1:] != other[1:] for one in some for other in some)
    }
    assert {frozenset(one.path for one in some) for some in copies(samples, look(samples))} == expected


def test_only_files_of_one_size_are_read_to_their_end(tmp_path: Path) -> None:
    samples = [Sample(str(tmp_path / split), 0, "camera", "set", split, split) for split in ("train", "val", "test")]
    for sample, content in zip(samples, (b"one", b"two", b"other"), strict=True):
        Path(sample.path).write_bytes(content)
    files = look(samples)
    (tmp_path / "test").unlink()
    assert copies(samples, files) == []
    (tmp_path / "val").unlink()
    with pytest.raises(MediaError, match="val: cannot be read to its end"):
        copies(samples, files)


def test_files_that_are_named_but_not_there_are_counted_by_set(tmp_path: Path) -> None:
    path = manifest(tmp_path)
    for name in ("Büro, 写真/a one.png", "Büro, 写真/c.png", "swaps/c.png"):
        (tmp_path / name).unlink()
    (tmp_path / "swaps" / "c.png").mkdir()  # a folder is no file
    found = check("manifest", path)
    assert found.absent.count == 3
    assert found.absent.sets == {"office": 2, "swaps": 1}
    assert {Path(name).name for name in found.absent.examples} == {"a one.png", "c.png"}
    assert not found.ok
    assert "cannot be opened: 3 (office 2, swaps 1), such as " in in_words(found)


def test_a_clip_that_an_official_list_names_is_missed(tmp_path: Path) -> None:
    root = trees.celebdf(tmp_path)
    (root / "YouTube-real" / "00170.mp4").unlink()
    found = check("celeb-df-v2", root)
    assert found.absent == Some(1, (str(root / "YouTube-real" / "00170.mp4"),), {"celeb-df-v2/YouTube-real": 1})


def test_empty_and_unknown_files_are_wrong_and_a_lying_extension_is_a_warning(tmp_path: Path) -> None:
    path = manifest(tmp_path)
    (tmp_path / "swaps" / "b.png").write_bytes(b"")
    (tmp_path / "Büro, 写真" / "b.png").write_bytes(b"no picture")
    found = check("manifest", path)
    assert (found.empty.count, found.unknown.count, found.mislabelled.count) == (1, 1, 0)
    assert found.empty.examples == (str(tmp_path / "swaps" / "b.png"),)
    assert found.unknown.sets == {"office": 1}
    assert not found.ok
    manifest(tmp_path)
    picture(tmp_path / "swaps" / "b.png", 99, form="JPEG")
    found = check("manifest", path)
    assert (found.empty.count, found.unknown.count, found.mislabelled.count) == (0, 0, 1)
    assert found.ok
    assert "the extension of another format than their content: 1 (swaps 1)" in in_words(found)


def test_a_format_that_one_class_alone_has_is_named(tmp_path: Path) -> None:
    found = folder(tmp_path, saved(form="JPEG"), saved(form="PNG"))
    assert found.shortcuts == ("JPEG: 3 of the 3 real files, no fake one", "PNG: 3 of the 3 fake files, no real one")
    assert found.ok
    assert "a shortcut past the face: JPEG: 3 of the 3 real files" in in_words(found)
    (tmp_path / "real" / "9.png").write_bytes((tmp_path / "fake" / "gan" / "0.png").read_bytes())
    assert check("folder", tmp_path, quick=True).shortcuts == ("JPEG: 3 of the 4 real files, no fake one",)


def test_a_format_is_told_by_content_and_not_by_the_extension(tmp_path: Path) -> None:
    def lying(path: Path, number: int) -> None:
        picture(path.with_suffix(".png"), number, form="JPEG")

    assert folder(tmp_path, lying, saved(form="JPEG")).shortcuts == ()


def test_sizes_that_have_nothing_in_common_are_named(tmp_path: Path) -> None:
    found = folder(tmp_path, saved((40, 30)), saved((32, 32)))
    assert found.shortcuts == (
        "no size in px is of both classes, of 6 files looked at: real 40 x 30 (3); fake 32 x 32 (3)",
    )
    saved((32, 32))(tmp_path / "real" / "9", 99)
    assert check("folder", tmp_path).shortcuts == ()


def test_the_sizes_of_videos_are_read_too(tmp_path: Path) -> None:
    def clip(height: int, width: int) -> Callable[[Path, int], None]:
        def write(path: Path, number: int) -> None:
            write_clip(path.with_suffix(".mp4"), [np.full((height, width, 3), 9 * number, np.uint8)] * 2)

        return write

    found = folder(tmp_path, clip(48, 64), clip(64, 64), 2)
    assert found.shortcuts == (
        "no size in px is of both classes, of 4 files looked at: real 64 x 48 (2); fake 64 x 64 (2)",
    )


def test_of_a_large_set_some_headers_are_read_evenly(tmp_path: Path) -> None:
    def alternating(path: Path, number: int) -> None:
        picture(path.with_suffix(".bmp"), number, (4, 4) if number % 4 else (5, 5), "BMP")

    (shortcut,) = folder(tmp_path, alternating, saved((4, 4), "BMP"), 2 * SAMPLED).shortcuts
    assert f"of {2 * SAMPLED} files looked at: real 5 x 5 ({SAMPLED}); fake 4 x 4 ({SAMPLED})" in shortcut


def test_a_damaged_header_does_not_end_the_check(tmp_path: Path) -> None:
    def broken(path: Path, _: int) -> None:
        path.with_suffix(".png").write_bytes(b"\x89PNG\r\n\x1a\n broken")

    assert folder(tmp_path, broken, saved()).shortcuts == ()


def test_a_split_or_a_whole_set_of_one_class_is_wrong(tmp_path: Path) -> None:
    found = check("manifest", manifest(tmp_path, [row for row in CLEAN if row[0] != "swaps\\c.png"]))
    assert found.one_class == ("test: no fake file",)
    assert not found.ok
    found = check("manifest", manifest(tmp_path, [row for row in CLEAN if row[1] == "real"]))
    assert found.one_class == ("no fake file at all",)
    assert not found.ok
    found = check("manifest", manifest(tmp_path, []))
    assert found.one_class == ("no real file at all", "no fake file at all")


def test_splits_of_other_names_are_wrong_and_missing_ones_are_said(tmp_path: Path) -> None:
    found = check("manifest", manifest(tmp_path, rows("train", "a") + rows("Test", "b")))
    assert found.splits_unknown == ("Test",)
    assert found.splits_missing == ("val", "test")
    assert not found.ok
    page = in_words(found)
    assert "expected the splits train, val, test; got 'Test'" in page
    assert "no split val, test; without test, all is tested" in page
    found = check("manifest", manifest(tmp_path, rows("train", "a") + rows("test", "b")))
    assert found.ok
    assert "no split val\n" in f"{in_words(found)}\n"


def test_json_has_every_field(tmp_path: Path) -> None:
    found = check("manifest", manifest(tmp_path, rows("test", "ü") + rows("train", "ü")))
    told = json.loads(in_json(found))
    assert told["ok"] is False
    assert told["layout"] == "manifest"
    assert told["leaking"] == {"count": 1, "examples": ["ü (train, test)"], "sets": {}}
    assert told["counts"][0] == {"split": "test", "label": "real", "origin": "real", "clips": 1, "files": 1}
    assert told.keys() == {"ok", *Finding.__dataclass_fields__}


@pytest.mark.parametrize(
    "tree", [trees.faceforensics, trees.dfd, trees.celebdf, trees.dfdc, trees.dfdc_preview, trees.deeperforensics]
)
def test_published_layouts_are_checked_as_they_lie(tree: Callable[[Path], Path], tmp_path: Path) -> None:
    """Their miniature files are no videos, and all the same: that is all that is wrong with them."""
    root = tree(tmp_path)
    kind = tell_layout(root)
    found = check(kind, root)
    assert found.unknown.count == len(load_dataset(kind, root))
    assert (found.absent, found.leaking) == (NONE, NONE)
    assert found.copies is not None
    assert found.copies.count == 1
