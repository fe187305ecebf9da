"""Whether the memory of `detector score` is flat over a long video, and what a budget of seconds tells of one.

    python experiments/long_video.py --minutes 60 --report reports/performance

Makes a video of 1080p, scores it in processes of their own, reads their resident memory from /proc all the while, and
writes a table and a plot. Fails where the peak is over 1.5 GiB or memory grows. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from long_video_media import GOP, HEIGHT, RATE, WIDTH, write_long_video

MOST_MIB = 1536
GROWTH = 0.05
"""Memory is flat if a line through its second half rises by less than this share of the peak."""
EVERY_S = 0.25
BRIEF_S = 60.0
OPTIONS: dict[str, tuple[str, ...]] = {
    "32 frames": (),
    "a frame a second": ("--fps", "1"),
    "a budget of 5 s": ("--budget", "5s"),
    "every frame": ("--all-frames",),
}
"""What is measured; every frame of the short video alone."""


@dataclass(frozen=True)
class Leg:
    """One run: its options and minutes of video, when memory was read (s), how much it was (MiB), and the answer."""

    name: str
    minutes: int
    times: list[float]
    memory: list[float]
    peak: float
    answer: dict[str, Any]

    @property
    def growth(self) -> float:
        """By how many MiB a line through the second half of the run rises."""
        half = len(self.times) // 2
        if len(self.times) - half < 3:
            return 0.0
        slope = np.polyfit(self.times[half:], self.memory[half:], 1)[0]
        return float(slope * (self.times[-1] - self.times[half]))

    @property
    def passes(self) -> bool:
        """Whether the peak is low enough and memory flat."""
        return self.peak <= MOST_MIB and (self.brief or self.growth <= GROWTH * self.peak)

    @property
    def brief(self) -> bool:
        """Whether it is too short for a slope: models are still loaded in its second half."""
        return self.times[-1] < BRIEF_S


def measure(name: str, video: Path, minutes: int) -> Leg:
    """Score the video and read the memory of the process."""
    command = [sys.executable, "-m", "detector", "score", "--json", *OPTIONS[name], str(video)]
    times, memory, peak, began = [], [], 0.0, time.monotonic()
    # A file takes an answer of any length; a pipe that nobody reads would stop the process when it is full.
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stdout=said) as process:
        while process.poll() is None:
            if sizes := _memory(process.pid):
                times.append(time.monotonic() - began)
                memory.append(sizes[0])
                peak = max(peak, sizes[1])
            time.sleep(EVERY_S)
        said.seek(0)
        answer = json.load(said)
    return Leg(name, minutes, times, memory, peak, answer)


def _memory(pid: int) -> tuple[float, float] | None:
    """MiB resident now, and at most so far; None once the process has ended."""
    try:
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return float(lines["VmRSS"].split()[0]) / 1024, float(lines["VmHWM"].split()[0]) / 1024
    except (OSError, KeyError):
        return None


def write(legs: Sequence[Leg], folder: Path, command: str) -> None:
    """The table, the samples and the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "long-video.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["frames", "minutes", "seconds", "mib"])
        for leg in legs:
            for when, size in zip(leg.times, leg.memory, strict=True):
                rows.writerow([leg.name, leg.minutes, f"{when:.2f}", f"{size:.1f}"])
    _plot(legs, folder / "long-video.png")
    (folder / "long-video.md").write_text(_words(legs, command), encoding="utf-8")


def _words(legs: Sequence[Leg], command: str) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    lines = [
        "# A long video in flat memory",
        "",
        f"`{command}` at {commit.stdout.strip()}, on {os.cpu_count()} cores ({os.uname().machine}). H.264, "
        f"{WIDTH} x {HEIGHT}, {RATE} frames a second, a key every {GOP} frames at most: a photo of a face that moves. "
        f"Memory is that of the whole process, read every {EVERY_S:g} s; growth is that of a line through the second "
        f"half. It passes with a peak of {MOST_MIB / 1024:g} GiB and a growth of {GROWTH:.0%} of the peak at most; a "
        f"run of less than {BRIEF_S:.0f} s is too short for a slope: models are still loaded in its second half.",
        "",
        "| frames looked at | minutes of video | frames | peak, MiB | growth, MiB | s | passes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_row(leg) for leg in legs),
        "",
        "![memory over time](long-video.png)",
        "",
        "## What the budget tells",
        "",
        *(f"- {warning}" for leg in legs if "seen" in leg.answer for warning in leg.answer["warnings"]),
    ]
    return "\n".join(lines) + "\n"


def _row(leg: Leg) -> str:
    """A run that is too short for a slope has none."""
    growth = "–" if leg.brief else f"{leg.growth:+.0f}"
    count, passes = len(leg.answer["timeline"]), "yes" if leg.passes else "**no**"
    return f"| {leg.name} | {leg.minutes} | {count} | {leg.peak:.0f} | {growth} | {leg.times[-1]:.0f} | {passes} |"


def _plot(legs: Sequence[Leg], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="share of the run", ylabel="resident memory, MiB")
    for leg in legs:
        axes.plot(np.array(leg.times) / leg.times[-1], leg.memory, label=f"{leg.name}, {leg.minutes} min")
    axes.axhline(MOST_MIB, color="0.4", linestyle="--", label="limit")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(path)


def main() -> int:
    """Make, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60, help="of the long video")
    parser.add_argument("--short", type=int, default=1, help="minutes of the video of which every frame is scored")
    parser.add_argument("--report", type=Path, default=Path("reports/performance"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        long, short = Path(folder, "long.mp4"), Path(folder, "short.mp4")
        write_long_video(long, arguments.minutes)
        write_long_video(short, arguments.short)
        plans = [(name, short if name == "every frame" else long) for name in OPTIONS]
        legs = [measure(name, video, arguments.short if video == short else arguments.minutes) for name, video in plans]
    write(legs, arguments.report, f"python {' '.join(sys.argv)}")
    print((arguments.report / "long-video.md").read_text(encoding="utf-8"))
    return 0 if all(leg.passes for leg in legs) else 1


if __name__ == "__main__":
    sys.exit(main())
