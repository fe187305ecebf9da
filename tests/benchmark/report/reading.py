"""What a person or a script would read from a report's files."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

CHARTS = ["roc.png", "det.png", "reliability.png", "robustness.png", "importance.png"]
TABLES = ["metrics.csv", "scores.csv", "robustness.csv", "slices.csv"]
VOID = {"meta", "img", "br", "link", "input", "hr"}


@dataclass
class Page(HTMLParser):
    """What is in a page; fails where a tag is closed that was not opened last."""

    open: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @classmethod
    def read(cls, path: Path) -> Page:
        page = cls()
        page.feed(path.read_text(encoding="utf-8"))
        page.close()
        assert not page.open
        return page

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return "\n".join(self.text)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_tables_are_whole(markdown: str) -> None:
    """Every row of a table has as many cells as the one above it."""
    lines = markdown.splitlines()
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    inside = [pair for pair, line in zip(pairwise(bars), lines[1:], strict=True) if line.startswith("|") and pair[0]]
    assert len(inside) > 50
    assert all(above == here for above, here in inside)
