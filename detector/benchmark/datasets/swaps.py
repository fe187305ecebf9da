"""Datasets of swapped and re-enacted faces in clips."""

from __future__ import annotations

from detector.benchmark.datasets import celebdf, deeperforensics, dfd, dfdc, faceforensics, wilddeepfake
from detector.benchmark.datasets.layout import Layout

LAYOUTS: dict[str, Layout] = {
    **faceforensics.LAYOUTS,
    **dfd.LAYOUTS,
    **celebdf.LAYOUTS,
    **dfdc.LAYOUTS,
    **deeperforensics.LAYOUTS,
    **wilddeepfake.LAYOUTS,
}
"""The layouts that are read here; a tree of FaceForensics++ that holds DeepFakeDetection too is told as the former."""
