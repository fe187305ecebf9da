"""`detector bench`: where the time goes on this machine, beside what the machine could do."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector bench`."""
    parser.add_argument("files", nargs="*", help="photos, folders or globs (default: photos made for it)")
    parser.add_argument("--photos", type=_positive, default=24, metavar="N", help="with so many (default %(default)s)")
    parser.add_argument("--video", type=Path, metavar="FILE", help="measure this clip too")
    parser.add_argument("--rounds", type=_positive, default=7, metavar="N", help="so often (default %(default)s)")
    parser.add_argument("--device", default="cpu", help="Torch device of the VAEs (default cpu)")
    parser.add_argument("--pictures", action="store_true", help="measure the pictures that say why, too")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the numbers here")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the tables here too (Markdown)")


def run(arguments: Namespace) -> int:
    """Measure, print, write."""
    from detector.bench.profile import Plan, measure_budget
    from detector.bench.table import page
    from detector.media import find_media

    plan = Plan(
        files=find_media(arguments.files) if arguments.files else [],
        photos=arguments.photos,
        rounds=arguments.rounds,
        video=arguments.video,
        device=arguments.device,
        pictures=arguments.pictures,
        command=shlex.join(["detector", *sys.argv[1:]]),
    )
    budget = measure_budget(plan)
    print(page(budget), end="")
    if arguments.json:
        _write(arguments.json, json.dumps(budget.plain(), indent=1, allow_nan=False) + "\n")
    if arguments.report:
        _write(arguments.report, page(budget))
    return 0


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number
