"""WildDeepfake (Zi et al., ACM Multimedia 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detector.benchmark.datasets.footage import clips_below, fake, real, samples_of, subfolder
from detector.benchmark.datasets.layout import Layout
from detector.errors import ConfigError
from detector.types import Sample

DATASET = "wilddeepfake"
GENERATOR = "in-the-wild"
SPLITS = ("train", "test")


def read_wilddeepfake(root: Path) -> list[Sample]:
    """The frames of every face sequence, in the split and class that its folder says.

    A group is what one archive held: the numbered folder in real_train/ and so on. Nothing says which of them show the
    same person, or come from the same film, across those folders.

    Raises:
        ConfigError: one class of a split is missing or empty, or nothing is there.
    """
    present = [split for split in SPLITS if _folder(root, "real", split) or _folder(root, "fake", split)]
    if not present:
        raise ConfigError(f"{root}: expected real_train/ and fake_train/, or real_test/ and fake_test/; found none")
    return [sample for split in present for name in ("real", "fake") for sample in _samples(root, name, split)]


def _folder(root: Path, name: str, split: str) -> Path | None:
    return subfolder(root, f"{name}_{split}")


def _samples(root: Path, name: str, split: str) -> Iterator[Sample]:
    folder = _folder(root, name, split)
    clips = clips_below(folder) if folder else {}
    if not clips:
        raise ConfigError(f"{root / f'{name}_{split}'}: expected folders of frames beside the other class, found none")
    for clip, files in clips.items():
        group = f"{DATASET}/{name}_{split}/{clip.split('/')[0]}"
        about = fake(GENERATOR, DATASET, group, split) if name == "fake" else real(DATASET, group, split)
        yield from samples_of(files, root, DATASET, about)


def _looks_like(root: Path) -> bool:
    return any(_folder(root, "real", split) and _folder(root, "fake", split) for split in SPLITS)


LAYOUTS = {
    DATASET: Layout(
        read_wilddeepfake,
        _looks_like,
        "real_train/ beside fake_train/, or real_test/ beside fake_test/",
        "wilddeepfake.md",
    )
}
"""WildDeepfake, unpacked."""
