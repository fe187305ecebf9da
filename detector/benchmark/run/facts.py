"""What a reader needs to make a benchmark again."""

from __future__ import annotations

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import detector
from detector.benchmark.datasets import origin
from detector.benchmark.extraction.code import digest
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.run.data import Data, Parts
from detector.benchmark.run.plan import Plan
from detector.types import Sample
from detector.weights import version as version_of

PACKAGES = ("torch", "timm", "opencv-python-headless", "scikit-learn", "numpy", "mlflow")


def facts_of(plan: Plan, data: Data, parts: Parts, tools: Tools) -> dict[str, str]:
    """Command, commit, date, data, protocol, models and versions, in this order."""
    return {
        "command": plan.command,
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "data": f"{data.path.as_posix()} ({data.layout}), {len(data.samples)} files, digest {_digest(data)}",
        "tested": _counts(parts.test),
        "fitted": _counts(parts.fit) or "nothing is set apart; held-out folds of what is tested",
        "protocol": plan.protocol.about,
        "frames": f"{plan.protocol.frames} of a clip, {plan.protocol.aggregate}",
        "models": _listed({**tools.versions, "classifier": version_of(plan.classifier)}),
        "versions": _listed({"detector": detector.__version__, "python": platform.python_version(), **_packages()}),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {plan.device}",
    }


def _commit() -> str:
    """Of the checkout that the package lies in, and whether it was changed since; "none" for an installed package."""
    folder = Path(detector.__file__).parent
    try:
        head = _git(folder, "rev-parse", "--short", "HEAD")
        return f"{head}, changed since" if _git(folder, "status", "--porcelain", "--", ".") else head
    except (OSError, subprocess.CalledProcessError):
        return "none"


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _digest(data: Data) -> str:
    """Of what every file is said to be: the same list of files gives the same one, wherever it lies."""
    return digest(
        *(
            f"{os.path.relpath(one.path, data.root)} {one.label} {one.generator} {one.group} {one.split}"
            for one in data.samples
        )
    )


def _counts(samples: Sequence[Sample]) -> str:
    counts = Counter((one.label, origin(one)) for one in samples)
    return ", ".join(f"{name} {count}" for (_, name), count in sorted(counts.items()))


def _packages() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def _listed(names: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in names.items())
