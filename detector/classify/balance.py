"""How much each row of a fit counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detector.types import MADE

Labels = npt.NDArray[np.int64]
Words = npt.NDArray[np.str_]

MADE_SHARE = 0.1
"""What the fakes that we make ourselves weigh together, of all fakes, where there are others. More teaches to find them
at the cost of those that others make."""


def balanced(labels: Labels, sources: Words) -> npt.NDArray[np.float64]:
    """The weight of every row; their mean is one.

    Both classes weigh the same. Inside a class a source weighs the square root of its number of rows, so that neither
    the large ones nor single rows of small ones decide; what is `MADE` weighs `MADE_SHARE` in all.

    Args:
        labels: (N,) 1 for synthetic.
        sources: (N,) the real data set or the generator of each row.
    """
    _, source, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[source])
    made = np.char.startswith(sources.astype(np.str_), MADE)
    others = (labels == 1) & ~made
    if made.any() and others.any():
        weights[made] *= MADE_SHARE / (1 - MADE_SHARE) * weights[others].sum() / weights[made].sum()
    for label in np.unique(labels):
        weights[labels == label] /= weights[labels == label].sum()
    return np.asarray(weights * len(weights) / len(np.unique(labels)))


def strata(labels: Labels, sources: Words, folds: int) -> Labels | Words:
    """What folds keep in proportion: the sources, or just the labels where a source has too few rows for every fold.

    Args:
        labels: (N,) 1 for synthetic.
        sources: (N,) the real data set or the generator of each row.
        folds: how many.
    """
    _, counts = np.unique(sources, return_counts=True)
    return sources if counts.min() >= folds else labels
