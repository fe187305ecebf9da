"""Datasets of generated faces and pictures."""

from __future__ import annotations

from detector.benchmark.datasets import artifact, classes, df40, diffusionface
from detector.benchmark.datasets.layout import Layout

LAYOUTS: dict[str, Layout] = {**df40.LAYOUTS, **diffusionface.LAYOUTS, **classes.LAYOUTS, **artifact.LAYOUTS}
"""The layouts that are read here."""
