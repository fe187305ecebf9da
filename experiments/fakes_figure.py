"""Every generator of `detector make-fakes` on the astronaut that ships with scikit-image (public domain).

    python experiments/fakes_figure.py    # writes reports/example/fakes.png

One column a generator: two fakes, each with where it is synthetic and what changed, eight times enlarged, below it.
The donor of swap and morph is she herself, in the mirror and in another light: no other face is in this figure.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from skimage import data

from detector.faces import load_face_detector
from detector.fakes import FAKES, Fake, Workshop, load_fake_maker
from detector.types import Face, Frame, Pixels
from detector.vae.loading import load_face_vae

OUT = Path("reports/example/fakes.png")
TILE, TITLE = 136, 20
SEEDS = (2, 4)


def main() -> None:
    """Draw the figure."""
    detect, model = load_face_detector("face-net"), load_face_vae()
    frames = Frame(np.asarray(data.astronaut(), np.uint8)), Frame(_mirrored(np.asarray(data.astronaut(), np.uint8)))
    target, donor = ((frame, detect([frame])[0][0]) for frame in frames)
    workshop = Workshop((model,), (donor,), ((model, model.decode),) if model.decode else ())
    columns = [_column("real", [target[0].pixels, np.zeros_like(target[0].pixels)], target[1])]
    for name in FAKES:
        maker = load_fake_maker(name, workshop)
        fakes = [maker(*target, np.random.default_rng(seed)) for seed in SEEDS]
        pictures = [picture for fake in fakes for picture in (fake.frame.pixels, _change(fake, target[0]))]
        columns.append(_column(name, pictures, target[1]))
    tallest = max(len(column) for column in columns)
    padded = [np.pad(one, ((0, tallest - len(one)), (0, 0), (0, 0)), constant_values=255) for one in columns]
    cv2.imwrite(str(OUT), np.hstack(padded)[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _mirrored(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray((pixels[:, ::-1] * np.array([0.75, 0.85, 0.95])).astype(np.uint8))


def _change(fake: Fake, real: Frame) -> Pixels:
    """Eight times the change, on a violet ground where the mask is."""
    change = 8 * np.abs(fake.frame.pixels.astype(int) - real.pixels)
    ground = fake.mask[..., None] * np.array([70, 0, 90])
    return np.clip(np.maximum(change, ground), 0, 255).astype(np.uint8)


def _column(name: str, pictures: list[Pixels], face: Face) -> Pixels:
    (x, y), reach = (face.box[:2] + face.box[2:]) / 2, face.size * 0.75
    scale = TILE / (2 * reach)
    matrix = np.array([[scale, 0, -scale * (x - reach)], [0, scale, -scale * (y - reach)]])
    tiles = [cv2.warpAffine(one, matrix, (TILE, TILE), flags=cv2.INTER_CUBIC) for one in pictures]
    title = np.full((TITLE, TILE, 3), 255, np.uint8)
    cv2.putText(title, name, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([title, *tiles])


if __name__ == "__main__":
    main()
