"""The review queue over HTTP: what waits for a person, what they decide, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from detector.errors import DetectorError
from detector.service.api.access import OPEN, needs
from detector.service.api.refusals import documented
from detector.service.api.service import Service, service_of
from detector.service.api.threads import in_thread
from detector.service.labelled import labelled_line
from detector.service.metrics import REVIEWS
from detector.service.problems import Problem
from detector.service.records import Action, Item, Key, Label, Review
from detector.service.review import assets
from detector.service.review.answers import AuditAnswer, Chain, FileAnswer, QueueAnswer, file_answer, queue_answer
from detector.service.store import Store

ItemId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The id of an item")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most")]
After = Annotated[str | None, Query(max_length=40, description="What the page before gave as next")]
Reviewer = Annotated[Key, Depends(needs("review"))]
Running = Annotated[Service, Depends(service_of)]

router = APIRouter(tags=["review"], responses=documented("no-key", "not-allowed", "invalid"))
router.include_router(assets.router)


class DecisionBody(BaseModel):
    """What a person decides."""

    model_config = ConfigDict(extra="forbid")

    action: Action = Field(description="What happens to the file; review keeps it for review")
    label: Label = Field(description="What the file is")
    note: str = Field("", max_length=2000)
    reviewer: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Who decides; only where the service is open, else it is the key",
    )
    seen: int | None = Field(
        None,
        ge=0,
        description="The number of the item's last review that was seen, 0 for none; refused if there is another",
    )


@router.get("/v1/review", summary="What waits for a person")
async def queue(key: Reviewer, service: Running, limit: Limit = 50, after: After = None) -> QueueAnswer:
    """What the policy left to a person and nobody has decided on, oldest first."""
    page = await in_thread(service.store.review_queue, limit, after)
    return queue_answer(page, None if key == OPEN else key.name)


@router.get("/v1/review/export", summary="What people called real or fake", response_class=StreamingResponse)
async def export(_: Reviewer, service: Running) -> StreamingResponse:
    """The last label of every file that a person called real or fake, one JSON object a line, for `recalibrate`."""
    headers = {"Content-Disposition": 'attachment; filename="labelled.ndjson"'}
    return StreamingResponse(_lines(service.store), media_type="application/x-ndjson", headers=headers)


@router.get("/v1/review/audit", summary="Every decision")
async def audit(_: Reviewer, service: Running, limit: Limit = 100, after: After = None) -> AuditAnswer:
    """Every decision, oldest first. The first page says whether the whole log is still as it was written."""
    page = await in_thread(service.store.reviews, limit, after)
    chain = await in_thread(_chain, service.store) if after is None else None
    return AuditAnswer(items=page.items, next=page.after, chain=chain)


@router.get("/v1/review/{item_id}", summary="One file", responses=documented("not-found"))
async def item(item_id: ItemId, _: Reviewer, service: Running, request: Request) -> FileAnswer:
    """One file, with all that is known of it."""
    return file_answer(await _item(service.store, item_id), request.state.request_id)


@router.post(
    "/v1/review/{item_id}/decision", summary="Decide", status_code=201, responses=documented("not-found", "conflict")
)
async def decide(item_id: ItemId, body: DecisionBody, key: Reviewer, service: Running) -> Review:
    """Decide. A later decision holds, and the earlier ones stay in the log."""
    reviewer = _name(key, body.reviewer)
    review = await in_thread(service.store.decide, item_id, reviewer, body.action, body.label, body.note, body.seen)
    REVIEWS.labels(body.action).inc()
    return review


@router.get(
    "/v1/review/{item_id}/picture/{name}",
    summary="A picture that was kept",
    response_class=Response,
    responses=documented("not-found"),
)
async def picture(
    item_id: ItemId,
    name: Annotated[str, Path(pattern=r"^[a-z]+[0-9]*\.(png|jpg)$", description="One of the item's pictures")],
    _: Reviewer,
    service: Running,
) -> Response:
    """A picture that was kept of a file."""
    try:
        content = await in_thread(_read, service.spool.picture(item_id, name))
    except FileNotFoundError:
        detail = f"expected a picture that is kept of this item, got {name}; its time may be over"
        raise Problem("not-found", detail, field="name") from None
    return Response(content, media_type="image/png" if name.endswith(".png") else "image/jpeg")


def _name(key: Key, given: str | None) -> str:
    """Whom the log will name."""
    if key == OPEN:
        return given or key.name
    if given not in (None, key.name):
        detail = f"expected no name, or that of the API key, {key.name!r}: the log names keys; leave it out"
        raise Problem("invalid", detail, field="reviewer", value=given)
    return key.name


async def _item(store: Store, item_id: str) -> Item:
    found = await in_thread(store.item, item_id)
    if found is None:
        raise Problem("not-found", f"expected the id of an item that is kept, got {item_id}", field="item_id")
    return found


def _lines(store: Store) -> Iterator[str]:
    yield from map(labelled_line, store.labelled())


def _chain(store: Store) -> Chain:
    try:
        return Chain(holds=True, reviews=store.verify_reviews(), detail=None)
    except DetectorError as error:
        return Chain(holds=False, reviews=None, detail=str(error))


def _read(path: File | None) -> bytes:
    if path is None:
        raise FileNotFoundError
    return path.read_bytes()
