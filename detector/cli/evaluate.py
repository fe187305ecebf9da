"""`detector evaluate`: what `detector score --json` wrote, against what a manifest knows."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector evaluate`."""
    parser.add_argument("results", type=Path, help="JSON Lines, as `detector score --json` or `--out` writes them")
    parser.add_argument("--manifest", type=Path, required=True, help="CSV with path, label, generator, set, split, …")
    parser.add_argument("--split", default="test", help="default %(default)s")
    parser.add_argument("--aside", action="append", default=[], metavar="SET", help="show this set without counting it")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the tables here too (Markdown)")


def run(arguments: Namespace) -> int:
    """Print the tables."""
    from detector.benchmark.study.results import score_table

    page = score_table(arguments.results, arguments.manifest, arguments.split, tuple(arguments.aside))
    print(page)
    if arguments.report:
        arguments.report.parent.mkdir(parents=True, exist_ok=True)
        arguments.report.write_text(page, encoding="utf-8")
    return 0
