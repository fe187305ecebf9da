"""DeeperForensics-1.0 (Jiang et al., CVPR 2020)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from detector.benchmark.datasets.footage import clips_below, fake, listed_clips, read_text, real, samples_of
from detector.benchmark.datasets.layout import Layout, portable
from detector.errors import ConfigError
from detector.types import Sample

DATASET = "deeperforensics"
GENERATOR = "DF-VAE"
FAKES = "manipulated_videos"
LISTS = "lists/splits"
SPLITS = ("test", "val", "train")
TARGETS = ("target_videos", "original_sequences/youtube/c23")
"""Where the real clips are looked for: they are FaceForensics++'s, and do not come with the dataset."""
SWAP = re.compile(r"(?P<target>\d+)_(?P<actor>[MW]\d+)")


def read_deeperforensics(root: Path) -> list[Sample]:
    """The manipulated clips of every variant that is there, and the clips of FaceForensics++ that they were made from.

    Clips are of one group that share a target or an actor, as the authors ask for. Every clip that the lists name is
    a sample, in each variant that is there at all. The source videos are left out: by the authors' word they "are not
    the 'real' part for detection", and in their studio any detector would know them by the background.

    Raises:
        ConfigError: a list, all variants or the targets are missing, or a clip is in no list.
    """
    splits = read_splits(root)
    variants = sorted(path for path in (root / FAKES).iterdir() if path.is_dir()) if (root / FAKES).is_dir() else []
    if not variants:
        raise ConfigError(f"{root}: expected {FAKES}/<variant>/, such as {FAKES}/end_to_end/; found none")
    groups = _groups(splits)
    fakes = [sample for folder in variants for sample in _fakes(root, folder, splits, groups)]
    return [*_reals(root, splits, groups), *fakes]


def read_splits(root: Path) -> dict[str, str]:
    """The split of every swap that the official lists name, such as 000_M101."""
    splits: dict[str, str] = {}
    for split in SPLITS:
        path = root / LISTS / f"{split}.txt"
        for number, line in enumerate(read_text(path, "an official list, lines like 000_M101.mp4").splitlines(), 1):
            name = Path(portable(line.strip())).stem
            if name and not SWAP.fullmatch(name):
                raise ConfigError(f"{path}, line {number}: expected a swap like 000_M101.mp4, got {line!r}")
            if name:
                splits[name] = split
    return splits


def _groups(splits: dict[str, str]) -> dict[str, str]:
    """The group of each target and actor: all that swaps link, named after the first actor among them."""
    from scipy.cluster.hierarchy import DisjointSet

    linked: DisjointSet = DisjointSet()
    for name in splits:
        target, actor = name.split("_")
        linked.add(target)
        linked.add(actor)
        linked.merge(target, actor)
    named = {min(one for one in some if not one.isdecimal()): some for some in linked.subsets()}
    return {one: f"{DATASET}/{name}" for name, some in named.items() for one in some}


def _fakes(root: Path, folder: Path, splits: dict[str, str], groups: dict[str, str]) -> Iterator[Sample]:
    listed = {name: Path(f"{name}.mp4") for name in splits}
    for name, files in listed_clips(folder, listed, f"the lists in {LISTS}"):
        about = fake(GENERATOR, f"{DATASET}/{folder.name}", groups[name.split("_")[0]], splits[name])
        yield from samples_of(files, root, DATASET, about)


def _reals(root: Path, splits: dict[str, str], groups: dict[str, str]) -> Iterator[Sample]:
    folder = next((root / name for name in TARGETS if (root / name).is_dir()), None)
    if folder is None:
        raise ConfigError(
            f"{root}: expected the real clips, 000.mp4 to 999.mp4 of FaceForensics++ at c23, in {' or '.join(TARGETS)}:"
            " they do not come with DeeperForensics; put them, or a link to them, there"
        )
    found = clips_below(folder)  # what no swap was made from is none of this dataset
    for name, split in {name.split("_")[0]: split for name, split in splits.items()}.items():
        files = found.get(name) or [folder / f"{name}.mp4"]
        yield from samples_of(files, root, DATASET, real("youtube/c23", groups[name], split))


LAYOUTS = {
    DATASET: Layout(
        read_deeperforensics,
        lambda root: (root / FAKES).is_dir() and (root / LISTS).is_dir(),
        f"{FAKES}/ beside {LISTS}/",
        "deeperforensics.md",
    )
}
"""DeeperForensics-1.0, with all variants that are there."""
