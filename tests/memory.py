"""How a test reads the peak memory of a process of its own."""

from __future__ import annotations

PEAK_KB = """
def peak_kb():
    with open("/proc/self/status") as status:  # ru_maxrss would begin at the peak of the process that started this one
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""
"""The source of `peak_kb()`, to be run inside that process; Linux only."""
