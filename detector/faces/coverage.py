"""How what a detector found compares with what is known to be there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.faces.pyramid import BOX, LANDMARKS, iou
from detector.types import Array


@dataclass(frozen=True, eq=False)
class Match:
    """The candidates of one picture against its M known faces.

    Attributes:
        found: (M,) whether each known face was found.
        errors: (K,) mean distance of the landmarks of each face that was found, in sides of its known box.
        false: how many candidates are neither a known face nor in a doubtful place.
    """

    found: npt.NDArray[np.bool_]
    errors: Array
    false: int


def compare(found: Array, known: Array, doubtful: Array, min_iou: float) -> Match:
    """Compare candidates (N, 15), see `pyramid`, with known ones (M, 15).

    Args:
        found: what a detector found.
        known: what is there.
        doubtful: boxes (K, 4) that may be found or not.
        min_iou: from which IoU on a known face counts as found, and a candidate as right.
    """
    overlap = iou(found[:, BOX], known[:, BOX])
    right = (overlap >= min_iou).any(axis=1) | (iou(found[:, BOX], doubtful) >= min_iou).any(axis=1)
    hit = np.asarray((overlap >= min_iou).any(axis=0))
    pairs = known[hit], found[overlap[:, hit].argmax(axis=0)] if hit.any() else found[:0]
    return Match(hit, _errors(*pairs), int((~right).sum()))


def _errors(known: Array, found: Array) -> Array:
    moved = (known[:, LANDMARKS] - found[:, LANDMARKS]).reshape(-1, 5, 2)
    side = (known[:, 2:4] - known[:, 0:2]).max(axis=1)
    errors: Array = np.linalg.norm(moved, axis=2).mean(axis=1) / side
    return errors
