"""How many faces each detector finds in a dataset, how many it makes up, and how long that takes.

The truth is YuNet at all sizes: its largest face is the one to be found.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from detector.benchmark.face_study.faces import Teacher, images
from detector.faces import FaceDetector
from detector.faces.coverage import compare
from detector.faces.pyramid import BOX, SCORE, iou, suppress
from detector.faces.scenes import SURE
from detector.types import Array, Face, Frame, Pixels

MIN_IOU = 0.4
MIN_PX = 110
"""Coverage is of pictures whose face is at least this high, px, by the manifest's ``face_px``."""
_THUMB = 200


@dataclass(frozen=True, eq=False)
class Look:
    """One picture, seen by one detector.

    Attributes:
        detector: its name.
        source: the set the picture is from.
        pixels: (H, W, 3) uint8.
        faces: what the detector found.
        covered: the largest known face is among them.
        error: mean distance of its landmarks from the known ones, in box sides; NaN where it was missed.
        false: the found faces that are none.
        seconds: processor time of the detector, all threads together: it hardly depends on what else runs.
    """

    detector: str
    source: str
    pixels: Pixels
    faces: tuple[Face, ...]
    covered: bool
    error: float
    false: tuple[Face, ...]
    seconds: float


def measure_faces(
    detectors: Sequence[FaceDetector], teacher: Teacher, manifest: Path, split: str, table: Path, sheets: Path
) -> None:
    """Look at every image of a split with every detector.

    Args:
        detectors: whom to compare.
        teacher: who knows where the faces are: `detector.benchmark.faces.load_teacher`.
        manifest: the dataset, with a column ``face_px``.
        split: which part of it.
        table: CSV to write, one row per detector and set.
        sheets: folder for ``false.png``, what was taken for a face, and ``missed.png`` and ``found.png``, faces
            that were missed and found; they show the dataset's people: not for a repository.
    """
    heights = _heights(manifest)
    looks: list[Look] = []
    for sample, pixels in tqdm(images(manifest, split), desc=f"faces {split}"):
        if heights[Path(sample.path).relative_to(manifest.parent).as_posix()] >= MIN_PX:
            known = suppress(teacher.candidates(pixels))
            looks += [_look(detector, sample.source, pixels, known) for detector in detectors]
    _write_table(looks, table)
    for detector in detectors:
        _write_sheets([look for look in looks if look.detector == detector.name], sheets / detector.name)


