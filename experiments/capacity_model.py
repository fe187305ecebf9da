"""A run on many machines as queues: what a file costs, and which queue grows first when there are more machines.

A task is a few files. The process that asked hands it out and takes it back, writing its rows; here it does both at
once. The files are read from the bucket, come through the network of a machine, and are looked at and judged by a core:
on CPUs a looker and a judge share each core.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapreplace

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]
SPREAD = 0.3
"""Of the time that a task takes on a core, as a share of its mean: files differ. A gamma law, so none is negative."""


@dataclass(frozen=True)
class Load:
    """What one file asks for.

    Attributes:
        core_s: seconds of one core: decode, detect, judge.
        size: bytes that are read.
        sights: frames that are judged, each of which is a message.
    """

    core_s: float
    size: float
    sights: float


@dataclass(frozen=True)
class Plant:
    """What a run has to work with; the bucket is there once, however many machines there are.

    Attributes:
        machines: how many.
        runs: how many share them, each with an asking process of its own and a part of the files.
        cores: of each.
        network: bytes a second of each.
        requests: a second that the bucket answers, for one prefix.
        task_s: of the asking process, to hand out a task and take it back.
        row_s: of the asking process, to put one file's row together and write it.
        sight_s: of the asking process, to read one frame's message.
        files: of a task.
    """

    machines: int
    runs: int
    cores: int
    network: float
    requests: float
    task_s: float
    row_s: float
    sight_s: float
    files: int

    def ask_s(self, load: Load) -> float:
        """Seconds of the asking process for one task."""
        return self.task_s + self.files * (self.row_s + load.sights * self.sight_s)


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        rate: files a second, from the first to the last.
        busy: for each thing that can run out, the share of the time in which it is at work at that rate.
    """

    rate: float
    busy: dict[str, float]

    @property
    def first(self) -> str:
        """What there is least of."""
        return max(self.busy, key=lambda name: self.busy[name])


def simulate(plant: Plant, load: Load, tasks: int, seed: int = 0) -> Outcome:
    """Send so many tasks through the queues, one behind the other; all of them wait at the first one."""
    servers = {
        "asking process": plant.runs,
        "bucket": 1,
        "network": plant.machines,
        "cores": plant.machines * plant.cores,
    }
    means = {
        "asking process": plant.ask_s(load),
        "bucket": plant.files / plant.requests,
        "network": plant.files * load.size / plant.network,
        "cores": plant.files * load.core_s,
    }
    shape = 1 / SPREAD**2
    vary = {"cores": np.random.default_rng(seed).gamma(shape, 1 / shape, tasks)}
    times = np.zeros(tasks)
    for name, count in servers.items():
        times = through(times, means[name] * vary.get(name, np.ones(tasks)), count)
    tasks_a_second = tasks / float(times[-1])
    busy = {name: tasks_a_second * means[name] / count for name, count in servers.items()}
    return Outcome(tasks_a_second * plant.files, busy)


def through(arrivals: Times, services: Times, servers: int) -> Times:
    """When tasks leave a queue that so many servers empty, first come, first served.

    Args:
        arrivals: (N,) ascending, in s.
        services: (N,) how long each takes, in s.
        servers: how many there are.

    Returns:
        (N,) ascending, in s.
    """
    free = [0.0] * servers
    left = np.empty(len(arrivals))
    for row, (arrival, service) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        left[row] = max(arrival, free[0]) + service
        heapreplace(free, left[row])
    return np.sort(left)
