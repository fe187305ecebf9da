"""How much goes through a model at once: as much as its device has memory for, which is found out by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from detector.errors import UsageError

T = TypeVar("T")

MAX_PIXELS = 8 * 128 * 128
"""On a CPU: 128 channels at full resolution then take 64 MiB a layer; more is no faster."""
_TIMES_ON_ACCELERATOR = 16
"""So much more keeps a GPU busy."""


@dataclass(eq=False)
class Room:
    """What a model has room for. One that is kept remembers what it has learnt.

    Attributes:
        pixels: how many go through at once; halved when memory runs out.
    """

    pixels: int = MAX_PIXELS

    @classmethod
    def on(cls, device: torch.device) -> Room:
        """The room on a device before anything was tried."""
        return cls(MAX_PIXELS if device.type == "cpu" else MAX_PIXELS * _TIMES_ON_ACCELERATOR)

    def each(self, run: Callable[[Tensor], T], crops: Tensor) -> Iterator[T]:
        """What `run` makes of crops (N, 3, S, S), in their order, of as many at a time as there is room for.

        Raises:
            UsageError: there is no room for a single one.
        """
        side, done = crops.shape[-1], 0
        while done < len(crops):
            part = crops[done : done + max(1, self.pixels // side**2)]
            if (made := self._tried(run, part)) is None:
                self._halve(len(part), side)
            else:
                yield made
                done += len(part)

    def _tried(self, run: Callable[[Tensor], T], part: Tensor) -> T | None:
        """None where memory ran out. The error is gone on return: it would keep alive all that was computed by then."""
        try:
            return run(part)
        except torch.OutOfMemoryError:
            return None

    def _halve(self, tried: int, side: int) -> None:
        if tried == 1:
            raise UsageError(
                f"a single crop of {side} px needs more memory than the device has free: free some, or take another "
                "device, e.g. --device cpu"
            )
        self.pixels = tried // 2 * side**2
        torch.cuda.empty_cache()  # what is left lies in pieces of the old size
