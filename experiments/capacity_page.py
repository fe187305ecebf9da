"""The capacity page, its table and its picture."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from capacity_model import Outcome
from capacity_rates import Capacity, Rate

Outcomes = Mapping[tuple[str, str], Mapping[int, Outcome]]
"""Of a setup and a kind of file: for so many machines, what came of it."""
MACHINES_A_RUN = 10
ONE, PARTS = "one run", f"a run for every {MACHINES_A_RUN} machines"
REMEDIES = {
    "cores": "Nothing breaks: more machines are as many times faster.",
    "asking process": "One process hands out all tasks and writes all rows. Cut the manifest into parts, and run "
    "`detector score` for each with an `--out` of its own: nothing is shared between them. The second setup does that.",
    "bucket": "Spread the files over more prefixes: the limit is one of each.",
    "network": "Take machines with more network for their cores, or reduce videos before they are stored.",
}
COLOURS = {ONE: "#0072b2", PARTS: "#e69f00"}


def dollars(rate: float, files: float, machines: int, options: Capacity) -> float:
    """What so many files cost at so many a second, machines and requests."""
    return files / rate / 3600 * machines * options.machine_hour + files / 1e6 * options.requests_million


def per_unit(kind: str, options: Capacity) -> tuple[str, float]:
    """What a price is told for, and how many files that is."""
    if kind == "photo":
        return "a million photos", 1e6
    return "a thousand hours of video", 3.6e6 / options.video_seconds


def page(rates: Sequence[Rate], found: Outcomes, options: Capacity, source: str) -> str:
    """Markdown."""
    return "\n".join([*_head(source, options), *_prices(found, options), *_scale(found), *_rates(rates, options), ""])


def _head(source: str, options: Capacity) -> Iterator[str]:
    clip = f"{options.video_seconds:.0f} s and {options.video_bytes / 1e6:.0f} MB"
    machine = f"{options.machine} at ${options.machine_hour:.2f} an hour"
    yield from ("# Capacity", "")
    yield f"`python experiments/capacity.py experiments/capacity.toml` at {_commit()}."
    yield f"Rates: {source}."
    yield from ("", "Simulated from measured rates (`experiments/capacity_model.py`); no cluster was rented.", "")
    yield f"- One machine is {machine}: an assumption, as is all of `experiments/capacity.toml`."
    yield "- A vCPU is taken to be as fast as the one that the rates were measured on, and not to slow its neighbours."
    yield f"- A video is a clip of {clip}, of which 32 frames are judged. It decodes as the measured clip"
    yield "  did: measure one like yours (`detector bench --video`) before you trust the price."
    yield "- No rates of a GPU have been measured, so there is no price of one."
    yield ""


def _prices(found: Outcomes, options: Capacity) -> Iterator[str]:
    yield from ("## What it costs", "", "| | files/s, one machine | machine-hours | on demand | spot |")
    yield "|---|---|---|---|---|"
    for kind in ("photo", "video"):
        name, files = per_unit(kind, options)
        rate = found[ONE, kind][1].rate
        full = dollars(rate, files, 1, options)
        spot = dollars(rate, files, 1, replace(options, machine_hour=options.machine_hour * options.spot_share))
        yield f"| {name} | {rate:.1f} | {files / rate / 3600:.1f} | ${full:.2f} | ${spot:.2f} |"
    yield ""


def _scale(found: Outcomes) -> Iterator[str]:
    yield from ("## What breaks first", "", "![Files a second over machines](capacity.png)")
    for setup in (ONE, PARTS):
        yield from ("", f"### {setup[0].upper()}{setup[1:]}", "")
        yield "| | machines | files/s | of as many times one machine | scarcest | at work |"
        yield "|---|---|---|---|---|---|"
        yield from (line for kind in ("photo", "video") for line in _lines(kind, found[setup, kind]))
    yield ""
    for name in dict.fromkeys(one.first for outcomes in found.values() for one in outcomes.values()):
        yield f"- **{name}**: {REMEDIES[name]}"
    yield "- **memory of the asking process** (not simulated): it holds every path, some hundred bytes. Ten million"
    yield "  files fit, a billion do not. Cut the manifest into parts."
    yield ""


def _lines(kind: str, outcomes: Mapping[int, Outcome]) -> Iterator[str]:
    for machines, one in outcomes.items():
        share = one.rate / machines / outcomes[1].rate
        yield f"| {kind}s | {machines} | {one.rate:,.1f} | {share:.0%} | {one.first} | {one.busy[one.first]:.0%} |"


def _rates(rates: Sequence[Rate], options: Capacity) -> Iterator[str]:
    yield from ("## Rates", "", "| | stage | of a | ms | units a file | s a file |", "|---|---|---|---|---|---|")
    for rate in rates:
        yield f"| {rate.kind} | {rate.stage} | {rate.unit} | {rate.ms:.3f} | {rate.units:g} | {rate.seconds:.4f} |"
    yield f"\nRay itself: {1e3 * options.task_s:g} ms of the asking process for a task of {options.files_a_task} files."


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def draw(found: Outcomes, path: Path) -> None:
    """Files a second over machines, beside the straight line, and at each point what is scarcest."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), dpi=120, layout="constrained")
    for axes, kind in zip(figure.subplots(1, 2), ("photo", "video"), strict=True):
        single = found[ONE, kind]
        axes.loglog(
            list(single), [one * single[1].rate for one in single], ":", color="grey", label="as many times one"
        )
        for setup, colour in COLOURS.items():
            _draw_line(axes, found[setup, kind], setup, colour)
        axes.set_title(f"{kind}s; at each point what is scarcest", fontsize="medium")
        axes.set_xlabel("machines")
        axes.set_ylabel(f"{kind}s a second")
        axes.set_xlim(0.7, 8e3)
        axes.set_ylim(single[1].rate / 2)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", loc="upper left")
    figure.savefig(path)


def _draw_line(axes: Any, outcomes: Mapping[int, Outcome], setup: str, colour: str) -> None:
    axes.loglog(list(outcomes), [one.rate for one in outcomes.values()], "o-", color=colour, label=setup)
    below = setup == ONE
    for machines, one in outcomes.items():
        if below or one.first != "cores":
            place = (machines, one.rate)
            shift = (5, -13 if below else 6)
            axes.annotate(one.first, place, shift, textcoords="offset points", fontsize="small", color=colour)


def write_table(found: Outcomes, path: Path) -> None:
    """Every outcome."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = list(found[ONE, "photo"][1].busy)
        writer.writerow(("setup", "kind", "machines", "files_per_s", *(f"{name} at work" for name in names)))
        for (setup, kind), outcomes in found.items():
            for machines, one in outcomes.items():
                shares = (f"{one.busy[name]:.4f}" for name in names)
                writer.writerow((setup, kind, machines, f"{one.rate:.3f}", *shares))
