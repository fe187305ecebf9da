"""Faces: a frame in; boxes with landmarks, crops and tracks out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from detector import weights
from detector.errors import UnknownNameError
from detector.faces.clips import ClipCutter, cut_clips
from detector.faces.crops import concat_crops, crop_faces
from detector.faces.limits import FaceLimits, sharpness, unusable
from detector.faces.shots import ShotCutter
from detector.faces.tracks import Tracker
from detector.types import Face, Frame

__all__ = [
    "FACE_DETECTORS",
    "ClipCutter",
    "FaceDetector",
    "FaceLimits",
    "ShotCutter",
    "Tracker",
    "concat_crops",
    "crop_faces",
    "cut_clips",
    "load_face_detector",
    "sharpness",
    "unusable",
]


class FaceDetector(Protocol):
    """Finds the faces in frames.

    Attributes:
        name: its name in `FACE_DETECTORS`.
        version: the first 12 hex digits of the sha256 of its weights.
    """

    name: str
    version: str

    def __call__(self, frames: Sequence[Frame]) -> list[tuple[Face, ...]]:
        """The faces of every frame, the largest first; none where there are none."""
        ...


def _load_yunet() -> FaceDetector:
    from detector.faces.yunet import load_yunet

    return load_yunet()


def _load_face_net() -> FaceDetector:
    from detector.faces.facenet import load_face_net

    return load_face_net()


FACE_DETECTORS: dict[str, Callable[[], FaceDetector]] = {"face-net": _load_face_net, "yunet": _load_yunet}
"""Every face detector: its name, and what loads it."""


def load_face_detector(name: str = "auto") -> FaceDetector:
    """A face detector by its name; "auto" is yunet when it is in the weights store, else the embedded one.

    Raises:
        UnknownNameError: no detector has that name.
        WeightsError: its weights are not there, or not what their pin says.
    """
    if name == "auto":
        name = "face-net" if weights.find("yunet") is None else "yunet"
    if name not in FACE_DETECTORS:
        raise UnknownNameError("face detector", name, [*FACE_DETECTORS, "auto"])
    return FACE_DETECTORS[name]()
