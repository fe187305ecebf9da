"""What the embedded face detector is taught: manifest -> media -> faces as YuNet sees them -> training.

YuNet looks at more sizes here than it does when it is used, and says how sure it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from tqdm import tqdm

from detector.benchmark.datasets import load_dataset
from detector.faces.pyramid import SCORE, Level, suppress
from detector.faces.scenes import DOUBTFUL, Picture
from detector.faces.train import FaceTrainConfig, train_faces
from detector.faces.yunet import YuNet, load_yunet
from detector.media import Sampling, open_media
from detector.types import Array, Pixels, Sample

TEACHER_LEVELS = (
    Level(128, margin=0.25),
    Level(256, margin=0.25),
    Level(320, margin=0.25),
    Level(640, max_zoom=2.0),
    Level(1024, max_zoom=1.0),
)
REDUCED_PX = 400
"""The longer side of the pictures that training keeps."""


class Teacher(Protocol):
    """Whoever says where faces are."""

    def candidates(self, pixels: Pixels) -> Array:
        """Candidates (N, 15) in (H, W, 3) pixels, see `detector.faces.pyramid`; not merged, doubtful ones too."""
        ...


def teach_faces(config: FaceTrainConfig) -> Path:
    """Train the embedded detector on what YuNet sees in the training pictures of `config.data`.

    Returns:
        the finished weights; copied to ``detector/assets/`` they are what the package ships.

    Raises:
        WeightsError: YuNet is not in the weights store.
        ConfigError: the data has no manifest, or a checkpoint was made with another config.
    """
    teacher = load_teacher()
    return train_faces(config, labelled(config, "train", teacher), labelled(config, "val", teacher))


def labelled(config: FaceTrainConfig, split: str, teacher: Teacher) -> list[Picture]:
    """The pictures of a split the teacher sees someone in, reduced; kept below `config.out` once made."""
    folder = config.out / "pictures" / split
    folder.mkdir(parents=True, exist_ok=True)
    kept = [
        _keep(folder / f"{Path(sample.path).stem}.npz", pixels, teacher)
        for sample, pixels in tqdm(images(config.data / "manifest.csv", split), desc=f"pictures {split}")
    ]
    return [picture for picture in kept if len(picture.candidates)]


def load_teacher() -> YuNet:
    """YuNet at all sizes, with its doubts."""
    return load_yunet(TEACHER_LEVELS, DOUBTFUL)


def images(manifest: Path, split: str) -> Iterator[tuple[Sample, Pixels]]:
    """The images of a split, videos left out, in the order of their paths."""
    for sample in sorted(load_dataset("manifest", manifest), key=lambda sample: sample.path):
        if sample.split == split and (media := open_media(Path(sample.path))).kind == "image":
            yield sample, next(iter(media.frames(Sampling()))).pixels


def _keep(path: Path, pixels: Pixels, teacher: Teacher) -> Picture:
    """The labelled picture that lies at `path`; made first where it does not."""
    if not path.exists():
        picture = _label(pixels, teacher)
        part = path.with_suffix(".part.npz")
        np.savez(part, pixels=picture.pixels, candidates=picture.candidates)
        part.replace(path)
    with np.load(path, allow_pickle=False) as kept:
        return Picture(kept["pixels"], kept["candidates"])


def _label(pixels: Pixels, teacher: Teacher) -> Picture:
    candidates: Array = suppress(teacher.candidates(pixels))
    scale = min(1.0, REDUCED_PX / max(pixels.shape[:2]))
    if scale < 1:
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    candidates[:, :SCORE] *= np.float32(scale)
    return Picture(pixels, candidates)
