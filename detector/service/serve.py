"""One service on one machine: the API in this process, the workers in others, and an orderly end.

SIGTERM and SIGINT drain: no connection is accepted any more, requests that are being answered are answered, with the
workers at work until then; then the workers finish what they hold, and the messages that are under way arrive.
A second signal while the workers finish kills them: what they held is taken up after the next start.
"""

from __future__ import annotations

import math
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from detector.errors import ConfigError
from detector.service.process import allow_files, keep_private
from detector.service.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from uvicorn import Server

    from detector.service.api.gate import Gate
    from detector.service.api.service import Service
    from detector.service.supervisor import Supervisor
    from detector.service.webhooks.dispatcher import Dispatcher

BACKLOG = 2048
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings, tell: Callable[[str], None] = print) -> None:
    """Run a service until SIGTERM or SIGINT.

    Args:
        settings: of the service.
        tell: is given a line for each thing that a person should know.

    Raises:
        ConfigError: the address is taken, or others can reach it and there is no key; the policy or the database
            cannot be used.
    """
    keep_private()
    allow_files()
    share_metrics(settings.state)
    from detector.service import logs
    from detector.service.api.app import create_app, open_service
    from detector.service.supervisor import Supervisor
    from detector.service.worker import run_worker

    logs.configure()
    with ExitStack() as stack:
        service = open_service(settings)
        stack.callback(service.store.close)
        check_policy(service)
        check_keys(service)
        listener = stack.enter_context(listen(settings))
        dispatcher = _dispatcher(service)
        dispatcher.start()
        stack.callback(dispatcher.stop)
        supervisor = Supervisor(settings, service.store, run_worker)
        supervisor.start()
        for line in _told(settings, service, listener):
            tell(line)
        _run(server_of(settings, create_app(settings, service), service.gate), listener)
        _kill_on_signal(supervisor)
        supervisor.stop(settings.limits.decode_s + settings.queue.lease_s)


def share_metrics(state: Path) -> None:
    """Let every process of the service count in one folder; before `detector.service.metrics` is first imported.

    What processes that are gone have counted goes: a new start counts from nothing.
    """
    folder = state / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        if not _lives(file.stem.rsplit("_", 1)[-1]):
            file.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.absolute())


def check_policy(service: Service) -> None:
    """Raise `ConfigError` where the policy asks what the classifier cannot tell: before a worker finds out."""
    from detector.classify.budgets import read_budgets
    from detector.weights import asset

    service.policy.resolve(read_budgets(service.settings.models.classifier or asset("classifier.skops")))


def check_keys(service: Service) -> None:
    """Raise `ConfigError` where others can reach the service and nobody has a key."""
    host, keys = service.settings.host, service.store.keys()
    if not service.settings.loopback and all(key.revoked_at is not None for key in keys):
        raise ConfigError(
            f"others can reach {host}, and there is no API key; make one with `detector keys add NAME --scope score`, "
            "with the same --state, --database or --config, or listen on 127.0.0.1"
        )


def listen(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        ConfigError: it cannot.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"cannot listen on {settings.host} port {settings.port}: {reason}; name another") from error


def _told(settings: Settings, service: Service, listener: socket.socket) -> list[str]:
    """What a person should know of a service that has started."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{listener.getsockname()[1]}"
    keyed = bool(service.store.keys())
    access = "an API key is needed" if keyed else "open to everybody on this machine, until there is an API key"
    workers = f"{settings.workers} here" if settings.workers else "none here: start `detector work`"
    return [
        f"listening on {url} (the API: {url}/docs, review: {url}/review)",
        f"access: {access}",
        f"workers: {workers}",
        f"state: {settings.state.absolute()}",
    ]


def _dispatcher(service: Service) -> Dispatcher:
    from detector.service.webhooks import secret
    from detector.service.webhooks.dispatcher import Dispatcher
    from detector.service.webhooks.sender import Sender

    settings = service.settings.webhooks
    sender = Sender(secret.load(service.settings), private=settings.private, timeout_s=settings.timeout_s)
    return Dispatcher(service.store, sender.send, settings, f"{socket.gethostname()}-{os.getpid()}")


def server_of(settings: Settings, app: FastAPI, gate: Gate) -> Server:
    """What answers on a socket; it drains when a signal comes."""
    from uvicorn import Config, Server

    from detector.service.api.connection import Connection

    class Draining(Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            gate.draining = True
            super().handle_exit(sig, frame)

    longest = math.ceil(settings.limits.upload_s + settings.limits.deadline_s) + 5
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "proxy_headers": False}
    return Draining(Config(app, http=Connection, ws="none", timeout_graceful_shutdown=longest, **quiet))


def _run(server: Server, listener: socket.socket) -> None:
    """Answer until a signal comes. uvicorn sends itself the signal again when it is done: that is none of ours."""
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])


def _kill_on_signal(supervisor: Supervisor) -> None:
    for number in SIGNALS:
        signal.signal(number, lambda *_: supervisor.kill())


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True
