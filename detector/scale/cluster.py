"""Ray, started by us for as long as it is needed, or joined where it runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import UsageError
from detector.scale.errors import ScaleError

STORE_BYTES = 256 * 2**20
"""Of shared memory, for the frames between lookers and judges; Ray writes to disk what is more."""
STARTS = 3
"""Its processes get half a minute to come up, which on a busy machine may not do: the next time they are cached."""


@contextmanager
def cluster(address: str | None = None, workers: int | None = None) -> Iterator[None]:
    """Have a cluster.

    Args:
        address: of a running one, as `ray.init` takes it; None starts one on this machine.
        workers: how many cores one that is started here has; all when None.

    Raises:
        UsageError: Ray is not installed.
        ScaleError: nobody answers at the address, or none could be started.
    """
    _keep_quiet()
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise UsageError(f"--engine ray needs {error.name}: pip install 'detector[scale]'") from error
    # Ray tells of every worker that dies on standard output, where our answers go.
    ray._private.worker._worker_logs_enabled = False
    if address:
        _join(address)
    else:
        _start(workers)
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str) -> None:
    import ray

    try:
        with _hushed():
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (OSError, RuntimeError, ValueError) as error:
        raise ScaleError(f"no Ray cluster answers at {address}: {_first_line(error)}") from error


def _start(workers: int | None) -> None:
    for left in reversed(range(STARTS)):
        try:
            _start_once(workers)
        except Exception as error:  # Ray raises a bare one
            if not left:
                raise ScaleError(f"Ray could not be started here: {_first_line(error)}") from error
        else:
            return


def _start_once(workers: int | None) -> None:
    import ray

    with _hushed():
        ray.init(
            address="local",
            num_cpus=workers,
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
        )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _keep_quiet() -> None:
    """No telemetry, no bars and no logs but ours; whoever set one of these otherwise is left alone."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_DATA_LOG_LEVEL", "CRITICAL")


@contextmanager
def _hushed() -> Iterator[None]:
    """Ray's native code tells standard error which log level it was given, as soon as it was given one."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
