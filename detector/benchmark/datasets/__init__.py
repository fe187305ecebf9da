"""Datasets on disk -> samples: what each file is, and which files must stay together."""

from __future__ import annotations

import re
from pathlib import Path

from detector.benchmark.datasets import deepfakebench, generated, manifest, swaps
from detector.benchmark.datasets.layout import Layout, leaks, origin, portable
from detector.errors import ConfigError, UnknownNameError
from detector.types import Sample

__all__ = ["DATASETS", "Layout", "leaks", "load_dataset", "named", "origin", "portable", "tell_layout"]

DATASETS: dict[str, Layout] = {**swaps.LAYOUTS, **generated.LAYOUTS, **deepfakebench.LAYOUTS, **manifest.LAYOUTS}
"""Each layout of a dataset by name; where several look like a root, the first one is meant."""


def load_dataset(kind: str, path: Path) -> list[Sample]:
    """Read a dataset.

    Args:
        kind: an entry of `DATASETS`.
        path: what that entry reads.

    Raises:
        UnknownNameError: no entry has that name.
        ConfigError: what is there is not what that entry reads.
    """
    if kind not in DATASETS:
        raise UnknownNameError("dataset kind", kind, DATASETS)
    return DATASETS[kind].read(path)


def named(word: str) -> tuple[str, Path]:
    """The layout and the root that "ROOT" or "LAYOUT:ROOT" means; a layout that is not named is told by what is there.

    The drive of a path of Windows, as in C:\\data, is no layout.

    Raises:
        UnknownNameError: no layout has that name, and nothing is there that is called so as a whole.
        ConfigError: there is nothing, or nothing that is known.
    """
    layout, colon, root = word.partition(":")
    if colon and layout in DATASETS:
        return layout, Path(root)
    path = Path(word)
    if colon and re.fullmatch(r"[\w.-]{2,}", layout) and not path.exists():
        raise UnknownNameError("layout", layout, DATASETS)
    return tell_layout(path), path


def tell_layout(path: Path) -> str:
    """The name of the layout that a root has.

    Raises:
        ConfigError: there is nothing, or nothing that is known.
    """
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder; expected a dataset")
    for name, layout in DATASETS.items():
        if layout.looks_like(path):
            return name
    known = "; ".join(f"{name}: {layout.marks}" for name, layout in DATASETS.items())
    raise ConfigError(f"{path}: of no known layout, name one. Known are {known}")
