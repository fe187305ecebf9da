"""Recipes of others with the VAEs at hand: no classifier is fitted, a score is read off the features.

Ricker et al. 2024, AEROBLADE: Training-free detection of latent diffusion images using autoencoder reconstruction
error, eq. 4: the smallest distance between a picture and its reconstruction, over the autoencoders; what a VAE
reconstructs best is called its own. Its LPIPS needs a network of its own; here the distance is taken in each VAE's own
encoder, by SSIM, and in pixels.

Khalid & Woo 2020, OC-FakeDect: Classifying deepfakes using one-class variational autoencoder: the other way round, what
a VAE of real faces reconstructs worst is called fake. It is read of our VAE alone: the others have seen more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from detector.benchmark.measures.metrics import Scores
from detector.types import FeatureTable

DISTANCES = {
    "AEROBLADE, encoder's distance": ("perceptual.whole.log_distance", 1.0),
    "AEROBLADE, SSIM": ("structure.whole.ssim", -1.0),
    "AEROBLADE, mean absolute error": ("error.whole.log_abs", 1.0),
}
"""Each recipe: the feature, ``kind.region.statistic``, and its sign as a distance."""
VIEW = "native"
"""Pixels as they are: a reduced view has lost what is looked for."""


def pixel_rmse(log_abs: Scores, tail: Scores) -> Scores:
    """OC-FakeDect-1: the root mean square of x - x1, of [0, 1] pixels, from the two features that add up to its log."""
    return np.exp(log_abs + tail)


def code_rmse(ratio: Scores, prior: Scores) -> Scores:
    """OC-FakeDect-2: the root mean square of mu(x) - mu(x1), from its log ratio to that of mu(x), and -log2 p(mu(x)).

    The paper gives the reconstruction to a second encoder of the same shape; here it is the same encoder.
    """
    square = np.maximum(2 * prior - math.log2(2 * math.pi), 0) * math.log(2)
    return np.exp(ratio) * np.sqrt(square)


ONE_CLASS: dict[str, tuple[tuple[str, ...], Callable[..., Scores]]] = {
    "OC-FakeDect-1, error in pixels": (("error.whole.log_abs", "error.whole.tail"), pixel_rmse),
    "OC-FakeDect-2, error in the code": (("latent_shift.whole.ratio", "posterior.whole.prior"), code_rmse),
}
"""Each recipe: the features, and what makes the paper's score of them, to the floors of their logarithms."""
ONE_CLASS_MODEL, ONE_CLASS_VIEW = "face-vae", "whole"
"""The VAE that has seen real faces only, and the view that it knows: a face in one crop, as in the paper."""


def training_free(table: FeatureTable) -> dict[str, Scores]:
    """Scores (N,) of every recipe that the table has the features for; higher is more synthetic.

    Args:
        table: N rows of the features of one or more VAEs.
    """
    return {**dict(_smallest_distances(table)), **dict(_one_class(table))}


def training_free_by_model(table: FeatureTable) -> dict[str, dict[str, Scores]]:
    """`training_free` with each VAE as the only one: model to recipe to scores (N,), for models that have any."""
    models = dict.fromkeys(name.split(".", 1)[0] for name in table.names)
    return {model: scores for model in models if (scores := training_free(_only(table, model)))}


def _only(table: FeatureTable, model: str) -> FeatureTable:
    own = [i for i, name in enumerate(table.names) if name.split(".", 1)[0] == model]
    return FeatureTable(table.values[:, own], tuple(table.names[i] for i in own))


def _smallest_distances(table: FeatureTable) -> Iterator[tuple[str, Scores]]:
    for name, (feature, sign) in DISTANCES.items():
        own = [i for i, column in enumerate(table.names) if column.split(".", 1)[1] == f"{VIEW}.{feature}"]
        if own:
            yield name, -np.nanmin(sign * table.values[:, own].astype(np.float64), axis=1)


def _one_class(table: FeatureTable) -> Iterator[tuple[str, Scores]]:
    columns = dict(zip(table.names, table.values.T.astype(np.float64), strict=True))
    for name, (features, score) in ONE_CLASS.items():
        wanted = [f"{ONE_CLASS_MODEL}.{ONE_CLASS_VIEW}.{feature}" for feature in features]
        if columns.keys() >= set(wanted):
            yield name, score(*(columns[column] for column in wanted))
