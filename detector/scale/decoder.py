"""The process that touches the content of files: a child of a looker, so that content that kills it kills no worker.

Between the two run Arrow streams, nothing that is unpickled: the child has touched what strangers made.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import perf_counter

import pyarrow as pa

from detector.errors import DetectorError, UsageError
from detector.media import Media
from detector.scale.errors import ScaleError
from detector.scale.fetch import fetched
from detector.scale.wire import End, Row, Told, Unfit, from_table, send_sight, to_table
from detector.score import Detector
from detector.score.answer import Ended, watch
from detector.score.judge import unjudged
from detector.score.look import Eyes, Sight

TRIES = 2
GRACE_S = 60.0
"""How much longer than its own limit a decoder may be silent before it counts as dead."""
START_S = 600.0
"""How long it may take to load what finds faces: many start at once."""


class Decoder:
    """Looks at files in a child process, which is replaced when it dies. The child dies with this process.

    Args:
        load: gives the detector; it is called in the child.
        base: the folder from which relative paths are meant.
    """

    def __init__(self, load: Callable[[], Detector], base: str) -> None:
        self._load, self._base = load, base
        self._silence_s = load().eyes.media_limits.timeout_s + GRACE_S
        self._child: tuple[BaseProcess, Connection] | None = None

    def __call__(self, path: str) -> Iterator[Row]:
        """Every sight of a file, then how it ended: "crashed" where a child died of it alone, twice."""
        for _ in range(TRIES):
            try:
                yield from self._rows(path)
            except (EOFError, OSError):
                self.close()
            except ScaleError as error:
                yield Row(Unfit(str(error), False))
                return
            else:
                return
        died = f"the process that decodes died of it {TRIES} times"
        yield Row(End(path, 0, "unknown", (died,), "crashed"))

    def close(self) -> None:
        """End the child, whatever it does."""
        if self._child is not None:
            process, line = self._child
            line.close()
            process.kill()
            process.join()
        self._child = None

    def _rows(self, path: str) -> Iterator[Row]:
        line = self._line()
        line.send_bytes(path.encode("utf-8", "surrogateescape"))
        ended = False
        while not ended:
            for row in from_table(pa.ipc.open_stream(_receive(line, self._silence_s)).read_all()):
                ended = isinstance(row.message, End | Unfit)
                yield row

    def _line(self) -> Connection:
        """The line to the child, which is started where there is none."""
        if self._child is None:
            context = get_context("spawn")  # Ray's threads do not survive a fork
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, self._load, self._base), daemon=True)
            process.start()
            theirs.close()
            self._child = process, ours
            self._await_child(ours)
        return self._child[1]

    def _await_child(self, line: Connection) -> None:
        """A child that does not come up is no file's fault."""
        try:
            _receive(line, START_S)
        except (EOFError, OSError) as error:
            self.close()
            raise ScaleError("the process that decodes cannot be started; is there enough memory?") from error


def _receive(line: Connection, limit_s: float) -> bytes:
    if not line.poll(limit_s):
        raise EOFError(f"nothing came in {limit_s:g} s")
    return line.recv_bytes()


def serve(line: Connection, load: Callable[[], Detector], base: str) -> None:
    """Look at one file after the other until the parent hangs up."""
    import cv2

    cv2.setNumThreads(1)
    with suppress(OSError):  # another machine may not have the folder; absolute paths and URLs need none
        os.chdir(base)
    eyes = load().eyes
    with suppress(DetectorError):  # told of when a file needs it
        _ = eyes.detector
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        line.send_bytes(b"")
        while True:
            path = line.recv_bytes().decode("utf-8", "surrogateescape")
            for row in _answers(eyes, path):
                line.send_bytes(_stream(to_table([row])))


def _stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _answers(eyes: Eyes, path: str) -> Iterator[Row]:
    """What the file shows; an error that is no `MediaError` is the file's too, unless it would meet every file."""
    try:
        yield from look(eyes, path)
    except BrokenPipeError:
        raise
    except DetectorError as error:
        yield Row(Unfit(str(error), isinstance(error, UsageError)))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            yield Row(Unfit(f"{path}: no room for a copy of it: {error.strerror}; free some on that machine", False))
        else:
            yield Row(End(path, 0, "unknown", (f"{type(error).__name__}: {error}",), "failed"))


def look(eyes: Eyes, path: str) -> Iterator[Row]:
    """A row a sight, then one for the end. A sight without anybody to judge needs no judge and sends no pixels."""
    with ExitStack() as held:

        def open_file() -> Media:
            return eyes.open(held.enter_context(fetched(path, eyes.media_limits)))

        began = perf_counter()
        for number, event in enumerate(watch(open_file, eyes.look)):
            spent, began = perf_counter() - began, perf_counter()
            if isinstance(event, Ended):
                yield Row(_end(path, number, event, eyes), spent)
            else:
                yield _sight(path, number, event, spent)


def _sight(path: str, number: int, sight: Sight, seconds: float) -> Row:
    if sight.usable:
        return send_sight(path, number, sight, seconds)
    return Row(Told(path, number, sight.frame.time_s, unjudged(sight).faces, shot=sight.shot), seconds)


def _end(path: str, sights: int, ended: Ended, eyes: Eyes) -> End:
    if ended.error is not None:
        return End(path, sights, ended.media, ended.warnings, ended.error.reason)
    return End(path, sights, ended.media, ended.warnings, None, {eyes.detector.name: eyes.detector.version})
