"""From a file to its answer: what was seen of it, how that ended, and the one report that comes of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol, TypeVar

from detector.errors import MediaError
from detector.score.judge import Judge
from detector.score.look import Sight
from detector.score.summary import Summary
from detector.types import MediaKind, Report


class Named(Protocol):
    """A model, as reports name it."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def version(self) -> str:
        """Which weights it has."""
        ...


class Opened(Protocol):
    """A file that may be looked at; its warnings are complete once that is done."""

    @property
    def kind(self) -> MediaKind:
        """What it is."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What is odd about it."""
        ...


M = TypeVar("M", bound=Opened)


@dataclass(frozen=True, eq=False)
class Ended:
    """How looking at a file ended.

    Attributes:
        media: what it turned out to be.
        started: when it was begun, by `perf_counter`.
        warnings: what is odd about it, or what the error says.
        error: what ended it early, if anything did.
    """

    media: MediaKind
    started: float
    warnings: tuple[str, ...]
    error: MediaError | None = None


@dataclass(frozen=True, eq=False)
class Scored:
    """The answer for one file, and the sightings that its pictures are made from."""

    report: Report
    summary: Summary


def watch(open_file: Callable[[], M], look: Callable[[M], Iterator[Sight]]) -> Iterator[Sight | Ended]:
    """Every sight of a file, then how it ended.

    Args:
        open_file: opens it, as `Eyes.open` does; may raise `MediaError`.
        look: gives every sampled frame with its faces, as `Eyes.look` does; may raise `MediaError` at any frame.
    """
    started = perf_counter()
    kind: MediaKind = "unknown"
    try:
        media = open_file()
        kind = media.kind
        yield from look(media)
        yield Ended(kind, started, tuple(media.warnings))
    except MediaError as error:
        yield Ended(kind, started, (str(error),), error)


def answer(summary: Summary, ended: Ended, finder: Callable[[], Named], judge: Callable[[], Judge]) -> Scored:
    """The answer for a file of which every sight is in its summary.

    Args:
        summary: of the file.
        ended: how looking at it ended.
        finder: gives what found the faces; asked for only where the file could be decoded.
        judge: gives what judged them; asked for only where somebody could be judged.
    """
    report, models = _report(summary, ended, finder, judge)
    elapsed = round(perf_counter() - ended.started, 3)
    return Scored(replace(report, models=models, warnings=ended.warnings, elapsed_s=elapsed), summary)


def _report(
    summary: Summary, ended: Ended, finder: Callable[[], Named], judge: Callable[[], Judge]
) -> tuple[Report, dict[str, str]]:
    """The answer for a file, and the models that it depends on."""
    if ended.error is not None:
        return Report(summary.path, ended.media, "error", ended.error.reason), {}
    seeing = {finder().name: finder().version}
    if summary.probability is None:
        return summary.abstention(ended.media), seeing
    return summary.verdict(ended.media, judge().classifier.threshold), {**seeing, **judge().models}
