"""A decoder that may be killed: it looks at files as `Eyes` does, in a process that can do no harm to others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from detector.errors import DetectorError, MediaError
from detector.media.kinds import FORMATS, mislabelled
from detector.media.limits import DEFAULT_FRAMES
from detector.score.look import Sight
from detector.service.engine.decoder import Look, Setup
from detector.service.engine.wire import Channel, Done, Message, Opened, Ready, Refused, Seen, Unfit, receive_sight
from detector.service.metrics import DECODER_KILLS
from detector.service.settings import Limits
from detector.types import MediaKind

START_S = 120.0
"""How long loading the face detector may take."""
FILES_A_LIFE = 1000
"""A decoder that has seen so many files is replaced: what its libraries leak is given back."""
EYES = "detector.service.engine.decoder:load_eyes"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DETECTOR_MODELS")
"""All that a decoder is told of the environment: in the rest there may be secrets."""


class SeenMedia:
    """A file that a decoder has opened.

    Attributes:
        kind: "image" or "video".
        format: what its content is, e.g. "JPEG".
        warnings: what is odd about it; complete once it was looked at.
    """

    def __init__(self, opened: Opened, suffix: str) -> None:
        self.kind: MediaKind = opened.media
        self.format = opened.format
        warning = mislabelled(suffix, FORMATS[opened.format])
        self.warnings: list[str] = [] if warning is None else [warning]


class Sandbox:
    """One decoder, that is replaced when it has died or had to be killed.

    Use it from one thread, which outlives it: on Linux, the decoder is killed when that thread ends.

    Args:
        limits: of a file, its time and its memory.
        faces: what finds the faces, an entry of `FACE_DETECTORS` or "auto".
        eyes: "module:function" that makes the decoder's `Eyes`.
    """

    def __init__(self, limits: Limits, faces: str = "auto", eyes: str = EYES) -> None:
        self._limits, self._faces, self._eyes = limits, faces, eyes
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._detector: Ready | None = None
        self._files, self._busy = 0, False

    @property
    def detector(self) -> Ready:
        """What finds the faces."""
        self.start()
        assert self._detector is not None
        return self._detector

    @property
    def pid(self) -> int | None:
        """Of the decoder; None before there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Have a decoder that is ready, a new one where there is none or it is worn.

        Raises:
            DetectorError: it cannot load its models.
        """
        if self._busy or self._files >= FILES_A_LIFE or (self._process and self._process.poll() is not None):
            self.close()
        if self._process is None:
            self._spawn()

    def open(self, path: Path, name: str = "") -> SeenMedia:
        """Open a file.

        Args:
            path: where it lies.
            name: what its owner calls it; an extension that lies is warned of.

        Raises:
            MediaError: what `Eyes.open` raises, and timeout or crashed where the decoder had to be killed or died.
        """
        self.start()
        self._files += 1
        self._busy = True
        self._line.left_s = self._limits.decode_s
        self._tell(Look(path=path))
        message = self._receive()
        if not isinstance(message, Opened) or message.format not in FORMATS:
            raise self._crashed(f"expected a file that is opened, got {message!r}")
        return SeenMedia(message, Path(name).suffix.lower())

    def look(self, media: SeenMedia) -> Iterator[Sight]:
        """The sights of the file that was opened last; only the time that the decoder takes counts.

        Raises:
            MediaError: what `Eyes.look` raises, and timeout or crashed.
        """
        for _ in range(DEFAULT_FRAMES + 1):
            message = self._receive()
            if isinstance(message, Done):
                self._busy = False
                media.warnings += message.warnings
                return
            if not isinstance(message, Seen):
                break
            yield self._sight(message)
        raise self._crashed("expected a sampled frame or the end")

    def kill(self) -> None:
        """Kill the decoder in the middle of its work; the one method that any thread may call."""
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """Kill the decoder, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._channel is not None:
            self._channel.close()
        self._process = self._channel = None
        self._files, self._busy = 0, False

    @property
    def _line(self) -> Channel:
        assert self._channel is not None
        return self._channel

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "detector.service.engine.decoder", str(theirs.fileno())]
        with theirs:
            self._channel = Channel(ours)
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=_told()
            )
        media, memory = self._limits.media(), self._limits.decode_memory
        setup = Setup(parent=os.getpid(), eyes=self._eyes, faces=self._faces, limits=media, memory=memory)
        self._channel.left_s = START_S
        try:
            self._channel.send(setup)
            message = self._channel.receive()
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise DetectorError(f"the decoder did not start ({error!r}); what it says is on standard error") from error
        if not isinstance(message, Ready):
            self.close()
            raise DetectorError(message.message if isinstance(message, Unfit) else f"the decoder said {message.what}")
        self._detector = message

    def _tell(self, order: Look) -> None:
        try:
            self._line.send(order)
        except OSError as error:
            raise self._crashed(str(error)) from error

    def _receive(self) -> Message:
        try:
            message = self._line.receive()
        except (OSError, EOFError, ValueError) as error:
            raise self._lost(error) from error
        if isinstance(message, Refused):
            self._busy = False
            raise MediaError(message.reason, message.message)
        return message

    def _sight(self, seen: Seen) -> Sight:
        try:
            return receive_sight(self._line, seen, self._limits.pixels)
        except (OSError, EOFError, ValueError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> MediaError:
        if not isinstance(error, TimeoutError):
            return self._crashed(str(error))
        self._bury("timeout")
        limit = self._limits.decode_s
        return MediaError("timeout", f"decoding took longer than {limit:g} s; cut the file or raise limits.decode_s")

    def _crashed(self, why: str) -> MediaError:
        self._bury("crashed")
        return MediaError(
            "crashed", f"the decoder died on the content ({why}); convert the file, or raise limits.decode_memory"
        )

    def _bury(self, reason: str) -> None:
        DECODER_KILLS.labels(reason).inc()
        self.close()


def _told() -> dict[str, str]:
    """The environment of a decoder: our modules, a single thread, and no secrets."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    modules = os.pathsep.join(path for path in sys.path if path)
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "MALLOC_ARENA_MAX": "2"}
    return {**passed_on, **threads, "PYTHONPATH": modules}
