"""A request with files -> a job in the store."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header, Request

from detector.service.api.intake import Intake
from detector.service.api.lookup import check_webhook
from detector.service.api.receive import receive
from detector.service.api.service import Service
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import Job, Key, Order, Upload

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern="^[!-~]{1,200}$",
        description="Made up by the client: the same request with the same key is done once, however often it is sent",
    ),
]
REPLAY = {"Idempotent-Replay": "true"}
"""The header of an answer about a job that an earlier request has brought in."""

PROBLEMS = ("idempotency-reused", "invalid", "wrong-type", "queue-full", "draining", "not-ready")
"""What a request with files may be refused for, where that has a status that others have as well."""


async def submit(
    request: Request, service: Service, key: Key, idempotency: str | None, wait_s: float | None = None
) -> tuple[Job, bool]:
    """Take a request's files in.

    Args:
        request: whose body has not been touched yet.
        key: whose it is.
        idempotency: the client's key for the request.
        wait_s: how long somebody waits for the answer, who sends one image; None: nobody does.

    Returns:
        the job, and whether it is new.

    Raises:
        Problem: one of `PROBLEMS`, bad-request, too-large. Nothing is left on disk then.
        Unread: too-slow; nothing either.
        ClientDisconnect: the client left; nothing is left on disk.
    """
    waiting_limit = service.settings.queue.waiting
    if idempotency is None and await in_thread(service.store.waiting) >= waiting_limit:
        detail = f"{waiting_limit} files wait, which is as many as may; try again later"
        raise Problem("queue-full", detail, limit=waiting_limit, retry_after_s=5)
    async with _intake(service, images_only=wait_s is not None) as intake:
        fields = await receive(request, intake)
        webhook = fields.get("webhook")
        if webhook is not None:
            await check_webhook(webhook, service.settings.webhooks.private)
        order = Order(
            key_id=key.id,
            uploads=tuple(intake.uploads),
            urgent=wait_s is not None,
            deadline=None if wait_s is None else time.time() + wait_s,
            idempotency=idempotency,
            fingerprint=_fingerprint(request.scope["path"], webhook, intake.uploads),
            webhook=webhook,
        )
        job, is_new = await in_thread(service.store.submit, order, waiting_limit)
        if is_new:
            intake.hand_over()
    return job, is_new


def body(most_files: str) -> dict[str, Any]:
    """For a route's `openapi_extra`: the bodies that `submit` takes."""
    file = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": ["file"],
        "additionalProperties": False,
        "properties": {
            "file": {**file, "description": most_files},
            "webhook": {"type": "string", "format": "uri", "description": "Where to tell of the job's end"},
        },
    }
    raw = {kind: {"schema": file} for kind in ("application/octet-stream", "image/*", "video/*")}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}, **raw}}}


@asynccontextmanager
async def _intake(service: Service, images_only: bool) -> AsyncIterator[Intake]:
    limits = service.settings.limits
    intake = Intake(service.spool, limits, 1 if images_only else limits.files, images_only)
    try:
        yield intake
    finally:
        await in_thread(intake.close)


def _fingerprint(route: str, webhook: str | None, uploads: Sequence[Upload]) -> str:
    """Of everything that makes a request another one."""
    told = [route, webhook, [(upload.name, upload.sha256) for upload in uploads]]
    return sha256(json.dumps(told).encode()).hexdigest()
