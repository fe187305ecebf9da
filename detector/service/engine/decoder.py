"""The process that touches the content of files. It is killed when it takes too long, and may do little else than work.

It is started by `Sandbox`, with its end of the line as its only argument, and lives no longer than its parent.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from math import ceil
from pathlib import Path

from pydantic import BaseModel

from detector.errors import DetectorError, MediaError
from detector.media import MediaLimits
from detector.score.look import Eyes
from detector.service.engine.wire import Channel, Done, Opened, Ready, Refused, Unfit, send_sight

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


class Setup(BaseModel):
    """What a decoder is told first.

    Attributes:
        parent: the process that it dies with.
        eyes: "module:function" that makes the `Eyes` of `faces` and `limits`.
        faces: an entry of `FACE_DETECTORS`, or "auto".
        limits: of the files.
        memory: bytes that it may have beyond what it has once the models are loaded.
    """

    parent: int
    eyes: str
    faces: str
    limits: MediaLimits
    memory: int


class Look(BaseModel):
    """What a decoder is told of each file."""

    path: Path


def load_eyes(faces: str, limits: MediaLimits) -> Eyes:
    """The eyes of the service: as those of `detector score`."""
    from detector.faces import load_face_detector

    return Eyes(lambda: load_face_detector(faces), media_limits=limits)


def main(line: int) -> None:
    """Look at one file after the other until the parent hangs up."""
    channel = Channel(socket.socket(fileno=line))
    setup = Setup.model_validate_json(channel.header())
    _die_with(setup.parent)
    try:
        eyes = _load(setup)
        channel.send(Ready(name=eyes.detector.name, version=eyes.detector.version))
    except DetectorError as error:
        channel.send(Unfit(message=str(error)))
        return
    _confine(setup.memory)
    while True:
        try:
            order = Look.model_validate_json(channel.header())
        except EOFError:
            return
        _limit_time(setup.limits.timeout_s)
        _look(channel, eyes, order.path)


def _load(setup: Setup) -> Eyes:
    import cv2

    cv2.setNumThreads(1)
    module, name = setup.eyes.split(":")
    load: Callable[[str, MediaLimits], Eyes] = getattr(import_module(module), name)
    return load(setup.faces, setup.limits)


def _look(channel: Channel, eyes: Eyes, path: Path) -> None:
    """Say what one file shows. What is no `MediaError` ends the process: after that, nothing here is to be trusted."""
    try:
        media = eyes.open(path)
        channel.send(Opened(media=media.kind, format=media.format))
        for sight in eyes.look(media):
            send_sight(channel, sight)
        channel.send(Done(warnings=tuple(warning[:2000] for warning in media.warnings[:100])))
    except MediaError as error:
        channel.send(Refused(reason=error.reason, message=str(error)[:2000]))


def _die_with(parent: int) -> None:
    """Leave the parent's signals to the parent, and be killed when it dies, even stopped or in an endless loop.

    Linux kills when the *thread* that has started this process ends, so that thread has to be the one that uses it.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    if sys.platform == "linux":
        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _confine(memory: int) -> None:
    """No file may be written, no core dumped, and so much memory be had beyond what is had now.

    The data limit counts what can be written to. Address space, which holds shared memory too, costs nothing until it
    is used, and every thread reserves some: it gets twice as much.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    if sys.platform == "linux":
        pages = Path("/proc/self/statm").read_text().split()
        space, data = (int(pages[row]) * resource.getpagesize() for row in (0, 5))
        _limit(resource.RLIMIT_DATA, data + memory)
        _limit(resource.RLIMIT_AS, space + 2 * memory)


def _limit(what: int, most: int) -> None:
    """For good: the limit cannot be raised again."""
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _limit_time(seconds: float) -> None:
    """Computing time of one file, should the parent fail to keep the time; on every core, as libav uses them all."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    most = ceil(usage.ru_utime + usage.ru_stime + seconds * (os.cpu_count() or 1)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
