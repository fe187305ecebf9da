"""The pictures of one answer: from the sightings that a summary kept to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detector.explain import face_evidence, save_explanation
from detector.score import Scored
from detector.score.judge import Judged
from detector.score.summary import Person


def save_pictures(scored: Scored, folder: Path, stem: str | None = None) -> list[Path]:
    """Write the pictures that show why a file was scored so; of a video, its most suspicious frame.

    Args:
        scored: the answer for one file.
        folder: where to write; made if missing.
        stem: the beginning of every file name; None takes that of the file.

    Returns:
        the files written; none where no frame could be decoded.
    """
    persons = list(scored.summary.persons.values())
    shown = _most_suspicious(persons) or scored.summary.first
    if shown is None:
        return []
    evidence = {
        row: face_evidence(shown.crops, shown.reconstruction, shown.faces.index(person.best))
        for row, person in enumerate(persons)
        if person.exhibit is shown and person.best.probability is not None
    }
    return save_explanation(scored.report, shown.sight.frame, evidence, folder, stem, scored.summary.sightings)


def _most_suspicious(persons: Sequence[Person]) -> Judged | None:
    """The frame that shows the person who decides."""
    ranked = sorted(persons, key=lambda person: -1.0 if person.probability is None else person.probability)
    return ranked[-1].exhibit if ranked else None
