"""`detector work`: one worker of a service, beside those that `detector serve` starts."""

from __future__ import annotations

import os
import socket
from argparse import ArgumentParser, Namespace

from detector.cli.service_options import add_place, read_settings, serve_extra


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector work`."""
    add_place(parser)


def run(arguments: Namespace) -> int:
    """Score until SIGTERM; 0 when what was begun was finished."""
    settings = read_settings(arguments)
    with serve_extra():
        from detector.service.process import keep_private
        from detector.service.serve import share_metrics

        keep_private()
        share_metrics(settings.state)
        from detector.service import logs
        from detector.service.worker import run_worker

    logs.configure()
    run_worker(settings, f"{socket.gethostname()}-{os.getpid()}")
    return 0
