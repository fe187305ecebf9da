"""`detector serve`: the service."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from detector.cli.service_options import add_place, read_settings, serve_extra
from detector.service.settings import Settings


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector serve`."""
    add_place(parser)
    parser.add_argument("--host", help=f"where to listen (default {Settings.host}); elsewhere, keys are needed")
    parser.add_argument("--port", type=int, help=f"default {Settings.port}; 0 takes any that is free")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="what to allow, review and block (TOML)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help=f"processes that score (default {Settings.workers}); 0 for none here"
    )


def run(arguments: Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; 0 when what was begun was finished."""
    settings = read_settings(arguments)
    with serve_extra():
        from detector.service.serve import serve

        serve(settings, lambda line: print(line, flush=True))
    return 0
