"""Items as JSON, for those who decide on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from detector.service.api.answers import DecisionAnswer, ItemAnswer, ReviewAnswer, Share, item_answer
from detector.service.records import Item, Page, Review
from detector.types import MediaKind, Status, Verdict


class WaitingAnswer(BaseModel):
    """One file of the queue: what one chooses by, without its faces and its time line."""

    item_id: str
    path: str = Field(description="What the client called the file")
    media: MediaKind
    status: Status | None = None
    reason: str | None = Field(None, description="Why there is no score, as a code")
    fake_probability: Share | None = None
    verdict: Verdict | None = None
    threshold: Share | None = None
    created_at: float
    decision: DecisionAnswer | None
    review: ReviewAnswer | None


class QueueAnswer(BaseModel):
    """Some of what waits, oldest first."""

    items: tuple[WaitingAnswer, ...]
    next: str | None = Field(description="Give this as `after` for the next ones; null where these are the last")
    reviewer: str | None = Field(description="Whom the log will name; null where the service is open: name yourself")


class ExhibitAnswer(BaseModel):
    """Which frame the picture shows."""

    time_s: float = Field(description="When in a video; the faces with this time are in it")
    width: int = Field(description="In the px of the faces' boxes; the picture may be smaller")
    height: int


class FileAnswer(ItemAnswer):
    """One file, with what a person needs to decide."""

    position: int = Field(description="In its job, from 0")
    created_at: float
    finished_at: float | None
    pictures: tuple[str, ...] = Field(description="The names of the pictures that were kept")
    exhibit: ExhibitAnswer | None = Field(description="What ``frame.jpg`` shows; null where that is not known")
    media_kept: bool = Field(description="Whether the upload is still there")


class Chain(BaseModel):
    """Whether the log is as it was written."""

    holds: bool
    reviews: int | None = Field(description="How many decisions there are; null where the chain is broken")
    detail: str | None = Field(description="Where it is broken")


class AuditAnswer(BaseModel):
    """Some of the decisions, oldest first."""

    items: tuple[Review, ...]
    next: str | None = Field(description="Give this as `after` for the next ones; null where these are the last")
    chain: Chain | None = Field(description="Of the whole log; on its first page only")


def queue_answer(page: Page[Item], reviewer: str | None) -> QueueAnswer:
    """A page of the queue, for this reviewer."""
    return QueueAnswer(items=tuple(map(_waiting, page.items)), next=page.after, reviewer=reviewer)


def file_answer(item: Item, request_id: str) -> FileAnswer:
    """One file, for the request `request_id`."""
    about = {name: getattr(item, name) for name in ("position", "created_at", "finished_at", "pictures")}
    kept = {"exhibit": (item.report or {}).get("exhibit"), "media_kept": item.blob is not None}
    return FileAnswer.model_validate({**dict(item_answer(item, request_id)), **about, **kept})


def _waiting(item: Item) -> WaitingAnswer:
    report: Mapping[str, Any] = item.report or {}
    about = {name: getattr(item, name) for name in ("created_at", "decision", "review")}
    told = {"media": item.media, **report, "path": item.name, "item_id": item.id, **about}
    return WaitingAnswer.model_validate(told, from_attributes=True)
