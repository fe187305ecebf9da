"""What can go wrong on many machines that cannot on one."""

from __future__ import annotations

from detector.errors import DetectorError


class ScaleError(DetectorError):
    """A run that had to end early: what was written is whole, and a second run does the rest."""
