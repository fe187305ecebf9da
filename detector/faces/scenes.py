"""Training scenes for the face network: labelled pictures pasted on face-free grounds, then spoilt.

Whoever photographs faces for a dataset centres them. A scene has none to several, of any size, turned, cut
off, covered, blurred, tinted and compressed, on grounds that are made of what lies beside the faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from detector.faces.pyramid import BOX, LANDMARKS, SCORE
from detector.types import Array, Pixels

SURE, DOUBTFUL = 0.7, 0.3
"""The teacher's score above which a candidate is a face; above the second, nobody says what it is."""
SIZES = (12.0, 240.0)
"""Faces of these sizes, px, are taught; larger ones are ground, and those slightly outside are left open."""
_TOLERANCE = 1.25
_VISIBLE = (0.25, 0.6)
_MIRRORED = [1, 0, 2, 4, 3]

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Picture:
    """One labelled picture: pixels (H, W, 3) uint8 RGB, the teacher's candidates (N, 15), see `pyramid`."""

    pixels: Pixels
    candidates: Array


@dataclass(frozen=True, eq=False)
class Scene:
    """Pixels (S, S, 3) uint8 RGB; `faces` (N, 15) to be found, and boxes (M, 4) where either answer is right."""

    pixels: Pixels
    faces: Array
    open: Array


def make_scene(pictures: Sequence[Picture], side: int, rng: Rng) -> Scene:
    """One scene of `side` px out of some of the pictures; the same state of `rng` gives the same scene."""
    canvas = _ground(pictures, side, rng)
    owner = np.full((side, side), -1, np.int64)
    placed: list[Array] = []
    for number in range(int(rng.choice(5, p=[0.1, 0.4, 0.25, 0.15, 0.1]))):
        placed.append(_paste(canvas, owner, number, _any(pictures, rng), rng))
    faces, undecided = _labels(placed, owner)
    return Scene(_spoil(canvas, rng), faces, undecided)


def _any(pictures: Sequence[Picture], rng: Rng) -> Picture:
    return pictures[int(rng.integers(len(pictures)))]


def _paste(canvas: Pixels, owner: npt.NDArray[np.int64], number: int, picture: Picture, rng: Rng) -> Array:
    """Paste a picture so that its best face has a random size and place; its candidates, moved."""
    side = len(canvas)
    anchor = picture.candidates[picture.candidates[:, SCORE].argmax()]
    size = float(max(anchor[2] - anchor[0], anchor[3] - anchor[1]))
    low, high = SIZES if rng.random() < 0.93 else (SIZES[1] * 1.3, SIZES[1] * 3)
    scale = np.exp(rng.uniform(np.log(low), np.log(high))) / size
    pixels, candidates, scale = _shrink(picture, scale)
    if rng.random() < 0.5:
        pixels, candidates = _mirror(pixels, candidates)
    angle = float(rng.normal(0, 12) if rng.random() < 0.85 else rng.uniform(-70, 70))
    target = rng.uniform(-0.05, 1.05, 2) * side
    anchor = candidates[picture.candidates[:, SCORE].argmax()]
    matrix = _turn((anchor[:2] + anchor[2:4]) / 2, target, scale, angle)
    warped = cv2.warpAffine(_tint(pixels, rng), matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    mask = _outline(pixels, matrix, side)
    cv2.copyTo(warped, mask, canvas)
    np.putmask(owner, mask > 0, number)
    return move(candidates, matrix)


def _shrink(picture: Picture, scale: float) -> tuple[Pixels, Array, float]:
    """Reduce a picture by area where the warp alone would alias; what scale is left to do."""
    if scale > 0.6:
        return picture.pixels, picture.candidates, scale
    height, width = picture.pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    candidates = picture.candidates.copy()
    candidates[:, :SCORE] *= np.tile([size[0] / width, size[1] / height], 7)
    return np.asarray(cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA), np.uint8), candidates, 1.0


