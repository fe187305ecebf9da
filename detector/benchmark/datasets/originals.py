"""What the name of a clip tells: the originals that it was made from, and so which clips must stay together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.cluster.hierarchy import DisjointSet

from detector.benchmark.datasets.tree import CAMERA
from detector.types import Sample

FACEFORENSICS = "faceforensics"
CELEB_DF = "celeb-df-v2"

PAIRS = {
    FACEFORENSICS: re.compile(r"(\d{3})_(\d{3})"),
    "deeperforensics": re.compile(r"(\d{3})_([MW]\d+)"),
}
"""Names of two originals by family, 000_003 and 000_M101: the clip that was changed, and whose face it got."""

CELEB_NAMES = (
    (re.compile(r"(id\d+)(?:_id\d+)?_(\d{4})"), r"Celeb-real/\1_\2"),
    (re.compile(r"\d{5}"), r"YouTube-real/\g<0>"),
)

TARGETS = {
    CELEB_DF: CELEB_NAMES,
    "celeb-df-v1": CELEB_NAMES,
    "dfd": ((re.compile(r"(\d+)(?:_\d+)?__.+"), r"\1"),),
    "dfdc-preview": ((re.compile(r"(?:\d+_)?(\d+)_[A-Z]_.+"), r"\1"),),
    "uadfv": ((re.compile(r"(\d{4})_fake"), r"\1"),),
}
"""The clip or person that a name such as id0_id16_0003 or 01_02__walking__YVGY8LOK says was changed, by family."""


@dataclass(frozen=True)
class Clip:
    """The frames of one clip, or one loose picture.

    Attributes:
        name: one that no other clip has, in the whole dataset: the bare name of a video stands in every
            manipulation's folder. Empty for a loose picture.
        family: the datasets that share originals.
        video: the bare name, which tells the originals.
        generator: `CAMERA` for a real one.
        source: the set, and where it says so the compression.
        split: "train", "val" or "test".
        frames: the pictures, in order.
    """

    name: str
    family: str
    video: str
    generator: str
    source: str
    split: str
    frames: Sequence[Path]


def originals(family: str, video: str) -> tuple[str, ...]:
    """What a video was made from: two originals where it is of a pair, else one; itself where its name tells none."""
    if family in PAIRS and (pair := PAIRS[family].fullmatch(video)):
        return pair[1], pair[2]
    return (
        next((found.expand(to) for rule, to in TARGETS.get(family, ()) if (found := rule.fullmatch(video))), video),
    )


def groups(videos: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The group of each (family, video): the originals that pairs tie together, named after the first two of them.

    So 000, 003, 000_003 and 003_000 of FaceForensics++ are "faceforensics/000+003".
    """
    made_from = {(family, video): originals(family, video) for family, video in videos}
    tied: DisjointSet = DisjointSet()
    for (family, _), ids in made_from.items():
        for one in ids:
            tied.add((family, one))
            tied.merge((family, ids[0]), (family, one))
    names = {
        member: f"{member[0]}/{'+'.join(sorted(one for _, one in some)[:2])}"
        for some in tied.subsets()
        for member in some
    }
    return {(family, video): names[family, ids[0]] for (family, video), ids in made_from.items()}


def frames_of(clips: Sequence[Clip]) -> Iterator[Sample]:
    """One sample a frame."""
    group = groups((clip.family, clip.video) for clip in clips)
    for clip in clips:
        tied = group[clip.family, clip.video]
        for frame in clip.frames:
            label = int(clip.generator != CAMERA)
            yield Sample(str(frame), label, clip.generator, clip.source, tied, clip.split, clip.name)
