"""Every experiment is remembered here: the one place that imports MLflow."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import TYPE_CHECKING

from detector.errors import UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as Kept

DATABASE = "mlflow.db"
ARTIFACTS = "artifacts"
PARENT = "mlflow.parentRunId"
LATEST = "latest"
LISTED = 5
"""Of the runs that may have been meant, so many are named."""
MOST_RUNS = 50_000
"""MLflow gives no more at once; without a number it gives a thousand and does not say so."""


@dataclass(frozen=True)
class Run:
    """An experiment under way."""

    client: MlflowClient
    id: str

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers, at a step of the training where there is one; all in one transaction."""
        from mlflow.entities import Metric

        now = int(time() * 1000)
        self.client.log_batch(self.id, [Metric(name, value, now, step or 0) for name, value in values.items()])

    def artifact(self, path: Path) -> None:
        """Keep a copy of a file: a picture, a table, a model."""
        self.client.log_artifact(self.id, str(path))

    def model(self, path: Path, features: int) -> None:
        """Keep a classifier as an MLflow model with its signature: (N, `features`) float32 to (N,) float64.

        Its flavour is our own: MLflow's for scikit-learn would pickle it. `FaceClassifier.load` reads the file.
        """
        import numpy as np
        from mlflow.models import Model, ModelSignature
        from mlflow.types import Schema, TensorSpec

        inputs = Schema([TensorSpec(np.dtype("float32"), (-1, features), "features")])
        outputs = Schema([TensorSpec(np.dtype("float64"), (-1,), "probability")])
        described = Model(signature=ModelSignature(inputs, outputs))
        described.add_flavor("detector", file=path.name, loader="detector.classify.FaceClassifier.load")
        with TemporaryDirectory() as folder:
            described.save(str(Path(folder) / "MLmodel"))
            self.client.log_artifact(self.id, str(Path(folder) / "MLmodel"), "model")
        self.client.log_artifact(self.id, str(path), "model")


@dataclass(frozen=True)
class Recorded:
    """A run that was kept.

    Attributes:
        id: of the run.
        name: that it was started under.
        started: when, in UTC: "2026-01-31 23:59".
        params: what was chosen.
        metrics: the last value of each.
        artifacts: the folder of its files; not there where it kept none.
    """

    id: str
    name: str
    started: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    artifacts: Path

    def __str__(self) -> str:
        return f"{self.name} {self.id[:8]} of {self.started}"


@contextmanager
def start(
    experiment: str, name: str, params: Mapping[str, object], store: Path = Path("runs"), parent: Run | None = None
) -> Iterator[Run]:
    """Open a run, and close it as finished or, when the block raises, as failed.

    Args:
        experiment: what the run belongs to, e.g. ``"face-vae"``.
        name: what this run is called.
        params: what was chosen; written once.
        store: the folder of the SQLite database ``mlflow.db`` and of the artifacts. To look at it:
            ``mlflow ui --backend-store-uri sqlite:///runs/mlflow.db``.
        parent: the run that this one is a part of; it is then shown below that one.
    """
    from mlflow.entities import Param

    store.mkdir(parents=True, exist_ok=True)
    client = _client(store) if parent is None else parent.client
    tags = {} if parent is None else {PARENT: parent.id}
    place = _experiment(client, experiment, store)
    run = Run(client, client.create_run(place, run_name=name, tags=tags).info.run_id)
    client.log_batch(run.id, params=[Param(key, str(value)) for key, value in params.items()])
    try:
        yield run
    except BaseException:
        client.set_terminated(run.id, "FAILED")
        raise
    client.set_terminated(run.id)


def find_run(store: Path, words: str, experiment: str) -> Recorded:
    """The one run that the words mean.

    Args:
        store: as for `start`.
        words: "latest", the last one that finished and is no part of another; or the name of a run; or, where none
            has that name, its id or how its id begins.
        experiment: what the run belongs to.

    Raises:
        UsageError: there is no such store, experiment or run, or there are several; it lists which there are.
    """
    runs = _runs(store, experiment)
    if words == LATEST:
        found = [run for run in runs if run.info.status == "FINISHED" and PARENT not in run.data.tags][:1]
    else:
        found = [run for run in runs if run.info.run_name == words]
        found = found or [run for run in runs if run.info.run_id.startswith(words)]
    if len(found) != 1:
        known = ", ".join(str(_recorded(run, store)) for run in (found or runs)[:LISTED])
        trouble = f"{len(found)} runs are {words!r}, write more of an id" if found else f"no run is {words!r}"
        raise UsageError(f"{store}: {trouble}; the last are: {known}")
    return _recorded(found[0], store)


def _runs(store: Path, experiment: str) -> list[Kept]:
    """Every run of an experiment, the last one first; at least one."""
    if not (store / DATABASE).is_file():
        raise UsageError(f"{store}: expected {DATABASE} in a folder of recorded runs, found none")
    client = _client(store)
    if (found := client.get_experiment_by_name(experiment)) is not None:
        order = ["attributes.start_time DESC"]
        if runs := client.search_runs([found.experiment_id], max_results=MOST_RUNS, order_by=order):
            return list(runs)
    known = ", ".join(sorted(one.name for one in client.search_experiments()))
    raise UsageError(f"{store}: no run of the experiment {experiment!r}; there are: {known}")


def _recorded(run: Kept, store: Path) -> Recorded:
    started = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return Recorded(
        id=run.info.run_id,
        name=run.info.run_name,
        started=f"{started:%Y-%m-%d %H:%M}",
        params=run.data.params,
        metrics=run.data.metrics,
        # Where it lies now: the address in the database is that of the machine and folder that wrote it.
        artifacts=store / ARTIFACTS / run.info.run_id / "artifacts",
    )


def _client(store: Path) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a study of faces reports to nobody
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return MlflowClient(f"sqlite:///{store.resolve() / DATABASE}")


def _experiment(client: MlflowClient, name: str, store: Path) -> str:
    if (found := client.get_experiment_by_name(name)) is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=(store.resolve() / ARTIFACTS).as_uri()))
