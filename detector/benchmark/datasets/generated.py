"""Datasets of generated faces and pictures."""

from __future__ import annotations

from detector.benchmark.datasets.layout import Layout

LAYOUTS: dict[str, Layout] = {}
"""The layouts that are read here."""
