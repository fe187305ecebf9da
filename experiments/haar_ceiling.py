"""How many faces the Haar cascades inside OpenCV propose at all: the most that any verification of them can reach.

    python experiments/haar_ceiling.py ../shared/data/manifest.csv val

Every cascade for faces (two frontal ones; the profile one, both ways), as permissive as they come: small
steps, no neighbours asked for. The largest face that YuNet sees is the truth. Every fourth picture of the split
is looked at, reduced to 400 px; the seconds are of the processor.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from detector.benchmark.face_study.faces import labelled, load_teacher
from detector.faces.pyramid import BOX, iou
from detector.faces.train import FaceTrainConfig
from detector.types import Array, Pixels

FRONTAL = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml")
PROFILE = "haarcascade_profileface.xml"
SMALLEST = 24
STEP = 4


def proposals(pixels: Pixels, neighbours: int) -> Array:
    """Boxes (N, 4) of all cascades in (H, W, 3) pixels."""
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    boxes = [box for name in FRONTAL for box in _detect(name, grey, neighbours)]
    boxes += list(_detect(PROFILE, grey, neighbours))
    width = grey.shape[1]
    boxes += [(width - x1, y0, width - x0, y1) for x0, y0, x1, y1 in _detect(PROFILE, grey[:, ::-1], neighbours)]
    return np.array(boxes, np.float32).reshape(-1, 4)


def _detect(name: str, grey: Pixels, neighbours: int) -> Iterator[tuple[int, int, int, int]]:
    cascade = cv2.CascadeClassifier(f"{cv2.data.haarcascades}{name}")
    found = cascade.detectMultiScale(
        np.ascontiguousarray(grey), scaleFactor=1.05, minNeighbors=neighbours, minSize=(SMALLEST, SMALLEST)
    )
    for x, y, width, height in found:
        yield x, y, x + width, y + height


def main(manifest: Path, split: str) -> None:
    pictures = labelled(FaceTrainConfig(data=manifest.parent), split, load_teacher())[::STEP]
    for neighbours in (0, 3):
        start = time.process_time()
        found = [proposals(picture.pixels, neighbours) for picture in pictures]
        seconds = time.process_time() - start
        truth = [picture.candidates[picture.candidates[:, 3].argmax()][None, BOX] for picture in pictures]
        hit = np.mean([iou(boxes, face).max(initial=0) >= 0.4 for boxes, face in zip(found, truth, strict=True)])
        each, seconds = sum(map(len, found)) / len(pictures), seconds / len(pictures)
        print(f"neighbours {neighbours}: coverage {hit:.3f}, {each:.1f} proposals and {seconds:.3f} s a picture")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
