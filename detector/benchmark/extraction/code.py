"""Which code numbers depend on: a change of it never meets numbers that the code before it has made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import detector

FACES = ("faces/crops.py", "faces/limits.py", "benchmark/histories", "benchmark/extraction/meeting.py")
"""What the re-made faces depend on beside the models."""
FEATURES = ("features", "folding.py")
"""What turns crops and reconstructions into numbers."""
CODE = (*FEATURES, *FACES)
"""What the features of a VAE depend on beside the models."""


@cache
def code_digest(*parts: str) -> str:
    """A digest of code that makes numbers: files and folders of the package."""
    package = Path(detector.__file__).parent
    files = sorted(file for part in parts for file in _files(package / part))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def digest(*words: str) -> str:
    """24 hexadecimal digits that stand for words."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]


def _files(path: Path) -> Iterator[Path]:
    yield from path.glob("*.py") if path.is_dir() else [path]
