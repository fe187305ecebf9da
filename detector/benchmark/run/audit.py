"""Whose faces is the detector worse for? Its errors by how faces were pictured: skin, size, light, pose.

Skin tone is the individual typology angle of a photo in unknown light (see `detector.benchmark.baselines.face_facts`):
it says how skin was pictured, not who the person is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.benchmark.baselines.face_facts import GREY_CHROMA, PREFIX
from detector.benchmark.measures.evaluate import Answers, Rate
from detector.benchmark.measures.metrics import Estimate, Groups, Labels, Scores, auc, estimate
from detector.benchmark.run.results import Slice
from detector.types import Array, FeatureTable

UNKNOWN = "not measured"
"""The slice of the faces that lack a fact; a grey face has no skin tone."""
FEWEST_REAL = 20
"""Slices with fewer real faces are not compared."""
RESAMPLES = 300

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scale:
    """How one fact tells faces apart.

    Attributes:
        by: what it is, in words.
        fact: its name among those of `face_facts`.
        edges: where one slice ends and the next begins, ascending; an edge belongs to the slice above it.
        names: of the slices from low to high, one more than edges.
        signed: whether the side counts; otherwise the distance from 0 does.
    """

    by: str
    fact: str
    edges: tuple[float, ...]
    names: tuple[str, ...]
    signed: bool = True


TYPOLOGY = Scale(
    "skin tone",
    "ita",
    (-30, 10, 28, 41, 55),
    (
        "ITA below -30° (dark)",
        "ITA -30° to 10° (brown)",
        "ITA 10° to 28° (tan)",
        "ITA 28° to 41° (intermediate)",
        "ITA 41° to 55° (light)",
        "ITA above 55° (very light)",
    ),
)
"""The six classes of Chardon et al. 1991 and Del Bino et al. 2006."""

SCALES = (
    TYPOLOGY,
    Scale("face size", "size", (110, 250, 500), ("below 110 px", "110 to 250 px", "250 to 500 px", "above 500 px")),
    # A nose is about half the distance between the eyes in front of them, and tan(22°) / 2 = 0.2.
    Scale("pose", "yaw", (0.2,), ("frontal", "turned by more than about 20°"), signed=False),
    Scale("head tilt", "roll", (15,), ("upright", "tilted by more than 15°"), signed=False),
    Scale("colour", "chroma", (GREY_CHROMA,), ("grey", "colour")),
)
THIRDS = {"sharpness": "sharpness", "brightness": "lightness"}
"""What faces are ranked by, and the fact: no fixed cut through these means anything, so each third is a slice."""


class Faces(NamedTuple):
    """What one approach said of the M faces that it gave a score: (M,) each."""

    labels: Labels
    groups: Groups
    scores: Scores


def slices(facts: FeatureTable, answers: Answers, approach: str, threshold: float) -> tuple[Slice, ...]:
    """How good one approach is for the faces of each kind.

    A slice of a scale is there even if no face is in it: a dataset without dark skin says nothing of dark skin.

    Args:
        facts: of `face_facts`, one row for each face of `answers`.
        answers: N faces; those that the approach gave no score do not count.
        approach: a name in `answers.probability`.
        threshold: from which score on it says "fake".

    Returns:
        for each of `SCALES` and `THIRDS` the slices from low to high. They part the faces: their counts add up to the
        number of faces with a score.
    """
    scored = ~np.isnan(answers.probability[approach])
    held = Faces(answers.labels[scored], answers.groups[scored], answers.probability[approach][scored])
    columns = dict(zip(facts.names, facts.values[scored].T, strict=True))
    scales = [*SCALES, *(_thirds(by, fact, columns[PREFIX + fact]) for by, fact in THIRDS.items())]
    return tuple(
        _measured(scale.by, name, held, rows, threshold)
        for scale in scales
        for name, rows in _parted(scale, columns[PREFIX + scale.fact])
    )


def disparity(found: Sequence[Slice]) -> str | None:
    """The two slices of one kind whose false alarms differ most, in a sentence; None where no two differ.

    Slices with fewer than `FEWEST_REAL` real faces are passed over, and so is what was not measured.
    """
    alarms = {(one.by, one.name): one.alarms for one in found if one.alarms and one.name != UNKNOWN}
    shares = {key: rate.hits / rate.count for key, rate in alarms.items() if rate.count >= FEWEST_REAL}
    pairs = [(one, other) for one, other in permutations(shares, 2) if one[0] == other[0]]
    high, low = max(pairs, key=lambda pair: shares[pair[0]] - shares[pair[1]], default=(None, None))
    if high is None or low is None or shares[high] == shares[low]:
        return None
    overlap = alarms[high].interval[0] <= alarms[low].interval[1]
    words = "the intervals overlap, so this may be chance" if overlap else "the intervals do not overlap"
    return f"False alarms differ most by {high[0]}: {high[1]}, {alarms[high]}; {low[1]}, {alarms[low]}; {words}."


def _thirds(by: str, fact: str, values: Array) -> Scale:
    low, high = np.nanquantile(values, [1 / 3, 2 / 3]).tolist() if np.isfinite(values).any() else (0.0, 0.0)
    names = f"lowest third, below {low:.2g}", f"middle third, {low:.2g} to {high:.2g}", f"highest third, {high:.2g} on"
    return Scale(by, fact, (low, high), names)


def _parted(scale: Scale, values: Array) -> Iterator[tuple[str, Bools]]:
    """Each slice's name and its (N,) rows; those without the fact last, if there are any."""
    known = np.isfinite(values)
    place = np.digitize(values if scale.signed else np.abs(values), scale.edges)
    yield from ((name, known & (place == number)) for number, name in enumerate(scale.names))
    if not known.all():
        yield UNKNOWN, ~known


def _measured(by: str, name: str, faces: Faces, rows: Bools, threshold: float) -> Slice:
    real, made = (rows & (faces.labels == label) for label in (0, 1))
    alarms, found = (_rate(faces.scores[part] >= threshold) for part in (real, made))
    return Slice(by, name, alarms, found, _auc(faces, real, made))


def _rate(fake: Bools) -> Rate | None:
    return Rate(int(fake.sum()), len(fake)) if len(fake) else None


def _auc(faces: Faces, real: Bools, made: Bools) -> Estimate | None:
    if not real.any() or not made.any():
        return None
    rows = real | made
    return estimate(auc, faces.labels[rows], faces.scores[rows], faces.groups[rows], RESAMPLES)
