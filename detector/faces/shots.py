"""Where one shot of a video ends and the next begins: cuts at once, dissolves and fades once they are over."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from detector.errors import UsageError
from detector.types import Array, Frame

SIZE = (64, 48)
"""Width and height at which frames are compared, px; whatever shape the frame has."""
BLOCK, SEARCH = 16, 8
"""Side of the blocks that are looked for in the frame before, and how far, px of `SIZE`."""
FLOOR = 0.30
"""A change below this is never a cut."""
SLOPE = 1.5
"""How much higher the bar is for each unit of the change that the shot usually has from frame to frame."""
WINDOW = 12
"""From how many frames back what is usual is told."""
FLASH_S = 0.2
"""A frame that is much brighter than the one before waits for so long for its end, before it is compared."""
REST_S = 0.25
"""The shortest shot: what jumps again sooner is what is left of a flash or a fade."""
DISSOLVE_S, SAMPLES = 2.0, 12
"""The longest dissolve, s, and how many frames of that time are remembered."""

_BINS = 8
_SPAN = np.array([100, 96, 96], np.float32)
_SHIFT = np.array([0, 0.5, 0.5], np.float32)
_TEXTURE = 1.5
_TEXTURED = 3
_WHITE, _BRIGHTER, _OTHER = 97.0, 0.2, 0.5
_COARSE, _FAINT = (32, 24), 1 / 3
_UNEXPLAINED, _STILL, _MIXED = 0.3, 0.12, (0.15, 0.85)


@dataclass(frozen=True, eq=False)
class _Small:
    """A frame, reduced.

    Attributes:
        grey: (48, 64) float32, lightness in 0-100.
        colours: (512,) float32, square roots of the shares of 8 x 8 x 8 bins of CIE Lab.
        time_s: of the frame.
    """

    grey: Array
    colours: Array
    time_s: float

    @property
    def white(self) -> float:
        """The share of pixels that are white."""
        return float((self.grey > _WHITE).mean())

    @property
    def flat(self) -> bool:
        """Whether too little is to be seen to compare it with anything: black, white or fog."""
        deviations = self.grey.reshape(SIZE[1] // BLOCK, BLOCK, SIZE[0] // BLOCK, BLOCK).std(axis=(1, 3))
        return int((deviations > _TEXTURE).sum()) < _TEXTURED


class ShotCutter:
    """Numbers the shots of one video, frame by frame, in constant memory.

    The change between two frames is the geometric mean of a colour change (the Hellinger distance of Lab histograms)
    and a structural one: one minus the correlation of each block with the best place for it near by in the frame
    before, the median over blocks (Shahraray, "Scene change detection and content-based sampling of video sequences",
    1995). Light alone changes no correlation and motion no histogram, so that neither makes a cut. The bar adapts to
    what is usual in the shot: T = `FLOOR` + `SLOPE` x mean change of the last frames (Yusoff et al., "Video shot cut
    detection using adaptive thresholding", 2000).

    Black, white and flashes are compared with nothing: the frame after them is compared with the one before. A
    dissolve is a run of frames each of which is nearly a mixture of the first and the last, which are different; its
    frames belong to the old shot. It is found where little moves during it, and lasts `DISSOLVE_S` or less.
    """

    def __init__(self) -> None:
        self._shot = 0
        self._time_s = float("-inf")
        self._last: _Small | None = None
        self._blind = False
        self._cut_s = float("-inf")
        self._usual: deque[float] = deque(maxlen=WINDOW)
        self._past: deque[_Small] = deque(maxlen=SAMPLES)

    def update(self, frame: Frame) -> int:
        """The number of the shot that the next frame is of, from 0; it never falls.

        Raises:
            UsageError: the frames do not come in order of time.
        """
        if not frame.time_s >= self._time_s:
            raise UsageError(
                f"a shot cutter takes frames in order: expected {self._time_s} s or later, got {frame.time_s} s"
            )
        self._time_s = frame.time_s
        small = _reduced(frame)
        if small.flat:
            self._blind = True
        else:
            self._compare(small)
        return self._shot

    def _compare(self, small: _Small) -> None:
        last = self._last or small
        changed, moved = _change(last, small), _restructured(last.grey, small.grey)
        waiting = small.time_s - last.time_s < FLASH_S and moved < _OTHER
        if small.white - last.white > _BRIGHTER and waiting:
            return
        bar = FLOOR + SLOPE * sum(self._usual) / max(1, len(self._usual))
        rested = small.time_s - self._cut_s >= REST_S
        if rested and ((moved if self._blind else changed) > bar or self._dissolved(small)):
            self._shot, self._cut_s = self._shot + 1, small.time_s
            self._usual.clear()
            self._past.clear()
        elif not self._blind:
            self._usual.append(changed)
        self._last, self._blind = small, False
        if not self._past or small.time_s - self._past[-1].time_s >= DISSOLVE_S / SAMPLES:
            self._past.append(small)

    def _dissolved(self, small: _Small) -> bool:
        """Whether a dissolve from any frame remembered has just come to its end."""
        past = [one for one in self._past if small.time_s - one.time_s <= DISSOLVE_S + FLASH_S]
        return any(
            _mixes(first, past[row + 1 :], small) and _differ(first, small) for row, first in enumerate(past[:-3])
        )


def _reduced(frame: Frame) -> _Small:
    small = cv2.resize(frame.pixels, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32)
    share = np.asarray(lab / _SPAN + _SHIFT, np.float32)
    bins = np.clip((share * _BINS).astype(int), 0, _BINS - 1) @ (_BINS**2, _BINS, 1)
    counts = np.bincount(bins.ravel(), minlength=_BINS**3)
    return _Small(np.ascontiguousarray(lab[..., 0]), np.sqrt(counts / bins.size).astype(np.float32), frame.time_s)


def _change(before: _Small, after: _Small) -> float:
    """How different two frames are, in [0, 1]: see `ShotCutter`."""
    colours = float(np.sqrt(np.maximum(1 - before.colours @ after.colours, 0)))
    return float(np.sqrt(colours * _restructured(before.grey, after.grey)))


def _restructured(before: Array, after: Array) -> float:
    """One minus the best correlation of each textured block of a frame near its place in the one before: the median."""
    found = [
        1 - float(cv2.matchTemplate(_around(before, x, y), block, cv2.TM_CCOEFF_NORMED).max())
        for y in range(0, SIZE[1], BLOCK)
        for x in range(0, SIZE[0], BLOCK)
        if (block := after[y : y + BLOCK, x : x + BLOCK]).std() > _TEXTURE
    ]
    return float(np.clip(np.median(found), 0, 1))


def _around(grey: Array, x: int, y: int) -> Array:
    return grey[max(0, y - SEARCH) : y + BLOCK + SEARCH, max(0, x - SEARCH) : x + BLOCK + SEARCH]


def _differ(first: _Small, last: _Small) -> bool:
    """Whether the ends of a dissolve are two pictures, and neither is the other in fog or in the dark."""
    fainter, stronger = sorted(float(one.grey.std()) for one in (first, last))
    same = min(_change(first, last), _restructured(first.grey, last.grey)) <= FLOOR
    return not same and fainter > _FAINT * stronger


def _mixes(first: _Small, between: list[_Small], last: _Small) -> bool:
    """Whether frames go from one picture to another by mixing them, and have arrived: m = A + s (B - A), s rising."""
    start, *middle, end = (
        cv2.resize(one.grey, _COARSE, interpolation=cv2.INTER_AREA) for one in (first, *between, last)
    )
    way = end - start
    length = max(float((way * way).sum()), 1e-6)
    shares = np.array([float(((one - start) * way).sum()) for one in middle]) / length
    rest = [
        float(np.sqrt(((one - start - share * way) ** 2).sum() / length))
        for one, share in zip(middle, shares, strict=True)
    ]
    mixed = (shares > _MIXED[0]) & (shares < _MIXED[1])
    arrived = float(np.sqrt(((end - middle[-1]) ** 2).sum() / length)) < _STILL
    rising = bool((np.diff(shares) > -_STILL).all())
    return arrived and rising and int(mixed.sum()) >= 2 and max(rest) < _UNEXPLAINED
