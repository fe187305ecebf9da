"""What workers tell each other and the process that asked: rows of an Arrow table.

A row is a message as JSON, the seconds that its making took, and the pixels of a frame that is still to be judged.
Times have a column of their own: a row that is made again then has the size that it had, so that Ray cuts the same
blocks when it repeats the work of a dead worker. Nothing of ours is pickled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field, TypeAdapter

from detector.score.look import Sight
from detector.types import Face, FaceReport, Frame, MediaKind, Pixels

Point = tuple[float, float]
SCHEMA = pa.schema([("message", pa.string()), ("seconds", pa.float64()), ("pixels", pa.binary())])


@dataclass(frozen=True)
class SeenFace:
    """The fields of `Face`, and why it cannot be judged."""

    box: tuple[float, float, float, float]
    landmarks: tuple[Point, Point, Point, Point, Point]
    confidence: float
    track: int | None
    reason: str | None


@dataclass(frozen=True)
class Seen:
    """A sight with somebody to judge: the `number`-th of its file, from 0. Its pixels are in the same row."""

    path: str
    number: int
    height: int
    width: int
    time_s: float
    index: int
    faces: tuple[SeenFace, ...]
    shot: int | None = None
    what: Literal["seen"] = "seen"


@dataclass(frozen=True)
class Told:
    """A sight after judgement.

    Attributes:
        path: the file.
        number: which of its sights.
        time_s: of the frame.
        faces: one report a face.
        threshold: of the classifier; None where there was nobody to judge.
        models: the VAEs and the classifier with their versions; empty where there was nobody to judge.
        failure: what the models died of, if they did.
        shot: the number of the frame's shot, where that is known.
    """

    path: str
    number: int
    time_s: float
    faces: tuple[FaceReport, ...]
    threshold: float | None = None
    models: dict[str, str] = field(default_factory=dict)
    failure: str | None = None
    shot: int | None = None
    what: Literal["told"] = "told"


@dataclass(frozen=True)
class End:
    """A file has been looked at.

    Attributes:
        path: the file.
        sights: how many there are.
        media: what it turned out to be.
        warnings: what is odd about it, or what the error says.
        reason: why it could not be looked at, a key of `REASONS`.
        finder: what found the faces, with its version; empty where the file could not be decoded.
    """

    path: str
    sights: int
    media: MediaKind
    warnings: tuple[str, ...] = ()
    reason: str | None = None
    finder: dict[str, str] = field(default_factory=dict)
    what: Literal["end"] = "end"


@dataclass(frozen=True)
class Unfit:
    """No file can be scored: the models cannot be loaded, or there is no room to work in."""

    message: str
    usage: bool
    what: Literal["unfit"] = "unfit"


Message = Seen | Told | End | Unfit
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="what")])


class Row(NamedTuple):
    """A message, the seconds that it took, and the pixels that go with it."""

    message: Message
    seconds: float = 0.0
    pixels: bytes | memoryview | None = None


def to_table(rows: Iterable[Row]) -> pa.Table:
    """The rows as Arrow has them."""
    made = [(_MESSAGE.dump_json(row.message).decode(), row.seconds, row.pixels) for row in rows]
    columns = list(zip(*made, strict=True)) or [(), (), ()]
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def from_table(table: pa.Table) -> Iterator[Row]:
    """What `to_table` was given; pixels are not copied."""
    for text, seconds, pixels in zip(*(table[name] for name in SCHEMA.names), strict=True):
        buffer = pixels.as_buffer()
        yield Row(_MESSAGE.validate_json(text.as_py()), seconds.as_py(), None if buffer is None else memoryview(buffer))


def send_sight(path: str, number: int, sight: Sight, seconds: float) -> Row:
    """A sight on its way to a judge."""
    height, width = sight.frame.pixels.shape[:2]
    faces = tuple(_seen_face(face, reason) for face, reason in zip(sight.faces, sight.reasons, strict=True))
    seen = Seen(path, number, height, width, sight.frame.time_s, sight.frame.index, faces, sight.shot)
    return Row(seen, seconds, sight.frame.pixels.tobytes())


def receive_sight(seen: Seen, pixels: bytes | memoryview) -> Sight:
    """The same sight, to the last bit."""
    array: Pixels = np.frombuffer(pixels, np.uint8).reshape(seen.height, seen.width, 3)
    return Sight(
        Frame(array, seen.time_s, seen.index),
        tuple(_face(face) for face in seen.faces),
        tuple(face.reason for face in seen.faces),
        seen.shot,
    )


def _seen_face(face: Face, reason: str | None) -> SeenFace:
    x0, y0, x1, y1 = face.box.tolist()
    marks: list[Point] = [(x, y) for x, y in face.landmarks.tolist()]
    landmarks = (marks[0], marks[1], marks[2], marks[3], marks[4])
    return SeenFace((x0, y0, x1, y1), landmarks, face.confidence, face.track, reason)


def _face(seen: SeenFace) -> Face:
    return Face(np.array(seen.box, np.float32), np.array(seen.landmarks, np.float32), seen.confidence, seen.track)
