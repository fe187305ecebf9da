"""The CSV files give back what was measured, to the last bit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.run.results import Results
from tests.benchmark.report.reading import TABLES, rows


def test_metrics_read_back_exactly(results: Results, folder: Path) -> None:
    found = {(row["approach"], row["figure"], row["name"]): row for row in rows(folder / "metrics.csv")}
    for entry in results.entries:
        for figure in ("metrics", "generators", "sources", "found", "left_out"):
            for name, estimate in getattr(entry, figure).items():
                row = found[entry.name, figure, name]
                assert row["kind"] == entry.kind
                assert Estimate(*(float(row[end]) for end in ("value", "low", "high"))) == estimate
        if entry.against:
            assert float(found[entry.name, "against", "p"]["value"]) == entry.against.p
        scored = found[entry.name, "scored", "clips"]
        assert float(scored["value"]) == entry.scored.hits / entry.scored.count
    assert len(found) == len(rows(folder / "metrics.csv"))


def test_scores_read_back_exactly_and_name_nobody(results: Results, folder: Path) -> None:
    found, clips = rows(folder / "scores.csv"), results.clips
    for name, scores in clips.probability.items():
        np.testing.assert_array_equal([float(row[name]) for row in found], scores)
    assert [int(row["label"]) for row in found] == clips.labels.tolist()
    assert [row["origin"] for row in found] == clips.origins.tolist()
    assert [row["id"] for row in found] == list(results.ids)
    assert [row["group"] for row in found] == [hashlib.sha256(g.encode()).hexdigest()[:8] for g in clips.groups]
    for name in ("index.html", "report.md", *TABLES):
        assert "person 7" not in (folder / name).read_text(encoding="utf-8")


def test_robustness_and_slices_read_back_exactly(results: Results, folder: Path) -> None:
    for row in rows(folder / "robustness.csv"):
        estimate = results.robustness[row["disturbance"]][row["approach"]]
        assert Estimate(float(row["value"]), float(row["low"]), float(row["high"])) == estimate
    for row, one in zip(rows(folder / "slices.csv"), results.slices, strict=True):
        assert (row["by"], row["name"]) == (one.by, one.name)
        for rate, hits, count in ((one.alarms, "alarms", "real"), (one.found, "found", "fakes")):
            assert (rate is None and row[hits] == "") or rate == Rate(int(row[hits]), int(row[count]))
        assert (one.auc is None and row["auc"] == "") or float(row["auc"]) == one.auc.value
