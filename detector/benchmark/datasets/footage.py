"""Clips on disk: videos or folders of their frames, the lists that name them, and the samples that they are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from detector.benchmark.datasets.layout import media_below
from detector.errors import ConfigError
from detector.media.kinds import FORMATS
from detector.types import Sample

HOMES = frozenset({"videos", "frames", "images"})
"""Folders that say how a clip lies there and are no part of its name."""
MASKS = "masks"
"""Pictures and videos in a folder of this name show what was manipulated; they are no clips."""
PICTURES = frozenset(suffix for one in FORMATS.values() if one.kind == "image" for suffix in one.suffixes)


def clips_below(folder: Path) -> dict[str, list[Path]]:
    """The clips below a folder, by name: the video of each or, where there is none, its frames in natural order.

    A clip's name is its path in the folder without extension and without `HOMES`; frames lie in a folder of that
    name: videos/000.mp4 and frames/000/17.png are of the same clip.

    Raises:
        ConfigError: a picture lies in no clip's folder, so that nothing says whose frame it is.
    """
    videos: defaultdict[str, list[Path]] = defaultdict(list)
    frames: defaultdict[str, list[Path]] = defaultdict(list)
    for path in media_below(folder):
        inner = path.relative_to(folder)
        if MASKS in inner.parts:
            continue
        if is_frame(path):
            frames[clip_name(inner.parent)].append(path)
        else:
            videos[clip_name(inner.with_suffix(""))].append(path)
    if stray := frames.get(""):
        raise ConfigError(f"{stray[0]}: expected videos, or the frames of each clip in a folder of its own")
    return {**frames, **videos}


def clip_name(inner: Path) -> str:
    """The name of a clip at a path, relative and without extension."""
    return "/".join(part for part in inner.parts if part not in HOMES)


def is_frame(path: Path) -> bool:
    """Whether a file of a clip is one frame of it."""
    return path.suffix.lower() in PICTURES


def listed_clips(folder: Path, listed: Mapping[str, Path], by: str) -> Iterator[tuple[str, list[Path]]]:
    """Every clip that a list names, with its files; one that is not there has the path where its video would be.

    So a clip that is missing is a file that cannot be read, and no figure is silently about the others.

    Args:
        folder: where the clips lie.
        listed: by the name of each clip, where in the folder its video would be.
        by: the list, for messages.

    Raises:
        ConfigError: there is no clip, or one that the list does not name.
    """
    found = clips_below(folder)
    if not found:
        raise ConfigError(f"{folder}: expected videos, or folders of frames, found none")
    if strange := [name for name in found if name not in listed]:
        first = found[strange[0]][0]
        raise ConfigError(f"{first}: not named by {by}, like {len(strange)} of the {len(found)} clips in {folder}")
    for name, path in listed.items():
        yield name, found.get(name) or [folder / path]


def samples_of(files: Sequence[Path], root: Path, dataset: str, about: Sample) -> Iterator[Sample]:
    """The samples that the files of a clip are.

    Args:
        files: its video, or its frames.
        root: where the dataset begins.
        dataset: its name: with it, a clip's name is that of no other clip.
        about: what is true of all of them.
    """
    for file in files:
        clip = f"{dataset}/{file.parent.relative_to(root).as_posix()}" if is_frame(file) else ""
        yield replace(about, path=str(file), clip=clip)


def real(source: str, group: str, split: str) -> Sample:
    """What is true of all files of a real clip."""
    return Sample("", 0, "camera", source, group, split)


def fake(generator: str, source: str, group: str, split: str) -> Sample:
    """What is true of all files of a fake clip."""
    return Sample("", 1, generator, source, group, split)


def read_text(path: Path, expected: str) -> str:
    """The text of a file.

    Raises:
        ConfigError: there is none that can be read; says what was expected.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; expected {expected}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8; expected {expected}") from error


def read_json(path: Path, expected: str) -> Any:
    """What a JSON file holds.

    Raises:
        ConfigError: there is none that can be read; says what was expected.
    """
    try:
        return json.loads(read_text(path, expected))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no JSON ({error}); expected {expected}") from error


def subfolder(root: Path, name: str) -> Path | None:
    """The folder of that name in a root, whatever its capitals, and with spaces, - and _ meaning the same."""
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return next((folder for folder in folders if alike(folder.name) == alike(name)), None)


def alike(name: str) -> str:
    """One spelling for all the ways in which copies of a dataset spell the name of a folder."""
    return name.casefold().replace(" ", "-").replace("_", "-")
