"""Small orders and outcomes for the store's tests."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from detector.service.records import Action, Claim, Decision, Job, Order, Outcome, Upload
from detector.service.store import Store
from detector.types import MediaKind

PLENTY = 10_000


def upload(name: str = "a.jpg", media: MediaKind = "image") -> Upload:
    """One file that was taken in."""
    return Upload(name, uuid4().hex, 1234, "ab" * 32, media)


def order(files: int = 1, key_id: str = "", **more: Any) -> Order:
    """A job of images."""
    return Order(key_id, tuple(upload(f"{at}.jpg") for at in range(files)), **more)


def submitted(store: Store, files: int = 1, key_id: str = "", **more: Any) -> Job:
    """A job of images that waits."""
    return store.submit(order(files, key_id, **more), PLENTY)[0]


def outcome(action: Action = "allow", keeps_media: bool = False, pictures: tuple[str, ...] = ()) -> Outcome:
    """What came of a real photo."""
    report = {"status": "ok", "reason": None, "verdict": "real", "fake_probability": 0.125, "threshold": 0.5}
    return Outcome(report, Decision(action, "0.125 < 0.5", "0123456789ab"), pictures, keeps_media)


def taken(store: Store, worker: str = "w", limit: int = PLENTY, **more: Any) -> list[Claim]:
    """What a worker gets for ten seconds."""
    return store.claim(worker, limit, lease_s=10.0, **more)


def done(store: Store, files: int = 1, made: Outcome | None = None, **more: Any) -> Job:
    """A job that is at its end, in a store where nothing else waits."""
    job = submitted(store, files, **more)
    for claim in taken(store):
        assert store.complete(claim, made or outcome())
    ended = store.job(job.id)
    assert ended is not None
    return ended
