"""All pictures of one report, as files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from detector.errors import UsageError
from detector.explain.boxes import annotate
from detector.explain.charts import region_bars, timeline
from detector.explain.evidence import FaceEvidence
from detector.explain.maps import heatmap, triptych
from detector.types import FaceReport, Frame, Pixels, Report

MARGIN = 0.5
"""How much of the frame a heatmap shows on each side of a face's window, in window sides."""
LEAST_VIEW = 400
"""A heatmap shows its part of the frame at least this many px wide."""
LONGEST_STEM = 180
"""File systems allow names of 255 bytes; the rest is for the endings."""


def save_explanation(
    report: Report,
    frame: Frame,
    evidence: Mapping[int, FaceEvidence],
    folder: Path,
    stem: str | None = None,
    sightings: Sequence[FaceReport] = (),
) -> list[Path]:
    """Write every picture of one report as PNG; files of the same names are replaced, each in one step.

    ``STEM.annotated.png`` shows the faces of this frame; ``STEM.face0.triptych.png``, ``.face0.heatmap.png`` and
    ``.face0.regions.png`` show each face there is evidence of, numbered as in `Report.faces`; ``STEM.timeline.png``
    is there for a video.

    Args:
        report: the answer for one file.
        frame: the picture to show: of a video the most suspicious one.
        evidence: of faces in this frame, by their row in `Report.faces`.
        folder: where to write; made if missing.
        stem: the beginning of every file name; None takes that of `Report.path`. Give one where two files of a
            batch share theirs.
        sightings: every face in every frame of a video, of which `Report.faces` has one a person; none stands for
            `Report.faces`.

    Returns:
        the files written, in the order above.

    Raises:
        UsageError: evidence of a face that is not in this frame.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start = file_stem(report, stem)
    paths = []
    for ending, pixels in _pictures(report, frame, evidence, sightings or report.faces):
        paths.append(folder / f"{start}.{ending}.png")
        _write(paths[-1], pixels)
    return paths


def _pictures(
    report: Report, frame: Frame, evidence: Mapping[int, FaceEvidence], sightings: Sequence[FaceReport]
) -> Iterator[tuple[str, Pixels]]:
    here = [row for row, face in enumerate(report.faces) if face.time_s == frame.time_s]
    if strangers := sorted(set(evidence) - set(here)):
        raise UsageError(f"expected evidence of faces {here}, which this frame shows, got it of faces {strangers}")
    yield "annotated", annotate(frame, [face for face in sightings if face.time_s == frame.time_s], report.threshold)
    for row, face in sorted(evidence.items()):
        yield f"face{row}.triptych", triptych(face.pixels, face.reconstruction, face.error)
        yield f"face{row}.heatmap", close_up(frame, face)
        yield f"face{row}.regions", region_bars(report.faces[row].regions)
    if report.media == "video":
        yield "timeline", timeline(report.timeline, report.threshold, sightings, report.faces)


def close_up(frame: Frame, face: FaceEvidence) -> Pixels:
    """The heatmap of a face with its surroundings, enlarged by a whole factor where it is small."""
    height, width = frame.pixels.shape[:2]
    reach = MARGIN * float(face.box[2] - face.box[0])
    x0, y0 = (int(max(0, edge - reach)) for edge in face.box[:2])
    x1, y1 = (int(min(end, edge + reach)) for edge, end in zip(face.box[2:], (width, height), strict=True))
    part = replace(frame, pixels=frame.pixels[y0:y1, x0:x1])
    box = face.box - np.array([x0, y0, x0, y0], np.float32)
    return heatmap(part, [face.error], box[None], zoom=-(-LEAST_VIEW // max(1, x1 - x0)))


def file_stem(report: Report, stem: str | None = None) -> str:
    """How the names of a report's files begin: at most `LONGEST_STEM` bytes of its own name, or of `stem`."""
    name = stem or Path(report.path).stem.lstrip("-.") or "stdin"
    return os.fsencode(name)[:LONGEST_STEM].decode(errors="ignore")


def _write(path: Path, pixels: Pixels) -> None:
    """Write a PNG whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        Image.fromarray(pixels).save(part, format="PNG")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
