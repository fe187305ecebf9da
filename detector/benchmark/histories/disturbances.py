"""What happens to a picture after it is published: the robustness grid.

Each kind of disturbance is an entry of `DISTURBANCES`, made for one level, and acts on a finished picture and its
face. The kinds are the field's (DeeperForensics-1.0, Jiang et al. 2020, has blur, noise, JPEG and video),
with two chains of steps that a picture meets in use: the screenshot and the messenger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from detector.benchmark.histories import publishing
from detector.benchmark.histories.codecs import check_x264
from detector.errors import ConfigError, UnknownNameError
from detector.types import Face, Frame

Disturbance = Callable[[Frame, Face, np.random.Generator], tuple[Frame, Face]]
"""(picture, face in it, source of randomness) -> the disturbed picture, the face where it is then. The same state of
the generator gives the same result; what came in is not changed."""


@dataclass(frozen=True)
class Kind:
    """One kind of disturbance; called with a level, it gives the disturbance of that level.

    Attributes:
        apply: (level, picture, face, source of randomness) -> the disturbed picture and its face.
        unit: what a level is.
        low, high: the range of levels, both included.
        whole: whether a level is a whole number.
        needs: raises `UsageError` where this machine lacks what the kind takes.
    """

    apply: Callable[[float, Frame, Face, np.random.Generator], tuple[Frame, Face]]
    unit: str
    low: float
    high: float
    whole: bool = False
    needs: Callable[[], None] | None = None

    @property
    def expected(self) -> str:
        """The levels that there are, in words."""
        return f"{self.unit}, a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}"

    def __call__(self, level: float) -> Disturbance:
        """The disturbance of a level. Raises `ConfigError` for an impossible one, and what `needs` raises."""
        if not self.low <= level <= self.high or (self.whole and level != int(level)):
            raise ConfigError(f"expected {self.expected}, got {level:g}")
        if self.needs is not None:
            self.needs()
        return partial(self.apply, level)


DISTURBANCES: dict[str, Kind] = {
    "JPEG": Kind(publishing.through_jpeg, "quality", 1, 100, whole=True),
    "WebP": Kind(publishing.through_webp, "quality", 1, 100, whole=True),
    "H.264": Kind(publishing.through_h264, "constant rate factor", 0, 51, needs=check_x264),
    "resize": Kind(publishing.resized, "factor", 0.05, 4),
    "crop": Kind(publishing.cropped, "share of each side that is kept", 0.1, 1),
    "blur": Kind(publishing.blurred, "standard deviation in px", 0.1, 50),
    "noise": Kind(publishing.noisy, "standard deviation in grey levels", 0, 128),
    "gamma": Kind(publishing.toned, "exponent", 0.1, 10),
    "screenshot": Kind(publishing.screenshot, "scale of the screen", 0.5, 4),
    "messenger": Kind(publishing.messenger, "JPEG quality", 1, 100, whole=True),
}
"""Every kind of disturbance by name."""

GRID: dict[str, tuple[float, ...]] = {
    "JPEG": (95, 90, 75, 60, 50),
    "WebP": (90, 75, 50),
    "H.264": (18, 23, 28, 35, 40),
    "resize": (0.75, 0.5),
    "crop": (0.9, 0.8),
    "blur": (0.5, 1.0, 2.0),
    "noise": (2.0, 5.0, 10.0),
    "gamma": (0.7, 1.4),
    "screenshot": (1.25,),
    "messenger": (70,),
}
"""The levels of each kind, from mild to strong; of gamma, a lighter and a darker one."""

SMALL_GRID: dict[str, tuple[float, ...]] = {
    "JPEG": (90, 60),
    "WebP": (75,),
    "H.264": (23, 40),
    "resize": (0.5,),
    "crop": (0.8,),
    "blur": (1.0,),
    "noise": (5.0,),
    "gamma": (0.7,),
    "screenshot": (1.25,),
    "messenger": (70,),
}
"""Part of `GRID`, for a study that must be quick."""


def disturbance(name: str) -> Disturbance:
    """The disturbance of a name: kind and level, e.g. "JPEG 60".

    Raises:
        UnknownNameError: there is no such kind.
        ConfigError: the level is no number, or out of range.
        UsageError: this machine lacks what the kind needs.
    """
    kind, _, level = name.partition(" ")
    if kind not in DISTURBANCES:
        raise UnknownNameError("disturbance", kind, DISTURBANCES)
    try:
        return DISTURBANCES[kind](float(level))
    except (ValueError, ConfigError) as error:
        expected = DISTURBANCES[kind].expected
        raise ConfigError(f"disturbance {name!r}: expected {kind!r}, a space and the {expected}") from error
