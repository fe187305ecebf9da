"""The clients of the load run, and the books that must balance when they have gone."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
from service_load_media import Media

ENDED = ("done", "cancelled", "expired")
ASK_EVERY_S = 2.0
GIVE_UP_S = 1200.0
TWICE = 20
"""So many answered requests are sent once more, with their keys, when the time is over."""


@dataclass(frozen=True)
class Answer:
    """What came of one upload.

    Attributes:
        key: the request's idempotency key.
        digest: SHA-256 of what was sent.
        begun, accepted, ended: monotonic seconds; of the first try, of the one that was taken, of the answer.
        item: as the service tells of it.
    """

    media: Media
    key: str
    digest: str
    begun: float
    accepted: float
    ended: float
    item: Mapping[str, Any]

    @property
    def faces(self) -> int:
        """That have a probability; of a clip, once for every frame that they were judged in."""
        if self.media.is_clip:
            return sum(point["probability"] is not None for point in self.item["timeline"])
        return sum(face["probability"] is not None for face in self.item["faces"])


@dataclass
class Ledger:
    """What the clients have seen.

    Attributes:
        refusals: monotonic seconds of each 429 and 503.
        broken: what should not have come, e.g. "500".
        began: when the first client began.
    """

    began: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)


async def load(url: str, media: Iterator[Media], clients: int, seconds: float) -> Ledger:
    """Let so many clients send for so long, each its next upload when it has the answer to its last; wait for all."""
    tls = ssl.create_default_context()  # once: making one takes longer than a request
    connect = partial(httpx.AsyncClient, base_url=url, timeout=GIVE_UP_S, verify=tls)
    ledger = Ledger(time.monotonic())
    until = ledger.began + seconds
    await asyncio.gather(*(_client(connect, media, ledger, until) for _ in range(clients)))
    async with connect() as http:
        await _send_twice(http, ledger)
    return ledger


async def _client(
    connect: Callable[[], httpx.AsyncClient], media: Iterator[Media], ledger: Ledger, until: float
) -> None:
    async with connect() as http:
        while time.monotonic() < until:
            one = next(media)
            try:
                ledger.answers.append(await _ask(http, one, ledger))
            except (httpx.HTTPError, KeyError) as error:
                ledger.broken[f"{one.kind}: {error!r}"[:100]] += 1


async def _ask(http: httpx.AsyncClient, one: Media, ledger: Ledger) -> Answer:
    key, begun = uuid4().hex, time.monotonic()
    while True:
        accepted = time.monotonic()
        response = await _send(http, one, key)
        if response.status_code not in (429, 503):
            break
        ledger.refusals.append(time.monotonic())
        await asyncio.sleep(float(response.headers["Retry-After"]) * random.uniform(1.0, 1.5))
    response.raise_for_status()
    item = await _ended(http, response.json()) if one.is_clip else response.json()
    return Answer(one, key, sha256(one.content).hexdigest(), begun, accepted, time.monotonic(), item)


async def _send(http: httpx.AsyncClient, one: Media, key: str) -> httpx.Response:
    route = "/v1/jobs" if one.is_clip else "/v1/score"
    files = {"file": (f"upload-{one.number}", one.content)}
    return await http.post(route, files=files, headers={"Idempotency-Key": key})


async def _ended(http: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    """The only item of a job, once it has ended."""
    while job["state"] not in ENDED:
        await asyncio.sleep(ASK_EVERY_S)
        job = (await http.get(job["links"]["self"])).raise_for_status().json()
    [item] = job["items"]
    return dict(item)


async def _send_twice(http: httpx.AsyncClient, ledger: Ledger) -> None:
    """Send again what was answered: it must be the same job, and not be done again."""
    for answer in ledger.answers[-TWICE:]:
        again = (await _send(http, answer.media, answer.key)).raise_for_status()
        job_id = again.json()["id" if answer.media.is_clip else "job_id"]
        if job_id != answer.item["job_id"] or again.headers.get("Idempotent-Replay") != "true":
            ledger.broken["a request that was sent twice was done twice"] += 1


def audit(url: str, ledger: Ledger, worked: float) -> dict[str, int]:
    """The books: what clients were told against what the service has kept and done; all but the first must be 0.

    Args:
        worked: files that the workers say they have finished.
    """
    jobs = [job for page in _pages(url) for job in page]
    kept = [item for job in jobs for item in job["items"]]
    told = [answer.item["item_id"] for answer in ledger.answers]
    ends = {answer.item["item_id"]: answer.digest for answer in ledger.answers}
    return {
        "accepted requests that were answered": len(told),
        "answers that are not the upload's (SHA-256)": sum(a.item["sha256"] != a.digest for a in ledger.answers),
        "requests that got nothing, or an error": sum(ledger.broken.values()),
        "items that two requests were told of": _repeats(told),
        "items that nobody was told of": len({item["item_id"] for item in kept} - set(told)),
        "answers of which nothing is kept": len(set(told) - {item["item_id"] for item in kept}),
        "jobs that have not one item that is done": sum(_states(job) != ["done"] for job in jobs),
        "kept items of another content than was sent": sum(
            item["sha256"] != ends.get(item["item_id"], item["sha256"]) for item in kept
        ),
        "files that workers finished beyond those": round(worked) - len(kept),
    }


def _pages(url: str) -> Iterator[Sequence[dict[str, Any]]]:
    after = None
    while True:
        params = {"limit": 200, **({"after": after} if after else {})}
        page = httpx.get(f"{url}/v1/jobs", params=params, timeout=60).raise_for_status().json()
        yield page["items"]
        if (after := page["next"]) is None:
            return


def _states(job: Mapping[str, Any]) -> list[str]:
    return [item["state"] for item in job["items"]]


def _repeats(names: Iterable[str]) -> int:
    return sum(count - 1 for count in Counter(names).values())
