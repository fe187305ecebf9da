"""What a report says, before it is HTML or Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.measures.metrics import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTHING = "–"
FEW = 20
"""A share of fewer faces than this says little: at best, its interval is wider than 0.16."""


def percent(share: float) -> str:
    """A share with one digit, kept in one line."""
    return f"{100 * share:.1f}\u00a0%"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what it says.
        beside: what stands smaller beside it: an interval, a count.
        faint: there is too little behind it to conclude anything.
    """

    text: str
    beside: str = ""
    faint: bool = False

    @classmethod
    def of(cls, found: Estimate | Rate | None) -> Cell:
        """A figure or a share with its 95 % interval; a dash where there is none."""
        if isinstance(found, Rate):
            return cls._share(found)
        if found is None or math.isnan(found.value):
            return cls(NOTHING)
        known = not math.isnan(found.low + found.high)
        return cls(f"{found.value:.3f}", f"{found.low:.3f}–{found.high:.3f}" if known else "")

    @classmethod
    def _share(cls, rate: Rate) -> Cell:
        if not rate.count:
            return cls(NOTHING)
        low, high = rate.interval
        beside = f"{rate.hits} of {rate.count}; {100 * low:.1f}–{percent(high)}"
        return cls(percent(rate.hits / rate.count), beside, faint=rate.count < FEW)


@dataclass(frozen=True)
class Block:
    """Rows that belong together, under their name if they have one; the first cell of a row names it."""

    rows: tuple[tuple[Cell, ...], ...]
    name: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a heading for each column, of which the first `names` hold words and not numbers; without rows
    there is nothing to show."""

    caption: str
    head: tuple[str, ...]
    blocks: tuple[Block, ...]
    names: int = 1

    def __bool__(self) -> bool:
        return any(block.rows for block in self.blocks)


@dataclass(frozen=True)
class Chart:
    """What to draw.

    Attributes:
        name: of its file, without the ending.
        alt: what it shows, in words, for those who do not see it.
        size: width and height in inches.
        draw: draws it.
    """

    name: str
    alt: str
    size: tuple[float, float]
    draw: Callable[[Figure], None]


@dataclass(frozen=True)
class Card:
    """A picture of a face, and what to say of it."""

    title: str
    words: str
    picture: Path


@dataclass(frozen=True)
class Section:
    """One question and what answers it. Cards are for the page alone: people are on them."""

    title: str
    words: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    cards: tuple[Card, ...] = ()
    points: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(any(self.tables) or self.charts or self.cards or self.points)

    @property
    def anchor(self) -> str:
        """Where a link jumps to."""
        return re.sub(r"\W+", "-", self.title.lower())


@dataclass(frozen=True)
class Document:
    """A whole report: what spoils it, what it found in one paragraph, the sections, and how to make it again."""

    title: str
    alarms: tuple[str, ...]
    summary: str
    sections: tuple[Section, ...]
    facts: Mapping[str, str]
