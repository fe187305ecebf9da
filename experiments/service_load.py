"""What the service can take, with batching and without, and whether its books balance afterwards.

    python experiments/service_load.py --seconds 60 --clients 200 --report reports/service

Starts `detector serve` on this machine, with fresh state for every leg, and lets many clients send mixed media to it:
each sends the next upload when it has the answer to its last, and comes back when it is told to. After every leg all
that was accepted is waited for and counted. Fails where the books do not balance. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
from pathlib import Path

from service_load_clients import audit, load
from service_load_leg import Leg
from service_load_media import uploads
from service_load_report import write
from service_load_server import Server, serving

COMMON = """
[limits]
deadline_s = 900  # one by one is slow: nobody gives up, in both modes
[queue]
waiting = 150  # less than there are clients: some are told to come back
"""
MODES = {
    "one by one": "[batching]\nfaces = 1\nwait_ms = 0\njudges = 1\ndecoders = 1\nin_flight = 1\n",
    "batching": "",
}
SEED = 5


def leg(mode: str, turn: int, clients: int, seconds: float) -> Leg:
    """Load one service."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), COMMON + MODES[mode]) as server:
        media = uploads(SEED + turn)
        next(media)
        metrics: dict[str, float] = {}
        reading = threading.Timer(seconds, lambda: metrics.update(server.metrics()))
        reading.start()
        ledger = asyncio.run(load(server.url, media, clients, seconds))
        books = audit(server.url, ledger, worked(server))
        return Leg(mode, turn, seconds, ledger, server.use, metrics, books)


def worked(server: Server) -> float:
    """Files that the workers have finished."""
    return sum(value for name, value in server.metrics().items() if name.startswith("detector_item_seconds_count"))


def main() -> int:
    """Load, count, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="that clients send, in each leg")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=1, help="how often both modes have a turn")
    parser.add_argument("--report", type=Path, default=Path("reports/service"))
    arguments = parser.parse_args()
    legs = [leg(mode, turn, arguments.clients, arguments.seconds) for turn in range(arguments.rounds) for mode in MODES]
    write(legs, arguments.report, f"python {' '.join(sys.argv)}")
    print((arguments.report / "load.md").read_text(encoding="utf-8"))
    return 0 if all(leg.balanced for leg in legs) else 1


if __name__ == "__main__":
    sys.exit(main())
