"""DeepfakeBench's lists of frames: preprocessing/dataset_json/<dataset>.json."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from detector.benchmark.datasets.footage import read_json
from detector.benchmark.datasets.labels import tell_label
from detector.benchmark.datasets.layout import portable
from detector.benchmark.datasets.originals import Clip, frames_of
from detector.benchmark.datasets.tree import SPLITS
from detector.errors import ConfigError
from detector.media.find import natural
from detector.types import Sample

COMPRESSION = re.compile(r"raw|c\d+")

PARTS = ("Celeb-real", "YouTube-real", "Celeb-synthesis")
"""Folders that are sets of their own below one label."""

ROOTS = ("", "datasets/rgb", "datasets", "rgb")
"""Where the frames are, seen from the folder of the list or one of the three above it."""

STRICTEST = ("test", "val", "train")


@dataclass(frozen=True)
class Listed:
    """One clip as the list has it."""

    dataset: str
    label: str
    split: str
    compression: str
    video: str
    frames: tuple[tuple[str, ...], ...]


def from_json(path: Path) -> list[Sample]:
    """The frames of a list: dataset -> label -> split -> [compression] -> video -> {"label", "frames"}.

    Paths in it may be of another machine or system: of each, the longest end that is there counts. A clip in several
    splits (Celeb-DF's "train" holds its "test", UADFV's three splits are one) is in the strictest, and there once. A
    compression of which nothing is there is left out, and so is a clip in which the benchmark found no face.

    Raises:
        ConfigError: the file is no such list, or some of its clips are not there.
    """
    listed = [clip for clip in _listed(path, read_json(path, "a list of DeepfakeBench")) if clip.frames]
    listed.sort(key=lambda clip: STRICTEST.index(clip.split))
    once: dict[str, Clip] = {}
    for entry, frames in _found(path, listed):
        clip = _clip(path, entry, frames)
        once.setdefault(clip.name, clip)
    return list(frames_of(list(once.values())))


def _listed(path: Path, content: Any) -> Iterator[Listed]:
    for dataset, labels in _mapping(path, content, ()).items():
        for label, splits in _mapping(path, labels, (dataset,)).items():
            for split, videos in _mapping(path, splits, (dataset, label)).items():
                if split not in SPLITS:
                    raise ConfigError(f"{path}: {dataset} > {label}: expected splits {', '.join(SPLITS)}, got {split}")
                for where, video, frames in _videos(path, videos, (dataset, label, split)):
                    compression = where[3] if len(where) > 3 else ""
                    yield Listed(dataset, label, SPLITS[split], compression, video, frames)


def _videos(
    path: Path, videos: Any, where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, tuple[tuple[str, ...], ...]]]:
    """Where each video stands, its name, and the parts of its frames' paths."""
    for name, entry in _mapping(path, videos, where).items():
        if len(where) == 3 and COMPRESSION.fullmatch(name):
            yield from _videos(path, entry, (*where, name))
        # The benchmark's own script writes a clip of DFDC's "test" in the place of its "val": without a name.
        elif isinstance(entry, dict) or "frames" not in videos:
            yield where, name, _frames(path, entry, (*where, name))


def _frames(path: Path, entry: Any, where: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    frames = _mapping(path, entry, where).get("frames")
    if not (isinstance(frames, list) and all(isinstance(frame, str) for frame in frames)):
        raise ConfigError(f"{path}: {' > '.join(where)}: expected a list of paths as its frames, got {_short(frames)}")
    return tuple(PurePosixPath(frame).parts for frame in sorted((portable(frame) for frame in frames), key=natural))


def _mapping(path: Path, value: Any, where: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {' > '.join(where) or 'the file'}: expected a mapping, got {_short(value)}")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:60]}…"


def _found(path: Path, listed: Sequence[Listed]) -> Iterator[tuple[Listed, list[Path]]]:
    """The clips whose first frame is there."""
    bases = [folder / root for folder in path.absolute().parents[:4] for root in ROOTS]
    roots = [base for base in bases if base.is_dir()]
    found = [(clip, frames) for clip in listed if (frames := _locate(clip.frames, roots))]
    there = {clip.compression for clip, _ in found}
    expected = [clip for clip in listed if clip.compression in there]
    if len(found) < len(expected) or not found:
        lost = set(expected or listed) - {clip for clip, _ in found}
        first = min(["/".join(clip.frames[0]) for clip in lost], default="no frame is listed")
        raise ConfigError(
            f"{path}: {len(lost)} of {len(expected or listed)} clips are not there, the first {first}; "
            f"expected it below one of {', '.join(ROOTS[1:])} beside the list or up to three folders above"
        )
    yield from found


def _locate(frames: Sequence[tuple[str, ...]], roots: Sequence[Path]) -> list[Path]:
    """The frames below the first root that has the longest end of the first one's path; none where none has."""
    first = frames[0]
    for start in range(len(first) - 1):
        for root in roots:
            if root.joinpath(*first[start:]).is_file():
                return [root.joinpath(*frame[start:]) for frame in frames]
    return []


def _clip(path: Path, listed: Listed, frames: Sequence[Path]) -> Clip:
    try:
        label = tell_label(listed.label, listed.dataset, listed.frames[0])
    except ConfigError as error:
        raise ConfigError(f"{path}: {listed.dataset}: {error}") from error
    parts = listed.frames[0]
    part = listed.compression or next((one for one in parts if one in PARTS or COMPRESSION.fullmatch(one)), "")
    source = "/".join(filter(None, (label.source, part)))
    name = f"deepfakebench/{source}/{listed.label}/{listed.video}"
    return Clip(name, label.family, listed.video, label.generator, source, listed.split, frames)