def _mirror(pixels: Pixels, candidates: Array) -> tuple[Pixels, Array]:
    width = pixels.shape[1]
    mirrored = candidates.copy()
    mirrored[:, [0, 2]] = width - candidates[:, [2, 0]]
    marks = candidates[:, LANDMARKS].reshape(-1, 5, 2)[:, _MIRRORED]
    mirrored[:, LANDMARKS] = np.stack([width - marks[..., 0], marks[..., 1]], axis=-1).reshape(-1, 10)
    return np.ascontiguousarray(pixels[:, ::-1]), mirrored


def _turn(source: Array, target: npt.NDArray[np.float64], scale: float, angle: float) -> npt.NDArray[np.float64]:
    """The (2, 3) matrix that scales, turns by `angle` degrees and brings `source` to `target`."""
    matrix = np.asarray(cv2.getRotationMatrix2D((float(source[0]), float(source[1])), angle, scale), np.float64)
    matrix[:, 2] += target - source
    return matrix


def move(candidates: Array, matrix: npt.NDArray[np.float64]) -> Array:
    """Candidates (N, 15) under a similarity (2, 3). A box becomes the box of its turned inscribed ellipse."""
    moved = candidates.copy()
    linear = np.abs(matrix[:, :2])
    middle = (candidates[:, 0:2] + candidates[:, 2:4]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = np.sqrt(((candidates[:, 2:4] - candidates[:, 0:2]) / 2) ** 2 @ (linear**2).T)
    moved[:, BOX] = np.hstack([middle - half, middle + half])
    marks = candidates[:, LANDMARKS].reshape(-1, 5, 2) @ matrix[:, :2].T + matrix[:, 2]
    moved[:, LANDMARKS] = marks.reshape(-1, 10)
    return moved


def _outline(pixels: Pixels, matrix: npt.NDArray[np.float64], side: int) -> Pixels:
    """Where a picture lies on a canvas once it is moved: (side, side), 255 inside."""
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]) @ matrix[:, :2].T
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, np.round(corners + matrix[:, 2]).astype(np.int32), (255,))
    return mask


