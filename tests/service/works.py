"""What workers do in the supervisor's tests: functions that another process can import."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path
from threading import Event

from detector.errors import ConfigError
from detector.service.settings import Settings

PR_GET_DUMPABLE = 3


def note(settings: Settings, name: str) -> Path:
    """Leave a file that says which process works under the name."""
    path = settings.state / f"{name}.worker"
    path.with_suffix(".draft").write_text(str(os.getpid()))
    return path.with_suffix(".draft").rename(path)


def idle(settings: Settings, name: str) -> None:
    """Wait for SIGTERM, then end; what was done is a file."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    path = note(settings, name)
    stop.wait()
    path.with_suffix(".finished").touch()


def tells(settings: Settings, name: str) -> None:
    """Leave a file that says what the process was set to: its umask, and whether its memory may be read."""
    dumpable = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    (settings.state / "told").write_text(f"{os.umask(0o077):o} {dumpable}")
    idle(settings, name)


def stubborn(settings: Settings, name: str) -> None:
    """Never end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(settings, name)
    while True:
        time.sleep(1)


def fails(settings: Settings, name: str) -> None:
    """End at once."""
    note(settings, name)
    raise ConfigError("there is nothing to work with")
