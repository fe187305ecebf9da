"""What a decoder may say, and how it is checked: it has touched hostile content, so nothing that it says is trusted.

A message is a JSON header behind its length (4 bytes, big-endian). Behind a `Seen` come the pixels, raw: height x
width x 3 bytes. Nothing is ever unpickled.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from time import monotonic
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from detector.score.look import Sight
from detector.types import REASONS, Face, Frame, Pixels

HEADER_BYTES = 1 << 20
_LENGTH = struct.Struct(">I")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _known(reason: str) -> str:
    if reason not in REASONS:
        raise ValueError(f"expected one of {', '.join(REASONS)}, got {reason!r}")
    return reason


Text = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
Reason = Annotated[str, AfterValidator(_known)]
Warnings = Annotated[tuple[Text, ...], Field(max_length=100)]
Point = tuple[float, float]


class _Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Ready(_Message):
    """The models are loaded."""

    what: Literal["ready"] = "ready"
    name: Text
    version: Text


class Unfit(_Message):
    """The models cannot be loaded."""

    what: Literal["unfit"] = "unfit"
    message: Text


class Opened(_Message):
    """The file could be opened; sights follow."""

    what: Literal["opened"] = "opened"
    media: Literal["image", "video"]
    format: Text


class SeenFace(_Message):
    """The fields of `Face`, and why it cannot be judged."""

    box: tuple[float, float, float, float]
    landmarks: tuple[Point, Point, Point, Point, Point]
    confidence: Annotated[float, Field(ge=0, le=1)]
    track: int | None
    reason: Reason | None


class Seen(_Message):
    """A sight; its pixels follow."""

    what: Literal["seen"] = "seen"
    height: Annotated[int, Field(gt=0)]
    width: Annotated[int, Field(gt=0)]
    time_s: Annotated[float, Field(ge=0)]
    index: Annotated[int, Field(ge=0)]
    shot: Annotated[int, Field(ge=0)] | None
    faces: tuple[SeenFace, ...]


class Done(_Message):
    """The file has been looked at to its end."""

    what: Literal["done"] = "done"
    warnings: Warnings


class Refused(_Message):
    """A `MediaError`; nothing more comes of the file."""

    what: Literal["refused"] = "refused"
    reason: Reason
    message: Text


Message = Ready | Unfit | Opened | Seen | Done | Refused
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="what")])


class Channel:
    """One end of the line between a decoder and its parent.

    Attributes:
        left_s: how long `receive` may still wait in all; None for any time. Time between calls is not counted.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.left_s: float | None = None

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def send(self, header: BaseModel, payload: Pixels | None = None) -> None:
        """Say one thing, with what follows it."""
        text = header.model_dump_json().encode()
        self._line.settimeout(None)
        self._line.sendall(_LENGTH.pack(len(text)) + text)
        if payload is not None:
            self._line.sendall(np.ascontiguousarray(payload).data.cast("B"))

    def header(self) -> bytes:
        """The JSON of the next message.

        Raises:
            TimeoutError: the time is used up.
            EOFError, OSError: the other end is gone.
            ValueError: it is longer than any message is.
        """
        (length,) = _LENGTH.unpack(self.take(bytearray(_LENGTH.size)))
        if length > HEADER_BYTES:
            raise ValueError(f"expected a header of at most {HEADER_BYTES} bytes, {length} are announced")
        return bytes(self.take(bytearray(length)))

    def receive(self) -> Message:
        """The next message; raises what `header` raises, ValueError for one that is malformed too."""
        return _MESSAGE.validate_json(self.header())

    def take(self, buffer: bytearray) -> bytearray:
        """Fill the buffer with what comes; raises what `header` raises, but for ValueError."""
        self.fill(memoryview(buffer))
        return buffer

    def fill(self, view: memoryview) -> None:
        """The same, for any bytes."""
        while view:
            count = self._line_into(view)
            if not count:
                raise EOFError("the other end has hung up")
            view = view[count:]

    def _line_into(self, view: memoryview) -> int:
        began = monotonic()
        self._line.settimeout(None if self.left_s is None else max(self.left_s, 1e-3))
        try:
            return self._line.recv_into(view)
        finally:
            if self.left_s is not None:
                self.left_s -= monotonic() - began


def send_sight(channel: Channel, sight: Sight) -> None:
    """Say what was seen."""
    height, width = sight.frame.pixels.shape[:2]
    faces = tuple(_seen_face(face, reason) for face, reason in zip(sight.faces, sight.reasons, strict=True))
    frame = sight.frame
    header = Seen(height=height, width=width, time_s=frame.time_s, index=frame.index, shot=sight.shot, faces=faces)
    channel.send(header, sight.frame.pixels)


def receive_sight(channel: Channel, seen: Seen, most_pixels: int) -> Sight:
    """The sight that a message announces; raises what `Channel.header` raises."""
    if seen.height * seen.width > most_pixels:
        raise ValueError(f"expected at most {most_pixels} pixels, got {seen.width} x {seen.height}")
    if not all(_inside(seen, face) for face in seen.faces):
        raise ValueError("expected faces in their frame, got one elsewhere")
    pixels = np.empty((seen.height, seen.width, 3), np.uint8)
    channel.fill(pixels.data.cast("B"))
    return Sight(
        Frame(pixels, seen.time_s, seen.index),
        tuple(_face(face) for face in seen.faces),
        tuple(face.reason for face in seen.faces),
        seen.shot,
    )


def _seen_face(face: Face, reason: str | None) -> SeenFace:
    x0, y0, x1, y1 = face.box.tolist()
    marks: list[Point] = [(x, y) for x, y in face.landmarks.tolist()]
    return SeenFace(
        box=(x0, y0, x1, y1),
        landmarks=(marks[0], marks[1], marks[2], marks[3], marks[4]),
        confidence=min(1.0, max(0.0, float(face.confidence))),
        track=face.track,
        reason=reason,
    )


def _face(seen: SeenFace) -> Face:
    return Face(np.array(seen.box, np.float32), np.array(seen.landmarks, np.float32), seen.confidence, seen.track)


def _inside(frame: Seen, face: SeenFace) -> bool:
    """Whether a face is where a face can be; it may leave the frame, but by no more than the frame is large."""
    x0, y0, x1, y1 = face.box
    reach = max(frame.width, frame.height)
    numbers: Iterator[float] = (number for point in (*face.landmarks, (x0, y0), (x1, y1)) for number in point)
    return x0 < x1 and y0 < y1 and all(-reach <= number <= 2 * reach for number in numbers)
