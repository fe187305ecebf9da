"""Timing: every stage once a round, on one thread, so that a disturbance meets them all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Stage:
    """A part of scoring that can be run by itself.

    Attributes:
        name: what it is called.
        unit: what it does its work to: "photo", "frame", "face" or "video".
        units: to how many of them it does so in one run.
        run: does it.
        moved: bytes that it has to read and write, where it has no Torch operations that tell.
        less: the stage that this one's run begins with, by its name: its time and work are taken off.
        aside: it is no part of the sum: another way to do the same, or a control.
    """

    name: str
    unit: str
    units: int
    run: Callable[[], object]
    moved: int = 0
    less: str | None = None
    aside: bool = False


@dataclass(frozen=True)
class Reading:
    """One run of a stage in s: by the wall's clock, and computing time of all threads of this process."""

    wall: float
    cpu: float

    def __sub__(self, other: Reading) -> Reading:
        return Reading(self.wall - other.wall, self.cpu - other.cpu)


def clocked(run: Callable[[], object], device: torch.device) -> Reading:
    """Run, and wait until the device is done."""
    import torch

    started, used = perf_counter(), process_time()
    run()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return Reading(perf_counter() - started, process_time() - used)


def measure(
    stages: Sequence[Stage], rounds: int, device: torch.device, tick: Callable[[], object]
) -> dict[str, list[Reading]]:
    """Every stage's readings, one a round, for all of its units; what `Stage.less` names is taken off in its own round.

    Args:
        stages: what to run, in this order; a stage comes after the one that it is less.
        rounds: how often, at least once.
        device: the device to wait for.
        tick: called after every run.
    """
    found: dict[str, list[Reading]] = {stage.name: [] for stage in stages}
    for _ in range(rounds):
        raw: dict[str, Reading] = {}
        for stage in stages:
            raw[stage.name] = clocked(stage.run, device)
            found[stage.name].append(raw[stage.name] - raw[stage.less] if stage.less else raw[stage.name])
            tick()
    return found


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch, OpenCV and OpenMP compute on the calling thread alone, as where a judge works."""
    import cv2
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no hints

    wide, wide_cv = torch.get_num_threads(), cv2.getNumThreads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            torch.set_num_threads(wide)
            cv2.setNumThreads(wide_cv)
