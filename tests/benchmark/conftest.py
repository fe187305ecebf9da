"""One tiny study for the whole room."""

from __future__ import annotations

import pytest

from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.histories.history import History
from detector.benchmark.study.study import Study
from detector.classify import ClassifierConfig
from tests.benchmark.fakes import dataset, small_tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    return small_tools()


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    return Study(
        histories={"bare": History(face_px=(100.0, 140.0)), "small": History(face_px=(90.0, 110.0))},
        draws=1,
        data=dataset(folder, {"train": 4, "val": 2, "test": 4}),
        conditions={"JPEG 50": History(face_px=(100.0, 140.0), last_quality=(50, 50))},
        classifier=ClassifierConfig(candidates=("logistic",), strength=100.0, folds=3),
        model=folder / "classifier.skops",
        card=folder / "card.md",
        report=folder / "report",
        work=folder / "work",
        store=folder / "runs",
    )
