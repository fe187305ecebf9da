"""Eyes for a decoder that do what hostile content might make it do: each file says what, in a word."""

from __future__ import annotations

import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from detector.errors import MediaError
from detector.score.look import Sight
from detector.types import Face, Frame

FINE = '{"what":"opened","media":"image","format":"JPEG"}'
PIXELS = bytes(4 * 4 * 3)
FACE = '{"box":[0,0,2,2],"landmarks":[[0,0],[1,0],[1,1],[0,2],[1,2]],"confidence":1,"track":null,"reason":null}'


def seen(faces: str = "", width: str = "4") -> str:
    """The header of a sight of 4 x 4 px."""
    return f'{{"what":"seen","height":4,"width":{width},"time_s":0,"index":0,"shot":null,"faces":[{faces}]}}'


LIES: dict[str, bytes | tuple[str | bytes, ...]] = {
    "noise": b"\xff" * 64,
    "no JSON": ("{'what'",),
    "unknown": ('{"what":"exec"}',),
    "no header": ("",),
    "short": b"\0\0",
    "too much said": ('{"what":"opened","media":"image","format":"JPEG","more":1}',),
    "other format": ('{"what":"opened","media":"image","format":"EXE"}',),
    "wrong order": ('{"what":"done","warnings":[]}',),
    "unknown reason": ('{"what":"refused","reason":"my own","message":""}',),
    "bomb": (FINE, seen(width="1000000000000")),
    "negative": (FINE, seen(width="-4")),
    "not a number": (FINE, seen(FACE.replace("[0,0,2,2]", "[NaN,0,2,2]")), PIXELS),
    "face elsewhere": (FINE, seen(FACE.replace("[0,0,2,2]", "[0,0,2e30,2]")), PIXELS),
    "inside out": (FINE, seen(FACE.replace("[0,0,2,2]", "[2,2,0,0]")), PIXELS),
    "endless": (FINE, *[part for _ in range(100) for part in (seen(), PIXELS)]),
}
"""What a decoder that was taken over might say: raw bytes, or headers (sent with their length) and pixels."""


def load(*_: object) -> Odd:
    """Eyes that do as the file says."""
    return Odd()


def broken(*_: object) -> Odd:
    """No eyes: their weights are not there."""
    from detector.errors import WeightsError

    raise WeightsError("there are no weights")


class Odd:
    """Eyes that do as the file says."""

    detector = SimpleNamespace(name="odd", version="1")

    def open(self, path: Path) -> Any:
        """Do it, or leave it to `look`."""
        word = path.read_text()
        if word in LIES:
            say(LIES[word])
            sys.exit(0)
        if word in DEEDS:
            DEEDS[word]()
        return SimpleNamespace(kind="image", format="JPEG", warnings=["odd\0\x1b[31m"], word=word)

    def look(self, media: Any) -> Iterator[Sight]:
        """One sight, after which it hangs where the file says so."""
        box, marks = np.array([1, 1, 3, 3], np.float32), np.full((5, 2), 2, np.float32)
        pixels, index = np.arange(48, dtype=np.uint8).reshape(4, 4, 3), 8 if media.word == "index 8" else 7
        yield Sight(Frame(pixels, 0.5, index), (Face(box, marks, 0.5, 3),), (None,))
        if media.word == "hang later":
            time.sleep(60)
        if media.word == "trickle":
            os.write(int(sys.argv[1]), struct.pack(">I", 1000))
            for _ in range(600):
                os.write(int(sys.argv[1]), b" ")
                time.sleep(0.1)


def say(what: bytes | tuple[str | bytes, ...]) -> None:
    """Write to the parent: bytes as they are, text as a header with its length."""
    for part in (what,) if isinstance(what, bytes) else what:
        text = part.encode() if isinstance(part, str) else part
        os.write(int(sys.argv[1]), struct.pack(">I", len(text)) + text if isinstance(part, str) else text)


def _eat() -> None:
    eaten = []
    while True:
        eaten.append(np.empty(2**26, np.uint8))


def _write() -> None:
    Path(os.environ["HOME"], "written by a decoder").write_bytes(b"x" * 100)


def _tell() -> None:
    raise MediaError("unreadable", " ".join(sorted(os.environ)) + Path("/proc/self/environ").read_text())


def _raise() -> None:
    raise RuntimeError("a defect")


def _refuse() -> None:
    raise MediaError("too_long", "as expected")


DEEDS: dict[str, Callable[[], object]] = {
    "hang": lambda: time.sleep(60),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "eat": _eat,
    "write": _write,
    "tell": _tell,
    "raise": _raise,
    "refuse": _refuse,
    "leave": lambda: sys.exit(0),
}
