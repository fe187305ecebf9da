"""`POST /v1/score`: one image, and its answer at once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.requests import ClientDisconnect

from detector.service.api.access import needs
from detector.service.api.answers import ItemAnswer, item_answer
from detector.service.api.jobs import cancelled
from detector.service.api.refusals import documented
from detector.service.api.service import Service, service_of
from detector.service.api.submit import PROBLEMS, REPLAY, IdempotencyKey, body, submit
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import Item, Job, Key

router = APIRouter(tags=["score"])


@router.post(
    "/v1/score",
    summary="Score one image",
    responses=documented(*PROBLEMS, "cancelled", "deadline"),
    openapi_extra=body("One image"),
)
async def score(
    request: Request,
    response: Response,
    key: Annotated[Key, Depends(needs("score"))],
    service: Annotated[Service, Depends(service_of)],
    idempotency_key: IdempotencyKey = None,
    deadline_ms: Annotated[
        int | None,
        Header(alias="X-Deadline-Ms", ge=1, description="How long to wait; the service's own limit where that is less"),
    ] = None,
) -> ItemAnswer:
    """Send the image as the body, or in the multipart field `file`; videos go to `/v1/jobs`.

    An image that cannot be scored is an answer as well, with `status` and `reason`. The image is given up when its
    deadline passes, and when the client leaves; but one with an Idempotency-Key goes on for a client that left.
    """
    limit_s = service.settings.limits.deadline_s
    wait_s = limit_s if deadline_ms is None else min(deadline_ms, 1000 * limit_s) / 1000
    job, is_new = await submit(request, service, key, idempotency_key, wait_s)
    if not is_new:
        response.headers.update(REPLAY)
    event = await _first(request, service, job.id, wait_s)
    if event == "left":
        if idempotency_key is None:
            await cancelled(service, job.id)
        raise ClientDisconnect
    if event == "late" and is_new:
        await cancelled(service, job.id)
    return item_answer(_done(await in_thread(service.store.job, job.id), event, wait_s), request.state.request_id)


async def _first(request: Request, service: Service, job_id: str, wait_s: float) -> Literal["ended", "late", "left"]:
    """What comes first: the job's end, the deadline, or that the client leaves."""
    ended = asyncio.create_task(service.waiting.until_ended(job_id))
    left = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({ended, left}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (ended, left):
            task.cancel()
    return "ended" if ended.done() else "left" if left.done() else "late"


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _done(job: Job | None, event: str, wait_s: float) -> Item:
    """The item of a job that has ended, if it was done."""
    [item] = job.items if job is not None else [None]
    if item is not None and item.state == "done":
        return item
    if event == "late" or (item is not None and item.state == "expired"):
        detail = f"the answer did not come within {wait_s:g} s; ask for a longer deadline, or send it to /v1/jobs"
        raise Problem("deadline", detail, field="X-Deadline-Ms", limit=wait_s * 1000)
    raise Problem("cancelled", "the job was cancelled by somebody else; send the image again")
