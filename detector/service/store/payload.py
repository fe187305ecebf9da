"""What a webhook is told: a job as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Literal

from detector.service.records import Item, Job

Event = Literal["job.finished", "review.decided"]

_OF_REPORT = ("status", "reason", "verdict", "fake_probability", "threshold", "models")


def message(delivery_id: str, event: Event, at: float, job: Job, item_id: str | None) -> str:
    """The body of a delivery: its id, what happened, when, the job as it then was, and the item that was decided on."""
    data = job_fields(job) | ({} if item_id is None else {"item_id": item_id})
    body = {"id": delivery_id, "type": event, "created_at": at, "data": data}
    return json.dumps(body, allow_nan=False)


def job_fields(job: Job) -> dict[str, object]:
    """A job with its items; without the faces and the time line, which may be long: those are had by its id."""
    return {
        "id": job.id,
        "state": job.state,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "items": [item_fields(item) for item in job.items],
    }


def item_fields(item: Item) -> dict[str, object]:
    """An item; what only a report has is None before there is one."""
    report: Mapping[str, object] = item.report or {}
    return {
        "id": item.id,
        "name": item.name,
        "sha256": item.sha256,
        "media": item.media,
        "state": item.state,
        **{name: report.get(name) for name in _OF_REPORT},
        "decision": asdict(item.decision) if item.decision else None,
        "review": asdict(item.review) if item.review else None,
    }
