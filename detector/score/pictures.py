"""The pictures of one answer: from the sightings that a summary kept to files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from detector.errors import MediaError
from detector.explain import FaceEvidence, face_evidence, file_stem, film_frames, save_explanation, save_film
from detector.media import Media, Sampling
from detector.score import Scored
from detector.score.judge import Judged
from detector.score.summary import Summary
from detector.types import Frame


def save_pictures(
    scored: Scored, folder: Path, stem: str | None = None, open_file: Callable[[], Media] | None = None
) -> list[Path]:
    """Write the pictures that show why a file was scored so; of a video, its most suspicious frame and a film.

    Args:
        scored: the answer for one file.
        folder: where to write; made if missing.
        stem: the beginning of every file name; None takes that of the file.
        open_file: opens the file again, for ``STEM.annotated.mp4``; without it there is no film.

    Returns:
        the files written; none where no frame could be decoded.
    """
    shown = exhibit(scored.summary)
    if shown is None:
        return []
    evidence = evidence_in(shown, scored.summary)
    paths = save_explanation(scored.report, shown.sight.frame, evidence, folder, stem, scored.summary.sightings)
    film = folder / f"{file_stem(scored.report, stem)}.annotated.mp4"
    if open_file is not None and scored.report.media == "video":
        made = save_film(_film(open_file), scored.summary.sightings, scored.report.threshold, film)
        paths += [film] * made
    return paths


def _film(open_file: Callable[[], Media]) -> Iterator[Frame]:
    """The frames of a clip that its film shows, up to where it is damaged."""
    try:
        media = open_file()
        most = film_frames(media.frame_count)
        yield from media.frames(Sampling(frames=most, every=most is None))
    except MediaError:
        return


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
