"""`detector compare`: what two recorded benchmarks chose and found, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import tracking
from detector.benchmark.measures.delong import delong
from detector.cli import main

CLIPS = [(f"{number:08}", int(number >= 8), "gan" if number >= 8 else "camera") for number in range(16)]
FIRST = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.25, 0.35, 0.55, 0.65, 0.75, 0.85, 0.9, 0.95])
SECOND = np.sort(FIRST)
SECOND[[6, 12]] = SECOND[[12, 6]]


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Ids of runs by name and by number, and where they are; some of the same clips, some without scores."""
    store = tmp_path_factory.mktemp("runs")
    found = {"store": str(store)}
    runs: list[tuple[str, dict[str, object], dict[str, float], np.ndarray | None]] = [
        ("first", {"frames": 32, "vae": "face-vae"}, {"AUC": 0.75, "EER": 0.3}, FIRST),
        ("second", {"frames": 8, "vae": "face-vae", "crop": 1.3}, {"AUC": 0.8, "Brier": 0.1}, SECOND),
        ("fewer", {}, {}, FIRST[:12]),
        ("bare", {"frames": 8}, {"AUC": float("nan")}, None),
        ("bare", {"frames": 9}, {}, None),
        ("gaps", {}, {}, np.where(np.arange(16) % 7, SECOND, np.nan)),
    ]
    for number, (name, params, metrics, scores) in enumerate(runs):
        with tracking.start("benchmark", name, params, store) as run:
            run.metrics(metrics)
            if scores is not None:
                run.artifact(written(store.parent / "scores.csv", scores, number))
        found |= {name: run.id, str(number): run.id}
    return found


def written(path: Path, scores: np.ndarray, seed: int) -> Path:
    """As a benchmark keeps them, with an empty cell for no score; the order of the rows is another in each run."""
    cells = ["" if np.isnan(score) else str(score) for score in scores]
    rows = [
        f"{clip},{clip},{label},{origin},{cell},0" for (clip, label, origin), cell in zip(CLIPS, cells, strict=False)
    ]
    np.random.default_rng(seed).shuffle(rows)
    path.write_text("\n".join(["id,group,label,origin,ours,blur", *rows]) + "\n")
    return path


Print = pytest.CaptureFixture[str]


def compared(ids: dict[str, str], one: str, other: str, capsys: Print) -> str:
    assert main(["compare", one, other, "--store", ids["store"]]) == 0
    return capsys.readouterr().out


def as_json(ids: dict[str, str], one: str, other: str, capsys: Print) -> dict[str, Any]:
    assert main(["compare", one, other, "--store", ids["store"], "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")))


def cells(page: str, first: str) -> list[str]:
    """Of the row of a table that begins with a word, the other cells."""
    row = next(line for line in page.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_what_differs_is_shown(ids: dict[str, str], capsys: Print) -> None:
    page = compared(ids, "first", ids["second"][:10], capsys)
    assert cells(page, "frames") == ["32", "8"]
    assert cells(page, "crop") == ["–", "1.3"]
    assert "face-vae" not in page
    assert cells(page, "AUC") == ["0.75", "0.8", "+0.05"]
    assert cells(page, "EER") == ["0.3", "–", "–"]
    assert cells(page, "Brier") == ["–", "0.1", "–"]
    assert f"first {ids['first'][:8]} of 20" in page


def test_the_runs_are_tested_on_the_same_clips(ids: dict[str, str], capsys: Print) -> None:
    """By DeLong's test, whatever the order of the rows; the difference is the second less the first."""
    labels = np.array([label for _, label, _ in CLIPS])
    expected = delong(labels, SECOND, FIRST)
    found = as_json(ids, "first", "second", capsys)
    assert found["test"]["difference"] == pytest.approx(expected.difference)
    assert found["test"]["difference"] > 0
    assert found["test"]["p"] == pytest.approx(expected.p)
    assert found["test"]["interval"] == pytest.approx(expected.interval)
    assert str(expected) in compared(ids, "first", "second", capsys)


def test_clips_without_a_score_in_one_run_are_left_out(ids: dict[str, str], capsys: Print) -> None:
    kept = np.arange(16) % 7 != 0
    labels = np.array([label for _, label, _ in CLIPS])
    expected = delong(labels[kept], SECOND[kept], FIRST[kept])
    assert as_json(ids, "first", "gaps", capsys)["test"]["difference"] == pytest.approx(expected.difference)


def test_json_has_the_same_figures(ids: dict[str, str], capsys: Print) -> None:
    found = as_json(ids, "first", "second", capsys)
    assert [run["id"] for run in found["runs"]] == [ids["first"], ids["second"]]
    assert found["params"] == {"crop": [None, "1.3"], "frames": ["32", "8"]}
    assert found["metrics"]["AUC"] == {"values": [0.75, 0.8], "difference": pytest.approx(0.05)}
    assert found["metrics"]["EER"] == {"values": [0.3, None], "difference": None}
    assert as_json(ids, "first", ids["3"], capsys)["metrics"]["AUC"]["values"] == [0.75, None]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("fewer", "12 clips are in both runs, 16 in the first and 12 in the second"),
        ("4", "a run kept no scores.csv"),
    ],
)
def test_why_there_is_no_test_is_said(ids: dict[str, str], other: str, words: str, capsys: Print) -> None:
    assert f"No test on the same clips: {words}." in compared(ids, "first", ids[other], capsys)


def test_the_latest_run_is_the_last_one(ids: dict[str, str], capsys: Print) -> None:
    assert as_json(ids, "first", "latest", capsys)["runs"][1]["id"] == ids["gaps"]


def test_a_run_beside_itself(ids: dict[str, str], capsys: Print) -> None:
    page = compared(ids, "first", "first", capsys)
    assert "Nothing." in page
    assert cells(page, "AUC") == ["0.75", "0.75", "+0"]
    assert "+0.000 (+0.000 to +0.000), p = 1." in page


@pytest.mark.parametrize(("word", "why"), [("nobody", "no run is 'nobody'"), ("bare", "2 runs are 'bare'")])
def test_a_run_that_is_not_there_or_not_the_only_one(ids: dict[str, str], word: str, why: str, capsys: Print) -> None:
    assert main(["compare", "first", word, "--store", ids["store"]]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert ids["bare"][:8] in said
    assert len(said.splitlines()) == 1


def test_a_store_that_is_not_there(tmp_path: Path, capsys: Print) -> None:
    assert main(["compare", "a", "b", "--store", str(tmp_path / "none")]) == 2
    assert "expected mlflow.db" in capsys.readouterr().err
