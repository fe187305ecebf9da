"""What an experiment recorded can be read back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from detector import tracking
from detector.errors import UsageError


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


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A store with two runs of one name, one of another that has a part, and one that failed; and their ids."""
    store = tmp_path_factory.mktemp("kept")
    table = store / "scores.csv"
    table.write_text("id\n1\n")
    ids = {}
    for number, name in enumerate(("twice", "twice", "once")):
        with tracking.start("study", name, {"number": number}, store) as run:
            run.metrics({"AUC": 0.5}, step=1)
            run.metrics({"AUC": 0.75 + number}, step=2)
            run.artifact(table)
            ids[f"{name} {number}"] = run.id
            if name == "once":
                with tracking.start("study", "part", {}, store, parent=run) as part:
                    ids["part"] = part.id
    with pytest.raises(KeyboardInterrupt), tracking.start("study", "failed", {}, store) as run:
        raise KeyboardInterrupt
    return store, ids


def test_a_run_is_found_by_name_by_id_and_as_the_latest(kept: tuple[Path, dict[str, str]]) -> None:
    store, ids = kept
    once = tracking.find_run(store, "once", "study")
    assert (once.id, once.name, once.params, once.metrics) == (ids["once 2"], "once", {"number": "2"}, {"AUC": 2.75})
    assert (once.artifacts / "scores.csv").read_text() == "id\n1\n"
    assert tracking.find_run(store, "latest", "study") == once
    assert tracking.find_run(store, ids["twice 0"], "study").params == {"number": "0"}
    assert tracking.find_run(store, ids["part"][:12], "study").id == ids["part"]


def test_the_files_are_found_after_the_store_was_moved(kept: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    shutil.copytree(kept[0], tmp_path / "moved")
    artifacts = tracking.find_run(tmp_path / "moved", "once", "study").artifacts
    assert artifacts.is_relative_to(tmp_path / "moved")
    assert (artifacts / "scores.csv").exists()


def test_words_that_mean_no_run_or_several_list_what_there_is(kept: tuple[Path, dict[str, str]]) -> None:
    store, ids = kept
    with pytest.raises(UsageError, match="2 runs are 'twice'") as caught:
        tracking.find_run(store, "twice", "study")
    assert all(ids[name][:8] in str(caught.value) for name in ("twice 0", "twice 1"))
    assert ids["once 2"][:8] not in str(caught.value)
    with pytest.raises(UsageError, match="no run is 'thrice'; the last are: failed ") as caught:
        tracking.find_run(store, "thrice", "study")
    assert f"once {ids['once 2'][:8]} of 20" in str(caught.value)
    with pytest.raises(UsageError, match=r"experiment 'other'; there are: .*study"):
        tracking.find_run(store, "latest", "other")


def test_looking_for_a_run_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected mlflow\.db"):
        tracking.find_run(tmp_path / "none", "latest", "study")
    assert not (tmp_path / "none").exists()
