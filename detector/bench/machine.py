"""Where something was measured, and by which code."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import detector


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit() -> str:
    """Of the checkout that the package lies in, and whether it was changed since; "none" for an installed package."""
    folder = Path(detector.__file__).parent
    try:
        head = _git(folder, "rev-parse", "--short", "HEAD")
        return f"{head}, changed since" if _git(folder, "status", "--porcelain", "--", ".") else head
    except (OSError, subprocess.CalledProcessError):
        return "none"


def hardware(device: str) -> str:
    """The processor, by its own name where it tells one, and the accelerator where there is one."""
    words = f"{cores()} cores of {_processor()}"
    if device == "cpu":
        return words
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    return f"{words}; {name}"


def _processor() -> str:
    """Linux alone tells the model; elsewhere the architecture has to do."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()
