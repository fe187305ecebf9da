"""What tells real from fake without a look at a face: formats and sizes that only one class has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from detector.benchmark.datasets.files import File
from detector.benchmark.datasets.layout import origin
from detector.errors import MediaError
from detector.media import MediaLimits
from detector.media.kinds import Format
from detector.types import Sample

CLASSES = ("real", "fake")
"""The words for the labels 0 and 1."""
SAMPLED = 200
"""Of each origin so many headers at most are read for their sizes, evenly taken."""
SHOWN = 3


def shortcuts(samples: Sequence[Sample], files: Mapping[str, File]) -> tuple[str, ...]:
    """Every shortcut in a sentence; none where one class has no file whose format is known.

    A detector that is trained on such data reads the file instead of the face (Grommelt et al., "Fake or JPEG?",
    ECCV Workshops 2024).

    Args:
        samples: all of a dataset.
        files: what `files.look` says of them.
    """
    known = {one.path: one for one in samples if files[one.path].format}
    if {one.label for one in known.values()} != {0, 1}:
        return ()
    return (*_one_sided_formats(known, files), *_sizes_apart(known, files))


def _one_sided_formats(known: Mapping[str, Sample], files: Mapping[str, File]) -> Iterator[str]:
    formats: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for path, sample in known.items():
        if found := files[path].format:
            formats[sample.label][found.name] += 1
    for label, own in enumerate(formats):
        for name, count in own.most_common():
            if name not in formats[1 - label]:
                yield f"{name}: {count:,} of the {own.total():,} {CLASSES[label]} files, no {CLASSES[1 - label]} one"


def _sizes_apart(known: Mapping[str, Sample], files: Mapping[str, File]) -> Iterator[str]:
    """One sentence where no size is of both classes."""
    sizes: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for sample in _some_of_each(known.values()):
        if (found := files[sample.path].format) and (size := _size(Path(sample.path), found)):
            sizes[sample.label][size] += 1
    if all(sizes) and not sizes[0].keys() & sizes[1].keys():
        told = "; ".join(f"{name} {_often(own)}" for name, own in zip(CLASSES, sizes, strict=True))
        yield f"no size in px is of both classes, of {sizes[0].total() + sizes[1].total():,} files looked at: {told}"


def _some_of_each(samples: Iterable[Sample]) -> Iterator[Sample]:
    origins: defaultdict[tuple[int, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        origins[sample.label, origin(sample)].append(sample)
    for own in origins.values():
        yield from own[:: -(-len(own) // SAMPLED)]


def _often(sizes: Counter[str]) -> str:
    told = ", ".join(f"{size} ({count:,})" for size, count in sizes.most_common(SHOWN))
    return f"{told} and {len(sizes) - SHOWN:,} more" if len(sizes) > SHOWN else told


def _size(path: Path, found: Format) -> str | None:
    """Width and height by the header; None where it cannot be read."""
    try:
        with path.open("rb") as stream:
            if found.kind == "image":
                from detector.media.images import open_picture

                with open_picture(stream, found, MediaLimits()) as picture:
                    return f"{picture.width} x {picture.height}"
            from detector.media.video import open_video

            with open_video(stream, found, MediaLimits()) as (_, video):
                return f"{video.codec_context.width} x {video.codec_context.height}"
    except (OSError, MediaError):
        return None
