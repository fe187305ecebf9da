"""How much of a machine one file may cost, and how much of it is looked at."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from detector.errors import MediaError, UsageError

DEFAULT_FRAMES = 32
"""Frames of a clip that are looked at: the number of the field's benchmarks."""
DECODER_THREADS = 8
DECODER_PIXELS = 64_000_000
"""Every thread of a decoder holds frames of its own: fewer of them decode large frames."""


@dataclass(frozen=True)
class MediaLimits:
    """What a file may cost before it is refused.

    Attributes:
        max_bytes: size of the file.
        max_pixels: width times height of a picture or of a video's frames, read before decoding.
        max_duration_s: length of a video.
        timeout_s: time spent on reading and decoding; time that the caller takes between frames is not counted.
    """

    max_bytes: int = 2 * 1024**3
    max_pixels: int = 50_000_000
    max_duration_s: float = 4 * 3600.0
    timeout_s: float = 600.0

    def check_pixels(self, width: int, height: int) -> None:
        """Raise `MediaError` (too_many_pixels) when a picture of this size is over the limit."""
        if width * height > self.max_pixels:
            raise MediaError(
                "too_many_pixels",
                f"expected at most {self.max_pixels:,} pixels, the header says {width} x {height}; "
                "make the picture smaller or raise max_pixels",
            )

    def check_duration(self, seconds: float) -> None:
        """Raise `MediaError` (too_long) when a video of this length is over the limit."""
        if seconds > self.max_duration_s:
            raise MediaError(
                "too_long",
                f"expected at most {self.max_duration_s:.0f} s of video, got {seconds:.0f} s; "
                "cut it or raise max_duration_s",
            )


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip are looked at: exactly one of the three; `Sampling()` is 32 frames.

    Attributes:
        frames: this many, evenly spaced over the whole clip (fewer when it has fewer).
        fps: this many per second.
        every: all of them.
    """

    frames: int | None = None
    fps: float | None = None
    every: bool = False

    def __post_init__(self) -> None:
        chosen = [self.frames is not None, self.fps is not None, self.every]
        if not any(chosen):
            object.__setattr__(self, "frames", DEFAULT_FRAMES)
        if sum(chosen) > 1:
            raise UsageError(f"expected one of frames, fps and every, got {self}; leave the others out")
        if self.frames is not None and self.frames < 1:
            raise UsageError(f"frames: expected at least 1, got {self.frames}")
        if self.fps is not None and not 0 < self.fps < float("inf"):
            raise UsageError(f"fps: expected a positive number, got {self.fps}")


def decoder_threads(pixels: int) -> int:
    """How many threads decode frames of so many pixels, at least one: as there are cores, if they are not too many."""
    return max(1, min(os.cpu_count() or 1, DECODER_THREADS, DECODER_PIXELS // max(1, pixels)))


class Stopwatch:
    """Time spent on one file; it runs between `start` and `stop`."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._spent_s = 0.0
        self._started = time.monotonic()

    def start(self) -> None:
        """Let the time run (again)."""
        self._started = time.monotonic()

    def stop(self) -> None:
        """Let the time rest, e.g. while the caller works on a frame."""
        self._spent_s += time.monotonic() - self._started

    def check(self) -> None:
        """Raise `MediaError` (timeout) when the time is used up."""
        if self._spent_s + time.monotonic() - self._started > self._limit_s:
            raise MediaError(
                "timeout", f"reading took longer than {self._limit_s:g} s; cut the file or raise timeout_s"
            )
