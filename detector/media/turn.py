"""Eight ways in which a stored picture may lie."""

from __future__ import annotations

from typing import NamedTuple

from detector.types import Pixels


class Turn(NamedTuple):
    """What makes a stored picture upright: swap rows and columns, then reverse the rows, then the columns."""

    swap: bool = False
    rows: bool = False
    columns: bool = False

    def upright(self, stored: Pixels) -> Pixels:
        """A view of a stored picture (H, W, 3) as it is meant to be seen."""
        swapped = stored.transpose(1, 0, 2) if self.swap else stored
        return self._reversed(swapped)

    def stored(self, upright: Pixels) -> Pixels:
        """A view of an upright picture as it lies in its file: what is written into it lands where it is seen."""
        swapped = self._reversed(upright)
        return swapped.transpose(1, 0, 2) if self.swap else swapped

    def _reversed(self, pixels: Pixels) -> Pixels:
        return pixels[:: -1 if self.rows else 1, :: -1 if self.columns else 1]
