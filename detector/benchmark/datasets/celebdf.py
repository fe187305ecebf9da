"""Celeb-DF v1 and v2 (Li et al., CVPR 2020)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from detector.benchmark.datasets.footage import (
    HOMES,
    alike,
    clip_name,
    clips_below,
    fake,
    read_text,
    real,
    samples_of,
    subfolder,
)
from detector.benchmark.datasets.layout import Layout, portable
from detector.errors import ConfigError
from detector.types import Sample

REALS = ("Celeb-real", "YouTube-real")
FAKES = "Celeb-synthesis"
FOLDERS = (*REALS, FAKES)
TEST_LIST = "List_of_testing_videos.txt"
LINE = re.compile(r"(?P<real>[01])\s+(?P<path>\S.*)")
SWAP = re.compile(r"(?P<target>id\d+)_id\d+_(?P<clip>\d+)")
PEOPLE_V1 = 13
"""So many celebrities has v1; v2 has 59."""


def read_celebdf(root: Path, dataset: str) -> list[Sample]:
    """What the official list names is "test", and all else "train"; a swap is of the group of the clip it changed.

    Every clip that the list names is a sample, whether it is there or not.

    Raises:
        ConfigError: a folder or the list is missing or empty, a line is none, or it calls a real clip fake (1 stands
            for real in this list).
    """
    folders = {name: subfolder(root, name) for name in FOLDERS}
    if missing := [name for name, folder in folders.items() if folder is None]:
        raise ConfigError(f"{root}: expected {', '.join(FOLDERS)} and {TEST_LIST}; missing {', '.join(missing)}")
    tested = read_test_list(root / TEST_LIST)
    return [
        sample
        for name, folder in folders.items()
        if folder is not None
        for sample in _samples(root, dataset, name, folder, tested[name])
    ]


def read_test_list(path: Path) -> dict[str, dict[str, str]]:
    """The official test clips: of each of the `FOLDERS`, the file in it by the clip's name.

    A line is ``1 YouTube-real/00170.mp4``, where **1 stands for real**, the reverse of a sample's label.
    """
    expected = f"the official {TEST_LIST}, lines like 1 YouTube-real/00170.mp4"
    found: dict[str, dict[str, str]] = {name: {} for name in FOLDERS}
    for number, line in enumerate(read_text(path, expected).splitlines(), 1):
        if line.strip():
            folder, inner = _line(f"{path}, line {number}", line.strip(), expected)
            found[folder][clip_name(inner.with_suffix(""))] = inner.as_posix()
    return found


def _line(where: str, line: str, expected: str) -> tuple[str, Path]:
    told = LINE.fullmatch(line)
    inner = Path(portable(told["path"])) if told else Path()
    folder = next((name for name in FOLDERS if alike(name) == alike(inner.parts[0])), "") if inner.parts else ""
    if told is None or not folder:
        raise ConfigError(f"{where}: expected {expected}; got {line!r}")
    if (told["real"] == "1") != (folder in REALS):
        raise ConfigError(f"{where}: {line!r} does not fit its folder: 1 stands for real and 0 for fake in this list")
    return folder, inner.relative_to(inner.parts[0])


def _samples(root: Path, dataset: str, name: str, folder: Path, tested: dict[str, str]) -> Iterator[Sample]:
    found = clips_below(folder)
    if not found:
        raise ConfigError(f"{folder}: expected videos, or folders of frames, found none")
    absent = {clip: [folder / file] for clip, file in tested.items() if clip not in found}
    for clip, files in {**found, **absent}.items():
        split = "test" if clip in tested else "train"
        yield from samples_of(files, root, dataset, _about(dataset, name, clip, split))


def _about(dataset: str, name: str, clip: str, split: str) -> Sample:
    source = f"{dataset}/{name}"
    if name in REALS:
        return real(source, f"{source}/{clip}", split)
    if not (swap := SWAP.fullmatch(clip)):
        raise ConfigError(f"{name}/{clip}: expected a clip named like id0_id1_0000, target, face and number")
    return fake(dataset, source, f"{dataset}/{REALS[0]}/{swap['target']}_{swap['clip']}", split)


def _people(root: Path) -> int:
    """How many celebrities the real clips show."""
    homes = [home for home in (subfolder(root, REALS[0]),) if home]
    homes += [home / name for home in homes for name in sorted(HOMES) if (home / name).is_dir()]
    names = [path.name.split("_")[0] for home in homes for path in home.iterdir()]
    return len({name for name in names if name.startswith("id")})


def _looks_like(root: Path, v1: bool) -> bool:
    return all(subfolder(root, name) for name in FOLDERS) and (_people(root) <= PEOPLE_V1) == v1


LAYOUTS = {
    f"celeb-df-{version}": Layout(
        partial(read_celebdf, dataset=f"celeb-df-{version}"),
        partial(_looks_like, v1=version == "v1"),
        f"{', '.join(FOLDERS)}, with {people} in {REALS[0]}/",
        "celeb-df.md",
    )
    for version, people in (("v2", f"more than {PEOPLE_V1} people"), ("v1", f"{PEOPLE_V1} people at most"))
}
"""Both versions; their folders have the same names, so that only the number of people tells them apart."""
