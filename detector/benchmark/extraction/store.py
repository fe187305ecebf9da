"""Finished rows of features on disk: found by what they depend on, written whole or not at all.

A store is a folder of Parquet files. Each holds the rows of some units of work; a unit (one file under one condition)
is in one file only. Nothing is ever changed, so that any number of runs may read while one writes, and a run that is
killed has lost no more than it had not yet written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from detector.types import Array, FeatureTable

COLUMNS = ("unit", "frame", "reason")
NAMES = b"names"


@dataclass(frozen=True, eq=False)
class Unit:
    """What one unit of work gave, one entry a frame.

    Attributes:
        frames: (K,) the frames' numbers in their file.
        reasons: (K,) why a frame could not be judged; empty where it could.
        table: a row for each frame that could, in their order; None where there is none.
    """

    frames: tuple[int, ...]
    reasons: tuple[str, ...]
    table: FeatureTable | None


class FeatureStore:
    """The finished units of one maker of numbers.

    Args:
        folder: where they are; made when something is added.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, Path] = {}
        for path in sorted(folder.glob("*.parquet")):
            self._index(path)

    def __contains__(self, unit: str) -> bool:
        return unit in self._places

    def add(self, units: Sequence[tuple[str, Unit]]) -> None:
        """Write some units, by their names, into one new file; those that are there already stay as they are."""
        new = [(name, unit) for name, unit in units if name not in self]
        if not new:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{uuid4().hex}.parquet"
        unfinished = path.with_suffix(".part")
        pq.write_table(_packed(new), unfinished, compression="zstd")
        unfinished.rename(path)
        self._index(path)

    def read(self, units: Iterable[str]) -> dict[str, Unit]:
        """The units of these names; all must be there. A file is opened once, however many of its units are wanted."""
        wanted = set(units)
        paths = sorted({self._places[name] for name in wanted})
        return {name: unit for path in paths for name, unit in _unpacked(path, wanted).items()}

    def _index(self, path: Path) -> None:
        for name in pq.read_table(path, columns=["unit"])["unit"].unique().to_pylist():
            self._places.setdefault(name, path)


def _packed(units: Sequence[tuple[str, Unit]]) -> pa.Table:
    tables = [unit.table for _, unit in units if unit.table is not None]
    names = tables[0].names if tables else ()
    frames = [
        (name, frame, reason) for name, unit in units for frame, reason in zip(unit.frames, unit.reasons, strict=True)
    ]
    values = np.full((len(frames), len(names)), np.nan, np.float32)
    if tables:
        values[[not reason for _, _, reason in frames]] = np.concatenate([table.values for table in tables])
    columns = dict(zip(COLUMNS, zip(*frames, strict=True), strict=True))
    packed = pa.table({name: pa.array(column) for name, column in columns.items()})
    flat = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), len(names)) if names else None
    packed = packed if flat is None else packed.append_column("values", flat)
    return packed.replace_schema_metadata({NAMES: "\n".join(names)})


def _unpacked(path: Path, wanted: set[str]) -> dict[str, Unit]:
    packed = pq.read_table(path, memory_map=True)
    names = tuple(packed.schema.metadata[NAMES].decode().split("\n"))
    units, frames, reasons = (np.array(packed[name].to_pylist()) for name in COLUMNS)
    values = _values(packed, len(names))
    found = {}
    for name in dict.fromkeys(units.tolist()):
        if name in wanted:
            rows = np.flatnonzero(units == name)
            good = rows[reasons[rows] == ""]
            table = FeatureTable(values[good], names) if len(good) else None
            found[name] = Unit(tuple(frames[rows].tolist()), tuple(reasons[rows].tolist()), table)
    return found


def _values(packed: pa.Table, count: int) -> Array:
    if "values" not in packed.column_names:
        return np.empty((len(packed), 0), np.float32)
    flat = packed["values"].combine_chunks().flatten()
    return np.asarray(flat.to_numpy(zero_copy_only=False), np.float32).reshape(-1, count)
