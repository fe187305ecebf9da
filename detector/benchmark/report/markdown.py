"""A report as Markdown, with its charts beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from detector.benchmark import tables
from detector.benchmark.report.document import Cell, Document, Section, Table


def page(document: Document) -> str:
    """The report as Markdown; every name in it is text, whatever it looks like."""
    blocks = [f"# {plain(document.title)}"]
    if document.alarms:
        blocks += ["## Alarms: read these before any figure", _points(document.alarms)]
    blocks.append(plain(document.summary))
    for section in document.sections:
        blocks += _section(section)
    if document.facts:
        facts = [f"{name}: {fact}" for name, fact in document.facts.items()]
        blocks += ["## How to make it again", _points(facts)]
    return "\n\n".join(blocks) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield from map(plain, section.words)
    for chart in section.charts:
        yield f"![{plain(chart.alt)}]({chart.name}.png)"
    for table in filter(None, section.tables):
        yield f"**{plain(table.caption)}**"
        yield _table(table)
    if section.points:
        yield _points(section.points)


def _table(table: Table) -> str:
    """Blocks become rows with their name in the first column and nothing else."""
    rows: list[list[str]] = []
    for block in table.blocks:
        if block.name:
            rows.append([f"**{plain(block.name)}**", *[""] * (len(table.head) - 1)])
        rows += [list(map(_cell, row)) for row in block.rows]
    return tables.table(list(map(plain, table.head)), rows)


def _cell(cell: Cell) -> str:
    return plain(f"{cell.text} ({cell.beside})" if cell.beside else cell.text)


def _points(points: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {plain(point)}" for point in points)


def plain(text: str) -> str:
    """Text in one line in which nothing is markup."""
    escaped = re.sub(r"([\\`*\[\]|])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")
