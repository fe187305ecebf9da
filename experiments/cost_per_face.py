"""What a face costs on the CPU with and without the backbone, in turn: ``python experiments/cost_per_face.py``.

Twelve histories of one public-domain face; one thread; the median of the ratios of paired runs.
"""

from __future__ import annotations

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
from detector.types import Crops, Frame
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


def seconds(crops: Crops, model: Reconstructor, backbone: Backbone | None) -> float:
    """CPU seconds a face."""
    start = process_time()
    describe(crops, [model], backbone)
    return (process_time() - start) / FACES


def main() -> None:
    """Measure in turn."""
    torch.set_num_threads(1)
    model, backbone = load_reconstructor("face-vae"), load_backbone()
    crops = faces(model.size)
    seconds(crops, model, backbone)  # the first pass also warms caches
    pairs = [(seconds(crops, model, None), seconds(crops, model, backbone)) for _ in range(REPEATS)]
    print(f"VAE and its features: {median(one for one, _ in pairs):.3f} CPU s a face")
    print(f"with the backbone:    {median(both for _, both in pairs):.3f} CPU s a face")
    print(f"ratio: {median(both / one for one, both in pairs):.2f}")


if __name__ == "__main__":
    main()
