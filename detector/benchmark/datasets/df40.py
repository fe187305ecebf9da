"""DF40: forty methods, each with fakes of FaceForensics++ and Celeb-DF faces, or with real faces of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from detector.benchmark.datasets.layout import Layout, media_below
from detector.benchmark.datasets.originals import CELEB_DF, FACEFORENSICS, Clip, frames_of, originals
from detector.benchmark.datasets.tree import CAMERA, folders, whole
from detector.errors import ConfigError
from detector.types import Sample

DOMAINS = {"ff": FACEFORENSICS, "cdf": CELEB_DF}
"""The folder of a method that says whose faces it changed."""

ORIGINALS = {
    FACEFORENSICS: {"youtube/c23": "FaceForensics++/original_sequences/youtube/c23"},
    CELEB_DF: {f"{CELEB_DF}/{name}": f"Celeb-DF-v2/{name}" for name in ("Celeb-real", "YouTube-real")},
}
"""Where the real faces of a domain are, by their source: in two archives of their own, beside DF40/."""

CONTAINERS = ("ff", "cdf", "fake", "real", "frames", "inversions", "Celeb-real", "YouTube-real")
"""Folders inside a method that are no clip."""


def from_df40(root: Path) -> Iterator[Sample]:
    """DF40 (Yan et al., NeurIPS 2024), preprocessed: ``DF40/<method>/{ff,cdf,fake,real}/[frames/]<video>/000.png``.

    ``DF40/`` is the split "test", ``DF40_train/`` "train". Real FaceForensics++ clips are in the split of the fakes
    that were made from them. Pictures out of whole-face generators are loose: their folders of up to 32 are no clips.

    Raises:
        ConfigError: there are fakes of a domain, and its real faces are not beside them.
    """
    home, parts = _parts(root)
    fakes = [clip for folder, split in parts for method in folders(folder) for clip in _method(method, split)]
    domains = sorted({clip.family for clip in fakes} & set(ORIGINALS))
    reals = [clip for domain in domains for clip in _reals(home, domain)]
    yield from frames_of([*_assigned(reals, fakes), *fakes])


LAYOUTS = {
    "df40": Layout(
        whole(from_df40, "DF40/<method>/{ff,cdf,fake,real}/ beside FaceForensics++/ and Celeb-DF-v2/"),
        lambda root: (root / "DF40").is_dir() or any((m / name).is_dir() for m in folders(root) for name in DOMAINS),
        "DF40/, or <method>/{ff,cdf}/",
        "df40.md",
    )
}
"""The layouts that are read here."""


def _parts(root: Path) -> tuple[Path, tuple[tuple[Path, str], ...]]:
    """The folder with the real faces, and the folders of methods with their splits."""
    if (root / "DF40").is_dir():
        return root, ((root / "DF40", "test"), (root / "DF40_train", "train"))
    return root.parent, ((root, "test"),)


def _method(method: Path, split: str) -> Iterator[Clip]:
    by_folder: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in media_below(method):
        if not {"landmarks", "masks"} & set(path.relative_to(method).parts):
            by_folder[path.parent].append(path)
    for folder, frames in by_folder.items():
        yield from _clips(method, folder, frames, split)


def _clips(method: Path, folder: Path, frames: Sequence[Path], split: str) -> Iterator[Clip]:
    """One folder's pictures: a clip, or loose ones, whose originals the folder or else the picture names."""
    inside = folder.relative_to(method).parts
    kind = inside[0] if inside else ""
    own, real = kind in ("fake", "real"), kind == "real"
    family = f"df40/{method.name}" if own else DOMAINS.get(kind, FACEFORENSICS)
    named = bool(inside) and inside[-1] not in CONTAINERS
    clip = Clip(
        name=f"df40/{split}/{method.name}/{'/'.join(inside)}",
        family=family,
        video=folder.name,
        generator=CAMERA if real else method.name,
        source=f"df40/{method.name}" if own else f"df40/{'cdf' if family == CELEB_DF else 'ff'}",
        split=split,
        frames=frames,
    )
    if named and (real or "frames" in inside):
        yield clip
    else:
        for frame in frames:
            yield replace(clip, name="", video=folder.name if named else frame.stem, frames=(frame,))


def _reals(home: Path, domain: str) -> Iterator[Clip]:
    places = ORIGINALS[domain]
    videos = [(source, video) for source, place in places.items() for video in folders(home / place / "frames")]
    if not videos:
        expected = " or ".join(f"{place}/frames/<video>" for place in places.values())
        raise ConfigError(f"{home}: no real faces for DF40's fakes of {domain}; expected {expected}")
    for source, video in videos:
        yield Clip(f"df40/{source}/{video.name}", domain, video.name, CAMERA, source, "test", tuple(media_below(video)))


def _assigned(reals: Sequence[Clip], fakes: Sequence[Clip]) -> Iterator[Clip]:
    """The real clips, of which one is "train" where only fakes to train on were made from it."""
    splits: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for fake in fakes:
        for original in originals(fake.family, fake.video):
            splits[fake.family, original].add(fake.split)
    for real in reals:
        made_of_it = splits[real.family, originals(real.family, real.video)[0]]
        yield replace(real, split="train") if made_of_it == {"train"} else real
