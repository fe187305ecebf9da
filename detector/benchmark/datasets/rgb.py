"""DeepfakeBench's frames as they are on disk: rgb/<dataset>/…/frames/<video>/000.png."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from detector.benchmark.datasets import swaps
from detector.benchmark.datasets.footage import read_json
from detector.benchmark.datasets.layout import media_below, portable
from detector.benchmark.datasets.originals import Clip, frames_of
from detector.benchmark.datasets.tree import CAMERA, SPLITS, folders, need
from detector.errors import ConfigError
from detector.types import Sample

DATASETS = {
    "FaceForensics++": ("faceforensics", "dfd"),
    "Celeb-DF-v1": ("celeb-df-v1",),
    "Celeb-DF-v2": ("celeb-df-v2",),
    "DFDC": ("dfdc",),
    "DeeperForensics-1.0": ("deeperforensics",),
}
"""The layouts that read a folder of rgb/: it is the dataset's own tree, with frames/ beside or in place of videos/."""

DFDCP = {"original_videos": CAMERA, "method_A": "method_A", "method_B": "method_B"}
"""What made the clips in each folder of DFDC's preview."""


def from_rgb(root: Path) -> list[Sample]:
    """The frames of every dataset below ``rgb/`` (the root, or a folder in it), as each dataset's own layout says.

    Raises:
        ConfigError: there is none of the datasets, or one lacks a part, such as its official split.
    """
    rgb = _rgb(root)
    samples = [sample for folder in folders(rgb) for sample in _dataset(folder)]
    if not samples:
        raise ConfigError(f"{root}: found none of {', '.join((*DATASETS, *OWN))}; expected them below rgb/")
    return samples


def is_rgb(root: Path) -> bool:
    """Whether one of the datasets is there, under the benchmark's name for it."""
    return any((_rgb(root) / name).is_dir() for name in (*DATASETS, *OWN))


def _rgb(root: Path) -> Path:
    return root / "rgb" if (root / "rgb").is_dir() else root


def _dataset(folder: Path) -> Iterator[Sample]:
    if folder.name in OWN:
        yield from frames_of(list(OWN[folder.name](folder)))
    layouts = [swaps.LAYOUTS[name] for name in DATASETS.get(folder.name, ())]
    for layout in [layout for layout in layouts if layout.looks_like(folder)] or layouts[:1]:
        yield from layout.read(folder)


def _dfdcp(folder: Path) -> Iterator[Clip]:
    """The clips that dataset.json names, there or not: method_A/<person>/…/<video>.mp4 -> {"set"}.

    The benchmark leaves out the folders between the method and the video; a group is the person here too.
    """
    told = read_json(folder / "dataset.json", "the list of DFDC's preview")
    for name, about in told.items() if isinstance(told, dict) else ():
        parts, split = Path(portable(name)).parts, about.get("set") if isinstance(about, dict) else None
        if len(parts) < 3 or parts[0] not in DFDCP or split not in SPLITS:
            expected = f"<{' or '.join(DFDCP)}>/<person>/<video> and a set, {' or '.join(SPLITS)}"
            raise ConfigError(f"{folder / 'dataset.json'}: {name}: expected {expected}; got {about!r}")
        video = folder / parts[0] / "frames" / Path(parts[-1]).stem
        frames = tuple(media_below(video)) or (video,)
        clip = f"dfdc-preview/{parts[0]}/{video.name}"
        yield Clip(clip, "dfdc-preview", parts[1], DFDCP[parts[0]], "dfdc-preview", SPLITS[split], frames)


def _uadfv(folder: Path) -> Iterator[Clip]:
    """All "test": the benchmark has no split of it."""
    for name, generator in (("real", CAMERA), ("fake", "uadfv")):
        for video in folders(need(folder / name / "frames", "frames/ in both real/ and fake/")):
            clip = f"uadfv/{name}/{video.name}"
            yield Clip(clip, "uadfv", video.name, generator, "uadfv", "test", tuple(media_below(video)))


OWN = {"DFDCP": _dfdcp, "UADFV": _uadfv}
"""The readers of what no other layout reads: UADFV, and the preview of DFDC as the benchmark rearranges it."""
