"""Timing by stages that take a known time."""

from __future__ import annotations

from time import sleep, thread_time

import cv2
import torch

from detector.bench.rounds import Stage, clocked, measure, one_thread

CPU = torch.device("cpu")


def compute(seconds: float) -> None:
    until = thread_time() + seconds
    while thread_time() < until:
        pass


def test_the_two_clocks() -> None:
    slept, worked = clocked(lambda: sleep(0.05), CPU), clocked(lambda: compute(0.05), CPU)
    assert slept.wall >= 0.05 > 0.02 > slept.cpu
    assert worked.wall >= 0.05 <= worked.cpu + 1e-3


def test_rounds_and_what_is_taken_off() -> None:
    order: list[str] = []

    def stage(name: str, seconds: float, less: str | None = None) -> Stage:
        return Stage(name, "face", 1, lambda: (order.append(name), compute(seconds)), less=less)

    ticks: list[None] = []
    found = measure([stage("one", 0.02), stage("both", 0.05, "one")], 3, CPU, lambda: ticks.append(None))
    assert order == ["one", "both"] * 3, "a disturbance meets all stages of its round"
    assert len(ticks) == 6
    assert [len(own) for own in found.values()] == [3, 3]
    assert all(0.02 <= reading.cpu < 0.04 for reading in found["one"])
    assert all(0.02 <= reading.cpu < 0.05 for reading in found["both"]), "without the first"


def test_one_thread_and_then_as_before() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    try:
        with one_thread():
            assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 2)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
