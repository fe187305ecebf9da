"""What DeepfakeBench lays on disk: lists of frames in JSON, and the frames."""

from __future__ import annotations

from pathlib import Path

from detector.benchmark.datasets.dataset_json import from_json
from detector.benchmark.datasets.layout import Layout
from detector.benchmark.datasets.rgb import from_rgb, is_rgb
from detector.types import Sample


def from_deepfakebench(path: Path) -> list[Sample]:
    """The frames that a dataset's JSON file lists, or those of all datasets below a folder ``rgb/``.

    One sample a frame; `Sample.clip` tells clips of the same bare name in two manipulations' folders apart (the
    benchmark itself averages their scores together).
    """
    return from_json(path) if path.suffix.lower() == ".json" else from_rgb(path)


LAYOUTS = {
    "deepfakebench": Layout(
        from_deepfakebench,
        lambda path: path.suffix.lower() == ".json" if path.is_file() else is_rgb(path),
        "a .json file, or rgb/<dataset>/…/frames/",
        "deepfakebench.md",
    )
}
"""The layouts that are read here."""
