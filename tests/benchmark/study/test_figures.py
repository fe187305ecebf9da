"""What a study shows beside its tables: pictures, the worst errors, and what was never met."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.benchmark.baselines.training_free import DISTANCES, training_free
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.extraction.task import OURS
from detector.benchmark.histories.history import History
from detector.benchmark.measures.evaluate import Answers
from detector.benchmark.measures.families import MEAN
from detector.benchmark.study.figures import HEAVY, LIGHT, Figures, measure
from detector.benchmark.study.gallery import MOST, write_gallery
from detector.benchmark.study.material import CONTROL, EVEN_CONTROL, Material
from detector.benchmark.study.plots import draw_figures, reliability
from detector.benchmark.study.study import Study
from detector.types import MADE, FeatureTable
from tests.benchmark.fakes import dataset


@pytest.fixture(scope="module")
def faking(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("figures")
    jpeg = {name: History(face_px=(100.0, 140.0), last_quality=(q, q)) for name, q in ((LIGHT, 95), (HEAVY, 60))}
    data = dataset(folder, {"train": 5, "val": 2, "test": 3})
    changes = {"conditions": jpeg, "fakes": ("up-sample",), "work": folder / "work", "report": folder / "report"}
    return replace(study, data=data, **changes)


@pytest.fixture(scope="module")
def material(faking: Study, tools: Tools) -> Material:
    return Material.of(faking, tools)


@pytest.fixture(scope="module")
def figures(material: Material) -> Figures:
    return measure(material, {name: material.classifier(name) for name in (OURS, CONTROL, EVEN_CONTROL)})


def test_a_made_fake_trains_and_is_no_generator_of_the_report(material: Material, figures: Figures) -> None:
    assert f"{MADE}up-sample" in material.fit.origins
    assert material.known.families == ["diffusion", "gan"]
    for found in (figures.aucs[OURS], figures.split.blind[OURS], figures.folds.known[OURS]):
        assert not any(name.startswith(MADE) for name in found)
    assert f"fitted without {MADE}up-sample" in figures.checks


def test_families_and_sources_are_left_out_on_the_split_and_on_folds(figures: Figures) -> None:
    for unseen in (figures.split, figures.folds):
        assert set(unseen.blind[OURS]) == {"diffusion", "gan", MEAN}
        assert set(unseen.sources[OURS]) == {"camera-a", "camera-b", MEAN}
        assert set(unseen.flagged[OURS]) == {"camera-a", "camera-b"}
        assert set(unseen.blind_gains) == {CONTROL, EVEN_CONTROL}
    assert len(figures.folds.held[OURS].labels) > len(figures.split.held[OURS].labels)


def test_the_loss_by_compression_needs_both_conditions(figures: Figures) -> None:
    light, heavy = (figures.conditions[name][OURS][MEAN].value for name in (LIGHT, HEAVY))
    assert figures.loss == pytest.approx(light - heavy)
    assert replace(figures, conditions={}).loss is None


def test_every_picture_is_drawn(figures: Figures, tmp_path: Path) -> None:
    paths = draw_figures(figures, tmp_path)
    assert [path.name for path in paths] == ["robustness.png", "reliability.png", "families.png"]
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("L"))
        assert min(pixels.shape) > 300
        assert pixels.std() > 10


def test_the_worst_errors_are_told_without_names_and_drawn_apart(
    faking: Study, material: Material, figures: Figures, tools: Tools
) -> None:
    faking.report.mkdir(exist_ok=True)
    held = figures.folds.held[OURS]
    page = write_gallery(faking, material, held, tools).read_text()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][2:]
    kinds = [row[0].strip("| ") for row in rows]
    assert {"camera-a", "gan"} <= set(kinds)
    assert len(rows) <= 2 * MOST
    assert not any(sample.group in page for sample in material.fit.samples)
    assert len(list((faking.work / "gallery").glob("*.png"))) == len(rows)
    real = [float(row[3]) for row, kind in zip(rows, kinds, strict=True) if kind.startswith("camera")]
    assert real == sorted(real, reverse=True)


def test_reliability_by_hand() -> None:
    """Three faces at 0.9 and more, two of them fake; one real face at 0.05."""
    said = Answers(
        np.array([1, 1, 0, 0]), np.array(list("abcd")), np.array(["x", "x", "y", "y"]),
        {"one": np.array([0.91, 1.0, 0.94, 0.05])},
    )  # fmt: skip
    mean, share, count = reliability(said, "one")
    assert count.tolist() == [1, 3]
    assert mean == pytest.approx([0.05, 0.95])
    assert share == pytest.approx([0, 2 / 3])


def test_without_training_the_vae_that_fits_best_counts() -> None:
    """The second face is closest to its reconstruction by the model b: the most synthetic."""
    names = [f"{model}.native.perceptual.whole.log_distance" for model in ("a", "b")]
    values = np.array([[-1.0, -2.0], [-1.5, -4.0], [np.nan, -3.0]], np.float32)
    assert training_free(FeatureTable(values, tuple(names))) == {next(iter(DISTANCES)): pytest.approx([2, 4, 3])}
