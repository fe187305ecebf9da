"""Ablation: rows differ in what they say and in nothing else, and a row that was measured is not measured again."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.study.ablation import Ablation, Change, ablate
from detector.benchmark.study.material import fit_rows
from detector.benchmark.study.study import Study
from detector.config import load, parse
from detector.errors import ConfigError, UnknownNameError
from detector.types import MADE
from tests.benchmark.fakes import dataset

ROWS = {
    "the same": {},
    "spectrum alone": {"keep": ["*.spectrum.*"]},
    "without made fakes": {"made": []},
    "the control": {"approach": "blur residual", "candidate": "boosting", "strength": 1.0},
}


@pytest.fixture(scope="module")
def faking(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("ablation")
    data = dataset(folder, {"train": 6, "val": 3, "test": 1})
    return replace(study, data=data, draws=2, fakes=("up-sample",), work=folder / "work", report=folder / "report")


@pytest.fixture(scope="module")
def ablation(faking: Study) -> Ablation:
    base = Change(strength=10.0)
    return Ablation(faking, ROWS, base, measured=("bare",), folds=3, report=faking.report)


@pytest.fixture(scope="module")
def table(ablation: Ablation, tools: Tools) -> dict[str, dict[tuple[str, str], str]]:
    """Row -> (figure, family) -> AUC, of the CSV; "features" and "fitted" are there too."""
    path = ablate(ablation, tools)
    rows: dict[str, dict[tuple[str, str], str]] = {}
    with path.with_suffix(".csv").open() as lines:
        for line in csv.DictReader(lines):
            row = rows.setdefault(line["row"], {("features", ""): line["features"], ("fitted", ""): line["fitted"]})
            row[line["figure"], line["family"]] = line["auc"]
    return rows


def test_fakes_are_made_of_real_pictures_that_train_and_stay_with_them(faking: Study, tools: Tools) -> None:
    rows = fit_rows(faking, tools)
    made = rows.where(rows.origins == f"{MADE}up-sample")
    real = rows.where(rows.labels == 0)
    assert len(made.samples) == len(real.samples) > 0
    assert set(made.groups) == set(real.groups)
    assert set(made.labels) == {1}
    assert "test" not in {sample.split for sample in rows.samples}


def test_the_table_has_every_row_and_the_base_first(table: dict[str, dict[tuple[str, str], str]]) -> None:
    assert list(table) == ["base", *ROWS]
    assert table["the same"] == table["base"]
    features, fitted = ({name: int(row[key, ""]) for name, row in table.items()} for key in ("features", "fitted"))
    assert features["spectrum alone"] < features["base"]
    assert fitted["without made fakes"] < fitted["base"] == fitted["spectrum alone"]
    assert float(table["base"]["folds, family met", "mean"]) > 0.9


def test_a_measured_row_is_read_and_a_new_one_is_measured(
    ablation: Ablation, tools: Tools, table: dict[str, dict[tuple[str, str], str]]
) -> None:
    kept = ablation.study.work / "rows"
    before = {path: path.stat().st_mtime_ns for path in kept.glob("*.json")}
    assert len(before) == len(table) - 1  # "the same" is the base
    more = replace(ablation, rows={**ROWS, "weaker": {"strength": 1.0}})
    page = ablate(more, tools).read_text()
    after = {path: path.stat().st_mtime_ns for path in kept.glob("*.json")}
    assert {path: after[path] for path in before} == before
    assert len(after) == len(before) + 1
    assert "| weaker |" in page


def test_what_cannot_be_measured_is_refused(ablation: Ablation, tools: Tools) -> None:
    with pytest.raises(ConfigError, match="unknown key 'kept'"):
        replace(ablation, rows={"typo": {"kept": ["*"]}})
    with pytest.raises(ConfigError, match="no such history: 'broad'; known: bare, small"):
        replace(ablation, measured=("broad",))
    with pytest.raises(ConfigError, match="expected 'test'"):
        replace(ablation, study=replace(ablation.study, held_out="val"))
    with pytest.raises(ConfigError, match="no feature is left"):
        ablate(replace(ablation, rows={"nothing": {"keep": ["*.smell.*"]}}), tools)
    with pytest.raises(ConfigError, match="expected one of detector, every view, blur residual, metadata"):
        ablate(replace(ablation, rows={"nothing": {"approach": "smell"}}), tools)
    with pytest.raises(UnknownNameError, match=r"known: .*up-sample"):
        replace(ablation.study, fakes=("smell",))


def test_the_shipped_ablation_is_one() -> None:
    ablation = load(Ablation, Path(__file__).parents[3] / "experiments" / "ablation.toml")
    assert len(ablation.changes()) > 20
    assert ablation.changes()["without made fakes"].made == ()


def test_a_config_says_all_of_it() -> None:
    words = {"study": {"histories": {"bare": {}}, "draws": 1}, "rows": {"one": {"made": ["swap"]}}}
    assert parse(Ablation, words, "here").changes()["one"].made == ("swap",)
