"""A deepfake detector that people can check.

VAEs reconstruct each face of a photo or a video; where and how the reconstruction fails, and how likely the
latent is, become features, and a calibrated classifier turns them into the probability that the face is synthetic.

    from detector import Detector

    report = Detector.load().score("photo.jpg")
    print(report.verdict, report.fake_probability)
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what type checkers see of the names that `__getattr__` gives
    from detector.client import AsyncClient as AsyncClient
    from detector.client import Client as Client
    from detector.errors import DetectorError as DetectorError
    from detector.errors import MediaError as MediaError
    from detector.errors import ServiceError as ServiceError
    from detector.faces import FaceLimits as FaceLimits
    from detector.media import MediaLimits as MediaLimits
    from detector.media import Sampling as Sampling
    from detector.score import Detector as Detector
    from detector.types import FaceReport as FaceReport
    from detector.types import PartialReport as PartialReport
    from detector.types import RegionEvidence as RegionEvidence
    from detector.types import Report as Report
    from detector.types import Seen as Seen
    from detector.types import TimelinePoint as TimelinePoint

_HOMES = {
    "AsyncClient": "detector.client",
    "Client": "detector.client",
    "Detector": "detector.score",
    "FaceLimits": "detector.faces",
    "FaceReport": "detector.types",
    "MediaLimits": "detector.media",
    "PartialReport": "detector.types",
    "RegionEvidence": "detector.types",
    "Report": "detector.types",
    "Sampling": "detector.media",
    "Seen": "detector.types",
    "TimelinePoint": "detector.types",
    "DetectorError": "detector.errors",
    "MediaError": "detector.errors",
    "ServiceError": "detector.errors",
}

__all__ = sorted(_HOMES)
__version__ = version("detector")


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: `import detector` itself stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'detector' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
