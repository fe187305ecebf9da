"""`detector data`: the list of layouts, and the check of a dataset with its exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from detector.benchmark.datasets import DATASETS
from detector.cli import main
from tests.cli.conftest import Run

Print = pytest.CaptureFixture[str]
README = Path(__file__).resolve().parents[2] / "data" / "README.md"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A clean plain folder with an odd name."""
    root = tmp_path / "C: Größe 漢字"
    for number, name in enumerate(("real/a b.png", "real/ü.png", "fake/gan/a b.png", "fake/gan/ü.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (number, 0, 0)).save(root / name)
    return root


def test_every_layout_is_listed_with_its_marks_and_card(capsys: Print) -> None:
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{name}: {layout.marks}; data/{layout.card}" for name, layout in DATASETS.items()]


def test_the_page_on_data_names_every_layout_and_card() -> None:
    page = README.read_text("utf-8")
    for name, layout in DATASETS.items():
        assert f"`{name}`" in page, name
        assert f"]({layout.card})" in page or layout.card == README.name


@pytest.mark.parametrize("word", ["{}", "folder:{}"])
def test_a_clean_set_gives_0(word: str, root: Path, capsys: Print) -> None:
    assert main(["data", "check", word.format(root)]) == 0
    page = capsys.readouterr().out
    assert f"{root}: layout folder, told by real/ beside fake/" in page
    assert "Nothing is missing and nothing leaks." in page


def test_a_leak_gives_3_and_json_says_it(root: Path, capsys: Print) -> None:
    (root / "fake" / "gan" / "ü.png").write_bytes((root / "real" / "a b.png").read_bytes())
    assert main(["data", "check", str(root)]) == 3
    assert "contents in more than one split, or in both classes: 1, such as " in capsys.readouterr().out
    assert main(["data", "check", str(root), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["copies"]["count"] == 1
    assert main(["data", "check", str(root), "--json", "--quick"]) == 0
    assert json.loads(capsys.readouterr().out)["copies"] is None


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("nosuch:data", "unknown layout 'nosuch'; known: 140k, "),
        ("C:\\data", "C:\\data: no such file or folder"),
        ("manifest:C:\\none.csv", "expected a CSV manifest"),
        (".", "of no known layout, name one. Known are faceforensics: "),
    ],
)
def test_what_is_no_dataset_is_one_clear_line_and_2(
    word: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Print
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", word]) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only there may a name be of any bytes")
def test_a_name_that_is_no_text_is_shown_all_the_same(root: Path, run: Run) -> None:
    (root / "real" / b"\xff.png".decode("utf-8", "surrogateescape")).write_bytes(b"")
    page = run(["data", "check", root])
    assert (page.returncode, page.stderr) == (3, "")
    assert "?.png" in page.stdout
    told = run(["data", "check", root, "--json"])
    assert json.loads(told.stdout)["empty"]["examples"][0].endswith("\udcff.png")
