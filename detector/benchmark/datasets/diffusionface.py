"""DiffusionFace: a folder for each method, named as its archive is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from detector.benchmark.datasets.layout import Layout
from detector.benchmark.datasets.tree import CAMERA, folders, loose, need, whole
from detector.types import Sample

REAL = ("Real", "MM_CelebA")
"""CelebA-HQ twice: as the fakes are cropped, and as it came."""

UNCONDITIONAL = ("ADM", "DDIM", "DDPM", "LDM", "PNDM")

CONDITIONAL = re.compile(r"Real|MM_CelebA|Inpaint|SDv.*|stable_diffusion_.*")
"""The folders whose pictures are the CelebA-HQ picture of the same number, or were made from it or its caption."""


def from_diffusionface(root: Path) -> Iterator[Sample]:
    """DiffusionFace (Chen et al., 2024): ``Real/`` beside a folder for each method, such as ``SDv15_DS0.5/``.

    A real face and what was made from it are one group; faces out of noise, swaps (whose two faces only a table
    names) and faces from the web are groups of their own. There are no splits.
    """
    need(root / "Real", "the real faces beside the methods' folders")
    for folder in folders(root):
        generator = CAMERA if folder.name in REAL else folder.name
        for sample in loose(folder, root, f"diffusionface/{folder.name}", generator, "test"):
            if "mask" not in Path(sample.path).parent.name.lower():
                yield _grouped(sample) if CONDITIONAL.fullmatch(folder.name) else sample


LAYOUTS = {
    "diffusionface": Layout(
        whole(from_diffusionface, "Real/ and a folder for each method"),
        lambda root: any((root / name).is_dir() for name in UNCONDITIONAL) and (root / "Real").is_dir(),
        "Real/ beside ADM/, DDIM/, DDPM/, LDM/ or PNDM/",
        "diffusionface.md",
    )
}
"""The layouts that are read here."""


def _grouped(sample: Sample) -> Sample:
    stem = Path(sample.path).stem
    return replace(sample, group=f"diffusionface/celebahq/{int(stem) if stem.isdecimal() else stem}")
