"""What the commands of the service have in common: its settings, and the packages that it needs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from detector import config
from detector.errors import UsageError
from detector.service.settings import Settings


def add_place(parser: ArgumentParser) -> None:
    """The options that say which service is meant."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="its settings (TOML); the options below win")
    parser.add_argument("--state", type=Path, metavar="DIR", help=f"what it keeps (default {Settings.state})")
    parser.add_argument("--database", metavar="URL", help="e.g. postgresql+psycopg://… (default SQLite in the state)")


def read_settings(arguments: Namespace) -> Settings:
    """The settings that the options and the file, if one is named, make together.

    Raises:
        ConfigError: no such file, an unknown key or an impossible value.
    """
    names = {field.name for field in fields(Settings)}
    given = {name: value for name, value in vars(arguments).items() if name in names and value is not None}
    if arguments.config is not None:
        return config.load(Settings, arguments.config, **given)
    return config.parse(Settings, given, "options")


@contextmanager
def serve_extra() -> Iterator[None]:
    """Around the imports of the service: without its packages, say how to get them.

    Raises:
        UsageError: a package of the extra is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("detector"):
            raise
        raise UsageError(f"the service needs {error.name}: pip install 'detector[serve]'") from error
