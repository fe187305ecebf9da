"""The same pictures scored by one process and by Ray with a worker killed in the middle: are the rows the same?

    DETECTOR_MODELS=../shared/models python experiments/ray_run.py --files 2000 --data ../shared/data

Makes the pictures (the same for the same number), scores them in one process (a second run goes on where the first one
ended) and on Ray, kills one judge when half of the rows are there, and compares row by row. Writes ``ray.md`` and
``ray.csv`` into ``reports/performance``; exits with 1 where anything differs.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ray_run_pictures import make_pictures
from tqdm import tqdm

from detector.scale import Shards, cluster, read_shards, score
from detector.score import Detector
from detector.score.results import Results

Record = dict[str, Any]
JUDGED = {"fake_probability": 1e-4, "probability": 1e-4, "interval": 1e-4, "contribution": 1e-3}
"""What depends on who else is in a batch, within the rounding of float32, and how far it may differ."""
HEAD = ("path", "status", "reason", "verdict", "one process", "Ray", "difference")


def in_one_process(paths: Sequence[str], out: Path) -> list[Record]:
    """Every row, in the order of the files; what a former run has done is not done again."""
    results = Results(out)
    rest = [(path, Path(path)) for path in paths if path not in results]
    for scored in tqdm(Detector.load().score_many(rest), total=len(rest), desc="one process"):
        results.add(scored.report)
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return sorted(records, key=lambda record: str(record["path"]))


def on_ray(paths: Sequence[str], out: Path, workers: int) -> tuple[list[Record], str]:
    """Every row that is in the shards in the end, and what was killed when half of them were there."""
    shutil.rmtree(out, ignore_errors=True)
    killed = "nobody"
    with cluster(workers=workers), Shards(out) as shards:
        for count, report in enumerate(tqdm(score(paths, partial(Detector.load)), total=len(paths), desc="Ray"), 1):
            shards.add(report)
            if count == len(paths) // 2:
                killed = kill_one("MapBatches(Judging)", count)
    return sorted(read_shards(out), key=lambda record: str(record["path"])), killed


def kill_one(kind: str, count: int) -> str:
    """Kill a worker of a kind with SIGKILL; says so."""
    process = min(workers_of(kind))
    os.kill(process, signal.SIGKILL)
    return f"a worker ({kind}, process {process}) with SIGKILL after {count} rows"


def workers_of(kind: str) -> list[int]:
    """The processes of one kind of worker of the Ray that this process has started."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    parents = {int(row[0]): int(row[1]) for row in rows}
    return [int(row[0]) for row in rows if kind in row[2] and os.getpid() in _ancestors(int(row[0]), parents)]


def _ancestors(process: int, parents: dict[int, int]) -> Iterator[int]:
    while process := parents.get(process, 0):
        yield process


def differences(one: Sequence[Record], other: Sequence[Record]) -> list[str]:
    """Where the rows differ: files that one of them has not, or has twice, and fields; all but the time."""
    left, right = (Counter(record["path"] for record in records) for records in (one, other))
    found = [f"{path}: {left[path]} rows and {right[path]}" for path in left | right if left[path] != right[path]]
    known = {record["path"]: record for record in other}
    pairs = [(record, known[record["path"]]) for record in one if record["path"] in known]
    return found + [line for pair in pairs for line in _differ(*pair, str(pair[0]["path"]))]


def _differ(one: Any, other: Any, where: str) -> Iterator[str]:
    name = where.rstrip("/0123456789").rpartition("/")[2]
    if name == "elapsed_s":
        return
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _differ(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _differ(*pair, f"{where}/{number}")
    elif isinstance(one, float) and isinstance(other, float):
        if abs(one - other) > JUDGED.get(name, 0.0):
            yield f"{where}: {one} and {other}"
    elif one != other:
        yield f"{where}: {one!r} and {other!r}"


def table(one: Sequence[Record], other: Sequence[Record]) -> Iterator[tuple[str, ...]]:
    """A line a file."""
    known = {record["path"]: record for record in other}
    for record in one:
        row = known.get(record["path"], {})
        both = [each["fake_probability"] for each in (record, row) if each.get("fake_probability") is not None]
        numbers = [f"{value:.9f}" for value in both] + [f"{abs(both[0] - both[1]):.2e}"] if len(both) == 2 else [""] * 3
        told = (record["status"], record["reason"] or "", record["verdict"] or "")
        yield (Path(record["path"]).name, *told, *numbers)


def page(one: Sequence[Record], other: Sequence[Record], killed: str) -> str:
    """What came of it, in Markdown."""
    found = differences(one, other)
    lines = list(table(one, other))
    largest = max((float(line[-1]) for line in lines if line[-1]), default=0.0)
    kinds = Counter(record["reason"] or record["verdict"] for record in other)
    twice = len(other) - len({record["path"] for record in other})
    return "\n".join(
        [
            "# One process and Ray",
            "",
            f"`python {shlex.join(sys.argv)}` at {_commit()}, on {len(os.sched_getaffinity(0))} cores "
            f"({platform.machine()}). Killed in the middle: {killed}.",
            "",
            "| | |",
            "|---|---|",
            f"| files | {len(one)} |",
            f"| rows of Ray | {len(other)} |",
            f"| rows that are there twice | {twice} |",
            f"| what they say | {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())} |",
            f"| largest difference of a probability | {largest:.1e} |",
            f"| fields that differ | {len(found)} |",
            "",
            "Compared are all fields but `elapsed_s`: probabilities may differ by 1e-4 and the log-odds of regions by "
            "1e-3, which is what the rounding of float32 makes of other batches; everything else must be the same.",
            *(["", *(f"- {line}" for line in found[:20])] if found else []),
            "",
        ]
    )


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def write(one: Sequence[Record], other: Sequence[Record], killed: str, folder: Path) -> None:
    """ray.md and ray.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ray.md").write_text(page(one, other, killed), encoding="utf-8")
    with (folder / "ray.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows(table(one, other))


def main(options: Namespace) -> int:
    """Make, score twice, compare, write."""
    folder = options.folder / str(options.files)
    paths = make_pictures(folder / "pictures", options.files, options.data)
    one = in_one_process(paths, folder / "one-process.jsonl")
    other, killed = on_ray(paths, folder / "ray.parquet", options.workers)
    write(one, other, killed, options.report)
    print(page(one, other, killed))
    return int(bool(differences(one, other)) or killed == "nobody")


def _options() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="how many pictures (default %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="cores of the cluster (default %(default)s)")
    parser.add_argument("--data", type=Path, help="a folder with manifest.csv and faces; else one public-domain face")
    parser.add_argument("--folder", type=Path, default=Path("runs/ray"), help="to work in (default %(default)s)")
    parser.add_argument("--report", type=Path, default=Path("reports/performance"), help="default %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_options()))
