"""The messages that were given up, for those who run the service."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from detector.service.api.access import needs
from detector.service.api.service import Service, service_of
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import Delivery

router = APIRouter(prefix="/v1/webhooks/dead", tags=["webhooks"], dependencies=[Depends(needs("admin"))])


@router.get("", summary="Messages that were given up, newest first")
async def dead(
    service: Annotated[Service, Depends(service_of)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(description="what the page before gave as next")] = None,
) -> dict[str, object]:
    """One page; without what the messages say, which their jobs tell as well."""
    page = await in_thread(service.store.dead, limit, after)
    return {"items": [in_json(delivery) for delivery in page.items], "next": page.after}


@router.post("/{delivery_id}/retry", status_code=204, summary="Send one again, with as many tries as a new one")
async def retry(delivery_id: str, service: Annotated[Service, Depends(service_of)]) -> Response:
    """Its id stays the same: a receiver that had it after all drops it."""
    if not await in_thread(service.store.revive, delivery_id):
        raise Problem("not-found", f"no message that was given up has the id {delivery_id[:40]!r}")
    return Response(status_code=204)


def in_json(delivery: Delivery) -> dict[str, object]:
    """A message, without its payload."""
    payload = json.loads(delivery.payload)
    return {
        "id": delivery.id,
        "type": payload["type"],
        "job_id": payload["data"]["id"],
        "url": delivery.url,
        "attempts": delivery.attempts,
        "created_at": delivery.created_at,
        "error": delivery.error,
    }
