"""The pictures that a reviewer is shown: the frame, and what was found in the faces in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from detector.explain import close_up
from detector.score import Scored
from detector.score.pictures import evidence_in, exhibit

LONGEST_PX = 1600
QUALITY = 88
QUICK = 1
"""Of zlib: the files are a tenth larger than at its usual level, and written in a third of the time."""


@dataclass(frozen=True)
class Exhibit:
    """What was kept of one file.

    Attributes:
        pictures: the files, by name: ``frame.jpg``, and ``heatmap0.png`` for row 0 of `Report.faces`.
        time_s: when in a video the frame is; of the faces, those with this `time_s` are in it.
        width, height: of the frame, in the px of the boxes in the report; the picture may be smaller.
    """

    pictures: tuple[str, ...]
    time_s: float
    width: int
    height: int


def save_exhibit(scored: Scored, folder: Path) -> Exhibit | None:
    """Write the pictures of a file into a folder that is there; None where no frame could be decoded."""
    shown = exhibit(scored.summary)
    if shown is None:
        return None
    frame = shown.sight.frame
    picture = Image.fromarray(frame.pixels)
    picture.thumbnail((LONGEST_PX, LONGEST_PX), reducing_gap=2.0)
    picture.save(folder / "frame.jpg", quality=QUALITY)
    names = ["frame.jpg"]
    for row, evidence in sorted(evidence_in(shown, scored.summary).items()):
        names.append(f"heatmap{row}.png")
        Image.fromarray(close_up(frame, evidence)).save(folder / names[-1], compress_level=QUICK)
    height, width = frame.pixels.shape[:2]
    return Exhibit(tuple(names), frame.time_s, width, height)
