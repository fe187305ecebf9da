"""The load run's figures: a page, a table and a picture."""

from __future__ import annotations

import csv
import math
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from scipy.stats import t
from service_load_clients import Answer, Ledger
from service_load_server import Use

WINDOW_S = 5.0
COLOURS = {"one by one": "#e69f00", "batching": "#0072b2"}


@dataclass(frozen=True)
class Leg:
    """One service under load for a while.

    Attributes:
        mode: how it batches.
        turn: the how-manieth leg of its mode, from 0.
        seconds: while clients sent; what was answered after is in the books, and in no figure.
        use: of its processes.
        metrics: of the service, at the end of those seconds.
        books: of `service_load_clients.audit`.
    """

    mode: str
    turn: int
    seconds: float
    ledger: Ledger
    use: Mapping[str, Sequence[Use]]
    metrics: Mapping[str, float]
    books: Mapping[str, int]

    @property
    def answers(self) -> list[Answer]:
        """Those that came in time."""
        return [answer for answer in self.ledger.answers if answer.ended < self.ledger.began + self.seconds]

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost, doubled or mixed up."""
        first, *rest = self.books.values()
        return first > 0 and not any(rest)

    def windows(self) -> Iterator[tuple[float, list[Answer]]]:
        """(begin in seconds, answers) of every whole window but the first, in which the queue fills."""
        for place in range(1, int(self.seconds / WINDOW_S)):
            begin = self.ledger.began + place * WINDOW_S
            yield place * WINDOW_S, [a for a in self.answers if begin <= a.ended < begin + WINDOW_S]


@dataclass(frozen=True)
class Rate:
    """A mean of windows, with half the width of its 95 % interval."""

    mean: float
    half: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half:.2f}"


def rate(counts: Sequence[int]) -> Rate:
    """Of counts in windows, a second; Student's t, as if windows were independent."""
    each = [count / WINDOW_S for count in counts]
    spread = stdev(each) if len(each) > 1 else math.inf
    return Rate(fmean(each), float(t.ppf(0.975, len(each) - 1)) * spread / math.sqrt(len(each)))


def ratio(above: Rate, below: Rate) -> str:
    """Above over below, with its 95 % interval; the relative errors add up as independent ones do."""
    found = above.mean / below.mean
    wide = math.exp(math.hypot(above.half / above.mean, below.half / below.mean))
    return f"{found:.2f} ({found / wide:.2f} to {found * wide:.2f})"


def answered(legs: Sequence[Leg]) -> Rate:
    """Answers a second."""
    return rate([len(answers) for leg in legs for _, answers in leg.windows()])


def judged(legs: Sequence[Leg]) -> Rate:
    """Faces a second."""
    return rate([sum(answer.faces for answer in answers) for leg in legs for _, answers in leg.windows()])


def slope(use: Sequence[Use]) -> float:
    """MiB a minute, over the second half: a straight line by least squares."""
    half = use[len(use) // 2 :]
    return float(np.polyfit([one.at / 60 for one in half], [one.memory for one in half], 1)[0])


def cores_used(leg: Leg, name: str) -> float:
    """Of a process, while clients sent."""
    some = [use for use in leg.use.get(name, ()) if 0 <= use.at - leg.ledger.began <= leg.seconds]
    return (some[-1].seconds - some[0].seconds) / (some[-1].at - some[0].at) if len(some) > 1 else math.nan


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
    from service_load_media import PERCENT

    modes = {mode: [leg for leg in legs if leg.mode == mode] for mode in COLOURS}
    mix = ", ".join(f"{percent} % {kind}" for kind, percent in PERCENT.items())
    rows = {name: [tell(of) for of in modes.values()] for name, tell in FIGURES.items()}
    quotients = [ratio(tell(modes["batching"]), tell(modes["one by one"])) for tell in (answered, judged)]
    return "\n".join(
        [
            "# The service under load",
            "",
            f"`{command}` at {_commit()}, on {len(os.sched_getaffinity(0))} cores ({platform.machine()}), which the "
            f"clients share. Uploads: {mix}. A leg takes {legs[0].seconds:g} s; rates are means of windows of "
            f"{WINDOW_S:g} s without the first, with 95 % intervals.",
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


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "an unknown commit"


def _seconds(legs: Sequence[Leg], percent: int) -> str:
    """From a client's first try to its answer, and of it from the try that was taken."""
    answers = [answer for leg in legs for answer in leg.answers]
    whole = np.percentile([answer.ended - answer.begun for answer in answers], percent)
    inside = np.percentile([answer.ended - answer.accepted for answer in answers], percent)
    return f"{whole:.1f} s; {inside:.1f} s inside"


def _batches(legs: Sequence[Leg]) -> str:
    faces = sum(leg.metrics["detector_batch_faces_sum"] for leg in legs)
    passes = sum(leg.metrics["detector_batch_faces_count"] for leg in legs)
    return f"{faces / passes:.1f}"


def _stage(legs: Sequence[Leg], stage: str) -> str:
    spent = sum(leg.metrics[f"detector_stage_seconds_sum,stage={stage}"] for leg in legs)
    return f"{spent / sum(leg.seconds for leg in legs):.2f}"


FIGURES = {
    "answers a second": lambda legs: str(answered(legs)),
    "faces a second": lambda legs: str(judged(legs)),
    "latency, median": lambda legs: _seconds(legs, 50),
    "latency, 95 %": lambda legs: _seconds(legs, 95),
    "latency, 99 %": lambda legs: _seconds(legs, 99),
    "told to come back (429, 503)": lambda legs: str(sum(len(leg.ledger.refusals) for leg in legs)),
    "faces a pass": _batches,
    "judges at work": lambda legs: _stage(legs, "judge"),
    "decoders at work": lambda legs: _stage(legs, "decode"),
    "books balance": lambda legs: "yes" if all(leg.balanced for leg in legs) else "NO",
}


def draw(legs: Sequence[Leg], path: Path) -> None:
    """Answers a second, and the memory of each process, over time; a dot marks where the clients stop."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    names = sorted({name for leg in legs for name in leg.use})
    dashes = dict(zip(names, ("-", ":", (0, (1, 3)), "--", "-."), strict=False))
    for leg in legs:
        colour = COLOURS[leg.mode]
        middles, counts = zip(
            *((begin + WINDOW_S / 2, len(some) / WINDOW_S) for begin, some in leg.windows()), strict=True
        )
        above.plot(middles, counts, marker="o", color=colour, label=f"{leg.mode} {leg.turn + 1}")
        for name, use in leg.use.items():
            times = [one.at - leg.ledger.began for one in use]
            below.plot(times, [one.memory for one in use], linestyle=dashes.get(name, "-"), color=colour)
    above.set(ylabel="answers a second", ylim=(0, None))
    below.set(ylabel="memory, MiB", xlabel="seconds since the first client", ylim=(0, None))
    figure.savefig(path)
