"""The budget: what every stage of scoring costs, what it could, and what the whole does on all cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from detector.bench.noise import Middle
from detector.bench.stages import JUDGE, JUDGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.bench.floor import Rates, Work
    from detector.bench.rounds import Reading, Stage


@dataclass(frozen=True)
class Cost:
    """What one stage costs, all of its units together; see `Stage`.

    Attributes:
        stage: which.
        readings: of it, one a round.
        work: that it asks of the machine.
        floor_s: the least time for that; 0 where nothing is known of it.
        arithmetic: whether it is the arithmetic that takes that long, and not the bytes.
    """

    stage: Stage
    readings: Sequence[Reading]
    work: Work
    floor_s: float
    arithmetic: bool

    @classmethod
    def of(cls, stage: Stage, readings: Sequence[Reading], work: Work, rates: Rates) -> Cost:
        """Readings beside the floor."""
        floor = rates.floor(work)
        return cls(stage, readings, work, floor, floor == rates.arithmetic(work))

    @property
    def ms(self) -> Middle:
        """What a unit takes by the clock."""
        return Middle.of([1e3 * reading.wall / self.stage.units for reading in self.readings])

    @property
    def cpu_ms(self) -> float:
        """What a unit takes of computing time: more than `ms` where threads share it, less where it had to wait."""
        return 1e3 * median(reading.cpu for reading in self.readings) / self.stage.units

    @property
    def all_ms(self) -> float:
        """What all units take by the clock."""
        return self.ms.median * self.stage.units

    @property
    def reached(self) -> float:
        """The floor as a share of the time that is taken; above 1 where caches spare bytes that were counted."""
        return 1e3 * self.floor_s / self.all_ms if self.all_ms > 0 else 0.0

    def plain(self) -> dict[str, Any]:
        """For JSON, of one unit."""
        units = self.stage.units
        return {
            "name": self.stage.name,
            "unit": self.stage.unit,
            "units": units,
            "ms": self.ms.median,
            "ms_low": self.ms.low,
            "ms_high": self.ms.high,
            "cpu_ms": self.cpu_ms,
            "floor_ms": 1e3 * self.floor_s / units,
            "flops": self.work.flops / units,
            "bytes": self.work.moved / units,
        }


@dataclass(frozen=True)
class Profile:
    """What files of a kind cost.

    Attributes:
        kind: "photo" or "video".
        files, frames, faces, crops: how many were measured with.
        costs: of every stage, in order.
        rate: files a second from files to answers, on all cores.
    """

    kind: str
    files: int
    frames: int
    faces: int
    crops: int
    costs: Sequence[Cost]
    rate: Middle

    @property
    def path(self) -> list[Cost]:
        """The stages that every file goes through."""
        return [cost for cost in self.costs if not cost.stage.aside]

    @property
    def total_ms(self) -> float:
        """What all stages take of one file."""
        return sum(cost.all_ms for cost in self.path) / self.files

    @property
    def floor_ms(self) -> float:
        """What they would take at their floors."""
        return sum(1e3 * cost.floor_s for cost in self.path) / self.files

    @property
    def between_ms(self) -> float:
        """What the judge as a whole takes of one file beyond its stages."""
        parts = sum(cost.all_ms for cost in self.costs if cost.stage.name in JUDGED)
        return (sum(cost.all_ms for cost in self.costs if cost.stage.name == JUDGE) - parts) / self.files

    @property
    def waited(self) -> float:
        """The share of its time in which the one thread had no core; below 0 where a stage uses several threads."""
        return 1 - sum(cost.cpu_ms * cost.stage.units for cost in self.path) / self.files / self.total_ms

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        counts = {"files": self.files, "frames": self.frames, "faces": self.faces, "crops": self.crops}
        return {
            **counts,
            "stages": [cost.plain() for cost in self.path],
            "aside": [cost.plain() for cost in self.costs if cost.stage.aside],
            "total_ms": self.total_ms,
            "between_ms": self.between_ms,
            f"{self.kind}s_per_s": self.rate.median,
            f"{self.kind}s_per_s_low": self.rate.low,
            f"{self.kind}s_per_s_high": self.rate.high,
        }


@dataclass(frozen=True)
class Budget:
    """Everything that was measured, and where.

    Attributes:
        photos, video: what was profiled.
        rates: of the machine, on one thread.
        rounds: how often everything was measured.
        cores: that may be used.
        facts: command, commit, date, device, hardware, versions.
    """

    photos: Profile
    video: Profile | None
    rates: Rates
    rounds: int
    cores: int
    facts: Mapping[str, str]

    def plain(self) -> dict[str, Any]:
        """For JSON: what is known of the photos, and "video" with the same keys where there was one."""
        return {
            **self.photos.plain(),
            "video": None if self.video is None else self.video.plain(),
            "rounds": self.rounds,
            "cores": self.cores,
            "matrix_flops_per_s": self.rates.flops,
            "copy_bytes_per_s": self.rates.moved,
            **self.facts,
        }
