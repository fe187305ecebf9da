"""Names that are no names, and parts that were not measured."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.benchmark.measures.evaluate import Answers, Rate
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.report import write_report
from detector.benchmark.report.charts import roc
from detector.benchmark.report.document import NOTHING, Cell
from detector.benchmark.run.results import Entry, Results
from tests.benchmark.report import fakes
from tests.benchmark.report.reading import TABLES, Page, assert_tables_are_whole, rows

HOSTILE = '$x_$<script>alert("1")</script> & | `a` [b](javascript:c) 眼睛 \\'


def hostile(results: Results) -> Results:
    """The same with every name that a dataset or a user can choose turned against the page."""

    def turned(found: Any) -> Any:
        return {f"{HOSTILE}{name}": value for name, value in found.items()}

    def entry(one: Entry) -> Entry:
        return replace(one, name=f"_{HOSTILE}{one.name}", about=HOSTILE, generators=turned(one.generators))

    clips = results.clips
    answers = Answers(
        clips.labels, clips.groups, np.array([f"{HOSTILE}{name}" for name in clips.origins]),
        {f"_{HOSTILE}{name}": scores for name, scores in clips.probability.items()},
    )  # fmt: skip
    return replace(
        results, name=HOSTILE, facts={HOSTILE: HOSTILE}, alarms=(HOSTILE,), notes=(HOSTILE,), clips=answers,
        entries=tuple(map(entry, results.entries)), flagged=turned(results.flagged),
        coverage=turned(results.coverage), missed={f"{HOSTILE}ffhq": {HOSTILE: 1}},
        slices=tuple(replace(one, by=HOSTILE, name=HOSTILE) for one in results.slices),
        robustness={name: {f"_{HOSTILE}{key}": one for key, one in row.items()} for name, row in
                    turned(results.robustness).items()},
        mistakes=tuple(replace(one, origin=HOSTILE, words=HOSTILE) for one in results.mistakes),
        importance=turned(results.importance), matrix=turned(results.matrix),
    )  # fmt: skip


def test_names_are_text_whatever_they_look_like(results: Results, tmp_path: Path) -> None:
    write_report(hostile(results), tmp_path)
    page = Page.read(tmp_path / "index.html")
    assert not page.all("script")
    assert page.words.count(HOSTILE) > 100
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "<script" not in markdown
    assert_tables_are_whole(markdown)
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    assert len(rows(tmp_path / "scores.csv")) == len(results.clips.labels)


@pytest.fixture(scope="module")
def plainer(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One generator, nothing left out, no disturbance, no alarm, no picture."""
    folder = tmp_path_factory.mktemp("plainer")
    kept = (results.clips.labels == 0) | (results.clips.origins == "stylegan2")
    clips = Answers(
        results.clips.labels[kept], results.clips.groups[kept], results.clips.origins[kept],
        {name: scores[kept] for name, scores in results.clips.probability.items()},
    )  # fmt: skip
    entries = tuple(replace(one, left_out={}) for one in results.entries)
    mistakes = tuple(replace(one, picture=None) for one in results.mistakes)
    undisturbed = {"none": results.robustness["none"]}
    fewer = replace(results, clips=clips, ids=results.ids[: kept.sum()], robustness=undisturbed, alarms=())
    write_report(replace(fewer, entries=entries, mistakes=mistakes), folder)
    return folder


def test_what_was_not_measured_has_no_heading(plainer: Path, page: Page) -> None:
    for title in ("Alarms", "Generators left out"):
        assert title in page.words
        assert title not in Page.read(plainer / "index.html").words
        assert title not in (plainer / "report.md").read_text(encoding="utf-8")


def test_a_chart_of_disturbances_needs_one(plainer: Path) -> None:
    assert not (plainer / "robustness.png").exists()
    assert "robustness.png" not in (plainer / "report.md").read_text(encoding="utf-8")
    assert "Robustness" in Page.read(plainer / "index.html").words


def test_one_generator_is_counted_as_one(plainer: Path) -> None:
    assert "330 fakes from 1 generator." in Page.read(plainer / "index.html").words


def test_without_pictures_the_mistakes_are_a_table_that_says_how_to_see_them(plainer: Path) -> None:
    page = Page.read(plainer / "index.html")
    assert not page.all("img")
    assert "run with --gallery N" in page.words
    assert "1a2b3c4d" in page.words


def test_the_least_that_can_be_found_is_written(tmp_path: Path) -> None:
    """One class, one clip, no score: a page without charts, dashes, and CSV that says NaN."""
    names = [path.name for path in write_report(fakes.bare(), tmp_path)]
    assert names == ["index.html", "report.md", *TABLES]
    page = Page.read(tmp_path / "index.html")
    assert [one["id"] for one in page.all("h2")] == ["approaches", "real-sources"]
    assert len(page.all("table")) == 2
    assert "There is no AUC of “ours”." in page.words
    assert "1 clip could not be scored." in page.words
    assert "nan" not in page.words
    assert math.isnan(float(rows(tmp_path / "scores.csv")[0]["ours"]))


def test_a_file_is_replaced_and_never_half_written(tmp_path: Path) -> None:
    """Whoever has the old page open keeps it; where a file cannot be replaced, nothing of the new one is left."""
    (tmp_path / "index.html").write_text("old")
    (tmp_path / "opened").hardlink_to(tmp_path / "index.html")
    (tmp_path / "report.md").mkdir()
    with pytest.raises(OSError, match=r"report\.md"):
        write_report(fakes.bare(), tmp_path)
    assert (tmp_path / "opened").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "opened", "report.md"}
    Page.read(tmp_path / "index.html")


def test_a_figure_without_interval_or_value() -> None:
    nan = float("nan")
    assert Cell.of(Estimate(nan, nan, nan)) == Cell.of(None) == Cell.of(Rate(0, 0)) == Cell(NOTHING)
    assert Cell.of(Estimate(0.5, nan, nan)) == Cell("0.500")
    assert Cell.of(Rate(1, 2)).faint
    assert not Cell.of(Rate(1, 20)).faint


def test_only_so_many_curves_are_drawn_as_can_be_told_apart(results: Results) -> None:
    """Ten external scores beside ours: the first six are drawn, the leak alarms and recipes never."""
    first = results.entries[0]
    more = [replace(first, name=f"external-{number}", kind="external") for number in range(10)]
    scores = dict(results.clips.probability) | {one.name: results.clips.probability["ours"] for one in more}
    clips = replace(results.clips, probability=scores)
    (chart,) = roc(replace(results, entries=(first, *results.entries[3:5], *more), clips=clips))
    assert re.findall(r"(ours|external-\d|AEROBLADE) ", chart.alt) == ["ours", *(f"external-{n}" for n in range(5))]
