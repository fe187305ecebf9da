"""Jobs: videos and batches, which are asked for until they have ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from detector.service.api.access import needs
from detector.service.api.answers import JobAnswer, JobsAnswer, job_answer, jobs_answer
from detector.service.api.refusals import documented
from detector.service.api.service import Service, service_of
from detector.service.api.submit import PROBLEMS, REPLAY, IdempotencyKey, body, submit
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import Item, Job, Key, State

router = APIRouter(tags=["jobs"])

Asking = Annotated[Service, Depends(service_of)]
Sender = Annotated[Key, Depends(needs("score"))]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most")]
After = Annotated[str | None, Query(pattern="^[0-9]{1,18}$", description="`next` of the page before")]
Reader = Annotated[Key, Depends(needs("score", "review"))]


@router.post(
    "/v1/jobs",
    status_code=202,
    summary="Send images and videos",
    responses=documented(*PROBLEMS),
    openapi_extra=body("Repeat the field for a batch"),
)
async def send(
    request: Request, response: Response, key: Sender, service: Asking, idempotency_key: IdempotencyKey = None
) -> JobAnswer:
    """Send one file as the body, or several in multipart fields `file`; ask for the job at `links.self`."""
    job, is_new = await submit(request, service, key, idempotency_key)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    if not is_new:
        response.headers.update(REPLAY)
    return job_answer(job, request.state.request_id)


@router.get("/v1/jobs", summary="List jobs")
async def jobs(
    request: Request,
    key: Reader,
    service: Asking,
    state: State | None = None,
    limit: Limit = 50,
    after: After = None,
) -> JobsAnswer:
    """Newest first; of the key that asks, or of every key where it has the scope review or admin.

    What may be long is left out: a job's own address has it.
    """
    return jobs_answer(await in_thread(service.store.jobs, whose(key), state, limit, after), request.state.request_id)


@router.get("/v1/jobs/{job_id}", summary="Ask for a job", responses=documented("not-found"))
async def job(request: Request, job_id: str, key: Reader, service: Asking) -> JobAnswer:
    """A job, with what is known of its files so far."""
    return job_answer(await find(service, key, job_id), request.state.request_id)


@router.post("/v1/jobs/{job_id}/cancel", summary="Cancel a job", responses=documented("not-found"))
async def cancel(request: Request, job_id: str, key: Sender, service: Asking) -> JobAnswer:
    """What has not ended ends now; what has ended stays as it is. For the key that sent it, and the scope admin."""
    found = await find(service, key, job_id)
    if found.key_id != key.id and "admin" not in key.scopes:
        raise Problem("not-allowed", "expected the key that sent the job, or one with the scope admin", field="job_id")
    return job_answer(await cancelled(service, job_id), request.state.request_id)


async def find(service: Service, key: Key, job_id: str) -> Job:
    """A job that the key may see.

    Raises:
        Problem: not-found, for other people's jobs too.
    """
    found: Job | None = await in_thread(service.store.job, job_id, whose(key))
    if found is None:
        raise Problem("not-found", "expected the id of one of your jobs; there is none of this id", field="job_id")
    return found


async def find_item(service: Service, key: Key, job_id: str, position: int) -> Item:
    """One file of a job that the key may see.

    Raises:
        Problem: not-found.
    """
    items = (await find(service, key, job_id)).items
    if position >= len(items):
        detail = f"expected a file from 0 to {len(items) - 1}, got {position}"
        raise Problem("not-found", detail, field="item", limit=len(items) - 1, value=position)
    return items[position]


async def cancelled(service: Service, job_id: str) -> Job:
    """Cancel a job, and let go of its uploads; the job as it is now."""
    return await in_thread(_cancel, service, job_id)


def whose(key: Key) -> str | None:
    """Whose jobs a key may see: its own, or with None everybody's."""
    return None if {"review", "admin"} & set(key.scopes) else key.id


def _cancel(service: Service, job_id: str) -> Job:
    before, after = service.store.job(job_id), service.store.cancel(job_id)
    if before is None or after is None:
        raise Problem("not-found", "the job is not there any more", field="job_id")
    for was, item in zip(before.items, after.items, strict=True):
        if was.blob is not None and item.state == "cancelled":
            service.spool.delete(was.blob)
    return after
