"""The messages that were given up, for those who run the service."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from detector.service.api.access import needs
from detector.service.api.refusals import documented
from detector.service.api.service import Service, service_of
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import Delivery

router = APIRouter(
    prefix="/v1/webhooks/dead",
    tags=["webhooks"],
    dependencies=[Depends(needs("admin"))],
    responses=documented("no-key", "not-allowed", "invalid", "too-many-requests"),
)


class DeadMessage(BaseModel):
    """A message that was given up; what it says, its job tells as well."""

    id: str = Field(description="The webhook-id that the receiver was sent")
    type: str
    job_id: str
    url: str
    attempts: int
    created_at: float
    error: str | None = Field(description="What the last try ended with")


class DeadMessages(BaseModel):
    """One page of them."""

    items: list[DeadMessage]
    next: str | None = Field(description="Where the next page begins: its `after`")


@router.get("", summary="Messages that were given up, newest first")
async def dead(
    service: Annotated[Service, Depends(service_of)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> DeadMessages:
    """A message is given up after as many tries as the settings say, or when its receiver answered 410."""
    page = await in_thread(service.store.dead, limit, after)
    return DeadMessages(items=[_shown(delivery) for delivery in page.items], next=page.after)


@router.post("/{delivery_id}/retry", status_code=204, summary="Send one again", responses=documented("not-found"))
async def retry(delivery_id: str, service: Annotated[Service, Depends(service_of)]) -> Response:
    """It has as many tries as a new one, and the same id: a receiver that had it after all drops it."""
    if not await in_thread(service.store.revive, delivery_id):
        raise Problem("not-found", f"no message that was given up has the id {delivery_id[:40]!r}")
    return Response(status_code=204)


def _shown(delivery: Delivery) -> DeadMessage:
    payload = json.loads(delivery.payload)
    return DeadMessage(
        id=delivery.id,
        type=payload["type"],
        job_id=payload["data"]["id"],
        url=delivery.url,
        attempts=delivery.attempts,
        created_at=delivery.created_at,
        error=delivery.error,
    )
