"""What people decided, one JSON object a line: how it leaves the service, and how `detector recalibrate` reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from detector.errors import UsageError
from detector.service.records import Action, Item, Review
from detector.types import MediaKind

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True)
class Labelled:
    """One file that a person has told to be real or fake.

    Attributes:
        fake_probability: of the file, in [0, 1]; None where it has no score.
        scored_faces: how many of its faces have a probability. That of the file is the most suspicious one's.
        models: every model that the probability depends on, name -> version.
        label: what the person says it is.
        weight: how many files this one stands for, as `Decision.weight`.
        policy: the version of the policy that sent it to a person.
        action: what the person decided.
        decided_at: when; seconds since 1970, UTC.

    Raises:
        UsageError: a probability or a weight that cannot be.
    """

    item_id: str
    sha256: str
    name: str
    media: MediaKind
    fake_probability: float | None
    scored_faces: int
    models: Mapping[str, str]
    label: Literal["real", "fake"]
    weight: float
    policy: str
    action: Action
    reviewer: str
    note: str
    decided_at: float

    def __post_init__(self) -> None:
        if self.fake_probability is not None and not 0 <= self.fake_probability <= 1:
            raise UsageError(f"fake_probability: expected 0 to 1, got {self.fake_probability}")
        if not 0 < self.weight < float("inf"):
            raise UsageError(f"weight: expected a positive number, got {self.weight}")


def labelled_line(item: Item, review: Review) -> str:
    """One line of the export, with its newline.

    Args:
        item: that is done.
        review: its last one; its label is real or fake.
    """
    report: Mapping[str, Any] = item.report or {}
    faces: Sequence[Mapping[str, Any]] = report.get("faces", ())
    line = Labelled(
        item_id=item.id,
        sha256=item.sha256,
        name=item.name,
        media=item.media,
        fake_probability=report.get("fake_probability"),
        scored_faces=sum(face["probability"] is not None for face in faces),
        models=report.get("models", {}),
        label="fake" if review.label == "fake" else "real",
        weight=item.decision.weight if item.decision else 1.0,
        policy=item.decision.policy if item.decision else "",
        action=review.action,
        reviewer=review.reviewer,
        note=review.note,
        decided_at=review.at,
    )
    return json.dumps(asdict(line), ensure_ascii=False, allow_nan=False) + "\n"


def read_labelled(path: Path) -> Iterator[Labelled]:
    """The lines of an export, in their order.

    Raises:
        UsageError: there is no such file, or a line is no label of ours.
    """
    from pydantic import TypeAdapter

    adapter = TypeAdapter(Labelled)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _parse(adapter, line, f"{path}, line {number}")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _parse(adapter: TypeAdapter[Labelled], line: bytes, where: str) -> Labelled:
    from pydantic import ValidationError

    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the line"
        raise UsageError(f"{where}: {key}: {first['msg']}; expected what GET /v1/review/export gives") from error
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
