"""What an experiment recorded can be read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from detector import tracking


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def test_params_curves_and_files_are_kept(store: Path, tmp_path: Path) -> None:
    picture = tmp_path / "grid.png"
    picture.write_bytes(b"png")
    with tracking.start("study", "first", {"width": 64}, store) as run:
        run.metrics({"loss": 2.0}, step=1)
        run.metrics({"loss": 1.0}, step=2)
        run.artifact(picture)
    client = MlflowClient(f"sqlite:///{store / 'mlflow.db'}")
    kept = client.get_run(run.id)
    assert kept.data.params == {"width": "64"}
    assert [point.value for point in client.get_metric_history(run.id, "loss")] == [2.0, 1.0]
    assert [file.path for file in client.list_artifacts(run.id)] == ["grid.png"]
    assert kept.info.status == "FINISHED"


def test_a_run_that_raises_is_marked_failed(store: Path) -> None:
    with pytest.raises(KeyboardInterrupt), tracking.start("study", "second", {}, store) as run:
        raise KeyboardInterrupt
    assert MlflowClient(f"sqlite:///{store / 'mlflow.db'}").get_run(run.id).info.status == "FAILED"


def test_a_part_is_kept_below_the_whole(store: Path) -> None:
    with (
        tracking.start("study", "whole", {}, store) as whole,
        tracking.start("study", "part", {}, store, parent=whole) as part,
    ):
        pass
    kept = MlflowClient(f"sqlite:///{store / 'mlflow.db'}").get_run(part.id)
    assert kept.data.tags["mlflow.parentRunId"] == whole.id
