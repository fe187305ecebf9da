"""Every experiment is remembered here: the one place that imports MLflow."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Run:
    """An experiment under way."""

    client: MlflowClient
    id: str

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers, at a step of the training where there is one."""
        for name, value in values.items():
            self.client.log_metric(self.id, name, value, step=step)

    def artifact(self, path: Path) -> None:
        """Keep a copy of a file: a picture, a table, a model."""
        self.client.log_artifact(self.id, str(path))


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
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a study of faces reports to nobody
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    store.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(f"sqlite:///{store.resolve() / 'mlflow.db'}")
    tags = {} if parent is None else {"mlflow.parentRunId": parent.id}
    place = _experiment(client, experiment, store)
    run = Run(client, client.create_run(place, run_name=name, tags=tags).info.run_id)
    for key, value in params.items():
        client.log_param(run.id, key, value)
    try:
        yield run
    except BaseException:
        client.set_terminated(run.id, "FAILED")
        raise
    client.set_terminated(run.id)


def _experiment(client: MlflowClient, name: str, store: Path) -> str:
    if (found := client.get_experiment_by_name(name)) is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=(store.resolve() / "artifacts").as_uri()))