def _labels(placed: Sequence[Array], owner: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Which of the pasted candidates are to be found, and where nobody says."""
    faces, undecided = [np.empty((0, 15), np.float32)], [np.empty((0, 4), np.float32)]
    for number, candidates in enumerate(placed):
        for row in candidates:
            size, seen = max(row[2] - row[0], row[3] - row[1]), _visible(row[BOX], owner == number)
            inside = SIZES[0] <= size <= SIZES[1]
            near = SIZES[0] / 2 <= size <= SIZES[1] * _TOLERANCE
            if row[SCORE] >= SURE and inside and seen >= _VISIBLE[1]:
                faces.append(row[None].astype(np.float32))
            elif near and seen >= _VISIBLE[0]:
                undecided.append(row[None, BOX].astype(np.float32))
    return np.concatenate(faces), np.concatenate(undecided)


def _visible(box: Array, mask: npt.NDArray[np.bool_]) -> float:
    """The part of a box that a mask (S, S) covers, in [0, 1]."""
    x0, y0, x1, y1 = np.round(box).astype(int)
    inside = np.count_nonzero(mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)])
    return inside / max(int(y1 - y0) * int(x1 - x0), 1)


def _ground(pictures: Sequence[Picture], side: int, rng: Rng) -> Pixels:
    """A canvas without any face: black, a shuffled picture, a strip from beside a face in mirrors, or a texture."""
    kind = rng.random()
    if kind < 0.1:
        return np.zeros((side, side, 3), np.uint8)  # the margin of `pyramid.view`
    if kind < 0.8:
        picture = _any(pictures, rng)
        strip = _jigsaw(picture, rng) if kind < 0.35 else _beside(picture, rng)
        if min(strip.shape[:2]) >= 16:
            return _mirrors(strip, side, rng)
    return _texture(side, rng)


def _jigsaw(picture: Picture, rng: Rng) -> Pixels:
    """A picture cut into squares of at most a third of its smallest face, shuffled: all it shows, and nobody."""
    sides = (picture.candidates[:, 2:4] - picture.candidates[:, 0:2]).max(axis=1)
    side = int(rng.integers(6, max(7, int(sides.min() / 3))))
    rows, columns = (length // side for length in picture.pixels.shape[:2])
    whole = picture.pixels[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    squares = rng.permutation(whole.swapaxes(1, 2).reshape(-1, side, side, 3))
    return squares.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(rows * side, columns * side, 3)


def _beside(picture: Picture, rng: Rng) -> Pixels:
    """The largest strip left, right, above or below all candidates; a random one of the larger two."""
    height, width = picture.pixels.shape[:2]
    slack = 0.15 * max(picture.candidates[:, 2:4].max(axis=0) - picture.candidates[:, 0:2].min(axis=0))
    x0, y0 = np.clip(picture.candidates[:, 0:2].min(axis=0) - slack, 0, (width, height)).astype(int)
    x1, y1 = np.clip(picture.candidates[:, 2:4].max(axis=0) + slack, 0, (width, height)).astype(int)
    strips = [picture.pixels[:, :x0], picture.pixels[:, x1:], picture.pixels[:y0], picture.pixels[y1:]]
    return sorted(strips, key=lambda strip: min(strip.shape[:2]))[int(rng.integers(2, 4))]


def _mirrors(strip: Pixels, side: int, rng: Rng) -> Pixels:
    zoom = float(np.exp(rng.uniform(np.log(0.5), np.log(2.5))))
    strip = np.asarray(cv2.resize(strip, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = (np.pad(np.arange(n), (0, side), mode="symmetric") for n in strip.shape[:2])
    y, x = rng.integers(strip.shape[0]), rng.integers(strip.shape[1])
    tiled = strip[rows[y : y + side, None], columns[x : x + side]]
    return _tint(np.ascontiguousarray(tiled), rng)


def _texture(side: int, rng: Rng) -> Pixels:
    """Smooth noise around a random colour, with random ellipses and lines in it."""
    cells = int(rng.integers(2, 64))
    coarse = rng.normal(0, rng.uniform(0, 40), (cells, cells, 1)) + rng.normal(0, rng.uniform(0, 20), (cells, cells, 3))
    smooth = cv2.resize(coarse.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    canvas = np.clip(smooth + rng.uniform(0, 255, 3), 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 12))):
        _draw(canvas, rng)
    return canvas


def _draw(canvas: Pixels, rng: Rng) -> None:
    """Draw one random filled ellipse or line."""
    side, colour = len(canvas), rng.uniform(0, 255, 3).tolist()
    (x, y), (a, b) = rng.integers(0, side, 2).tolist(), rng.integers(2, side // 3, 2).tolist()
    if rng.random() < 0.6:
        cv2.ellipse(canvas, (x, y), (a, b), float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    else:
        cv2.line(
            canvas, (x, y), tuple(rng.integers(0, side, 2).tolist()), colour, int(rng.integers(1, 12)), cv2.LINE_AA
        )


def _tint(pixels: Pixels, rng: Rng) -> Pixels:
    """Another contrast, brightness, gamma and colour; sometimes grey."""
    levels = (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.3))
    gains = rng.uniform(0.6, 1.2) * (1 + rng.normal(0, 0.08, 3))
    table = np.clip(255 * (levels[:, None] * gains + rng.uniform(-0.1, 0.1)), 0, 255).astype(np.uint8)
    tinted = cv2.LUT(pixels, table[None])
    if rng.random() < 0.12:
        tinted = cv2.cvtColor(cv2.cvtColor(tinted, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(tinted, np.uint8)


def _spoil(canvas: Pixels, rng: Rng) -> Pixels:
    """Cover parts, blur, add noise, compress: each only sometimes."""
    if rng.random() < 0.15:
        side = len(canvas)
        (x, y), (w, h) = rng.integers(0, side, 2), rng.integers(4, side // 4, 2)
        canvas[y : y + h, x : x + w] = rng.uniform(0, 255, 3).astype(np.uint8)
    if rng.random() < 0.2:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 2.2)), np.uint8)
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(2, 18), canvas.shape)
        canvas = np.clip(canvas + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        encoded = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))])[1]
        canvas = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return canvas