def _write_sheets(looks: Sequence[Look], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    draw_sheet([(look.pixels, [face]) for look in looks for face in look.false], out / "false.png")
    draw_sheet([(look.pixels, look.faces) for look in looks if not look.covered], out / "missed.png")
    draw_sheet([(look.pixels, look.faces) for look in looks[:: max(1, len(looks) // 48)]], out / "found.png")


def _heights(manifest: Path) -> dict[str, float]:
    """What the manifest says of the height of the face in each picture, px."""
    with manifest.open(newline="", encoding="utf-8") as lines:
        return {row["path"]: float(row["face_px"] or 0) for row in csv.DictReader(lines)}


def _look(detector: FaceDetector, source: str, pixels: Pixels, known: Array) -> Look:
    start = time.process_time()
    faces = detector([Frame(pixels)])[0]
    seconds = time.process_time() - start
    sure = known[known[:, SCORE] >= SURE]
    largest = sure[np.argsort(sure[:, 1] - sure[:, 3])[:1]]
    rows = np.array([[*face.box, *face.landmarks.ravel(), face.confidence] for face in faces], np.float32)
    match = compare(rows.reshape(-1, known.shape[1]), largest, known[:, BOX], MIN_IOU)
    seen = [bool((iou(face.box[None], known[:, BOX]) >= MIN_IOU).any()) for face in faces]
    return Look(
        detector=detector.name,
        source=source,
        pixels=pixels,
        faces=faces,
        covered=bool(match.found.any()),
        error=float(match.errors[0]) if len(match.errors) else float("nan"),
        false=tuple(face for face, known_face in zip(faces, seen, strict=True) if not known_face),
        seconds=seconds,
    )


def _write_table(looks: Sequence[Look], path: Path) -> None:
    """One row per detector and set, and one per detector in all."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [_row(group) for group in _groups(looks)]
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _groups(looks: Sequence[Look]) -> Iterator[tuple[str, str, list[Look]]]:
    for detector in dict.fromkeys(look.detector for look in looks):
        mine = [look for look in looks if look.detector == detector]
        for source in sorted({look.source for look in mine}):
            yield detector, source, [look for look in mine if look.source == source]
        yield detector, "all", mine


def _row(group: tuple[str, str, list[Look]]) -> dict[str, object]:
    from scipy.stats import binomtest

    detector, source, looks = group
    covered = sum(look.covered for look in looks)
    low, high = binomtest(covered, len(looks)).proportion_ci(method="wilson")
    errors = [look.error for look in looks if look.covered]
    return {
        "detector": detector,
        "set": source,
        "pictures": len(looks),
        "coverage": f"{covered / len(looks):.4f}",
        "low95": f"{low:.4f}",
        "high95": f"{high:.4f}",
        "found_any": f"{np.mean([bool(look.faces) for look in looks]):.4f}",
        "false_faces": sum(len(look.false) for look in looks),
        "landmark_error": f"{np.mean(errors) if errors else np.nan:.4f}",
        "median_cpu_ms": f"{1000 * np.median([look.seconds for look in looks]):.1f}",
    }


def draw_sheet(views: Sequence[tuple[Pixels, Sequence[Face]]], path: Path, columns: int = 8) -> None:
    """Write a contact sheet of pictures with faces, their box and landmarks drawn; nothing where there is none."""
    thumbs = [_thumb(pixels, faces) for pixels, faces in views]
    if not thumbs:
        path.unlink(missing_ok=True)
        return
    thumbs += [np.zeros_like(thumbs[0])] * (-len(thumbs) % columns)
    rows = [np.hstack(thumbs[at : at + columns]) for at in range(0, len(thumbs), columns)]
    cv2.imwrite(str(path), np.vstack(rows)[:, :, ::-1])


def _thumb(pixels: Pixels, faces: Sequence[Face]) -> Pixels:
    """A picture reduced, its faces drawn: (`_THUMB`, `_THUMB`, 3)."""
    scale = _THUMB / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    thumb = np.zeros((_THUMB, _THUMB, 3), np.uint8)
    thumb[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    for face in faces:
        x0, y0, x1, y1 = (face.box * scale).round().astype(int).tolist()
        cv2.rectangle(thumb, (x0, y0), (x1, y1), (0, 255, 0), 1)
        for x, y in (face.landmarks * scale).round().astype(int).tolist():
            cv2.circle(thumb, (x, y), 2, (255, 60, 60), -1)
    return thumb


def draw_trials(detectors: Sequence[FaceDetector], pixels: Pixels, path: Path) -> None:
    """Write a sheet of what detectors find in one photo turned, reduced, blurred, darkened, mirrored and doubled.

    A row or more for each detector; the photo is (H, W, 3) uint8 RGB.
    """
    trials = list(_trials(pixels))
    draw_sheet([(trial, faces) for one in detectors for trial in trials for faces in one([Frame(trial)])], path)


def _trials(pixels: Pixels) -> Iterator[Pixels]:
    height, width = pixels.shape[:2]
    for angle in (0, 20, 45, 90, 180):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
        yield np.asarray(cv2.warpAffine(pixels, turn, (width, height)), np.uint8)
    for sigma in (2.0, 5.0):
        yield np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)
    yield np.asarray(pixels * 0.25, np.uint8)
    for part in (4, 8):
        small = np.zeros_like(pixels)
        small[: height // part, : width // part] = cv2.resize(pixels, (width // part, height // part))
        yield small
    yield np.ascontiguousarray(pixels[: height // 2, : width // 2])
    yield np.ascontiguousarray(pixels[: height // 3, width // 3 : width * 2 // 3])
    yield np.hstack([pixels, pixels[:, ::-1]])
    yield np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    yield np.asarray(cv2.resize(pixels, (width // 12, height // 12), interpolation=cv2.INTER_AREA), np.uint8)
    yield np.random.default_rng(0).normal(pixels, 40).clip(0, 255).astype(np.uint8)
