"""Whether a dataset may be believed: what is there, what is missing, and what leaks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.benchmark.datasets import leaks, load_dataset, origin
from detector.benchmark.datasets.files import File, copies, look
from detector.benchmark.datasets.shortcuts import CLASSES, shortcuts
from detector.types import Sample

SPLITS = ("train", "val", "test")
EXAMPLES = 5


@dataclass(frozen=True)
class Count:
    """How much of one origin is in one split.

    Attributes:
        split: the split.
        label: one of `CLASSES`.
        origin: the set of real files, or what made the fakes.
        clips: clips and loose pictures.
        files: files, as many where no clip lies there as its frames.
    """

    split: str
    label: str
    origin: str
    clips: int
    files: int


@dataclass(frozen=True)
class Some:
    """What has one fault.

    Attributes:
        count: how many.
        examples: the first `EXAMPLES`, for people to look at.
        sets: of files, how many of each set.
    """

    count: int
    examples: tuple[str, ...]
    sets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What `check` found.

    Attributes:
        layout: an entry of `DATASETS`.
        root: where the dataset is.
        counts: one for each origin in each split.
        groups: how many are in each split.
        leaking: groups in more than one split: a classifier would know them by heart.
        copies: contents in more than one split or in both classes; None where contents were not compared.
        absent: files that are named and are not there, or cannot be opened.
        empty: files of no bytes.
        unknown: files whose content is of no format that is read here.
        mislabelled: files whose extension says another format than their content.
        one_class: the splits that lack a class ("test: no fake file"), so that no figure can be had of them.
        splits_unknown: names that are none of `SPLITS`; the benchmark would fit on what is there.
        splits_missing: those of `SPLITS` that are not there.
        shortcuts: what tells the classes apart without a look at a face, in sentences.
    """

    layout: str
    root: str
    counts: tuple[Count, ...]
    groups: Mapping[str, int]
    leaking: Some
    copies: Some | None
    absent: Some
    empty: Some
    unknown: Some
    mislabelled: Some
    one_class: tuple[str, ...]
    splits_unknown: tuple[str, ...]
    splits_missing: tuple[str, ...]
    shortcuts: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is missing and nothing leaks.

        A lying extension, a split that is not there and shortcuts are reasons to beware: many published datasets have
        them, and the benchmark can work with them.
        """
        some = (self.leaking, self.absent, self.empty, self.unknown, *([self.copies] if self.copies else ()))
        return not (any(one.count for one in some) or self.one_class or self.splits_unknown)


def check(layout: str, root: Path, quick: bool = False) -> Finding:
    """Look through a dataset; nothing is decoded, and nothing written.

    Args:
        layout: an entry of `DATASETS`.
        root: what that entry reads.
        quick: compare no contents: the one thing for which files are read to their end.

    Raises:
        UnknownNameError: no entry has that name.
        ConfigError: what is there is not what that entry reads.
        MediaError: a file ends in a fault.
    """
    samples = load_dataset(layout, root)
    files = look(samples)
    splits: defaultdict[str, set[int]] = defaultdict(set)
    for sample in samples:
        splits[sample.split].add(sample.label)
    return Finding(
        layout=layout,
        root=str(root),
        counts=_counts(samples),
        groups={split: len({one.group for one in samples if one.split == split}) for split in in_order(splits)},
        leaking=_leaking(leaks(samples)),
        copies=None if quick else _copies(copies(samples, files)),
        absent=_faulty(samples, files, lambda file: file.size is None),
        empty=_faulty(samples, files, lambda file: file.size == 0),
        unknown=_faulty(samples, files, lambda file: bool(file.size) and file.format is None),
        mislabelled=_faulty(samples, files, lambda file: file.warning is not None),
        one_class=_one_class(splits),
        splits_unknown=tuple(in_order(splits.keys() - set(SPLITS))),
        splits_missing=tuple(split for split in SPLITS if split not in splits),
        shortcuts=shortcuts(samples, files),
    )


def in_order(splits: Collection[str]) -> list[str]:
    """The `SPLITS` in their order, then any others."""
    return sorted(splits, key=lambda split: (SPLITS.index(split) if split in SPLITS else len(SPLITS), split))


def _counts(samples: Sequence[Sample]) -> tuple[Count, ...]:
    clips: defaultdict[tuple[int, str, str], set[str]] = defaultdict(set)
    files: Counter[tuple[int, str, str]] = Counter()
    for sample in samples:
        key = sample.label, origin(sample), sample.split
        clips[key].add(sample.video)
        files[key] += 1
    return tuple(
        Count(split, CLASSES[label], name, len(clips[label, name, split]), files[label, name, split])
        for label, name, split in sorted(clips)
    )


def _one_class(splits: Mapping[str, Collection[int]]) -> tuple[str, ...]:
    """What lacks a class: the whole dataset, or some of its splits."""
    there = {label for labels in splits.values() for label in labels}
    return (
        *(f"no {name} file at all" for label, name in enumerate(CLASSES) if label not in there),
        *(f"{split}: no {CLASSES[label]} file" for split in in_order(splits) for label in there - set(splits[split])),
    )


def _leaking(groups: Mapping[str, Sequence[str]]) -> Some:
    examples = [f"{group} ({', '.join(in_order(splits))})" for group, splits in groups.items()]
    return Some(len(groups), tuple(examples[:EXAMPLES]))


def _copies(found: Sequence[Sequence[Sample]]) -> Some:
    return Some(len(found), tuple(_same(some) for some in found[:EXAMPLES]))


def _same(samples: Sequence[Sample]) -> str:
    """The first file of each split and class."""
    first: dict[tuple[str, int], str] = {}
    for one in samples:
        first.setdefault((one.split, one.label), one.path)
    return " = ".join(f"{path} ({CLASSES[label]}, {split})" for (split, label), path in first.items())


def _faulty(samples: Sequence[Sample], files: Mapping[str, File], fault: Callable[[File], bool]) -> Some:
    found = {one.path: one.source for one in samples if fault(files[one.path])}
    return Some(len(found), tuple(found)[:EXAMPLES], dict(Counter(found.values()).most_common()))
