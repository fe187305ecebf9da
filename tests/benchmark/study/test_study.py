"""A whole study on tiny pictures: a planted trace is found, files are written, and splits are kept apart."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.benchmark.datasets import load_dataset
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.evaluate import Answers, Rate, aucs, flagged, gains
from detector.benchmark.study.material import in_turn, named_apart, split
from detector.benchmark.study.study import Study, teach_classifier
from detector.classify import FaceClassifier
from detector.config import load
from detector.errors import ConfigError
from detector.types import Sample
from tests.benchmark.fakes import Blur


@pytest.fixture(scope="module")
def taught(study: Study, tools: Tools) -> Path:
    return teach_classifier(study, tools)


def test_the_classifier_and_its_papers_are_written(study: Study, taught: Path) -> None:
    classifier = FaceClassifier.load(taught)
    assert classifier.versions == {"blur": "0"}
    assert classifier.about["held out"] == "test"
    page, card = (study.report / "default.md").read_text(), study.card.read_text()
    for text in (page, card):
        assert "{" not in text
        assert f"| {OURS} |" in text
        assert "diffusion" in text
    assert "JPEG 50" in page


def test_the_planted_trace_is_found_and_shuffled_labels_find_nothing(study: Study, taught: Path) -> None:
    with (study.report / "scores.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    labels = np.array([int(row["label"]) for row in rows])
    scores = np.array([float(row[OURS]) for row in rows])
    assert scores[labels == 1].min() > scores[labels == 0].max()
    assert {row["group"].split(":")[0] for row in rows} == {"camera-a", "camera-b", "gan", "diffusion"}
    [line] = [line for line in (study.report / "default.md").read_text().splitlines() if "shuffled" in line]
    assert taught.exists()
    assert "| labels shuffled before fitting | 0." in line


def sample(group: str, part: str, source: str = "camera", label: int = 0) -> Sample:
    return Sample(f"{group}.png", label, "gan" if label else "camera", source, group, part)


def test_splits_are_kept_apart(study: Study) -> None:
    samples = [sample("a", "train"), sample("b", "val"), sample("c", "test"), sample("d", "test", "clips")]
    samples += [sample(f"w{n}", "train", "web") for n in range(10)] + [
        sample("x", "val", "web"),
        sample("y", "test", "web"),
    ]
    one = replace(study, left_out=("clips",), train_only={"web": 3})
    parts = split(samples, one)
    assert [s.group for s in parts.fit] == ["a", "b", "w0", "w3", "w6"]
    assert [s.group for s in parts.report] == ["c"]
    assert [s.group for s in parts.aside] == ["y"]
    parts = split(samples, replace(one, held_out="val"))
    assert [s.group for s in parts.fit] == ["a", "w0", "w3", "w6"]
    assert [s.group for s in parts.report] == ["b"]


def test_a_planted_leak_is_refused(study: Study) -> None:
    with pytest.raises(ConfigError, match=r"1 groups leak across splits, e\.g\. a: test, train"):
        split([sample("a", "train"), sample("a", "test")], study)
    with pytest.raises(ConfigError, match="expected samples of the splits train, val and test"):
        split([sample("a", "train")], study)
    with pytest.raises(ConfigError, match="draws: expected 1 to 2"):
        replace(study, draws=3)


def test_samples_take_the_histories_in_turn(study: Study) -> None:
    samples = [sample(str(n), "train") for n in range(5)]
    [(one, first), (other, second)] = in_turn(samples, study)
    assert ([*one], [s.group for s in first]) == (["bare"], ["0", "2", "4"])
    assert ([*other], [s.group for s in second]) == (["small"], ["1", "3"])
    [(both, all_samples)] = in_turn(samples, replace(study, draws=2))
    assert ([*both], all_samples) == (["bare", "small"], samples)


def test_models_of_one_name_are_named_apart() -> None:
    assert [model.name for model in named_apart([Blur(), Blur(), Blur()])] == ["blur", "blur-2", "blur-3"]


ANSWERS = Answers(
    labels=np.array([0, 0, 0, 1, 1, 1]),
    groups=np.array(list("abcdef")),
    origins=np.array(["camera", "camera", "phone", "gan", "gan", "sd"]),
    probability={"one": np.array([0.1, 0.2, 0.6, 0.7, 0.8, 0.3]), "other": np.array([0.1, 0.2, 0.6, 0.5, 0.8, 0.3])},
)


def test_figures_by_hand() -> None:
    """gan: 0.7 and 0.8 beat all three reals; sd: 0.3 beats two of three; with `other`, 0.5 loses to 0.6."""
    found = aucs(ANSWERS, "one")
    assert {name: e.value for name, e in found.items()} == pytest.approx(
        {"gan": 1, "sd": 2 / 3, "mean": 5 / 6, "all": 8 / 9}
    )
    assert gains(ANSWERS, "one", "other")["gan"].value == pytest.approx(1 / 6)
    rates = flagged(ANSWERS, "one", 0.6)
    assert list(rates) == ["camera", "phone", "gan", "sd"]
    assert rates == {"camera": Rate(0, 2), "phone": Rate(1, 1), "gan": Rate(2, 2), "sd": Rate(0, 1)}


def test_a_rate_has_the_exact_interval() -> None:
    """None of 10: the upper end is 1 - 0.025 ** (1 / 10)."""
    assert Rate(0, 10).interval == pytest.approx((0, 1 - 0.025**0.1))
    assert str(Rate(0, 10)) == "0 of 10, 0.000 (0.000 to 0.308)"


def test_the_shipped_config_is_one() -> None:
    study = load(Study, Path(__file__).parents[3] / "experiments" / "default.toml")
    assert study.held_out == "test"
    assert set(study.train_only) == {"rmfd"}


@pytest.mark.data
def test_the_shared_data_part_as_the_shipped_config_says(shared: Path) -> None:
    study = load(Study, Path(__file__).parents[3] / "experiments" / "default.toml")
    parts = split(load_dataset("manifest", shared / "data" / "manifest.csv"), study)
    assert (len(parts.report), len(parts.aside)) == (155, 109)
    assert {s.source for s in parts.report} == {
        "ffhq",
        "celebahq",
        "unsplash",
        "stylegan2_boredhumans",
        "progan_celebahq",
        "sd14",
    }
