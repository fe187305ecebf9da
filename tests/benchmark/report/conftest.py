"""One report of everything for the whole room."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.benchmark.report import write_report
from detector.benchmark.run.results import Results
from tests.benchmark.report import fakes
from tests.benchmark.report.reading import Page


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return fakes.results(fakes.picture(tmp_path_factory.mktemp("pictures")))


@pytest.fixture(scope="session")
def folder(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "deep" / "down"
    write_report(results, folder)
    return folder


@pytest.fixture(scope="session")
def page(folder: Path) -> Page:
    return Page.read(folder / "index.html")
