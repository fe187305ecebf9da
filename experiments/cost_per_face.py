"""What a face costs on the CPU by what looks at it: ``python experiments/cost_per_face.py``.

Twelve histories of one public-domain face; one thread; all variants in turn, the median and the median of the ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from time import process_time

import numpy as np
import torch
from skimage import data

from detector.benchmark.histories.history import STRICT, apply_history
from detector.faces import concat_crops, crop_faces, load_face_detector
from detector.features import Backbone, load_backbone
from detector.score.judge import describe
from detector.types import VIEWS, Crops, Frame, View
from detector.vae import Reconstructor, load_reconstructor

FACES, REPEATS = 12, 7


def faces(size: int) -> Crops:
    """The crops of the face after several histories."""
    frame = Frame(data.astronaut())
    face = load_face_detector("face-net")([frame])[0][0]
    rng = np.random.default_rng(0)
    made = [apply_history(frame, face, STRICT, rng) for _ in range(FACES)]
    parts = [crop_faces(one, [moved], size) for one, moved in made]
    return concat_crops([replace(part, faces=part.faces + row) for row, part in enumerate(parts)], size)


def seconds(crops: Crops, model: Reconstructor, backbone: Backbone | None, views: Sequence[View]) -> float:
    """CPU seconds a face."""
    start = process_time()
    describe(crops, [model], backbone, views)
    return (process_time() - start) / FACES


def main() -> None:
    """Measure in turn."""
    torch.set_num_threads(1)
    model, backbone = load_reconstructor("face-vae"), load_backbone()
    crops = faces(model.size)
    variants: dict[str, tuple[Backbone | None, Sequence[View]]] = {
        "VAE, every view": (None, VIEWS),
        "VAE, every view, and the backbone": (backbone, VIEWS),
        "VAE, whole view": (None, ["whole"]),
        "VAE, whole view, and the backbone (as shipped)": (backbone, ["whole"]),
    }
    rounds = [[seconds(crops, model, *variant) for variant in variants.values()] for _ in range(REPEATS + 1)]
    for name, column in zip(variants, zip(*rounds[1:], strict=True), strict=True):  # the first round warms caches
        ratio = median(one / last[-1] for one, last in zip(column, rounds[1:], strict=True))
        print(f"{name:48} {median(column):.3f} CPU s a face, {ratio:.2f} times the last")


if __name__ == "__main__":
    main()
