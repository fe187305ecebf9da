"""What the process that asks Ray spends on a row: ``python experiments/capacity_asking.py``, for `capacity_rates.csv`.

Computing time on one thread, so that it does not depend on who else is there; the median of several runs.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import pyarrow as pa

from detector.scale import Shards
from detector.scale.gather import Gather
from detector.scale.wire import End, Row, Told, from_table, to_table
from detector.types import FaceReport, RegionEvidence

FILES, REPEATS = 2048, 7
REGIONS = tuple(RegionEvidence(f"region {number}", 0.125, "mouth: error spectrum 3.1 σ") for number in range(12))
FACE = FaceReport((10.5, 20.5, 110.5, 140.5), 0.93, 0.25, regions=REGIONS, track=1)
MODELS = {"face-vae": "0123456789ab", "classifier": "0123456789ab", "backbone": "0123456789ab"}


def messages(sights: int) -> pa.Table:
    """What workers say of `FILES` files of so many sights each."""
    told = [Row(Told(f"{n}.jpg", at, 0.5, (FACE,), 0.7, MODELS), 0.1) for n in range(FILES) for at in range(sights)]
    return to_table([*told, *(Row(End(f"{n}.jpg", sights, "video")) for n in range(FILES))])


def seconds(sights: int, folder: Path) -> tuple[float, float]:
    """Of a message, and of putting a row together and writing it."""
    table, gather = messages(sights), Gather()
    began = process_time()
    rows = list(from_table(table))
    read = process_time()
    with Shards(folder) as shards:
        for row in rows:
            if (report := gather.take(row)) is not None:
                shards.add(report)
    return (read - began) / len(rows), (process_time() - read) / FILES


def main() -> None:
    """Lines for the table."""
    for kind, sights in (("photo", 1), ("video", 32)):
        with TemporaryDirectory() as folder:
            runs = [seconds(sights, Path(folder, str(turn))) for turn in range(REPEATS)]
        read, wrote = (1e3 * median(column) for column in zip(*runs, strict=True))
        print(f"{kind},read message,message,{read:.4f},{sights + 1}")
        print(f"{kind},put together,file,{wrote:.4f},1")


if __name__ == "__main__":
    main()
