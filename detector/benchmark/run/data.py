"""What a benchmark is asked to look at: datasets by their paths, and which of their files do what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from detector.benchmark.datasets import leaks, load_dataset, named, origin
from detector.errors import ConfigError
from detector.types import Sample

TEST = "test"
FIT_FRAMES = 4
"""Frames of a clip that are fitted: more of one clip teach little."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Data:
    """One dataset.

    Attributes:
        name: what it is called in the report.
        layout: an entry of `DATASETS`.
        path: where it is.
        samples: all its files.
    """

    name: str
    layout: str
    path: Path
    samples: tuple[Sample, ...]

    @property
    def root(self) -> Path:
        """The folder that its files' names are relative to."""
        return self.path if self.path.is_dir() else self.path.parent


@dataclass(frozen=True)
class Parts:
    """Which files do what.

    Attributes:
        fit: what may be fitted; empty where nothing is set apart for that.
        test: what the figures are about.
        leaking: the groups of `test` that lie in another split too; none of their files is fitted.
    """

    fit: tuple[Sample, ...]
    test: tuple[Sample, ...]
    leaking: Mapping[str, tuple[str, ...]]


def load_data(words: Sequence[str]) -> list[Data]:
    """Datasets named as "PATH" or "LAYOUT:PATH"; of several with one name, the later ones are numbered.

    Raises:
        ConfigError: there is none, or it is of no known layout.
    """
    found: dict[str, Data] = {}
    for word in words:
        data = _load(word)
        name, number = data.name, 1
        while name in found:
            number += 1
            name = f"{data.name}-{number}"
        found[name] = replace(data, name=name)
    return list(found.values())


def _load(word: str) -> Data:
    layout, root = named(word)
    samples = tuple(load_dataset(layout, root))
    if not samples:
        raise ConfigError(f"{root}: expected files of the layout {layout}, found none; see `detector data check`")
    resolved = root.resolve()
    return Data((resolved.parent if resolved.is_file() else resolved).name or layout, layout, root, samples)


def part(data: Data, train: Sequence[Data], aside: Sequence[str], frames: int, most: int | None) -> Parts:
    """Which files of a dataset are tested, and what is fitted for them.

    Args:
        data: what is tested: its split "test", or all of it where it has none.
        train: what is fitted instead of its own other splits, all of each.
        aside: sources that are fitted but never tested.
        frames: of a clip that lies there as pictures, so many are looked at, evenly spaced.
        most: of each generator and real source, so many clips at most are tested, evenly taken; None for all.

    Raises:
        ConfigError: there is something to train on, and all of it is tested too.
    """
    has_test = any(sample.split == TEST for sample in data.samples)
    test = [sample for sample in data.samples if sample.split == TEST or not has_test]
    test = [sample for sample in _thinned(test, frames, most) if sample.source not in aside]
    own = [sample for sample in data.samples if has_test and sample.split != TEST]
    fit = [sample for other in train for sample in other.samples] if train else own
    tested = {sample.group for sample in test}
    known = leaks(data.samples)
    kept = tuple(sample for sample in _thinned(fit, FIT_FRAMES, None) if sample.group not in tested)
    if train and not kept:
        names = ", ".join(other.name for other in train)
        raise ConfigError(
            f"--train {names}: every group in it is tested too, e.g. {fit[0].group}: nothing may be fitted"
        )
    return Parts(
        fit=kept,
        test=tuple(test),
        leaking={group: known[group] for group in sorted(tested & set(known))},
    )


def _thinned(samples: Sequence[Sample], frames: int, most: int | None) -> list[Sample]:
    """At most so many clips of each origin, and of each clip at most so many frames, evenly taken."""
    clips: defaultdict[tuple[int, str], dict[str, list[Sample]]] = defaultdict(dict)
    for sample in samples:
        clips[sample.label, origin(sample)].setdefault(sample.video, []).append(sample)
    kept = [
        sample for own in clips.values() for video in evenly(list(own), most) for sample in evenly(own[video], frames)
    ]
    order = {id(sample): place for place, sample in enumerate(samples)}
    return sorted(kept, key=lambda sample: order[id(sample)])


def evenly(items: Sequence[Item], most: int | None) -> list[Item]:
    """At most so many of some items: the middle ones of as many equal spans; None for all."""
    if most is None or len(items) <= most:
        return list(items)
    places = ((np.arange(most) + 0.5) * len(items) / most).astype(int)
    return [items[place] for place in places]
