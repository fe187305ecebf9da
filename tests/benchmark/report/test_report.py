"""The report says what was measured: all of it, without help from a network, and twice the same."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.report import write_report
from detector.benchmark.report.markdown import plain
from detector.benchmark.run.results import Results
from tests.benchmark.report.reading import CHARTS, TABLES, Page, assert_tables_are_whole


def estimates(results: Results) -> Iterator[Estimate]:
    for entry in results.entries:
        for found in (entry.metrics, entry.generators, entry.sources, entry.found, entry.left_out):
            yield from found.values()
    for row in [*results.robustness.values(), *results.matrix.values()]:
        yield from row.values()
    yield from (one.auc for one in results.slices if one.auc)


def rates(results: Results) -> Iterator[Rate]:
    yield from (entry.scored for entry in results.entries)
    yield from results.coverage.values()
    for found in results.flagged.values():
        yield from found.values()
    for one in results.slices:
        yield from (rate for rate in (one.alarms, one.found) if rate)


def test_the_files_are_those_that_are_promised_and_the_same_every_time(
    results: Results, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    paths = write_report(results, tmp_path)
    assert [path.name for path in paths] == ["index.html", "report.md", *CHARTS, *TABLES]
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths} | {"mine.txt"}
    for path in paths:
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_every_figure_is_in_both_pages_with_its_interval(results: Results, folder: Path, page: Page) -> None:
    markdown, html = (folder / "report.md").read_text(encoding="utf-8"), page.words
    for found in estimates(results):
        assert f"{found.value:.3f} ({found.low:.3f}–{found.high:.3f})" in markdown
        assert f"{found.value:.3f}\n{found.low:.3f}–{found.high:.3f}" in html
    for rate in rates(results):
        low, high = rate.interval
        share, beside = f"{100 * rate.hits / rate.count:.1f}", f"{rate.hits} of {rate.count}; {100 * low:.1f}–"
        assert f"{share}\u00a0% ({beside}{100 * high:.1f}\u00a0%)".replace("\u00a0", " ") in markdown
        assert f"{share}\u00a0%\n{beside}{100 * high:.1f}\u00a0%" in html


@pytest.mark.parametrize(
    "words",
    [
        lambda results: [*results.facts, *results.facts.values(), *results.alarms, *results.notes],
        lambda results: [text for entry in results.entries for text in (entry.name, entry.about)],
        lambda results: [text for one in results.slices for text in (one.by, one.name)],
        lambda results: [text for one in results.mistakes for text in (one.words, one.id, f"{one.probability:.3f}")],
        lambda results: [f"{entry.against.p:.3f}" for entry in results.entries if entry.against],
        lambda results: [f"{value:.3f}" for value in results.importance.values()],
        lambda results: [*results.coverage, *(reason for found in results.missed.values() for reason in found)],
    ],
)
def test_every_word_is_in_both_pages(
    words: Callable[[Results], list[str]], results: Results, folder: Path, page: Page
) -> None:
    markdown, html = (folder / "report.md").read_text(encoding="utf-8"), page.words
    for text in words(results):
        assert text in html
        assert plain(text) in markdown


def test_alarms_come_before_any_figure(results: Results, folder: Path, page: Page) -> None:
    for text in (page.words.split("\n", 1)[1], (folder / "report.md").read_text(encoding="utf-8")):
        assert text.index(results.alarms[0]) < text.index("1,215 clips")


def test_the_summary_by_hand(results: Results, page: Page) -> None:
    scores, labels = results.clips.probability["ours"], results.clips.labels
    alarms, found = (int((scores[labels == label] >= 0.704).sum()) for label in (0, 1))
    assert f"At its threshold of 0.704, {alarms} of 641 real clips (" in page.words
    assert f") and {found} of 574 fakes (" in page.words
    assert "641 real ones from 4 sources and 574 fakes from 4 generators" in page.words
    assert (
        f"“ours” ranks the fake higher in 94.3\u00a0% of all pairs: an AUC of {results.ours.metrics['AUC']}"
        in page.words
    )


def test_the_page_fetches_nothing(folder: Path, page: Page) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<iframe", text)
    for _, attributes in page.tags:
        assert not attributes.keys() & {"srcset", "poster", "background", "data"}
        target = attributes.get("href")
        assert target is None or target[1:] in {a.get("id") for _, a in page.tags}
    for target in re.findall(r"url\(([^)]*)\)", text):
        assert target[1:] in {a.get("id") for _, a in page.tags}


def test_every_picture_is_in_the_page_and_told_in_words(page: Page, results: Results) -> None:
    images = page.all("img")
    assert len(images) == len(results.mistakes)
    for image in images:
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/png;base64"
        assert Image.open(BytesIO(base64.b64decode(data))).size == (576, 192)
        assert len(image["alt"]) > 20
    assert len(page.all("svg")) == len(CHARTS)
    described = [one for one in page.all("div") if one.get("role") == "img"]
    assert len(described) == len(CHARTS)
    assert all(len(one["aria-label"]) > 20 for one in described)


def test_the_page_can_be_read_out(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("caption")) == len(page.all("table")) > 8
    assert all(head.get("scope") in ("row", "col", "rowgroup") for head in page.all("th"))
    boxes = [one for one in page.all("div") if one.get("class") == "scroll"]
    assert len(boxes) == len(page.all("table"))
    assert all(one["role"] == "region" and one["aria-label"] and one["tabindex"] == "0" for one in boxes)


def test_charts_follow_the_colour_of_the_text(folder: Path) -> None:
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert text.count("currentColor") > 100
    assert "#000000" not in text


def test_charts_have_something_on_them(folder: Path) -> None:
    for name in CHARTS:
        pixels = np.asarray(Image.open(folder / name).convert("L"))
        assert min(pixels.shape) > 300
        assert pixels[0, 0] == 255
        assert pixels.std() > 10


def test_markdown_links_only_charts_that_are_there(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\(([^)]*)\)", text) == CHARTS


def test_markdown_tables_are_whole(folder: Path) -> None:
    assert_tables_are_whole((folder / "report.md").read_text(encoding="utf-8"))
