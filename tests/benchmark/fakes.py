"""Small stand-ins that the benchmark's tests inject: pictures with a planted trace, a detector, a reconstructor."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from detector.benchmark.extraction.meeting import Tools
from detector.types import Array, Face, Frame, Pixels, Reconstruction

SIDE = 240


def picture(seed: int, fake: bool) -> Pixels:
    """(240, 240, 3): smooth noise; a fake has a faint grid of period 4 px, as a bad up-sampling leaves it."""
    rng = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(rng.normal(128, 60, (SIDE, SIDE, 3)), (0, 0), 6) * 3 - 256
    grain = rng.normal(0, 4, smooth.shape)
    grid = 8.0 * ((np.arange(SIDE) % 4 == 0)[:, None] + (np.arange(SIDE) % 4 == 0)[None]) if fake else np.zeros((1, 1))
    return np.clip(smooth + grain + grid[..., None], 0, 255).astype(np.uint8)


def dataset(folder: Path, per_split: dict[str, int]) -> Path:
    """Pictures of two real sources and two generators, and their manifest; every tenth picture is black."""
    lines = ["path,label,generator,set,group,split"]
    number = 0
    for split, count in per_split.items():
        for source, label in (("camera-a", "real"), ("camera-b", "real"), ("gan", "fake"), ("diffusion", "fake")):
            for _ in range(count):
                name = f"{number:03}.png"
                pixels = picture(number, label == "fake")
                cv2.imwrite(str(folder / name), pixels if number % 10 else np.zeros_like(pixels))
                generator = source if label == "fake" else "camera"
                lines.append(f"{name},{label},{generator},{source},{source}:{number},{split}")
                number += 1
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


class MiddleFace:
    """Finds one face in the middle of every picture that is not black."""

    name = "middle"
    version = "0"

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
        self.seen += len(frames)
        return [self._faces(frame) if frame.pixels.any() else () for frame in frames]

    @staticmethod
    def _faces(frame: Frame) -> tuple[Face, ...]:
        height, width = frame.pixels.shape[:2]
        x, y = width / 2, height / 2
        box = np.array([x - 50, y - 60, x + 50, y + 60], np.float32)
        marks = np.array([[-20, -20], [20, -20], [0, 5], [-15, 30], [15, 30]], np.float32)
        return (Face(box, marks + np.array([x, y], np.float32), 1.0),)


class Blur:
    """Reconstructs by a 3 x 3 box blur."""

    name = "blur"
    version = "0"
    size = 64
    device = torch.device("cpu")

    def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:
        assert second_pass
        x = torch.as_tensor(pixels)
        made = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        return Reconstruction(made, mean=torch.zeros(len(x), 1, 1, 1))


def small_tools() -> Tools:
    """What workers of a crew load: it has to be found by name."""
    return Tools((MiddleFace(),), (Blur(),), baselines=("blur residual", "metadata"))


def slow_tools() -> Tools:
    """The same, but each file takes its time: there is something to interrupt."""

    class Slow(MiddleFace):
        def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
            time.sleep(0.15)
            return super().__call__(frames)

    return replace(small_tools(), detectors=(Slow(),))


def deadly_tools() -> Tools:
    """The same, but the first file takes the whole process with it, as a broken decoder does."""

    class Deadly(MiddleFace):
        def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
            os._exit(len(frames))

    return replace(small_tools(), detectors=(Deadly(),))
