"""AEROBLADE's recipe with the VAEs at hand: nothing is fitted, and what a VAE reconstructs best is called its own.

Ricker et al. 2024, AEROBLADE: Training-free detection of latent diffusion images using autoencoder reconstruction
error, eq. 4: the smallest distance between a picture and its reconstruction, over the autoencoders. Its LPIPS needs
a network of its own; here the distance is taken in each VAE's own encoder, by SSIM, and in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

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


def training_free(table: FeatureTable) -> dict[str, Scores]:
    """Scores (N,) of every recipe that the table has the features for; higher is more synthetic.

    Args:
        table: N rows of the features of one or more VAEs.
    """
    return dict(_scores(table))


def _scores(table: FeatureTable) -> Iterator[tuple[str, Scores]]:
    for name, (feature, sign) in DISTANCES.items():
        own = [i for i, column in enumerate(table.names) if column.split(".", 1)[1] == f"{VIEW}.{feature}"]
        if own:
            yield name, -np.nanmin(sign * table.values[:, own].astype(np.float64), axis=1)
