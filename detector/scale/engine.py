"""The Ray Data pipeline: paths -> lookers -> judges -> reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from detector.errors import UsageError
from detector.scale.errors import ScaleError
from detector.scale.gather import Gather
from detector.scale.stages import PATH, Judging, Looker
from detector.scale.wire import Unfit, from_table
from detector.score import Detector
from detector.score.judges import SIGHTS_AT_ONCE
from detector.types import Report

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy, Dataset

BLOCK_BYTES = 16 * 2**20
"""Frames travel in blocks of about this size: some of each worker fit into Ray's shared memory."""
FILES_A_TASK = 16
MOST_TASKS = 4096
PASSES = 2
STARTS = 3
"""Workers that may die one after the other while they start, before that is an error."""


@dataclass(frozen=True)
class Crew:
    """Who works: a looker keeps a core busy with decoding, a judge a core or a GPU with the models.

    Attributes:
        lookers: how many decode and find faces.
        judges: how many run the models.
        gpus: that each judge has to itself.
    """

    lookers: int
    judges: int
    gpus: int = 0


def score(paths: Sequence[str], load: Callable[[], Detector], *, gpu: bool = False) -> Iterator[Report]:
    """Score files on the cluster that is there (see `cluster`); one report a file, as they come, in any order.

    A worker that dies is replaced and its work repeated. A file that kills its decoder is tried once more, alone, and
    is reported as "crashed" then. What Ray loses for all that is done in a second pass.

    Args:
        paths: as `find_inputs` gives them; each must be there once.
        load: gives the detector; it is called by every worker, so it must be importable there.
        gpu: whether judges have a GPU each; the detector must then be loaded on "cuda".

    Raises:
        UsageError: the models do not fit together, or a GPU is asked for and the cluster has none.
        ScaleError: no worker can go on, or files had no answer after two passes.
    """
    left = dict.fromkeys(paths)
    crew = muster(gpu)
    for _ in range(PASSES):
        for report in _pass(list(left), load, crew) if left else ():
            if report.path in left:
                del left[report.path]
                yield report
    if left:
        raise ScaleError(f"{len(left)} files had no answer, {next(iter(left))} among them; run again for the rest")


def muster(gpu: bool) -> Crew:
    """All that the cluster has: on CPUs, a looker and a judge share each core."""
    import ray

    have = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cores, gpus = max(1, int(have.get("CPU", 1))), int(have.get("GPU", 0))
    if not gpu:
        return Crew(cores, cores)
    if not gpus:
        raise UsageError("expected a cluster with a GPU for --device cuda, this one has none; leave --device out")
    return Crew(max(1, cores - gpus), gpus, 1)


def _pass(paths: Sequence[str], load: Callable[[], Detector], crew: Crew) -> Iterator[Report]:
    from ray.exceptions import RayError

    gather = Gather()
    try:
        for table in _pipeline(paths, load, crew).iter_batches(batch_size=None, batch_format="pyarrow"):
            for row in from_table(table):
                if isinstance(row.message, Unfit):
                    raise (UsageError if row.message.usage else ScaleError)(row.message.message)
                if (report := gather.take(row)) is not None:
                    yield report
    except RayError as error:
        raise ScaleError(f"Ray gave up: {_last_line(error)}; run again for the rest") from error


def _pipeline(paths: Sequence[str], load: Callable[[], Detector], crew: Crew) -> Dataset:
    import ray.data

    _configure(ray.data.DataContext.get_current())
    each = files_a_task(len(paths), crew)
    tables = [pa.table({PATH: list(paths[at : at + each])}) for at in range(0, len(paths), each)]
    lookers, judges = min(crew.lookers, len(tables)), min(crew.judges, len(tables))
    common: dict[str, Any] = {"batch_format": "pyarrow", "num_cpus": 0.5}
    seen = ray.data.from_arrow(tables).map_batches(
        Looker, fn_constructor_args=(load, str(Path.cwd())), batch_size=None, compute=_pool(lookers), **common
    )
    return seen.map_batches(
        Judging,
        fn_constructor_args=(load,),
        batch_size=SIGHTS_AT_ONCE,
        compute=_pool(judges),
        num_gpus=crew.gpus or None,
        **common,
    )


def _pool(workers: int) -> ActorPoolStrategy:
    from ray.data import ActorPoolStrategy

    return ActorPoolStrategy(size=workers)


def files_a_task(files: int, crew: Crew) -> int:
    """How many files a looker is given at once: few, to lose little with it, but not so few that there is no end."""
    return max(min(FILES_A_TASK, ceil(files / (4 * crew.lookers))), ceil(files / MOST_TASKS))


def _configure(context: Any) -> None:
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = BLOCK_BYTES
    context.max_consecutive_actor_init_deaths = STARTS


def _last_line(error: Exception) -> str:
    """Of what Ray says with a trace of every process, what went wrong in the end."""
    return str(error).strip().splitlines()[-1].strip()
