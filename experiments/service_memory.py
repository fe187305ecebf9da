"""Whether the service's memory is flat: one long leg of the load run, with batching.

    python experiments/service_memory.py --seconds 600 --clients 200 --report reports/service

Clients send mixed media all the while, as in `service_load.py`. Of each process the resident memory is read once a
second; the slope is that of the second half, in which every kind of upload has come hundreds of times. Writes
``memory.md``, ``memory.csv`` and ``memory.png``; fails where the books do not balance. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib import pyplot as plt
from service_load import leg
from service_load_leg import Leg, slope
from service_load_report import commit
from service_load_server import Use


def page(one: Leg, command: str) -> str:
    """Markdown."""
    rows = [f"| {name} | {' | '.join(_cells(use))} |" for name, use in one.use.items()]
    return "\n".join(
        [
            "# The service's memory over time",
            "",
            f"`{command}` at {commit()}: {len(one.answers)} answers in {one.seconds:g} s; MiB of each process, the "
            f"slope in MiB a minute over the second half. Books balance: {'yes' if one.balanced else 'NO'}.",
            "",
            "| process | half-way | at the end | most | slope |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            "![Memory over time](memory.png)",
            "",
        ]
    )


def _cells(use: Sequence[Use]) -> Iterator[str]:
    for value in (use[len(use) // 2].memory, use[-1].memory, max(u.memory for u in use)):
        yield f"{value:.0f}"
    yield f"{slope(use):+.1f}"


def draw(one: Leg, path: Path) -> None:
    """Every process, over the minutes."""
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for name, use in one.use.items():
        axes.plot([(u.at - one.ledger.began) / 60 for u in use], [u.memory for u in use], label=name)
    axes.set(xlabel="minutes", ylabel="resident memory, MiB", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> int:
    """Load, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--report", type=Path, default=Path("reports/service"))
    arguments = parser.parse_args()
    one = leg("batching", 0, arguments.clients, arguments.seconds)
    arguments.report.mkdir(parents=True, exist_ok=True)
    (arguments.report / "memory.md").write_text(page(one, f"python {' '.join(sys.argv)}"), encoding="utf-8")
    with (arguments.report / "memory.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("process", "second", "MiB"))
        writer.writerows(
            (name, f"{u.at - one.ledger.began:.1f}", f"{u.memory:.1f}") for name, use in one.use.items() for u in use
        )
    draw(one, arguments.report / "memory.png")
    print((arguments.report / "memory.md").read_text(encoding="utf-8"))
    return 0 if one.balanced else 1


if __name__ == "__main__":
    sys.exit(main())
