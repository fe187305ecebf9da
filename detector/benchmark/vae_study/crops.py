"""Real faces to one file of crops, for training a VAE: manifest -> media -> faces -> histories -> crops.

Each picture is given several histories, so that the VAE learns faces and not one codec setting; sources of
many near-duplicates are given fewer. The crops of a split lie in one uint8 file that is read where it lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from detector.benchmark.datasets import load_dataset
from detector.benchmark.histories.history import STRICT, History, apply_history
from detector.errors import ConfigError, MediaError
from detector.faces import FaceDetector, crop_faces
from detector.media import open_media
from detector.types import Array, Crops, Pixels, Sample

Split = Literal["train", "val", "test"]

HISTORIES: tuple[History | None, ...] = (
    STRICT,
    History(first_quality=90, face_px=(110.0, 240.0), last_quality=(70, 98)),
    History(first_quality=98, face_px=(100.0, 320.0), last_quality=(92, 99)),
    None,
)
"""Taken in turn: the strict protocol, a smaller face, a light touch, and the picture as it was found."""


@dataclass(frozen=True)
class CropPlan:
    """Which pictures are cut, and how often.

    Attributes:
        dataset, data: an entry of `DATASETS`, and what it reads.
        draws: histories of each picture that trains, by source; a source that is not named is left out.
        seed: of the histories.
    """

    dataset: str = "manifest"
    data: Path = Path("../shared/data/manifest.csv")
    draws: Mapping[str, int] = field(default_factory=lambda: {"ffhq": 10, "celebahq": 12, "unsplash": 8, "rmfd": 2})
    seed: int = 0


@dataclass(frozen=True, eq=False)
class CropFile:
    """The crops of one split.

    Attributes:
        pixels: (M, 3, S, S) uint8, read from the file as needed.
        landmarks: (M, 5, 2) float32, crop px.
        groups: (M,) int64, equal for crops of one picture: they are not independent.
        sources: (M,) str, where the picture came from.
    """

    pixels: Pixels
    landmarks: Array
    groups: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]


def face_crops(plan: CropPlan, split: Split, detect: FaceDetector, size: int, out: Path) -> CropFile:
    """Cut the largest face of every real picture of a split, or open what an earlier call has cut.

    Args:
        plan: which pictures, and how often.
        split: "train" to learn, with several histories a picture; "val" to choose and "test" to report, with one.
        detect: finds the faces.
        size: side of a crop in px.
        out: folder for the files of this split.

    Raises:
        ConfigError: no picture fits the plan.
    """
    if not (out / "index.npz").exists():
        out.mkdir(parents=True, exist_ok=True)
        samples = load_dataset(plan.dataset, plan.data)
        real = [
            sample for sample in samples if (sample.label, sample.split) == (0, split) and sample.source in plan.draws
        ]
        _write(_cut(tqdm(real, desc=f"crops {split}"), plan, detect, size), out)
    return _open(out, size)


def _cut(
    samples: Iterable[Sample], plan: CropPlan, detect: FaceDetector, size: int
) -> Iterator[tuple[int, Sample, Crops]]:
    for number, sample in enumerate(samples):
        try:
            frame = next(iter(open_media(Path(sample.path)).frames()))
        except MediaError:
            continue
        faces = detect([frame])[0][:1]
        rng = np.random.default_rng((plan.seed, number))
        draws = plan.draws[sample.source] if sample.split == "train" else 1
        for draw in range(draws if faces else 0):
            # Starting at the picture's own number lets a split with one draw each see every history.
            history = HISTORIES[(number + draw) % len(HISTORIES)]
            made, face = apply_history(frame, faces[0], history, rng) if history else (frame, faces[0])
            yield number, sample, crop_faces(made, [face], size)


def _write(drawn: Iterable[tuple[int, Sample, Crops]], out: Path) -> None:
    """The index is written last and marks the folder as complete."""
    groups: list[int] = []
    sources: list[str] = []
    landmarks: list[Array] = []
    with (out / "pixels.u8").open("wb") as file:
        for number, sample, crops in drawn:
            file.write(np.round(crops.pixels * 255).astype(np.uint8).tobytes())
            landmarks.append(crops.landmarks)
            groups += [number] * len(crops)
            sources += [sample.source] * len(crops)
    if not landmarks:
        raise ConfigError("no real face to cut a crop from: check the plan's data and the sources in its draws")
    partial = out / "index.partial.npz"
    np.savez(partial, landmarks=np.concatenate(landmarks), groups=np.array(groups), sources=np.array(sources))
    partial.rename(out / "index.npz")


def _open(out: Path, size: int) -> CropFile:
    with np.load(out / "index.npz", allow_pickle=False) as index:
        landmarks, groups, sources = index["landmarks"], index["groups"], index["sources"]
    pixels = np.memmap(out / "pixels.u8", np.uint8, "r", shape=(len(groups), 3, size, size))
    return CropFile(pixels, landmarks, groups, sources)
