"""One leg of the load run, and the figures that come of several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from scipy.stats import t
from service_load_clients import Answer, Ledger
from service_load_server import Use

WINDOW_S = 5.0


@dataclass(frozen=True)
class Leg:
    """One service under load for a while.

    Attributes:
        mode: how it batches.
        turn: the how-manieth leg of its mode, from 0.
        seconds: while clients sent; what was answered after is in the books, and in no figure.
        use: of its processes.
        metrics: of the service, at the end of those seconds.
        books: of `service_load_clients.audit`.
    """

    mode: str
    turn: int
    seconds: float
    ledger: Ledger
    use: Mapping[str, Sequence[Use]]
    metrics: Mapping[str, float]
    books: Mapping[str, int]

    @property
    def answers(self) -> list[Answer]:
        """Those that came in time."""
        return [answer for answer in self.ledger.answers if answer.ended < self.ledger.began + self.seconds]

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost, doubled or mixed up."""
        first, *rest = self.books.values()
        return first > 0 and not any(rest)

    def windows(self) -> Iterator[tuple[float, list[Answer]]]:
        """(begin in seconds, answers) of every whole window but the first, in which the queue fills."""
        for place in range(1, int(self.seconds / WINDOW_S)):
            begin = self.ledger.began + place * WINDOW_S
            yield place * WINDOW_S, [a for a in self.answers if begin <= a.ended < begin + WINDOW_S]


@dataclass(frozen=True)
class Rate:
    """A mean of windows, with half the width of its 95 % interval."""

    mean: float
    half: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half:.2f}"


def rate(counts: Sequence[int]) -> Rate:
    """Of counts in windows, a second; Student's t, as if windows were independent."""
    each = [count / WINDOW_S for count in counts]
    spread = stdev(each) if len(each) > 1 else math.inf
    return Rate(fmean(each), float(t.ppf(0.975, len(each) - 1)) * spread / math.sqrt(len(each)))


def ratio(above: Rate, below: Rate) -> str:
    """Above over below, with its 95 % interval; the relative errors add up as independent ones do."""
    found = above.mean / below.mean
    wide = math.exp(math.hypot(above.half / above.mean, below.half / below.mean))
    return f"{found:.2f} ({found / wide:.2f} to {found * wide:.2f})"


def answered(legs: Sequence[Leg]) -> Rate:
    """Answers a second."""
    return rate([len(answers) for leg in legs for _, answers in leg.windows()])


def judged(legs: Sequence[Leg]) -> Rate:
    """Faces a second."""
    return rate([sum(answer.faces for answer in answers) for leg in legs for _, answers in leg.windows()])


def slope(use: Sequence[Use]) -> float:
    """MiB a minute, over the second half: a straight line by least squares."""
    half = use[len(use) // 2 :]
    return float(np.polyfit([one.at / 60 for one in half], [one.memory for one in half], 1)[0])


def cores_used(leg: Leg, name: str) -> float:
    """Of a process, while clients sent."""
    some = [use for use in leg.use.get(name, ()) if 0 <= use.at - leg.ledger.began <= leg.seconds]
    return (some[-1].seconds - some[0].seconds) / (some[-1].at - some[0].at) if len(some) > 1 else math.nan


def seconds_each(legs: Sequence[Leg]) -> float:
    """Computing time of an answer, of all processes together."""
    spent = sum(cores_used(leg, name) * leg.seconds for leg in legs for name in leg.use)
    return spent / sum(len(leg.answers) for leg in legs)


def in_batch(legs: Sequence[Leg]) -> float:
    """Faces of a pass through the models."""
    faces = sum(leg.metrics["detector_batch_faces_sum"] for leg in legs)
    return faces / sum(leg.metrics["detector_batch_faces_count"] for leg in legs)


def at_work(legs: Sequence[Leg], stage: str) -> float:
    """How many threads were in a stage at a time."""
    spent = sum(leg.metrics[f"detector_stage_seconds_sum,stage={stage}"] for leg in legs)
    return spent / sum(leg.seconds for leg in legs)


def latency(legs: Sequence[Leg], percent: float, whole: bool) -> float:
    """Seconds to the answer: from the first try where `whole`, else from the one that was taken."""
    answers = [answer for leg in legs for answer in leg.answers]
    return float(np.percentile([a.ended - (a.begun if whole else a.accepted) for a in answers], percent))


def clips(legs: Sequence[Leg]) -> tuple[int, int]:
    """Clips that were answered while clients sent, and all that were accepted by then."""
    ends = [(answer, leg.ledger.began + leg.seconds) for leg in legs for answer in leg.ledger.answers]
    sent = [answer.ended < end for answer, end in ends if answer.media.is_clip and answer.accepted < end]
    return sum(sent), len(sent)
