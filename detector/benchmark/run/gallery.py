"""The most confident errors, to look at: the face, what the VAE made of it, and where the two differ."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from detector.benchmark.datasets import origin
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.meeting import Met, Tools, meet
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.metrics import Scores
from detector.benchmark.run.gather import PROTOCOL
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.results import Mistake
from detector.classify import FaceClassifier
from detector.explain import face_evidence
from detector.explain.maps import triptych
from detector.faces import crop_faces

TOLD = 8
"""Errors of each class that are told where nobody wants pictures."""


def mistakes(plan: Plan, rows: Extract, classifier: FaceClassifier, tools: Tools) -> list[Mistake]:
    """The real faces with the highest probabilities and the synthetic ones with the lowest, one of a group.

    Args:
        plan: how many of each class, `Plan.gallery`, and where their pictures go; 0 gives `TOLD` without pictures.
        rows: what was tested, under the protocol.
        classifier: whose errors they are.
        tools: the models.
    """
    probability = classifier.probability(rows.tables[OURS])
    worst = [row for label in (0, 1) for row in _worst(rows, probability, label, plan.gallery or TOLD)]
    return [
        _told(rows, row, float(probability[row]), classifier, _draw(plan, rows, row, tools) if plan.gallery else None)
        for row in worst
    ]


def _worst(rows: Extract, probability: Scores, label: int, most: int) -> list[int]:
    """The rows of a class that score most like the other one, the worst first, one of a group."""
    order = np.argsort(-probability if label == 0 else probability, kind="stable")
    own = [row for row in order.tolist() if rows.labels[row] == label]
    first: dict[str, int] = {}
    for row in own:
        first.setdefault(str(rows.groups[row]), row)
    return list(first.values())[:most]


def _told(rows: Extract, row: int, probability: float, classifier: FaceClassifier, picture: Path | None) -> Mistake:
    [evidence] = classifier.evidence(rows.where(np.arange(len(rows.samples)) == row).tables[OURS])
    sample = rows.samples[row]
    words = evidence[0].words if evidence else "nothing stands out"
    return Mistake(sample.label, origin(sample), _id(sample.group), probability, words, picture)


def _id(group: str) -> str:
    return hashlib.sha256(group.encode()).hexdigest()[:8]


def _draw(plan: Plan, rows: Extract, row: int, tools: Tools) -> Path:
    """The picture of one row, whose face is met again as it was."""
    sample, model = rows.samples[row], tools.reconstructors[0]
    met = meet(sample, {PROTOCOL: plan.protocol.history}, tools, 0, plan.protocol.frames)
    [one] = [one for one in met if isinstance(one, Met) and one.frame == rows.frames[row]]
    crops = crop_faces(one.made.frame, [one.made.face], model.size)
    face = face_evidence(crops, model(crops.pixels).pixels.cpu().numpy(), 0)
    path = plan.work / "gallery" / f"{sample.label}-{_id(sample.group)}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(triptych(face.pixels, face.reconstruction, face.error)).save(path)
    return path
