"""`detector keys`: who may ask a service."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from detector.cli.service_options import add_place, read_settings, serve_extra
from detector.errors import UsageError
from detector.service.records import SCOPES

if TYPE_CHECKING:
    from detector.service.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """The commands of `detector keys`, and their options."""
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    add = commands.add_parser("add", help="make a key; its secret is printed once")
    add.add_argument("name", metavar="NAME", help="whose it is; the log of reviews names them so")
    add.add_argument("--scope", action="append", choices=SCOPES, required=True, help="may repeat; admin is all of them")
    add.add_argument("--rate", type=_whole, default=0, metavar="N", help="requests a minute (default: any number)")
    revoke = commands.add_parser("revoke", help="let a key in no more")
    revoke.add_argument("id", metavar="ID", help="as `detector keys list` gives it")
    for command, action in ((add, _add), (commands.add_parser("list", help="every key"), _list), (revoke, _revoke)):
        add_place(command)
        command.set_defaults(action=action)


def run(arguments: Namespace) -> int:
    """Do it."""
    settings = read_settings(arguments)
    with serve_extra():
        from detector.service.store import Store

    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    action: Callable[[Store, Namespace], None] = arguments.action
    with closing(Store.open(settings.url)) as store:
        action(store, arguments)
    return 0


def _add(store: Store, arguments: Namespace) -> None:
    key, secret = store.add_key(arguments.name, arguments.scope, arguments.rate)
    print(secret)
    print(f"key {key.id} of {key.name}: {', '.join(key.scopes)}; the line above is shown only once", file=sys.stderr)


def _list(store: Store, _: Namespace) -> None:
    keys = store.keys()
    for key in keys:
        rate = f"{key.rate} a minute" if key.rate else "any number"
        state = "valid" if key.revoked_at is None else "revoked"
        print(f"{key.id}: {key.name}, {', '.join(key.scopes)}, {rate}, {state}")


def _revoke(store: Store, arguments: Namespace) -> None:
    if not store.revoke(arguments.id):
        raise UsageError(f"expected the id of a valid key, got {arguments.id!r}; `detector keys list` lists them")
    print(f"{arguments.id}: revoked")


def _whole(text: str) -> int:
    if (number := int(text)) < 0:
        raise ValueError
    return number
