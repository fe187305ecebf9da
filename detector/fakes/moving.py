"""What makers of fakes that move share: the clip that they take, and draws that stay from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from detector.errors import UsageError
from detector.fakes.square import Rng
from detector.types import Face, Frame


def check_clip(frames: Sequence[Frame], faces: Sequence[Face], least: int = 1) -> None:
    """Raise `UsageError` unless there are `least` frames or more, each with the one face that is to be faked."""
    if len(frames) != len(faces) or len(frames) < least:
        raise UsageError(
            f"expected a clip of {least} or more frames with one face each, "
            f"got {len(frames)} frames and {len(faces)} faces"
        )


def steady(faces: Sequence[Face]) -> list[Face]:
    """The same faces in boxes of one size, the largest: what is cut out by them is of one size too."""
    largest = max((face.box[2:] - face.box[:2] for face in faces), key=lambda sides: float(max(sides)))
    middles = [(face.box[:2] + face.box[2:]) / 2 for face in faces]
    return [
        replace(face, box=np.concatenate([middle - largest / 2, middle + largest / 2]).astype(np.float32))
        for face, middle in zip(faces, middles, strict=True)
    ]


def same_draws(rng: Rng) -> Callable[[], Rng]:
    """What gives a generator in the same state at each call: for what is drawn once a clip, not once a frame."""
    seed = int(rng.integers(2**62))
    return lambda: np.random.default_rng(seed)


def log_uniform(low: float, high: float, rng: Rng) -> float:
    """A draw whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
