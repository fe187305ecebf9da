"""`detector data`: which datasets are read, and whether one of them may be believed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector data`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = "the layouts of datasets, what tells each, and its card"
    actions.add_parser("list", help=listed, description=listed).set_defaults(action=_list)
    checked = "what a dataset holds, what is missing, and what leaks across its splits"
    check = actions.add_parser("check", help=checked, description=checked)
    check.add_argument("data", metavar="[LAYOUT:]ROOT", help="a folder or file; the layout is told by what is there")
    check.add_argument("--quick", action="store_true", help="compare no contents; the rest reads 64 bytes of a file")
    check.add_argument("--json", action="store_true", help="print one JSON object instead of a page")
    check.set_defaults(action=_check)


def run(arguments: Namespace) -> int:
    """List or check; 3 when the check found something that is missing or leaks."""
    found: int = arguments.action(arguments)
    return found


def _list(_: Namespace) -> int:
    from detector.benchmark.datasets import DATASETS

    for name, layout in DATASETS.items():
        print(f"{name}: {layout.marks}; data/{layout.card}")
    return 0


def _check(arguments: Namespace) -> int:
    from detector.benchmark.datasets import named
    from detector.benchmark.datasets.check import check
    from detector.benchmark.datasets.check_report import in_json, in_words

    layout, root = named(arguments.data)
    found = check(layout, root, arguments.quick)
    print(in_json(found) if arguments.json else in_words(found))
    return 0 if found.ok else 3
