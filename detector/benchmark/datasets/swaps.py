"""Datasets of swapped and re-enacted faces in clips."""

from __future__ import annotations

from detector.benchmark.datasets.layout import Layout

LAYOUTS: dict[str, Layout] = {}
"""The layouts that are read here."""
