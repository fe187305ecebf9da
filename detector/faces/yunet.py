"""YuNet, the face detector of OpenCV (Wu, Peng & Yu, "YuNet: a tiny millisecond-level face detector", 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detector import weights
from detector.errors import WeightsError
from detector.faces.pyramid import COLUMNS, Level, View, suppress, to_faces, views
from detector.types import Array, Face, Frame, Pixels

LEVELS = (Level(256, margin=0.25), Level(640, max_zoom=2.0))
MIN_SCORE = 0.7
_OVERLAP, _TOP = 0.3, 1000


class YuNet:
    """Finds faces with the network in `path`, an ONNX file of YuNet.

    Args:
        path: the file; its digest becomes `version`.
        levels: the sizes at which each picture is looked at.
        min_score: candidates below are dropped, in [0, 1].
    """

    name = "yunet"

    def __init__(self, path: Path, levels: tuple[Level, ...] = LEVELS, min_score: float = MIN_SCORE) -> None:
        self.version = weights.sha256(path)[:12]
        self._levels = levels
        self._network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), min_score, _OVERLAP, _TOP)

    def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
        """The faces of every frame, the largest first."""
        return [to_faces(suppress(self.candidates(frame.pixels))) for frame in frames]

    def candidates(self, pixels: Pixels) -> Array:
        """What every level found in (H, W, 3) pixels, not merged yet: (N, 15), see `pyramid`."""
        found = [view.to_picture(self._look(view)) for view in views(pixels, self._levels)]
        return np.concatenate([np.empty((0, COLUMNS), np.float32), *found])

    def _look(self, view: View) -> Array:
        height, width = view.pixels.shape[:2]
        self._network.setInputSize((width, height))
        _, rows = self._network.detect(np.ascontiguousarray(view.pixels[:, :, ::-1]))
        # OpenCV says None for nobody, whatever its type hints say.
        found = np.empty((0, COLUMNS), np.float32) if rows is None else np.array(rows, np.float32)
        found[:, 2:4] += found[:, :2]
        return found[np.isfinite(found).all(axis=1)]


def load_yunet(levels: tuple[Level, ...] = LEVELS, min_score: float = MIN_SCORE) -> YuNet:
    """YuNet from the weights store; the arguments are those of `YuNet`.

    Raises:
        WeightsError: its file is not in the store.
    """
    path = weights.find("yunet")
    if path is None:
        raise WeightsError("yunet is not in the weights store; fetch it with `detector models pull yunet`")
    return YuNet(path, levels, min_score)
