"""One try to deliver one message."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx

from detector.service.problems import Problem
from detector.service.records import Delivery
from detector.service.webhooks.guard import Resolve, Target, find_target, resolve
from detector.service.webhooks.signing import sign


@dataclass(frozen=True)
class Answer:
    """What came of a try.

    Attributes:
        outcome: "gone" where the receiver wants no more messages.
        error: why it was not delivered; empty where it was.
        retry_after_s: how long the receiver asks to be left alone; 0 where it does not say.
    """

    outcome: Literal["delivered", "failed", "gone"]
    error: str = ""
    retry_after_s: float = 0.0


class Sender:
    """Sends messages, each over a connection of its own; safe to use from several threads.

    Args:
        secret: signs them, see `detector.service.webhooks.sign`.
        private: whether addresses that are not public may be told.
        timeout_s: of one try after its host was looked up: connecting, TLS, sending and the answer's head together.
        resolve: looks names up.
        clock: seconds since 1970, UTC.
        tls: whom to trust; None takes the usual authorities, or those of SSL_CERT_FILE.
    """

    def __init__(
        self,
        secret: str,
        *,
        private: bool = False,
        timeout_s: float = 10.0,
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.time,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._secret, self._private, self._timeout_s = secret, private, timeout_s
        self._resolve, self._clock = resolve, clock
        self._tls = tls or httpx.create_ssl_context()

    def send(self, delivery: Delivery) -> Answer:
        """Try once. Redirects are not followed: where they lead was not checked. The answer's body is not read."""
        try:
            target = find_target(delivery.url, self._private, self._resolve)
            return asyncio.run(self._post(target, delivery))
        except TimeoutError:
            return Answer("failed", f"no answer within {self._timeout_s:g} s")
        except (Problem, httpx.HTTPError, OSError) as error:
            return Answer("failed", f"{type(error).__name__}: {error}")

    async def _post(self, target: Target, delivery: Delivery) -> Answer:
        body = delivery.payload.encode()
        headers = {
            "host": target.url.netloc.decode("ascii"),
            "content-type": "application/json",
            "user-agent": "detector-webhooks",
            **sign(delivery.id, int(self._clock()), body, self._secret),
        }
        # Another address at each try. The name stays in Host and in TLS, whose certificate must be that name's.
        address = target.addresses[delivery.attempts % len(target.addresses)]
        names = {"sni_hostname": target.url.raw_host.decode("ascii")}
        # One limit over all: httpx's own hold for each read and each write, and a slow receiver has many of them.
        async with asyncio.timeout(self._timeout_s), self._client() as client:
            url = target.url.copy_with(host=address, fragment=None)
            async with client.stream("POST", url, content=body, headers=headers, extensions=names) as response:
                return self._read(response.status_code, response.headers)

    def _client(self) -> httpx.AsyncClient:
        # No proxies, cookies or passwords of the environment.
        return httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=None)

    def _read(self, status: int, headers: Mapping[str, str]) -> Answer:
        if 200 <= status < 300:
            return Answer("delivered")
        retry_after_s = seconds_to_wait(headers.get("retry-after", ""), self._clock())
        return Answer("gone" if status == 410 else "failed", f"answered {status}", retry_after_s)


def seconds_to_wait(retry_after: str, now: float) -> float:
    """A Retry-After header (RFC 9110, 10.2.3), seconds or a date, in seconds from `now`; 0 where it says nothing."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
