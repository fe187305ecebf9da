"""What is kept -> what is told. Times are seconds since 1970, UTC."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field

from detector.service.records import Action, Item, Job, Label, Page, State
from detector.types import FaceReport, MediaKind, Status, TimelinePoint, Verdict

M = TypeVar("M", bound=BaseModel)
Share = Annotated[float, Field(ge=0, le=1)]


class DecisionAnswer(BaseModel):
    """What the policy says."""

    action: Action
    reason: str = Field(description="Why, in words, with the figures that were compared")
    policy: str = Field(description="The version of the policy")


class ReviewAnswer(BaseModel):
    """What a person decided last."""

    number: int
    at: float
    reviewer: str
    action: Action
    label: Label
    note: str


class ItemAnswer(BaseModel):
    """One file: what `detector score --json` says of it, and what became of it here. Higher is more synthetic."""

    path: str = Field(description="What the client called the file")
    media: MediaKind
    status: Status | None = Field(None, description="null until the file has been looked at")
    reason: str | None = Field(None, description="Why there is no score, as a code")
    fake_probability: Share | None = None
    verdict: Verdict | None = None
    threshold: Share | None = None
    faces: tuple[FaceReport, ...] = ()
    timeline: tuple[TimelinePoint, ...] = ()
    models: dict[str, str] = Field(default_factory=dict, description="What the score depends on: name -> version")
    warnings: tuple[str, ...] = ()
    elapsed_s: float = 0.0
    request_id: str = Field(description="Of the request that this answers")
    job_id: str
    item_id: str
    state: State
    sha256: str
    size: int = Field(description="Bytes")
    decision: DecisionAnswer | None
    review: ReviewAnswer | None
    heatmaps: tuple[str, ...] = Field(description="Where the heatmap of each face is")


class ItemListed(ItemAnswer):
    """One file as lists tell of it: without what may be long, which its job has."""

    faces: tuple[FaceReport, ...] = Field((), exclude=True)
    timeline: tuple[TimelinePoint, ...] = Field((), exclude=True)
    heatmaps: tuple[str, ...] = Field((), exclude=True)


class Links(BaseModel):
    """Where to ask for a job, and where to cancel it."""

    itself: str = Field(alias="self")
    cancel: str


class JobAnswer(BaseModel):
    """A request of one or more files."""

    id: str
    state: State
    created_at: float
    finished_at: float | None
    items: tuple[ItemAnswer, ...]
    links: Links


class JobListed(JobAnswer):
    """The same as lists tell of it; `links.self` has the faces, time lines and heatmaps of its files."""

    items: tuple[ItemListed, ...]


class JobsAnswer(BaseModel):
    """Some of the jobs, newest first."""

    items: tuple[JobListed, ...]
    next: str | None = Field(description="Give this as `after` for the next ones; null where these are the last")


def item_answer(item: Item, request_id: str) -> ItemAnswer:
    """One file, for the request `request_id`."""
    about: dict[str, Any] = {**(item.report or {}), "path": item.name, "media": _media(item)}
    return ItemAnswer(
        **about,
        request_id=request_id,
        job_id=item.job_id,
        item_id=item.id,
        state=item.state,
        sha256=item.sha256,
        size=item.size,
        decision=_told(DecisionAnswer, item.decision),
        review=_told(ReviewAnswer, item.review),
        heatmaps=tuple(_heatmaps(item)),
    )


def job_answer(job: Job, request_id: str) -> JobAnswer:
    """A job and its files."""
    here = f"/v1/jobs/{job.id}"
    return JobAnswer(
        id=job.id,
        state=job.state,
        created_at=job.created_at,
        finished_at=job.finished_at,
        items=tuple(item_answer(item, request_id) for item in job.items),
        links=Links(self=here, cancel=f"{here}/cancel"),
    )


def jobs_answer(page: Page[Job], request_id: str) -> JobsAnswer:
    """Some jobs."""
    jobs = tuple(JobListed.model_validate(job_answer(job, request_id), from_attributes=True) for job in page.items)
    return JobsAnswer(items=jobs, next=page.after)


def _media(item: Item) -> object:
    """A picture that moves is a video, which only shows when it is opened."""
    return (item.report or {}).get("media", item.media)


def _told(model: type[M], record: object) -> M | None:
    """Those fields of a record that are told."""
    return None if record is None else model.model_validate(record, from_attributes=True)


def _heatmaps(item: Item) -> list[str]:
    """Of the faces, in their order."""
    faces = sorted(int(name[7:-4]) for name in item.pictures if name.startswith("heatmap"))
    return [f"/v1/jobs/{item.job_id}/heatmap/{face}.png?item={item.position}" for face in faces]
