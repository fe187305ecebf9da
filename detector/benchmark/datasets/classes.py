"""Datasets in folders by split and class: 140k Real and Fake Faces, DiffusionForensics, GenImage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from detector.benchmark.datasets.layout import Layout
from detector.benchmark.datasets.tree import CAMERA, SPLITS, folders, loose, need, whole
from detector.types import Sample

GENIMAGE_FOLDER = re.compile(r"imagenet_(?:ai_\d{4}_)?(?!ai$)(\w+)")
"""The folder inside a generator's archive, such as imagenet_ai_0419_sdv4 or imagenet_glide."""

IMAGENET_NAME = re.compile(r"n\d{8}_\d+|ILSVRC2012_val_\d{8}")
"""How ImageNet names a picture: the same one may stand beside several generators."""


def from_140k(root: Path) -> Iterator[Sample]:
    """xhlulu's 140k Real and Fake Faces: FFHQ at 256 px beside StyleGAN, in ``{train,valid,test}/{real,fake}``.

    The root may be the unpacked archive or one of the two folders inside it.
    """
    base = _faces140k(root)
    for split in ("train", "valid", "test"):
        for name, generator, source in (("real", CAMERA, "140k/ffhq"), ("fake", "stylegan", "140k/stylegan")):
            folder = need(base / split / name, "{train,valid,test}/{real,fake}, all six")
            yield from loose(folder, base, source, generator, SPLITS[split])


def from_diffusionforensics(root: Path) -> Iterator[Sample]:
    """DIRE's DiffusionForensics (Wang et al., ICCV 2023): ``{train,val,test}/<set>/{real,<generator>}``.

    The root may hold ``images/`` beside ``recons/`` and ``dire/``; only pictures are read.
    """
    base = _images(root)
    for split in (split for split in folders(base) if split.name in SPLITS):
        for subject in folders(split):
            need(subject / "real", "the real pictures beside each set's generators")
            for folder in folders(subject):
                generator = CAMERA if folder.name == "real" else folder.name
                yield from loose(folder, base, f"diffusionforensics/{subject.name}", generator, SPLITS[split.name])


def from_genimage(root: Path) -> Iterator[Sample]:
    """GenImage (Zhu et al., NeurIPS 2023): ``<generator>/[imagenet_ai_0419_sdv4/]{train,val}/{ai,nature}``.

    A real picture that stands beside several generators is one group. Its ``val`` is what the field tests on.
    """
    for split in _genimage_splits(root):
        generator = _genimage_generator(split.parent.relative_to(root).parts or (root.name,))
        both = "both ai/ and nature/ in each split of a generator"
        yield from loose(need(split / "ai", both), root, "genimage/ai", generator, SPLITS[split.name])
        for sample in loose(need(split / "nature", both), root, "genimage/imagenet", CAMERA, SPLITS[split.name]):
            stem = Path(sample.path).stem
            yield replace(sample, group=f"genimage/imagenet/{stem}") if IMAGENET_NAME.fullmatch(stem) else sample


LAYOUTS = {
    "140k": Layout(
        whole(from_140k, "{train,valid,test}/{real,fake}/"),
        lambda root: all((_faces140k(root) / part).is_dir() for part in ("valid/fake", "test/real")),
        "valid/{real,fake}/ beside test/{real,fake}/, maybe below real_vs_fake/real-vs-fake/",
        "140k.md",
    ),
    "diffusionforensics": Layout(
        whole(from_diffusionforensics, "{train,val,test}/<set>/{real,<generator>}/"),
        lambda root: any((_images(root) / "test" / name).is_dir() for name in ("lsun_bedroom", "imagenet", "celebahq")),
        "test/{lsun_bedroom,imagenet,celebahq}/, maybe below images/",
        "diffusionforensics.md",
    ),
    "genimage": Layout(
        whole(from_genimage, "<generator>/{train,val}/{ai,nature}/"),
        lambda root: next(_genimage_splits(root), None) is not None,
        "{train,val}/{ai,nature}/ up to two folders down",
        "genimage.md",
    ),
}
"""The layouts that are read here."""


def _faces140k(root: Path) -> Path:
    bases = (root / "real_vs_fake" / "real-vs-fake", root / "real-vs-fake")
    return next((base for base in bases if base.is_dir()), root)


def _images(root: Path) -> Path:
    return root / "images" if (root / "images").is_dir() else root


def _genimage_splits(root: Path) -> Iterator[Path]:
    """The folders train/ and val/ that hold ai/ or nature/: in the root, in a generator, or one folder deeper."""
    outer = folders(root)
    for base in (root, *outer, *(inner for folder in outer for inner in folders(folder))):
        for split in (base / "train", base / "val"):
            if (split / "ai").is_dir() or (split / "nature").is_dir():
                yield split


def _genimage_generator(parts: tuple[str, ...]) -> str:
    """By the archive's own folder where there is one, for the folder around it is everyone's own choice."""
    found = GENIMAGE_FOLDER.fullmatch(parts[-1])
    return found[1] if found else parts[0]
