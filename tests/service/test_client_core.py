"""What the client does, without a socket or a pause: the generators are driven by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.client.core import LONGEST_LOOK_S, Call, Core, Flow, Pause
from detector.client.replies import LONGEST_WAIT_S, Lost, Reply, failure, pause
from detector.errors import ServiceError
from tests.service.fake_service import job


def drive(
    flow: Flow[Any], replies: Iterable[Reply | Lost], on_pause: Callable[[float], None] = lambda _: None
) -> tuple[list[Call], list[float], Any]:
    """Run a flow on these replies: its calls, its pauses, and its value or the error that it raised."""
    calls: list[Call] = []
    pauses: list[float] = []
    coming = iter(replies)
    came: Reply | Lost | None = None
    try:
        while True:
            step = flow.send(came)
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                on_pause(step.seconds)
                came = None
            else:
                calls.append(step)
                came = next(coming)
    except StopIteration as end:
        return calls, pauses, end.value
    except ServiceError as error:
        return calls, pauses, error


def busy(status: int = 503, retry_after: str | None = None) -> Reply:
    return Reply(status, {} if retry_after is None else {"retry-after": retry_after}, b"")


def test_pauses_double_and_up_to_half_is_left_to_chance() -> None:
    for jitter, expected in ((0.0, [0.5, 1.0, 2.0, 4.0]), (0.5, [0.375, 0.75, 1.5, 3.0])):
        core = Core(60.0, 4, jitter=lambda jitter=jitter: jitter)
        calls, pauses, error = drive(core.models(), [Lost("gone")] * 5)
        assert (len(calls), pauses) == (5, expected)
        assert isinstance(error, ServiceError)
        assert error.slug == "unreachable"


def test_the_services_own_word_on_when_to_come_back_holds() -> None:
    core = Core(60.0, 3, jitter=lambda: 0.0)
    date = formatdate(time.time() + 20, usegmt=True)
    replies = [busy(retry_after="7"), busy(429, date), busy(retry_after="soon"), Reply(200, {}, b'{"a": 1}')]
    _, pauses, models = drive(core.models(), replies)
    assert pauses[0] == 7.0
    assert 18 <= pauses[1] <= 20
    assert pauses[2] == 2.0, "what cannot be read counts as nothing said"
    assert models == {"a": 1}
    _, pauses, error = drive(core.models(), [busy(retry_after="3600")])
    assert (pauses, error.retry_after) == ([], 3600.0)


@given(
    status=st.sampled_from([408, 429, 500, 502, 503, 504]),
    said=st.none() | st.integers(0, 100),
    attempt=st.integers(1, 40),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_a_pause_is_never_longer_than_can_be_sat_through(
    status: int, said: int | None, attempt: int, jitter: float
) -> None:
    error = failure(busy(status, None if said is None else str(said)))
    seconds = pause(error, attempt, jitter)
    if status in (408, 500) or (said or 0) > LONGEST_WAIT_S:
        assert seconds is None
    else:
        assert seconds is not None
        assert (said or 0) <= seconds <= LONGEST_WAIT_S + 0.5


def test_a_call_that_is_tried_again_is_the_same_call() -> None:
    replies = [Lost("gone"), busy(), Reply(200, {}, b"{}")]
    calls, _, _ = drive(Core(60.0, 3).score(b"pixels", None, 90.0), replies)
    assert calls[0] is calls[1] is calls[2]
    assert calls[0].headers["Idempotency-Key"]
    assert calls[0].timeout_s == 100.0, "longer than the service may take"


def test_what_asks_changes_nothing_and_what_changes_something_has_a_key() -> None:
    core = Core(60.0, 0)
    flows = [core.models(), core.job("a"), core.jobs(None, None), core.cancel("a"), core.submit([b"x"], None)]
    for call in (next(flow) for flow in flows):
        assert isinstance(call, Call)
        assert ("Idempotency-Key" in call.headers) == (call.method == "POST")


def test_a_job_is_looked_at_less_and_less_often_until_the_time_is_over() -> None:
    now = [0.0]
    running = Reply(200, {}, json.dumps(job(1, ["a"], "running")).encode())
    flow = Core(60.0, 0, clock=lambda: now[0]).wait("job1", 30.0)
    _, looks, error = drive(flow, repeat(running), lambda seconds: now.append(now.pop() + seconds))
    assert error.slug == "not-ended"
    assert looks[:5] == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert max(looks) == LONGEST_LOOK_S
    assert sum(looks) == pytest.approx(30.0)
