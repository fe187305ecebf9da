"""A file in, its answer out, for many files at once: decoders, a queue of sights, judges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from time import perf_counter
from typing import Generic, TypeVar

from detector.score import Detector, Scored
from detector.score.answer import Ended, answer, watch
from detector.score.judge import Judge, unjudged
from detector.score.judges import narrow_threads
from detector.service.engine.batching import Batches, Waiting, judge_each
from detector.service.engine.case import Case, Task
from detector.service.engine.intake import Intake
from detector.service.engine.sandbox import Sandbox
from detector.service.engine.wire import Ready
from detector.service.metrics import BATCH_FACES, STAGE_SECONDS
from detector.service.settings import Batching, Settings, cores

T = TypeVar("T", bound=Hashable)
V = TypeVar("V")


class Engine(Generic[T]):
    """Scores the files that are handed in; each has a ticket, and comes back with it.

    Args:
        judge: the VAEs and the classifier.
        sandbox: makes a decoder; it is called once for each.
        batching: how the machine is used.

    Attributes:
        judge: as given.
    """

    def __init__(self, judge: Judge, sandbox: Callable[[], Sandbox], batching: Batching) -> None:
        self.judge, self._batching = judge, batching
        self._decoders = cores(batching.decoders)
        self._judges = cores(batching.judges) if judge.reconstructors[0].device.type == "cpu" else 1
        self._sandboxes = [sandbox() for _ in range(self._decoders)]
        self._videos = max(1, self._decoders - 1)
        # While every judge is at a full batch, the next one for each is looked at.
        self._room = batching.in_flight or self._decoders + 2 * self._judges * batching.faces
        self._held: set[Case[T]] = set()
        self._lock = Lock()
        self._intake: Intake[T] = Intake(self._videos)
        self._batches = Batches(batching.faces, batching.wait_ms / 1000)
        self._finished: SimpleQueue[tuple[T, Scored] | BaseException] = SimpleQueue()
        self._detector: Ready | None = None

    @classmethod
    def load(cls, settings: Settings) -> Engine[T]:
        """The engine of a service; raises what `Detector.load` says, now."""
        models = settings.models
        detector = Detector.load(
            faces=models.faces, vaes=models.vaes, classifier=models.classifier, device=models.device
        )
        return cls(detector.judges.judge, partial(Sandbox, settings.limits, models.faces), settings.batching)

    @property
    def models(self) -> dict[str, str]:
        """Every model, with its version; once it is started."""
        assert self._detector is not None
        return {self._detector.name: self._detector.version, **self.judge.models}

    @property
    def held(self) -> int:
        """Files that are in it."""
        return len(self._held)

    @property
    def free(self) -> int:
        """How many more files may be handed in."""
        return max(0, self._room - self.held)

    @property
    def free_videos(self) -> int:
        """How many of these may be videos: with two decoders or more, one is always left to pictures."""
        with self._lock:
            videos = sum(case.task.media != "image" for case in self._held)
        return min(self.free, max(0, self._videos - videos))

    def start(self) -> None:
        """Start the decoders and the judges; returns when all are ready.

        Raises:
            DetectorError: the decoders cannot load their models.
        """
        ready: list[Future[Ready]] = [Future() for _ in self._sandboxes]
        self._decoding = ThreadPoolExecutor(self._decoders, "decoder")
        self._judging = narrow_threads(self._judges) if self._judges > 1 else ThreadPoolExecutor(1, "judge")
        for sandbox, one in zip(self._sandboxes, ready, strict=True):
            self._run(self._decoding, partial(self._decode, sandbox, one))
        for _ in range(self._judges):
            self._run(self._judging, self._judge)
        try:
            self._detector, *_ = [one.result() for one in ready]
        except BaseException:
            self.abort()
            raise

    @property
    def tickets(self) -> set[T]:
        """Of the files that are in it."""
        with self._lock:
            return {case.task.ticket for case in self._held}

    @property
    def batching(self) -> Batching:
        """How the machine is used, with every number as it is."""
        wanted = self._batching
        return Batching(wanted.faces, wanted.wait_ms, self._judges, self._decoders, self._room)

    def submit(self, task: Task[T]) -> None:
        """Hand in a file."""
        case = Case(task, self._finish)
        with self._lock:
            self._held.add(case)
        self._intake.put(case)

    def finished(self, timeout_s: float) -> tuple[T, Scored] | None:
        """The next file that is scored, with its ticket; None where there is none in this time.

        Raises:
            Exception: whatever made the engine fail; it is of no use any more.
        """
        try:
            result = self._finished.get(timeout=timeout_s)
        except Empty:
            return None
        if isinstance(result, BaseException):
            raise result
        return result

    def drop(self, tickets: Collection[T]) -> None:
        """Give up files; they do not come back."""
        with self._lock:
            for case in self._held:
                case.dropped = case.dropped or case.task.ticket in tickets

    def withdraw(self) -> None:
        """Give up the files that are not begun."""
        for case in self._intake.withdraw():
            self._let_go(case)

    def close(self) -> None:
        """Finish what is in it, and end."""
        self._intake.close()
        self._decoding.shutdown()
        self._batches.close()
        self._judging.shutdown()

    def abort(self) -> None:
        """Give up all that is in it, and end."""
        self.withdraw()
        self.drop(self.tickets)
        self._batches.close()
        for sandbox in self._sandboxes:
            sandbox.kill()
        self.close()

    def _run(self, pool: ThreadPoolExecutor, work: Callable[[], None]) -> None:
        """Run one thread; if it fails, that is told to whoever waits for results."""
        pool.submit(work).add_done_callback(self._report_failure)

    def _report_failure(self, thread: Future[None]) -> None:
        if (error := thread.exception()) is not None:
            self._finished.put(error)

    def _decode(self, sandbox: Sandbox, ready: Future[Ready]) -> None:
        try:
            ready.set_result(sandbox.detector)
            while (case := self._intake.take()) is not None:
                self._look(sandbox, case)
                self._intake.done(case)
                sandbox.start()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)
        finally:
            sandbox.close()

    def _look(self, sandbox: Sandbox, case: Case[T]) -> None:
        """Hand every sight of a file to the judges, and then its end to the file."""
        events = watch(partial(sandbox.open, case.task.path, case.task.name), sandbox.look)
        for event in _timed(events, STAGE_SECONDS.labels("decode").observe):
            if case.dropped:
                self._let_go(case)
                return
            if isinstance(event, Ended):
                case.end(event)
            elif event.usable:
                self._batches.put(Waiting(event, case.see(event)))
            else:
                case.see(event)(unjudged(event))

    def _judge(self) -> None:
        while batch := self._batches.take():
            BATCH_FACES.observe(sum(one.faces for one in batch))
            with STAGE_SECONDS.labels("judge").time():
                judge_each(self.judge, batch)

    def _finish(self, case: Case[T], ended: Ended) -> None:
        assert self._detector is not None
        detector = self._detector
        scored = answer(case.summary, ended, lambda: detector, lambda: self.judge)
        if not case.dropped:
            self._finished.put((case.task.ticket, scored))
        self._let_go(case)

    def _let_go(self, case: Case[T]) -> None:
        with self._lock:
            self._held.discard(case)


def _timed(items: Iterable[V], tell: Callable[[float], object]) -> Iterator[V]:
    """The same items; at their end, the time that making them took is told."""
    spent = 0.0
    began = perf_counter()
    for item in items:
        spent += perf_counter() - began
        yield item
        began = perf_counter()
    tell(spent)
