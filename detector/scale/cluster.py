"""Ray, started by us for as long as it is needed, or joined where it runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from detector.errors import UsageError
from detector.scale.errors import ScaleError

STORE_BYTES = 256 * 2**20
"""Of shared memory, for the frames between lookers and judges; Ray writes to disk what is more."""


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
    own: dict[str, Any] = (
        {} if address else {"num_cpus": workers, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    )
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray raises a bare one where its own processes do not come up in time
        where = f"no Ray cluster answers at {address}" if address else "Ray could not be started here"
        raise ScaleError(f"{where}: {str(error).splitlines()[0]}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _keep_quiet() -> None:
    """No telemetry, no bars and no logs but ours; whoever set one of these otherwise is left alone."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
