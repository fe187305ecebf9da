"""Extraction: every picture by one protocol, the same numbers however often and in whatever order it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.benchmark.datasets import load_dataset
from detector.benchmark.extract import OURS, Extract, Tools, extract
from detector.benchmark.history import History
from detector.types import Sample
from tests.benchmark.fakes import Blur, MiddleFace, dataset

HISTORIES = {"bare": History(face_px=(100.0, 140.0)), "as found": None}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return load_dataset("manifest", dataset(tmp_path_factory.mktemp("data"), {"train": 3}))


@pytest.fixture(scope="module")
def rows(samples: list[Sample], tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return extract(samples, HISTORIES, tools, tmp_path_factory.mktemp("work"))


def test_each_picture_gives_a_row_for_each_history_or_a_reason(
    samples: list[Sample], rows: Extract, tools: Tools
) -> None:
    assert set(rows.tables) == {OURS, *tools.baselines}
    black = [samples[0], samples[10]]
    assert [(sample, reason) for sample, _, reason in rows.missed] == [(s, "no_face") for s in black for _ in HISTORIES]
    expected = [(sample, name) for sample in samples if sample not in black for name in HISTORIES]
    assert list(zip(rows.samples, rows.histories.tolist(), strict=True)) == expected
    assert all(len(table) == len(expected) for table in rows.tables.values())
    assert rows.labels.sum() == sum(sample.label for sample, _ in expected)


def test_a_second_run_reads_what_the_first_has_done(samples: list[Sample], tools: Tools, tmp_path: Path) -> None:
    detector = MiddleFace()
    mine = replace(tools, detectors=(detector,))
    first = extract(samples, HISTORIES, mine, tmp_path)
    assert detector.seen == len(samples)
    again = extract(samples, HISTORIES, mine, tmp_path)
    assert detector.seen == len(samples)
    assert (again.samples, again.missed) == (first.samples, first.missed)
    for name, table in first.tables.items():
        assert again.tables[name].names == table.names
        np.testing.assert_array_equal(again.tables[name].values, table.values)


def test_what_the_numbers_depend_on_is_in_the_key(samples: list[Sample], tools: Tools, tmp_path: Path) -> None:
    class Other(Blur):
        version = "1"

    one = samples[1:2]
    for changed, seed in ((tools, 0), (tools, 1), (replace(tools, reconstructors=(Other(),)), 0)):
        extract(one, HISTORIES, changed, tmp_path, seed)
    extract(one, {"bare": None}, tools, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 4


def test_a_row_does_not_depend_on_its_company(
    samples: list[Sample], rows: Extract, tools: Tools, tmp_path: Path
) -> None:
    alone = extract(samples[5:6], HISTORIES, tools, tmp_path)
    place = rows.samples.index(samples[5])
    for name in (OURS, "blur residual"):
        np.testing.assert_allclose(
            alone.tables[name].values, rows.tables[name].values[place : place + 2], rtol=1e-4, atol=1e-5
        )


def test_where_keeps_rows_of_every_table(rows: Extract) -> None:
    kept = rows.where(rows.histories == "bare")
    assert set(kept.histories) == {"bare"}
    assert all(len(table) == len(kept.samples) == len(rows.samples) // 2 for table in kept.tables.values())


def test_a_file_that_cannot_be_read_is_missed_with_its_reason(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    sample = Sample(str(tmp_path / "broken.jpg"), 0, "camera", "s", "g", "test")
    rows = extract([sample], {"as found": None}, tools, tmp_path)
    assert rows.samples == ()
    [(missed, history, reason)] = rows.missed
    assert (missed, history) == (sample, "as found")
    assert reason in ("truncated", "unreadable")
