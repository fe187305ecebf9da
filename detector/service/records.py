"""What is kept of a request, and what the parts of the service hand to one another.

Times are seconds since 1970, UTC. Ids are random, 32 hex digits, and say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from detector.types import MediaKind

T = TypeVar("T")

Action = Literal["allow", "review", "block"]
ACTIONS: tuple[Action, ...] = ("allow", "review", "block")
Label = Literal["real", "fake", "unsure"]
State = Literal["queued", "running", "done", "cancelled", "expired"]
"""Of an item, and of a job: queued until its first item runs, running until its last item is at an end, and then done,
unless every item was cancelled or expired."""
ENDED: tuple[State, ...] = ("done", "cancelled", "expired")
Scope = Literal["score", "review", "metrics", "admin"]
SCOPES: tuple[Scope, ...] = ("score", "review", "metrics", "admin")
"""score: send uploads and read one's own jobs; review: see the queue and decide; metrics: read what is counted; admin:
all of it, of every key."""


@dataclass(frozen=True)
class Upload:
    """One file that was taken in, and lies in the spool.

    Attributes:
        name: what the client calls it; shown to people, never used as a path.
        blob: its name in the spool.
        size: bytes.
        sha256: of its content, 64 hex digits.
        media: by its first bytes.
    """

    name: str
    blob: str
    size: int
    sha256: str
    media: MediaKind


@dataclass(frozen=True)
class Order:
    """A job that is to be.

    Attributes:
        key_id: whose it is; empty where the service is open.
        uploads: the files, in order.
        urgent: somebody waits for the answer: it goes before what is not urgent.
        deadline: when it need not be begun any more; None for never.
        idempotency: the client's idempotency key.
        fingerprint: of the whole request; the same key with another fingerprint is refused.
        webhook: where to tell of its end; None for nowhere.
    """

    key_id: str
    uploads: tuple[Upload, ...]
    urgent: bool = False
    deadline: float | None = None
    idempotency: str | None = None
    fingerprint: str = ""
    webhook: str | None = None


@dataclass(frozen=True)
class Decision:
    """What the policy says of one file.

    Attributes:
        action: allow, review or block.
        reason: why, in words, with the figures that were compared.
        policy: the version of the policy, 12 hex digits of its SHA-256.
        weight: how many files this one stands for: 1, or 1 / rate where a policy sent a random share to review.
    """

    action: Action
    reason: str
    policy: str
    weight: float = 1.0


@dataclass(frozen=True)
class Item:
    """One file of a job.

    Attributes:
        report: the fields of `detector.types.Report`, once it is done.
        pictures: the names of the pictures that were kept of it, e.g. ``heatmap0.png``, ``frame.jpg``.
        blob: its name in the spool; None once the media is gone.
        review: the last decision of a person, if there is one.
    """

    id: str
    job_id: str
    position: int
    name: str
    size: int
    sha256: str
    media: MediaKind
    state: State
    attempts: int
    created_at: float
    finished_at: float | None
    report: Mapping[str, object] | None
    decision: Decision | None
    pictures: tuple[str, ...]
    blob: str | None
    review: Review | None = None


@dataclass(frozen=True)
class Job:
    """A request and its items."""

    id: str
    key_id: str
    state: State
    created_at: float
    finished_at: float | None
    webhook: str | None
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Claim:
    """An item that a worker has taken; `token` is what it must show to finish it.

    Attributes:
        attempts: how often it was taken, this time included.
    """

    item_id: str
    job_id: str
    token: str
    name: str
    blob: str
    media: MediaKind
    attempts: int


@dataclass(frozen=True)
class Outcome:
    """What came of an item.

    Attributes:
        report: the fields of `Report`; plain values only.
        decision: of the policy.
        pictures: the names of the pictures in the spool.
        keeps_media: whether the upload stays.
    """

    report: Mapping[str, object]
    decision: Decision
    pictures: tuple[str, ...] = ()
    keeps_media: bool = False


@dataclass(frozen=True)
class Review:
    """One decision of a person; never changed and never deleted. The last one of an item holds.

    Attributes:
        number: counts all reviews from 1, without a gap.
        reviewer: the name of the API key, or what the person called themselves where the service is open.
        digest: SHA-256 of the previous review's digest and of this one's fields: a changed or missing one shows.
    """

    number: int
    item_id: str
    at: float
    reviewer: str
    action: Action
    label: Label
    note: str
    digest: str


@dataclass(frozen=True)
class Key:
    """An API key, without its secret.

    Attributes:
        rate: requests a minute; 0 for any number.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    rate: int
    created_at: float
    revoked_at: float | None = None


@dataclass(frozen=True)
class Delivery:
    """One message that a webhook is owed.

    Attributes:
        payload: the JSON body, exactly as it is signed and sent.
        attempts: how often it was tried.
        error: what the last try ended with.
    """

    id: str
    url: str
    payload: str
    attempts: int
    created_at: float
    error: str | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of many.

    Attributes:
        items: in their order.
        after: where the next page begins; None where this is the last.
    """

    items: tuple[T, ...]
    after: str | None = None
