"""The load run's page, table and picture."""

from __future__ import annotations

import csv
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from service_load_leg import (
    WINDOW_S,
    Leg,
    answered,
    at_work,
    clips,
    cores_used,
    in_batch,
    judged,
    latency,
    ratio,
    seconds_each,
    slope,
)
from service_load_media import PERCENT

COLOURS = {"one by one": "#e69f00", "batching": "#0072b2"}
DASHES = {"API": "-", "clients": ":", "worker": "--", "decoder 0": "-.", "decoder 1": (0, (4, 1, 1, 1, 1, 1))}
ELSE = (0, (1, 4))
FIGURES: dict[str, Callable[[Sequence[Leg]], str]] = {
    "answers a second": lambda legs: str(answered(legs)),
    "faces a second": lambda legs: str(judged(legs)),
    "latency, median": lambda legs: f"{latency(legs, 50, True):.1f} s",
    "latency, 95 %": lambda legs: f"{latency(legs, 95, True):.1f} s",
    "latency, 99 %": lambda legs: f"{latency(legs, 99, True):.1f} s",
    "the same 99 % without being told to come back": lambda legs: f"{latency(legs, 99, False):.1f} s",
    "told to come back (429, 503)": lambda legs: str(sum(len(leg.ledger.refusals) for leg in legs)),
    "clips answered while clients sent": lambda legs: "{} of {}".format(*clips(legs)),
    "faces a pass": lambda legs: f"{in_batch(legs):.1f}",
    "judges at work": lambda legs: f"{at_work(legs, 'judge'):.2f}",
    "decoders at work": lambda legs: f"{at_work(legs, 'decode'):.2f}",
    "computing time of an answer, all processes": lambda legs: f"{seconds_each(legs):.2f} s",
    "books balance": lambda legs: "yes" if all(leg.balanced for leg in legs) else "NO",
}


def write(legs: Sequence[Leg], folder: Path, command: str) -> None:
    """load.md, load.csv and load.png."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "load.md").write_text(page(legs, command), encoding="utf-8")
    with (folder / "load.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("mode", "turn", "what", "second", "value"))
        writer.writerows(row for leg in legs for row in _rows(leg))
    draw(legs, folder / "load.png")


def _rows(leg: Leg) -> Iterator[tuple[str, int, str, str, str]]:
    for begin, answers in leg.windows():
        yield leg.mode, leg.turn, "answers", f"{begin:.0f}", str(len(answers))
        yield leg.mode, leg.turn, "faces", f"{begin:.0f}", str(sum(answer.faces for answer in answers))
    for name, use in leg.use.items():
        for one in use:
            yield leg.mode, leg.turn, f"MiB of {name}", f"{one.at - leg.ledger.began:.1f}", f"{one.memory:.1f}"


def page(legs: Sequence[Leg], command: str) -> str:
    """Markdown."""
    modes = {mode: [leg for leg in legs if leg.mode == mode] for mode in COLOURS}
    mix = ", ".join(f"{percent} % {kind}" for kind, percent in PERCENT.items())
    rows = {name: [tell(turns) for turns in modes.values()] for name, tell in FIGURES.items()}
    quotients = [ratio(tell(modes["batching"]), tell(modes["one by one"])) for tell in (answered, judged)]
    return "\n".join(
        [
            "# The service under load",
            "",
            f"`{command}` at {commit()}, on {len(os.sched_getaffinity(0))} cores ({platform.machine()}), which the "
            f"clients share. Uploads: {mix}. Clients send for {legs[0].seconds:g} s a leg; rates are means of windows "
            f"of {WINDOW_S:g} s without the first, with 95 % intervals; latency is from a client's first try on.",
            "",
            f"**Throughput with batching is {quotients[0]} times that of one by one, in faces {quotients[1]} times.**",
            "",
            *_table(["", *modes], rows),
            "",
            "## Books",
            "",
            "Each request has an idempotency key; after each leg some are sent again.",
            "",
            *_table(
                ["", *(f"{leg.mode} {leg.turn + 1}" for leg in legs)],
                {name: [str(leg.books[name]) for leg in legs] for name in legs[0].books},
            ),
            "",
            "## Memory",
            "",
            "Of each process, once a second, to the end of the leg's queue; the slope is that of its second half.",
            "",
            *_table(["leg", "process", "most, MiB", "slope, MiB/min", "cores used"], _memory(legs)),
            "",
            "![Throughput and memory over time](load.png)",
            "",
        ]
    )


def _memory(legs: Sequence[Leg]) -> dict[str, list[str]]:
    return {
        f"{leg.mode} {leg.turn + 1} | {name}": [
            f"{max(one.memory for one in use):.0f}",
            f"{slope(use):+.1f}",
            f"{cores_used(leg, name):.2f}",
        ]
        for leg in legs
        for name, use in leg.use.items()
    }


def _table(head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *([name, *cells] for name, cells in rows.items())]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "an unknown commit"


def draw(legs: Sequence[Leg], path: Path) -> None:
    """Answers a second while clients send, and the memory of each process until all is answered."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for leg in legs:
        colour = COLOURS[leg.mode]
        rates = [(begin + WINDOW_S / 2, len(some) / WINDOW_S) for begin, some in leg.windows()]
        above.plot(*zip(*rates, strict=True), marker="o", color=colour, label=leg.mode if leg.turn == 0 else None)
        for name, use in leg.use.items():
            times = [one.at - leg.ledger.began for one in use]
            below.plot(times, [one.memory for one in use], linestyle=DASHES.get(name, ELSE), color=colour)
    for name in dict.fromkeys(name for leg in legs for name in leg.use):
        below.plot([], [], linestyle=DASHES.get(name, ELSE), color="#404040", label=name)
    above.set(ylabel="answers a second", ylim=(0, None))
    below.set(ylabel="memory, MiB", xlabel="seconds since the clients began", ylim=(0, None))
    for axes in (above, below):
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        axes.grid(alpha=0.3)
    figure.savefig(path)
