"""The pictures of one answer: from the sightings that a summary kept to files."""

from __future__ import annotations

from pathlib import Path

from detector.explain import FaceEvidence, face_evidence, save_explanation
from detector.score import Scored
from detector.score.judge import Judged


def save_pictures(scored: Scored, folder: Path, stem: str | None = None) -> list[Path]:
    """Write the pictures that show why a file was scored so; of a video, its most suspicious frame.

    Args:
        scored: the answer for one file.
        folder: where to write; made if missing.
        stem: the beginning of every file name; None takes that of the file.

    Returns:
        the files written; none where no frame could be decoded or no face was found.
    """
    persons = list(scored.summary.persons.values())
    if not persons:
        return []
    decider = max(persons, key=lambda person: -1.0 if person.probability is None else person.probability)
    shown = decider.exhibit
    evidence = {
        row: _evidence(shown, shown.faces.index(person.best))
        for row, person in enumerate(persons)
        if person.exhibit is shown and person.best.probability is not None
    }
    return save_explanation(scored.report, shown.sight.frame, evidence, folder, stem)


def _evidence(judged: Judged, face: int) -> FaceEvidence:
    return face_evidence(judged.crops, judged.reconstruction, face)
