"""Results -> the files of a report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from detector.benchmark.report import html, markdown, numbers
from detector.benchmark.report.drawing import png
from detector.benchmark.report.sections import document
from detector.benchmark.run.results import Results


def write_report(results: Results, folder: Path) -> tuple[Path, ...]:
    """Write a report, each file whole or not at all; the same results give the same bytes.

    Args:
        results: what was measured.
        folder: where to; made if there is none. Files of the same names are replaced, others stay.

    Returns:
        the paths: ``index.html`` (needs no other file), ``report.md`` with its charts ``*.png``, ``metrics.csv``,
        ``scores.csv``, ``robustness.csv`` and ``slices.csv``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in _files(results):
        paths.append(folder / name)
        _write(paths[-1], content)
    return tuple(paths)


def _files(results: Results) -> Iterator[tuple[str, bytes]]:
    said = document(results)
    yield "index.html", html.page(said).encode()
    yield "report.md", markdown.page(said).encode()
    for section in said.sections:
        for chart in section.charts:
            yield f"{chart.name}.png", png(chart)
    for table in (numbers.metrics, numbers.scores, numbers.robustness, numbers.slices):
        yield f"{table.__name__}.csv", table(results).encode()


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
