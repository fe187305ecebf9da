"""The embedded face detector: our own small network, distilled from YuNet; no download, no compiler."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from detector import weights
from detector.faces.network import FaceNet, decode
from detector.faces.pyramid import COLUMNS, SCORE, Level, View, suppress, to_faces, views
from detector.folding import fold
from detector.types import Array, Face, Frame, Pixels

ASSET = "face-net.safetensors"
LEVELS = (Level(192, margin=1 / 6), Level(480, max_zoom=2.0))
MIN_SCORE = 0.6
MIN_LONELY_SCORE, LONELY_PART = 0.4, 0.25
"""Where nobody reaches `MIN_SCORE`, the best candidate above the first number is taken if it is larger than this
part of the picture: clutter is small. Chosen on the validation split: it misses 3 faces of 289 instead of 10."""


class FaceNetDetector:
    """Finds faces with a `FaceNet`.

    Args:
        network: the trained network.
        version: what `version` says, the start of the digest of its weights.
        levels: the sizes at which each picture is looked at.
    """

    name = "face-net"

    def __init__(self, network: FaceNet, version: str, levels: tuple[Level, ...] = LEVELS) -> None:
        self.version = version
        self._network = fold(network.eval()).to(memory_format=torch.channels_last)
        self._levels = levels

    def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
        """The faces of every frame, the largest first."""
        return [to_faces(choose(self.candidates(frame.pixels), max(frame.pixels.shape[:2]))) for frame in frames]

    def candidates(self, pixels: Pixels) -> Array:
        """What every level found in (H, W, 3) pixels, not merged yet: (N, 15), see `pyramid`."""
        found = [view.to_picture(self._look(view)) for view in views(pixels, self._levels)]
        return np.concatenate([np.empty((0, COLUMNS), np.float32), *found])

    @torch.inference_mode()
    def _look(self, view: View) -> Array:
        pixels = torch.from_numpy(view.pixels).permute(2, 0, 1)[None].float() / 255
        return peaks(self._network(pixels), MIN_LONELY_SCORE)


def peaks(raw: Tensor, min_score: float) -> Array:
    """The local maxima of the raw maps (1, 15, h, w) of one picture as candidates (N, 15)."""
    scores, boxes, landmarks = decode(raw)
    scores = scores.sigmoid()
    highest = functional.max_pool2d(scores, 3, stride=1, padding=1)
    rows, columns = torch.nonzero((scores[0] == highest[0]) & (scores[0] >= min_score), as_tuple=True)
    parts = (boxes[0, :, rows, columns], landmarks[0, :, rows, columns], scores[0, rows, columns][None])
    return torch.cat(parts).T.numpy()


def choose(candidates: Array, side: int) -> Array:
    """The faces among candidates (N, 15) in a picture whose longer side is `side` px."""
    sure = suppress(candidates[candidates[:, SCORE] >= MIN_SCORE])
    if len(sure):
        return sure
    sizes = (candidates[:, 2:4] - candidates[:, 0:2]).max(axis=1)
    return suppress(candidates[sizes > LONELY_PART * side])[:1]


def load_face_net() -> FaceNetDetector:
    """The detector with the weights that the package ships."""
    path = weights.asset(ASSET)
    network = FaceNet()
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()}, strict=False)
    return FaceNetDetector(network, weights.version(path))
