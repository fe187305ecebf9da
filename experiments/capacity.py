"""What a million images and a thousand hours of video cost, and what breaks first with 10, 100 and 1000 times as many.

    python experiments/capacity.py experiments/capacity.toml [--bench bench.json]

Simulates runs of `detector score --engine ray` (`capacity_model.py`) from measured rates: those of the table that the
config names, or of a file that `detector bench --json` has written. Writes ``capacity.md``, ``capacity.csv`` and
``capacity.png`` into the config's report folder.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path

from capacity_model import Load, Outcome, Plant, simulate
from capacity_page import MACHINES_A_RUN, ONE, PARTS, Outcomes, draw, page, write_table
from capacity_rates import ASKING, Capacity, Rate, read_bench, read_rates

from detector import config

TIMES = (1, 10, 100, 1000)
KINDS = ("photo", "video")
SETUPS: dict[str, Callable[[int], int]] = {ONE: lambda _: 1, PARTS: lambda machines: ceil(machines / MACHINES_A_RUN)}
"""How many runs share so many machines."""
MOST_TASKS = 400_000
"""Simulated at once."""


def load_of(kind: str, rates: Sequence[Rate], options: Capacity) -> Load:
    """What one file of a kind asks for."""
    own = [rate for rate in rates if rate.kind == kind]
    core_s = sum(rate.seconds for rate in own if rate.stage not in ASKING)
    sights = sum(rate.units for rate in own if ASKING.get(rate.stage) == "sight_s")
    return Load(core_s, options.photo_bytes if kind == "photo" else options.video_bytes, sights)


def plant_of(kind: str, rates: Sequence[Rate], options: Capacity, machines: int, runs: int) -> Plant:
    """So many machines."""
    each = {ASKING[rate.stage]: rate.ms / 1e3 for rate in rates if rate.kind == kind and rate.stage in ASKING}
    return Plant(
        machines,
        runs,
        options.cores,
        options.network,
        options.requests,
        options.task_s,
        each["row_s"],
        each["sight_s"],
        options.files_a_task,
    )


def simulate_all(rates: Sequence[Rate], options: Capacity) -> Outcomes:
    """Every setup, every kind of file, every number of machines."""
    return {
        (setup, kind): {machines: _run(kind, rates, options, machines, runs(machines)) for machines in TIMES}
        for setup, runs in SETUPS.items()
        for kind in KINDS
    }


def _run(kind: str, rates: Sequence[Rate], options: Capacity, machines: int, runs: int) -> Outcome:
    plant = plant_of(kind, rates, options, machines, runs)
    tasks = min(options.tasks_a_core * machines * options.cores, MOST_TASKS)
    return simulate(plant, load_of(kind, rates, options), tasks)


def main() -> None:
    """Simulate, write, draw."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--bench", type=Path, metavar="FILE", help="what `detector bench --json` wrote")
    arguments = parser.parse_args()
    options = config.load(Capacity, arguments.config)
    rates = read_rates(options.rates)
    if arguments.bench is not None:
        rates = read_bench(arguments.bench, rates)
    found = simulate_all(rates, options)
    told = f"`{arguments.bench.name}` of `detector bench`" if arguments.bench else options.rates_from
    options.report.mkdir(parents=True, exist_ok=True)
    (options.report / "capacity.md").write_text(page(rates, found, options, told), encoding="utf-8")
    write_table(found, options.report / "capacity.csv")
    draw(found, options.report / "capacity.png")
    print(page(rates, found, options, told))


if __name__ == "__main__":
    main()
