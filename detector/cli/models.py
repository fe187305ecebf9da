"""`detector models`: which pretrained weights there are, and fetching them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, NoReturn

from detector.errors import WeightsError
from detector.weights import PINNED, find, pull, store

if TYPE_CHECKING:
    from tqdm import tqdm


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector models`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("list", help="what can be fetched, and what is here").set_defaults(action=_list)
    fetch = actions.add_parser("pull", help="fetch weights into the store, verified by SHA-256")
    fetch.add_argument("names", nargs="+", metavar="NAME", help=", ".join(PINNED))
    fetch.set_defaults(action=_pull)


def run(arguments: Namespace) -> int:
    """List or fetch."""
    arguments.action(arguments)
    return 0


def _list(_: Namespace) -> None:
    print(f"store: {store()}")
    for name, pinned in PINNED.items():
        print(f"{name}: {_state(name)}, {pinned.size / 1e6:.1f} MB, {pinned.licence}, sha256 {pinned.sha256}")


def _state(name: str) -> str:
    try:
        return "here" if find(name) else "not here"
    except WeightsError:
        return "damaged"


def _pull(arguments: Namespace) -> None:
    from tqdm import tqdm

    for name in arguments.names:
        with tqdm(desc=name, unit="B", unit_scale=True, disable=None) as bar:

            def show(come: int, total: int, bar: tqdm[NoReturn] = bar) -> None:
                bar.total = total
                bar.update(come - bar.n)

            path = pull(name, show)
        print(f"{name}: {path}")
