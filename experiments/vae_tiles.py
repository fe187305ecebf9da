"""Does it matter how small the tiles are in which the embedded VAE sees a face? The native 128 px tiles, cut again.

    DETECTOR_MODELS=../shared/models python experiments/vae_tiles.py experiments/vae-family.toml 128 64 32

For each side, on the faces of the config: mean AUC of the features of the native tiles alone, and the mean bits per
dimension of real faces at the posterior mean. The pixels are the same ones; only the borders are others.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from detector import config
from detector.benchmark.vae_study.cut import CutFaces
from detector.benchmark.vae_study.separation import Who, separation
from detector.benchmark.vae_study.vae_family import BASE, FamilyStudy, faces_of
from detector.features import compute_features
from detector.types import Crops, FeatureTable
from detector.vae import load_reconstructor


def smaller(crops: Crops, side: int) -> Crops:
    """The native tiles of N faces in tiles of `side` px."""
    rows, count = np.flatnonzero(crops.native), crops.size // side
    corners = [(x, y) for y in range(0, crops.size, side) for x in range(0, crops.size, side)]
    shift = np.tile(np.array(corners, np.float32), (len(rows), 1))
    cut = crops.pixels[rows].reshape(-1, 3, count, side, count, side).transpose(0, 2, 4, 1, 3, 5)
    many = np.repeat(rows, count**2)
    return Crops(
        pixels=np.ascontiguousarray(cut.reshape(-1, 3, side, side)),
        landmarks=crops.landmarks[many] - shift[:, None],
        boxes=np.concatenate([shift, shift + side], axis=1),
        faces=crops.faces[many],
        whole=np.zeros(len(many), np.bool_),
        native=crops.native[many],
    )


def main(path: Path, sides: list[int]) -> None:
    torch.set_num_threads(1)
    study = config.load(FamilyStudy, path)
    vae = load_reconstructor(BASE)
    parts: list[CutFaces] = list(faces_of(study, vae.size))
    who = Who.of([sample for part in parts for sample in part.samples])
    for side in sides:
        tables, bits = [], []
        for part in parts:
            crops = smaller(part.crops, side)
            made = vae(crops.pixels)
            tables.append(compute_features(crops, made, BASE))
            real = np.array([sample.label == 0 for sample in part.samples])[crops.faces]
            assert made.nll is not None
            assert made.kl is not None
            cost = made.nll.mean((1, 2)) + made.kl.sum((1, 2)) / (3 * side**2)
            bits += cost[torch.from_numpy(real)].tolist()
        table = FeatureTable(np.concatenate([one.values for one in tables]), tables[0].names)
        native = [place for place, name in enumerate(table.names) if ".native." in name]
        table = replace(table, values=table.values[:, native], names=tuple(table.names[place] for place in native))
        told = separation(table, who, study.strength)
        print(f"{side} px: {np.mean(bits):.3f} bits/dim, met {told.met['mean']}, left out {told.left_out['mean']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(side) for side in sys.argv[2:]])
