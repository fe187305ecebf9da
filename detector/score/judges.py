"""One judge on all cores: a batch in as many parts as there are cores, each judged by one thread.

Torch's own threads bring little at the size of a few faces, and it releases the interpreter while it computes: two
threads that each judge half of a batch take about half of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import accumulate, groupby
from threading import Barrier

from detector.score.judge import Judge, Judged, unjudged
from detector.score.look import PIXELS_AT_ONCE, Sight

FACES_AT_ONCE = 6
"""In one pass on one core: more takes memory and saves no time."""
FACES_AT_ONCE_ON_GPU = 48
SIGHTS_AT_ONCE = 12


class Judges:
    """What a judge says of many sights, whatever the number of cores; safe to call from one thread at a time.

    Args:
        load: gives the judge, when a usable face first needs it.
    """

    def __init__(self, load: Callable[[], Judge]) -> None:
        self._load = load

    @cached_property
    def judge(self) -> Judge:
        """The VAEs and the classifier."""
        return self._load()

    @cached_property
    def count(self) -> int:
        """How many parts a batch is judged in at most: as Torch has threads, and one where the models are on no CPU."""
        import torch

        on_cpu = self.judge.reconstructors[0].device.type == "cpu"
        return torch.get_num_threads() if on_cpu else 1

    def __call__(self, sights: Sequence[Sight]) -> list[Judged]:
        """Judge all usable faces of the sights; the results are in order, and those of a single batch."""
        if not any(sight.usable for sight in sights):
            return [unjudged(sight) for sight in sights]
        parts = list(split(sights, self.count))
        if len(parts) == 1:
            return self.judge(sights)
        return [judged for part in self._threads.map(self.judge, parts) for judged in part]

    def begin(self, sights: Sequence[Sight]) -> Callable[[], list[Judged]]:
        """Judge the sights on one core while this thread goes on; what is returned waits for them."""
        if not any(sight.usable for sight in sights):
            return lambda: [unjudged(sight) for sight in sights]
        return self._threads.submit(self.judge, sights).result

    @property
    def room(self) -> int:
        """How many parts may be begun and not be waited for: one is ready when another is done."""
        return self.count + 1 if "judge" in self.__dict__ else 0

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return narrow_threads(self.count)


def full(sights: Sequence[Sight], faces: int = FACES_AT_ONCE) -> bool:
    """Whether so much is there that it should be judged now: so many faces, sights or pixels."""
    return (
        len(sights) >= SIGHTS_AT_ONCE
        or sum(len(sight.usable) for sight in sights) >= faces
        or sum(sight.frame.pixels.size / 3 for sight in sights) >= PIXELS_AT_ONCE
    )


def split(sights: Sequence[Sight], parts: int) -> Iterator[list[Sight]]:
    """The sights in their order, in at most so many parts, each with about as many usable faces as the others."""
    ends = list(accumulate(len(sight.usable) for sight in sights))

    def part(row: int) -> int:
        middle = ends[row] - len(sights[row].usable) / 2
        return min(int(middle * parts / ends[-1]), parts - 1)

    for _, rows in groupby(range(len(sights)), part):
        yield [sights[row] for row in rows]


def narrow_threads(count: int) -> ThreadPoolExecutor:
    """A pool, all of its threads started, in each of which Torch computes on that thread alone.

    Torch gives the number that was set last, anywhere, to every thread that has not asked for its own yet. So each
    thread asks before it sets, and this one sets its own again for all that come later.
    """
    import torch

    wide, together = torch.get_num_threads(), Barrier(count + 1)
    pool = ThreadPoolExecutor(count, "judge", _narrow, (together,))
    for _ in range(count):
        pool.submit(int)
    together.wait()
    torch.set_num_threads(wide)
    return pool


def _narrow(together: Barrier) -> None:
    import torch

    torch.get_num_threads()
    torch.set_num_threads(1)
    together.wait()
