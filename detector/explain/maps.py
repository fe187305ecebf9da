"""Error maps as pictures: laid over the frame, and beside the face and its reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image, ImageDraw

from detector.errors import ShapeError
from detector.explain.style import INK, PAPER, colours, font, text_size, to_pixels, wrap
from detector.types import Array, Frame, Pixels, check_shape

T = TypeVar("T", Array, Pixels)

CEILING = 32 / 255
"""The error that has the last colour. Fixed, so that two pictures can be compared."""
UNIT = "mean difference of R, G, B in grey levels of 255"
CAPTIONS = ("the face", "what the VAE made of it", "where the two differ")
LEAST_WIDTH = 240
"""Below this width in px a colour bar with its words has no room."""


def heatmap(
    frame: Frame, maps: Sequence[Array], boxes: Array, ceiling: float = CEILING, alpha: float = 0.75, zoom: int = 1
) -> Pixels:
    """Lay error maps over the frame, with their colour bar below.

    Every pixel of a map colours the frame pixels it was computed from: no smoothing, nothing between tiles, nothing
    outside. Where two boxes overlap, the larger error shows. Where there is a map the frame shows through in grey;
    a white line rims what was looked at.

    Args:
        frame: the picture.
        maps: N maps (S, S), errors in [0, 1]; NaN where there is none.
        boxes: (N, 4), what part of the frame each map shows, x0 y0 x1 y1 in px; boxes may leave the frame.
        ceiling: the error that has the last colour.
        alpha: how far an error of `ceiling` covers the frame, in [0, 1]; smaller errors cover less.
        zoom: px of the result per px of the frame.

    Returns:
        (H', W', 3) uint8 RGB; frame pixel (x, y) is at (zoom x, zoom y), the colour bar below.
    """
    check_shape("boxes", boxes, (len(maps), 4))
    errors = np.full(frame.pixels.shape[:2], np.nan, np.float32)
    for error, box in zip(maps, boxes, strict=True):
        _lay(errors, error, box)
    pixels, errors = _enlarged(frame.pixels, zoom), _enlarged(errors, zoom)
    known = ~np.isnan(errors)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[known]
    pixels[known] = to_pixels(_blend(grey / np.float32(255), errors[known] / ceiling, alpha))
    size = text_size(*pixels.shape[:2])
    reach = 2 * max(1, size // 12) + 1
    rim = cv2.dilate(known.astype(np.uint8), np.ones((reach, reach), np.uint8)) > known
    pixels[rim] = PAPER
    bar = _colour_bar(max(LEAST_WIDTH, pixels.shape[1]), size, ceiling, alpha)
    return _stack([pixels, bar])


def triptych(face: Array | Pixels, reconstruction: Array | Pixels, error: Array, ceiling: float = CEILING) -> Pixels:
    """The face, what the VAE made of it, and where the two differ, side by side with captions.

    Small faces are enlarged by a whole factor, pixel by pixel.

    Args:
        face: (3, S, S) or (S, S, 3), float in [0, 1] or uint8.
        reconstruction: the same of the reconstruction.
        error: (S, S), errors in [0, 1].
        ceiling: the error that has the last colour.

    Returns:
        (H', W', 3) uint8 RGB.

    Raises:
        ShapeError: the three have different sizes.
    """
    left, middle = _picture(face), _picture(reconstruction)
    check_shape("reconstruction", middle, left.shape)
    check_shape("error", error, left.shape[:2])
    zoom = -(-LEAST_WIDTH // left.shape[1])
    right = to_pixels(colours(error / ceiling))
    panels = [_enlarged(panel, zoom) for panel in (left, middle, right)]
    width = panels[0].shape[1]
    size = max(14, width // 18)
    columns = [_stack([_text(caption, width, size), panel]) for caption, panel in zip(CAPTIONS, panels, strict=True)]
    columns[2] = _stack([columns[2], _colour_bar(width, size * 3 // 4, ceiling)])
    return _beside(columns, gap=size)


def _lay(errors: Array, error: Array, box: Array) -> None:
    """Write a map into the (H, W) canvas of errors, each pixel where it was computed, the larger error on top."""
    check_shape("map", error, (error.shape[-1], error.shape[-1]))
    rows, from_rows = _span(box[1], box[3], errors.shape[0], len(error))
    columns, from_columns = _span(box[0], box[2], errors.shape[1], len(error))
    part = errors[rows, columns]
    np.fmax(part, error[from_rows[:, None], from_columns], out=part)


def _span(start: float, stop: float, length: int, size: int) -> tuple[slice, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """The frame px between two edges, and for each the map px it lies in."""
    first, last = (int(np.clip(round(edge), 0, length)) for edge in (start, stop))
    places = (np.arange(first, last) + 0.5 - start) * size / (stop - start)
    return slice(first, last), np.clip(places, 0, size - 1).astype(np.intp)


def _blend(grey: Array, level: Array, alpha: float) -> Array:
    """(...) grey and (...) error level to (..., 3): the colour covers the grey the more, the larger the error."""
    cover = alpha * np.sqrt(np.clip(level, 0, 1))[..., None]
    return np.asarray((1 - cover) * grey[..., None] + cover * colours(level), np.float32)


def _picture(array: Array | Pixels) -> Pixels:
    """Either layout, either range, to (S, S, 3) uint8."""
    if array.ndim != 3 or 3 not in (array.shape[0], array.shape[2]):
        raise ShapeError(f"picture: expected shape (3, *, *) or (*, *, 3), got {array.shape}")
    rows = array if array.shape[2] == 3 else array.transpose(1, 2, 0)
    return np.asarray(rows, np.uint8) if rows.dtype == np.uint8 else to_pixels(np.asarray(rows, np.float32))


def _enlarged(array: T, zoom: int) -> T:
    return array.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _colour_bar(width: int, size: int, ceiling: float, alpha: float | None = None) -> Pixels:
    """The scale of an error map, pure or as it looks on middle grey: colours, ticks, and the unit."""
    pad = size
    level = np.linspace(0, 1, width - 2 * pad, dtype=np.float32)[None].repeat(size, axis=0)
    bar = np.full((size * 5 // 2, width, 3), PAPER, np.uint8)
    shown = colours(level) if alpha is None else _blend(np.full_like(level, 0.5), level, alpha)
    bar[size // 2 : size // 2 + size, pad:-pad] = to_pixels(shown)
    image = Image.fromarray(bar)
    draw = ImageDraw.Draw(image)
    for share in (0, 0.25, 0.5, 0.75, 1):
        word = f"{'≥ ' if share == 1 else ''}{share * ceiling * 255:.3g}"
        x = pad + share * (width - 2 * pad) - share * font(size).getlength(word)
        draw.text((x, size * 1.5), word, fill=INK, font=font(size))
    return _stack([np.array(image, np.uint8), _text(UNIT, width, size)])


def _text(text: str, width: int, size: int) -> Pixels:
    """Words on paper, as many lines as they take at this width."""
    lines = wrap(text, width - 2 * size, size)
    image = Image.new("RGB", (width, round(size * (1.3 * len(lines) + 0.5))), PAPER)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        x = (width - font(size).getlength(line)) / 2
        draw.text((x, size * (0.2 + 1.3 * row)), line, fill=INK, font=font(size))
    return np.array(image, np.uint8)


def _stack(parts: Sequence[Pixels]) -> Pixels:
    """One below the other on paper, aligned left."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([_padded(part, part.shape[0], width) for part in parts])


def _beside(parts: Sequence[Pixels], gap: int) -> Pixels:
    """One beside the other on paper, aligned at the top, with a gap around each."""
    height = max(part.shape[0] for part in parts)
    row = [_padded(part, height, part.shape[1] + gap) for part in parts]
    return np.pad(np.concatenate(row, axis=1), ((gap, gap), (gap, 0), (0, 0)), constant_values=255)


def _padded(part: Pixels, height: int, width: int) -> Pixels:
    page = np.full((height, width, 3), PAPER, np.uint8)
    page[: part.shape[0], : part.shape[1]] = part
    return page
