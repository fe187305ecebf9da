"""The picture with every face boxed and labelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from detector.explain.style import ABSTAINED, FAKE, PAPER, REAL, Colour, compared, font, probability, text_size
from detector.types import FaceReport, Frame, Pixels

Rect = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Label:
    """Lines of text, the first one bold."""

    lines: tuple[str, ...]
    size: int

    @property
    def pad(self) -> int:
        return max(2, self.size // 4)

    @property
    def step(self) -> int:
        return round(self.size * 1.25)

    @property
    def extent(self) -> tuple[int, int]:
        """Width and height in px."""
        widths = [font(self.size, bold=row == 0).getlength(line) for row, line in enumerate(self.lines)]
        return int(np.ceil(max(widths))) + 2 * self.pad, self.step * len(self.lines) + self.pad


def annotate(frame: Frame, faces: Sequence[FaceReport], threshold: float | None) -> Pixels:
    """Draw every face's box, its probability and its verdict into the picture.

    Fakes are vermilion, real faces blue, faces that could not be scored grey and dashed with their reason code.
    Lines and text grow with the picture; pixels away from boxes and labels stay as they are. Where there is no
    room for all labels, the more suspicious face has the first choice.

    Args:
        frame: the picture.
        faces: the faces in it; boxes may leave the picture.
        threshold: from which probability on a face is called fake; None gives no verdict.

    Returns:
        (H, W, 3) uint8 RGB, a new array.
    """
    pixels = frame.pixels.copy()
    height, width = pixels.shape[:2]
    size = text_size(height, width)
    ranked = sorted(faces, key=lambda face: -1.0 if face.probability is None else face.probability)
    rects = [_inside(face.box, width, height) for face in ranked]
    for face, rect in zip(ranked, rects, strict=True):
        _draw_box(pixels, rect, _colour(face, threshold), max(2, size // 6), dashed=face.probability is None)
    image = Image.fromarray(pixels)
    taken: list[Rect] = []
    for face, rect in zip(reversed(ranked), reversed(rects), strict=True):
        if found := _place(_labels(face, threshold, size), rect, rects, taken, image.size):
            _draw_label(ImageDraw.Draw(image), *found, _colour(face, threshold))
            taken.append(found[1])
    return np.array(image, np.uint8)


def _colour(face: FaceReport, threshold: float | None) -> Colour:
    if face.probability is None or threshold is None:
        return ABSTAINED
    return FAKE if face.probability >= threshold else REAL


def _labels(face: FaceReport, threshold: float | None, size: int) -> list[_Label]:
    """What could be said of a face, from the fullest wording to the shortest; of a person of a video, who it is."""
    if face.probability is None:
        short, *more = "not scored", face.reason or "no reason given"
    elif threshold is None:
        short, *more = (f"p(fake) {probability(face.probability)}",)
    else:
        verdict = "looks fake" if face.probability >= threshold else "looks real"
        short, *more = verdict, f"p(fake) {compared(face.probability, threshold)}"
    short = f"{face.name}: {short}" if face.name else short
    sizes = [max(9, round(size * share)) for share in (1, 0.75, 0.5)]
    return [_Label(lines, px) for lines in ((short, *more), (short,)) for px in sizes]


def _inside(box: Sequence[float], width: int, height: int) -> Rect:
    """The part of a box that the picture shows, in whole px, at least one px wide and high."""
    x0, y0, x1, y1 = (round(value) for value in box)
    x0, y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
    return x0, y0, max(min(x1, width), x0 + 1), max(min(y1, height), y0 + 1)


def _draw_box(pixels: Pixels, rect: Rect, colour: Colour, stroke: int, dashed: bool) -> None:
    """A line along the inner side of `rect` with a white rim, so that it shows on any ground."""
    part = pixels[rect[1] : rect[3], rect[0] : rect[2]]
    y, x = np.ogrid[: part.shape[0], : part.shape[1]]
    depth = np.minimum(np.minimum(y, y[::-1]), np.minimum(x, x[:, ::-1]))
    line = depth < stroke
    part[depth < stroke + max(1, stroke // 2)] = PAPER
    part[line & ((x + y) // (4 * stroke) % 2 == 0) if dashed else line] = colour


def _place(
    labels: Sequence[_Label], box: Rect, boxes: Sequence[Rect], taken: Sequence[Rect], size: tuple[int, int]
) -> tuple[_Label, Rect] | None:
    """The fullest label that hides nothing else, and where; None where the picture is too small for any."""
    best: tuple[_Label, Rect] | None = None
    least = float("inf")
    for label in labels:
        for spot in _spots(label.extent, box, size):
            if (hidden := _hidden(spot, box, boxes, taken)) < least:
                best, least = (label, spot), hidden
        if least < 1:
            break
    return best


def _spots(extent: tuple[int, int], box: Rect, size: tuple[int, int]) -> Iterator[Rect]:
    """Places for a label of this extent near the box, the preferred ones first: above, below, inside."""
    width, height = extent
    room_x, room_y = size[0] - width, size[1] - height
    if room_x < 0 or room_y < 0:
        return
    for y in (box[1] - height, box[3], box[1], box[3] - height):
        for x in (box[0], box[2] - width, (box[0] + box[2] - width) // 2):
            left, top = min(max(x, 0), room_x), min(max(y, 0), room_y)
            yield left, top, left + width, top + height


def _hidden(spot: Rect, box: Rect, boxes: Sequence[Rect], taken: Sequence[Rect]) -> float:
    """How many px a label at this spot would hide of other labels, of other faces, and of its own beyond a third.

    Less than 1 where that is nothing; the rest is the share of its own face, to choose between such spots.
    """
    own, area = _overlap(spot, box), _overlap(box, box)
    labels = sum(_overlap(spot, other) for other in taken)
    faces = sum(_overlap(spot, other) for other in boxes) - own
    return 10 * labels + faces + max(0, own - area // 3) + own / (area + 1)


def _overlap(a: Rect, b: Rect) -> int:
    """The common area in px."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def _draw_label(draw: ImageDraw.ImageDraw, label: _Label, spot: Rect, colour: Colour) -> None:
    draw.rectangle((spot[0], spot[1], spot[2] - 1, spot[3] - 1), fill=colour)
    for row, line in enumerate(label.lines):
        at = (spot[0] + label.pad, spot[1] + label.pad // 2 + row * label.step)
        draw.text(at, line, fill=PAPER, font=font(label.size, bold=row == 0))
