"""What a service answers, in the nouns of local scoring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from detector.config import parse
from detector.errors import ConfigError, ServiceError
from detector.service.records import ENDED, Decision, Page, State
from detector.types import Report

T = TypeVar("T")

_HEATMAP = re.compile(r"(?P<path>/v1/jobs/\w+/heatmap/(?P<face>\d+)\.png)\?item=(?P<item>\d+)", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """The answer for one file.

    Attributes:
        report: the same as `Detector.score` gives; its path is the name under which the file was sent.
        decision: of the service's policy.
        request_id: by which the service's log names the request.
        job_id, item_id: by which the service keeps it.
        heatmaps: addresses of the pictures that show where the evidence of each face lies; see `Client.heatmap`.
    """

    report: Report
    decision: Decision | None
    request_id: str
    job_id: str
    item_id: str
    heatmaps: tuple[str, ...] = ()

    @property
    def pictured(self) -> dict[int, tuple[str, str]]:
        """face, counted from 0 -> path and item of its heatmap; an address elsewhere is none."""
        found = (_HEATMAP.fullmatch(link) for link in self.heatmaps)
        return {int(link["face"]): (link["path"], link["item"]) for link in found if link}


@dataclass(frozen=True)
class JobItem:
    """One file of a job: its name, its state, and its answer once there is one."""

    name: str
    state: State
    answer: Answer | None = None


@dataclass(frozen=True)
class JobAnswer:
    """A job as it stands. Times are seconds since 1970, UTC."""

    id: str
    state: State
    created_at: float
    finished_at: float | None
    items: tuple[JobItem, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing of it will change any more, but for reviews."""
        return self.state in ENDED


def to_answer(data: Mapping[str, Any], request_id: str) -> Answer:
    """An item's JSON whose state is done, as an `Answer`; fields of newer services are passed over.

    Raises:
        ServiceError: bad-answer, where a field is missing or impossible.
    """
    decision = data.get("decision")
    plain = {
        **_known(Answer, data),
        "report": _known(Report, data),
        "decision": _known(Decision, decision) if isinstance(decision, Mapping) else decision,
        "request_id": data.get("request_id") or request_id,
    }
    return _parse(Answer, plain)


def to_job(data: Mapping[str, Any], request_id: str) -> JobAnswer:
    """A job's JSON as a `JobAnswer`.

    Raises:
        ServiceError: bad-answer.
    """
    items = tuple(_to_item(item, request_id) for item in _rows(data))
    return _parse(JobAnswer, {**_known(JobAnswer, data), "items": items})


def to_jobs(data: Mapping[str, Any], request_id: str) -> Page[JobAnswer]:
    """One page of a list of jobs.

    Raises:
        ServiceError: bad-answer.
    """
    return Page(tuple(to_job(row, request_id) for row in _rows(data)), data.get("next") or None)


def _to_item(data: Mapping[str, Any], request_id: str) -> JobItem:
    answer = to_answer(data, request_id) if data.get("state") == "done" else None
    return _parse(JobItem, {"name": data.get("path"), "state": data.get("state"), "answer": answer})


def _rows(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = data.get("items")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ServiceError("bad-answer", f"expected a list of items, got {rows!r:.200}; is this a detector service?")
    return rows


def _known(cls: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in data.items() if name in names}


def _parse(cls: type[T], plain: Mapping[str, Any]) -> T:
    try:
        return parse(cls, plain, "the answer")
    except ConfigError as error:
        raise ServiceError("bad-answer", f"{error}; is this a detector service of this version?") from error
