"""What is judged together, when, and what one bad sight does to the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.score.judge import Judged, unjudged
from detector.score.look import Sight
from detector.service.engine.batching import Batches, Waiting, judge_each
from detector.types import Face, Frame

FACE = Face(np.array([0, 0, 4, 4], np.float32), np.zeros((5, 2), np.float32), 1.0)


def sight(faces: int = 1, side: int = 8) -> Sight:
    return Sight(Frame(np.zeros((side, side, 3), np.uint8)), (FACE,) * faces, (None,) * faces)


def waiting(faces: int = 1, side: int = 8, tell: Callable[[Any], None] = lambda _: None) -> Waiting:
    return Waiting(sight(faces, side), tell)


def put(batches: Batches, *faces: int) -> list[Waiting]:
    made = [waiting(count) for count in faces]
    for one in made:
        batches.put(one)
    return made


def test_a_full_batch_does_not_wait() -> None:
    batches = Batches(faces=3, wait_s=60)
    made = put(batches, 1, 1, 1, 1)
    assert batches.take() == made[:3]


def test_a_batch_that_is_not_full_waits_for_others_and_then_no_longer() -> None:
    batches = Batches(faces=12, wait_s=0.2)
    began = time.monotonic()
    made = put(batches, 1)
    late = threading.Timer(0.05, lambda: made.extend(put(batches, 2)))
    late.start()
    batch = batches.take()
    assert batch == made
    assert len(batch) == 2
    assert 0.2 <= time.monotonic() - began < 2


def test_one_by_one_means_no_waiting_and_no_company() -> None:
    batches = Batches(faces=1, wait_s=60)
    made = put(batches, 1, 5, 1)
    assert [batches.take() for _ in made] == [[one] for one in made]


@given(st.lists(st.integers(1, 6), max_size=30), st.integers(1, 12))
def test_nothing_is_lost_doubled_or_out_of_order_and_no_batch_is_too_large(faces: list[int], most: int) -> None:
    batches = Batches(most, wait_s=0)
    made = put(batches, *faces)
    batches.close()
    taken = []
    while batch := batches.take():
        assert len(batch) == 1 or sum(one.faces for one in batch) <= most
        taken += batch
    assert taken == made


def test_idle_judges_share_what_is_there() -> None:
    batches = Batches(faces=12, wait_s=60)
    with ThreadPoolExecutor(2) as pool:
        taken = [pool.submit(batches.take) for _ in range(2)]
        while batches._idle < 2:
            time.sleep(0.001)
        with batches._changed:  # they see all twelve at once
            put(batches, *[1] * 12)
        assert [len(one.result(10)) for one in taken] == [6, 6]


def test_large_frames_are_judged_at_once_and_hold_up_who_brings_more() -> None:
    batches = Batches(faces=12, wait_s=60, pixels=40e6)
    for _ in range(3):
        batches.put(waiting(side=4000))
    fourth = threading.Thread(target=lambda: batches.put(waiting(side=4000)))
    fourth.start()
    fourth.join(0.1)
    assert fourth.is_alive(), "48 Mpx wait already"
    assert len(batches.take()) == 1
    fourth.join(10)
    assert not fourth.is_alive()


def test_an_empty_queue_that_is_closed_ends_its_judges() -> None:
    batches = Batches(faces=12, wait_s=60)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(batches.take)
        batches.close()
        assert taken.result(10) == []


def test_only_who_is_at_fault_is_told_of_an_error() -> None:
    told: dict[int, Judged | Exception] = {}
    made = [waiting(tell=lambda result, row=row: told.__setitem__(row, result)) for row in range(5)]
    passes: list[int] = []

    def judge(sights: Sequence[Sight]) -> list[Judged]:
        passes.append(len(sights))
        if made[2].sight in sights:
            raise RuntimeError("bad pixels")
        return [unjudged(one) for one in sights]

    judge_each(judge, made)
    assert passes == [5, 1, 1, 1, 1, 1]
    assert isinstance(told[2], RuntimeError)
    assert [getattr(told[row], "sight", None) for row in (0, 1, 3, 4)] == [made[row].sight for row in (0, 1, 3, 4)]
