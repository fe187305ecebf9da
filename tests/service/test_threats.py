"""The threat model tells of code and of tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICE, HERE = ROOT / "detector" / "service", Path(__file__).parent
PAGE = (SERVICE / "THREATS.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## What is done")[2].partition("\n## ")[0].splitlines()
    if line.startswith("|") and "`" in line
]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_is_read() -> None:
    assert len(ROWS) > 30
    assert {len(row) for row in ROWS} == {4}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_code_of_a_line_is_there(row: list[str]) -> None:
    words = quoted(row[2])
    places = [word for word in words if "/" in word or "." in word]
    files = [(ROOT if place.startswith("detector/") else SERVICE) / place for place in places]
    assert files
    for file in files:
        assert file.exists(), file
    text = "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    for name in set(words) - set(places):
        assert re.search(rf"\b{name}\b", text), f"{name} is in none of {', '.join(places)}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_tests_of_a_line_are_there(row: list[str]) -> None:
    assert quoted(row[3])
    file = ""
    for said in quoted(row[3]):
        file, _, name = (said if not said.startswith("::") else file + said).partition("::")
        path = ROOT / file if file.startswith("tests/") else HERE / file
        assert path.exists(), path
        if name:
            assert f"def {name}(" in path.read_text(encoding="utf-8"), said
