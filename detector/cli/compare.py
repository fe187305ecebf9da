"""`detector compare`: two recorded benchmarks side by side."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector compare`."""
    run = 'name of a run, its id or how that begins, or "latest"'
    parser.add_argument("one", metavar="RUN", help=run)
    parser.add_argument("other", metavar="RUN", help=run)
    parser.add_argument(
        "--store", type=Path, default=Path("runs"), help="where they are recorded (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run(arguments: Namespace) -> int:
    """Print what differs."""
    from detector.benchmark.run.compare import EXPERIMENT, compare, in_json, in_markdown
    from detector.tracking import find_run

    one, other = (find_run(arguments.store, words, EXPERIMENT) for words in (arguments.one, arguments.other))
    found = compare(one, other)
    print(in_json(found) if arguments.json else in_markdown(found))
    return 0
