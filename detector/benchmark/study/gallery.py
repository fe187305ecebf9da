"""The worst errors, to look at: pictures into the work folder, because people are on them, and a table without them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from detector.benchmark.datasets import origin
from detector.benchmark.extraction.meeting import Met, Tools, meet
from detector.benchmark.measures.held_out import NOTHING, HeldOut
from detector.benchmark.study.material import Material
from detector.benchmark.tables import table
from detector.explain import face_evidence
from detector.explain.maps import triptych
from detector.faces import crop_faces
from detector.types import Sample

if TYPE_CHECKING:
    from detector.benchmark.study.study import Study

MOST = 8
"""Errors of each class."""

PAGE = """# The worst errors

Faces of the split "{split}" on held-out folds, each scored by a model that saw nothing of its group: the real ones with
the highest scores and the synthetic ones with the lowest, one of a group. The pictures, with what the VAE made of each
face and where the two differ, are written to `{folder}` and not kept here: people are on them. Command:
`detector train classifier experiments/{name}.toml`.

{errors}
"""


@dataclass(frozen=True)
class Failure:
    """One face that was judged wrongly: its sample and history, its score (margin), and the share of scores of its own
    class that are less wrong."""

    sample: Sample
    history: str
    score: float
    rank: float

    @property
    def id(self) -> str:
        """Eight digits that stand for the group."""
        return hashlib.sha256(self.sample.group.encode()).hexdigest()[:8]


def write_gallery(study: Study, material: Material, held: HeldOut, tools: Tools) -> Path:
    """Write ``errors.md`` into the study's report folder and the pictures into its work folder; the path of the table.

    Args:
        study: which histories there are, and where to write.
        material: the rows that were fitted.
        held: what ours said of those of them that count.
        tools: the models.
    """
    counts = np.flatnonzero(material.known.counts)
    samples = [material.fit.samples[row] for row in counts]
    histories = [str(material.fit.histories[row]) for row in counts]
    split = "val" if any(sample.split == "val" for sample in samples) else "train"
    found = [one for label in (0, 1) for one in _worst(samples, histories, held, label, split)]
    folder = study.work / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for number, failure in enumerate(found):
        _draw(failure, study, tools, folder / f"{number:02}-{origin(failure.sample)}-{failure.id}.png")
    rows = [[origin(one.sample), one.id, one.history, f"{one.score:+.2f}", f"{one.rank:.3f}"] for one in found]
    errors = table(["source or generator", "group", "history", "score", "share less wrong"], rows)
    path = study.report / "errors.md"
    page = PAGE.format(split=split, folder=folder.as_posix(), name=study.name, errors=errors)
    path.write_text(page, encoding="utf-8")
    return path


def _worst(
    samples: Sequence[Sample], histories: Sequence[str], held: HeldOut, label: int, split: str
) -> Iterator[Failure]:
    """The faces of a class that score most like the other one, the worst first, one of a group."""
    wrongness = held.scores[NOTHING] * (1 if label == 0 else -1)
    own = np.flatnonzero([sample.label == label and sample.split == split for sample in samples])
    seen: set[str] = set()
    for row in own[np.argsort(-wrongness[own])].tolist():
        if len(seen) == MOST:
            return
        if samples[row].group not in seen:
            seen.add(samples[row].group)
            less = float(np.mean(wrongness[own] < wrongness[row]))
            yield Failure(samples[row], histories[row], float(held.scores[NOTHING][row]), less)


def _draw(failure: Failure, study: Study, tools: Tools, path: Path) -> None:
    model = tools.reconstructors[0]
    histories = {failure.history: study.histories[failure.history]}
    for met in meet(failure.sample, histories, tools, study.seed):
        if isinstance(met, Met):
            crops = crop_faces(met.made.frame, [met.made.face], model.size)
            face = face_evidence(crops, model(crops.pixels).pixels.cpu().numpy(), 0)
            Image.fromarray(triptych(face.pixels, face.reconstruction, face.error)).save(path)
