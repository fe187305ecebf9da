"""DeepFakeDetection (Google and Jigsaw, 2019), which comes with FaceForensics++."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from detector.benchmark.datasets.faceforensics import (
    COMPRESSIONS,
    FAKES,
    ORIGINALS,
    Sequences,
    has_sequences,
    sequences,
)
from detector.benchmark.datasets.footage import clips_below, fake, real, samples_of
from detector.benchmark.datasets.layout import Layout
from detector.errors import ConfigError
from detector.types import Sample

DATASET = "dfd"
MANIPULATION = "DeepFakeDetection"
NAME = re.compile(r"(?P<target>\d+)(_\d+)?__.+")
"""An original is named actor__scene, a fake target_source__scene__experiment."""


def read_dfd(root: Path, compressions: tuple[str, ...]) -> list[Sample]:
    """Originals and fakes, all of the split "test": there is no official one, and the field only tests on it.

    A group is the actor of the clip. The face swapped into it is another actor's: swaps link nearly all actors with
    one another, so that no split of this dataset keeps all faces apart.

    Raises:
        ConfigError: fakes or originals are missing, or a clip's name tells no actor.
    """
    found = sequences(root, "actors", (MANIPULATION,), compressions)
    return [sample for kind in found for sample in _samples(root, kind)]


def _samples(root: Path, kind: Sequences) -> Iterator[Sample]:
    clips = clips_below(kind.folder)
    if not clips:
        raise ConfigError(f"{kind.folder}: expected videos, or folders of frames, found none")
    for name, files in clips.items():
        told = NAME.fullmatch(name)
        if told is None:
            raise ConfigError(f"{files[0]}: expected a clip named like 01__walking or 01_02__walking__A1B2C3D4")
        group = f"{DATASET}/{told['target']}"
        about = fake(kind.name, kind.source, group, "test") if kind.fake else real(kind.source, group, "test")
        yield from samples_of(files, root, DATASET, about)


LAYOUTS = {
    DATASET + ending: Layout(
        partial(read_dfd, compressions=compressions),
        partial(has_sequences, originals="actors", manipulations=(MANIPULATION,), compressions=compressions),
        f"{FAKES}/{MANIPULATION}/ beside {ORIGINALS}/actors/, with {' or '.join(compressions)} in both",
        "dfd.md",
    )
    for ending, compressions in COMPRESSIONS.items()
}
"""DeepFakeDetection, at every compression that is there or at one."""
