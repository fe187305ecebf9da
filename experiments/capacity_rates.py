"""What a capacity run is told: its config, and the measured rate of every stage."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ASKING = {"put together": "row_s", "read message": "sight_s"}
"""Stages of the asking process; the others are a core's."""
WRITING = ("write", "pictures")
"""Stages of one process that a cluster has not: its rows are written by the asking process, pictures by nobody."""


@dataclass(frozen=True)
class Capacity:
    """The config; see `capacity.toml` for what each number is and where it is from."""

    rates: Path
    rates_from: str
    report: Path
    machine: str
    cores: int
    machine_hour: float
    spot_share: float
    requests_million: float
    network: float
    requests: float
    photo_bytes: float
    video_bytes: float
    video_seconds: float
    task_s: float
    files_a_task: int
    tasks_a_core: int


@dataclass(frozen=True)
class Rate:
    """What one stage takes of a file: of a kind, so many units of so many ms each."""

    kind: str
    stage: str
    unit: str
    ms: float
    units: float

    @property
    def seconds(self) -> float:
        """Of one file."""
        return self.ms * self.units / 1e3


def read_rates(path: Path) -> list[Rate]:
    """The table of rates."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Rate(row["kind"], row["stage"], row["unit"], float(row["ms"]), float(row["units_per_file"]))
            for row in csv.DictReader(file)
        ]


def read_bench(path: Path, table: Sequence[Rate]) -> list[Rate]:
    """What `detector bench --json` has measured of the stages, and the asking process from the table."""
    found = json.loads(path.read_text(encoding="utf-8"))
    parts = {"photo": found, "video": found["video"]}
    rates = [rate for kind, part in parts.items() if part is not None for rate in _stages(kind, part)]
    known = {rate.kind for rate in rates}
    return rates + [rate for rate in table if rate.stage in ASKING or rate.kind not in known]


def _stages(kind: str, part: Mapping[str, Any]) -> Iterator[Rate]:
    for stage in part["stages"]:
        if stage["name"] in WRITING:
            continue
        yield Rate(kind, stage["name"], stage["unit"], stage["ms"], stage["units"] / part["files"])
