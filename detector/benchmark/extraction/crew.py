"""Many files at once: worker processes that each hold the models, and give back what they finish as they finish it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for

from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.extraction.task import Done, Task, work
from detector.errors import DetectorError

WAITING = 2
"""Tasks at hand for each worker, so that none is idle while the parent writes."""

_tools: Tools | None = None


class Crew:
    """Worker processes; as a context manager, it sends them home at the end.

    Args:
        load: gives each worker its models; it must be found by name in a fresh process, not be a closure.
        jobs: how many workers. The cores are shared out among them.
    """

    def __init__(self, load: Callable[[], Tools], jobs: int) -> None:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(jobs, context, _enlist, (load, threads))
        self._most = jobs * WAITING

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def work(self, tasks: Iterable[Task]) -> Iterator[Done]:
        """What comes of the tasks, in the order in which they are finished. The workers start with the first one.

        Raises:
            DetectorError: a worker died, as one does on a file that kills its decoder, or for want of memory.
        """
        yield from _worked(self._pool, iter(tasks), self._most)


def _worked(pool: ProcessPoolExecutor, tasks: Iterator[Task], most: int) -> Iterator[Done]:
    """Never more than so many tasks are handed out: a list of millions is not copied at once."""
    running: dict[Future[Done], Task] = {}
    while True:
        running |= {pool.submit(_work, task): task for task in islice(tasks, most - len(running))}
        if not running:
            return
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            try:
                yield future.result()
            except BrokenProcessPool as error:
                files = ", ".join(task.sample.path for task in running.values())
                raise DetectorError(
                    f"a worker died while it worked on one of {files}; what was done is kept: run again, with fewer "
                    "jobs if memory was short, or without the file that kills it"
                ) from error
            del running[future]


def _enlist(load: Callable[[], Tools], threads: int) -> None:
    """Make a fresh process a worker: it leaves Ctrl-C to its parent, and dies with it."""
    import cv2
    import torch

    global _tools
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _tools = load()


def _die_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _work(task: Task) -> Done:
    assert _tools is not None
    return work(task, _tools)
