"""Datasets: the layouts of data of one's own, their names, paths of either system, and groups that leak."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.benchmark.datasets import leaks, load_dataset, named, origin, portable
from detector.benchmark.datasets.footage import read_json
from detector.errors import ConfigError, UnknownNameError
from detector.types import Sample

HEAD = "path,label,generator,set,group,split,licence\n"


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))


def test_a_manifest_in_either_systems_paths_gives_the_same_samples(tmp_path: Path) -> None:
    row = "real{0}ffhq{0}one two.jpg,real,camera,ffhq,ffhq:1,train,free\nfake{0}a.png,1,progan,set,x:2,test,free\n"
    for name, separator in (("posix.csv", "/"), ("windows.csv", "\\")):
        (tmp_path / name).write_text(HEAD + row.format(separator))
    assert load_dataset("manifest", tmp_path / "posix.csv") == load_dataset("manifest", tmp_path / "windows.csv")
    real, fake = load_dataset("manifest", tmp_path / "windows.csv")
    expected = Sample(str(tmp_path / "real" / "ffhq" / "one two.jpg"), 0, "camera", "ffhq", "ffhq:1", "train")
    assert real == expected
    assert (fake.label, fake.split, origin(fake), origin(real)) == (1, "test", "progan", "ffhq")


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a CSV manifest"):
        load_dataset("manifest", tmp_path / "none.csv")
    (tmp_path / "poor.csv").write_text("path,label\n")
    with pytest.raises(ConfigError, match="missing generator, set, group, split"):
        load_dataset("manifest", tmp_path / "poor.csv")
    (tmp_path / "odd.csv").write_text(HEAD + "a.jpg,maybe,camera,s,g,test,free\n")
    with pytest.raises(ConfigError, match=r"line 2: label: .*'maybe'"):
        load_dataset("manifest", tmp_path / "odd.csv")


def test_a_plain_folder_tells_labels_and_generators(tmp_path: Path) -> None:
    for name in ("real/a.jpg", "real/deep/b.png", "fake/progan/c.jpg", "fake/sd/d.png"):
        write(tmp_path / name)
    samples = load_dataset("folder", tmp_path)
    found = sorted((s.label, s.generator, s.group) for s in samples)
    assert found == [
        (0, "camera", "real/a.jpg"),
        (0, "camera", "real/deep/b.png"),
        (1, "progan", "fake/progan/c.jpg"),
        (1, "sd", "fake/sd/d.png"),
    ]
    assert leaks(samples) == {}


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none"):
        load_dataset("folder", tmp_path)


def test_unknown_layouts_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"known: .*manifest"):
        load_dataset("ffpp", tmp_path)


def test_a_layout_is_named_before_a_colon_or_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert named("folder:C:\\data") == ("folder", Path("C:\\data"))
    assert named("manifest:a: b.csv") == ("manifest", Path("a: b.csv"))
    for name in ("list.csv", "C:list.csv", "odd:list.csv"):
        Path(name).touch()
        assert named(name) == ("manifest", Path(name))


def test_the_drive_of_windows_is_no_layout() -> None:
    for word in ("C:\\data", "D:/data"):
        with pytest.raises(ConfigError, match="no such file or folder"):
            named(word)
    with pytest.raises(UnknownNameError, match=r"unknown layout 'ffpp'; known: .*faceforensics"):
        named("ffpp:/data")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"a":' * 100_000], ids=["cut", "lists", "mappings"])
def test_what_is_no_json_is_said_so_however_deep_it_nests(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(ConfigError, match=r"list\.json: no JSON .*; expected a list"):
        read_json(tmp_path / "list.json", "a list")


def test_leaks_names_the_group_and_its_splits() -> None:
    def sample(group: str, split: str) -> Sample:
        return Sample("a", 0, "camera", "s", group, split)

    assert leaks([sample("g", "train"), sample("g", "test"), sample("h", "val")]) == {"g": ("test", "train")}


def test_portable_turns_backslashes() -> None:
    assert portable("a\\b/c.jpg") == "a/b/c.jpg"


@pytest.mark.data
def test_the_shared_manifest_has_every_file_and_no_leak(shared: Path) -> None:
    samples = load_dataset("manifest", shared / "data" / "manifest.csv")
    assert len(samples) == 1800
    assert all(Path(sample.path).is_file() for sample in samples)
    assert leaks(samples) == {}
