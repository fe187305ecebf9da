"""The pictures of one answer: from the sightings that a summary kept to files."""

from __future__ import annotations

from pathlib import Path

from detector.explain import FaceEvidence, face_evidence, save_explanation
from detector.score import Scored
from detector.score.judge import Judged
from detector.score.summary import Summary


def save_pictures(scored: Scored, folder: Path, stem: str | None = None) -> list[Path]:
    """Write the pictures that show why a file was scored so; of a video, its most suspicious frame.

    Args:
        scored: the answer for one file.
        folder: where to write; made if missing.
        stem: the beginning of every file name; None takes that of the file.

    Returns:
        the files written; none where no frame could be decoded.
    """
    shown = exhibit(scored.summary)
    if shown is None:
        return []
    evidence = evidence_in(shown, scored.summary)
    return save_explanation(scored.report, shown.sight.frame, evidence, folder, stem, scored.summary.sightings)


def exhibit(summary: Summary) -> Judged | None:
    """The frame to show: the one in which the person who decides is most suspicious; None where there is no frame."""
    return summary.exhibit


def evidence_in(shown: Judged, summary: Summary) -> dict[int, FaceEvidence]:
    """What the pictures of each face are made from that has its exhibit in this frame, by its row in the report."""
    return {
        row: face_evidence(shown.crops, shown.reconstruction, shown.faces.index(person.best))
        for row, person in enumerate(summary.persons.values())
        if person.exhibit is shown and person.best.probability is not None
    }
