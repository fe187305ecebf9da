"""The classifier: it finds what was planted and nothing else, keeps its promises on new faces, and survives a file."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skops.io
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, roc_auc_score

from detector.classify import ClassifierConfig, FaceClassifier, fit_classifier
from detector.classify.balance import MADE_SHARE, balanced
from detector.classify.evidence import Reference
from detector.classify.fit import threshold_at
from detector.classify.models import ONE_CLASS, TWO_CLASS
from detector.errors import ConfigError, FeatureContractError, ShapeError, UnknownNameError, WeightsError
from detector.types import MADE, FeatureTable

REGIONS = ("eyes", "mouth", "nose")
NAMES = tuple(f"face-vae.native.spectrum.{region}.{n}" for region in REGIONS for n in ("slope", "peak", "mean"))
PLANTED = NAMES.index("face-vae.native.spectrum.mouth.peak")
LOGISTIC = ClassifierConfig(candidates=("logistic",))


class Faces:
    """Synthetic rows: three per group, two real sources and two generators, noise that groups share."""

    def __init__(self, seed: int, groups: int = 120, signal: float = 2.0) -> None:
        rng = np.random.default_rng(seed)
        self.labels = np.repeat(rng.permutation(np.arange(groups) % 2), 3)
        self.groups = np.repeat([f"group {seed}-{n}" for n in range(groups)], 3)
        which = np.repeat(rng.integers(0, 2, groups), 3)
        self.sources = np.array([["ffhq", "unsplash"], ["progan", "sd"]])[self.labels, which]
        shared = np.repeat(rng.normal(size=(groups, len(NAMES))), 3, axis=0)
        values = shared + 0.2 * rng.normal(size=shared.shape)
        values[:, PLANTED] += signal * self.labels
        values[rng.random(values.shape) < 0.02] = np.nan
        self.table = FeatureTable(values.astype(np.float32), NAMES)

    def fit(self, config: ClassifierConfig = LOGISTIC) -> FaceClassifier:
        return fit_classifier(self.table, self.labels, self.groups, self.sources, config)


@pytest.fixture(scope="module")
def faces() -> Faces:
    return Faces(0)


@pytest.fixture(scope="module")
def fitted(faces: Faces) -> FaceClassifier:
    return faces.fit()


def row(**values: float) -> FeatureTable:
    """One ordinary face, except for the given columns."""
    numbers = [values.get(name.split(".", 3)[3].replace(".", "_"), 0.0) for name in NAMES]
    return FeatureTable(np.array([numbers], np.float32), NAMES)


@pytest.mark.parametrize("name", TWO_CLASS)
def test_every_candidate_finds_the_planted_signal_on_new_faces(faces: Faces, name: str) -> None:
    new = Faces(1)
    probability = faces.fit(ClassifierConfig(candidates=(name,), folds=2)).probability(new.table)
    assert probability.dtype == np.float64
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert roc_auc_score(new.labels, probability) > 0.85


def test_the_best_candidate_wins(faces: Faces) -> None:
    """The signal is linear: a kernel on few rows cannot be better."""
    chosen = faces.fit(ClassifierConfig(candidates=("logistic", "kernel"), folds=3))
    assert chosen.about["candidate"] == "logistic"


def test_shuffled_labels_are_worth_nothing() -> None:
    """Groups share noise: only if no group is on both sides of a fold is the cross-validated AUC about one half."""
    faces = Faces(2, groups=200)
    per_group = np.random.default_rng(0).permutation(faces.labels[::3])
    shuffled = fit_classifier(faces.table, np.repeat(per_group, 3), faces.groups, np.repeat(per_group, 3), LOGISTIC)
    assert float(shuffled.about["cross-validated AUC, mean over generators"]) == pytest.approx(0.5, abs=0.1)


def test_a_group_on_both_sides_of_a_fold_would_be_seen() -> None:
    """The check above can fail: with every row a group of its own, the kernel knows each face by heart."""
    faces = Faces(2, groups=100, signal=0.0)
    config = ClassifierConfig(candidates=("kernel",), folds=2)
    honest = faces.fit(config)
    leaking = fit_classifier(faces.table, faces.labels, np.arange(300).astype(str), faces.sources, config)
    merit = "cross-validated AUC, mean over generators"
    assert float(leaking.about[merit]) > float(honest.about[merit]) + 0.15


def test_the_threshold_keeps_its_rate_on_new_real_faces(fitted: FaceClassifier) -> None:
    new = Faces(3, groups=1000)
    flagged = fitted.probability(new.table)[new.labels == 0] >= fitted.threshold
    assert flagged.mean() == pytest.approx(fitted.fpr, abs=0.05)


def test_the_threshold_is_the_conformal_rank_by_hand() -> None:
    """19 faces at 5 %: ceil(20 * 0.95) = 19, so just above the largest; 39 faces: ceil(40 * 0.95) = 38."""
    for count, rank in ((19, 19), (39, 38)):
        scores = np.arange(1, count + 1) / 100
        threshold = threshold_at(scores, np.arange(count).astype(str), np.full(count, "ffhq"), 0.05)
        assert threshold == np.nextafter(rank / 100, 2)


def test_the_threshold_listens_to_the_worst_source_with_enough_faces() -> None:
    scores = np.r_[np.linspace(0, 0.2, 40), np.linspace(0.5, 0.7, 20), 0.9]
    sources = np.array(["ffhq"] * 40 + ["unsplash"] * 20 + ["lonely"])
    assert threshold_at(scores, np.arange(61).astype(str), sources, 0.05) == np.nextafter(0.7, 2)


def test_eighteen_faces_are_too_few_to_promise_five_percent() -> None:
    assert threshold_at(np.zeros(18), np.arange(18).astype(str), np.full(18, "ffhq"), 0.05) == 1.0


def test_calibration_improves_the_brier_score(faces: Faces, fitted: FaceClassifier) -> None:
    """Against a model that is three times too sure of itself; and 50:50 odds are the prior whatever the counts."""
    new = Faces(4, groups=400)
    bold = expit(3 * logit(fitted.probability(new.table)))
    assert brier_score_loss(new.labels, fitted.probability(new.table)) < brier_score_loss(new.labels, bold) - 0.01
    few = (faces.labels == 0) | (np.arange(len(faces.labels)) % 9 < 3)
    table = FeatureTable(faces.table.values[few], NAMES)
    lopsided = fit_classifier(table, faces.labels[few], faces.groups[few], faces.sources[few], LOGISTIC)
    assert lopsided.probability(new.table).mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("with_fakes", [True, False])
@pytest.mark.parametrize("name", ONE_CLASS)
def test_one_class_orders_an_outlier_above(faces: Faces, name: str, with_fakes: bool) -> None:
    keep = np.full(len(faces.labels), True) if with_fakes else faces.labels == 0
    config = ClassifierConfig(mode="one-class", candidates=(name,), folds=3)
    table = FeatureTable(faces.table.values[keep], NAMES)
    model = fit_classifier(table, faces.labels[keep], faces.groups[keep], faces.sources[keep], config)
    ordinary, odd = model.probability(row())[0], model.probability(row(mouth_peak=8.0))[0]
    assert ordinary < model.threshold <= odd
    assert 0 <= ordinary < 0.5 < odd <= 1


def test_one_class_without_fakes_gives_the_rank_among_real_faces(faces: Faces) -> None:
    real, new = faces.labels == 0, Faces(5, groups=600)
    table = FeatureTable(faces.table.values[real], NAMES)
    config = ClassifierConfig(mode="one-class", folds=3)
    model = fit_classifier(table, faces.labels[real], faces.groups[real], faces.sources[real], config)
    ranks = np.sort(model.probability(new.table)[new.labels == 0])
    assert np.abs(ranks - np.linspace(0, 1, len(ranks))).max() < 0.25


def test_save_and_load_give_the_same_to_the_last_digit(tmp_path: Path) -> None:
    faces = Faces(6, groups=30)
    for name in TWO_CLASS | ONE_CLASS:
        config = ClassifierConfig("one-class" if name in ONE_CLASS else "two-class", (name,), folds=2)
        before = replace(faces.fit(config), versions={"face-vae": "0123456789ab"})
        before.save(tmp_path / "model.skops")
        after = FaceClassifier.load(tmp_path / "model.skops")
        np.testing.assert_array_equal(after.probability(faces.table), before.probability(faces.table))
        assert after.evidence(faces.table) == before.evidence(faces.table)
        for field in ("names", "threshold", "fpr", "versions", "about"):
            assert getattr(after, field) == getattr(before, field)


def test_other_features_are_refused_by_name(fitted: FaceClassifier) -> None:
    other = ("taesd.native.spectrum.mouth.peak", *NAMES[1:])
    with pytest.raises(FeatureContractError, match=r"missing .*eyes\.slope; unknown taesd\.native"):
        fitted.probability(FeatureTable(np.zeros((1, len(NAMES)), np.float32), other))
    with pytest.raises(FeatureContractError, match="another order"):
        fitted.evidence(FeatureTable(np.zeros((1, len(NAMES)), np.float32), NAMES[::-1]))


def test_evidence_names_the_planted_region(fitted: FaceClassifier) -> None:
    (evidence,) = fitted.evidence(row(mouth_peak=6.0))
    assert evidence[0].region == "mouth"
    assert evidence[0].contribution > 1
    assert evidence[0].contribution > 3 * max(abs(one.contribution) for one in evidence[1:])
    assert evidence[0].words.startswith("mouth: spectrum peak ")
    assert evidence[0].words.endswith(" σ above real faces")
    (evidence,) = fitted.evidence(row(mouth_peak=-6.0))
    assert evidence[0].contribution < -1
    assert "below real faces" in evidence[0].words


def test_evidence_of_an_additive_model_is_its_terms(fitted: FaceClassifier) -> None:
    """For a linear model, the contributions add up to the distance from the median real face in log-odds."""
    face = row(mouth_peak=2.0, eyes_slope=1.0, nose_mean=-1.0)
    median = FeatureTable(fitted.reference.median[None], NAMES)
    distance = logit(fitted.probability(face)) - logit(fitted.probability(median))
    (evidence,) = fitted.evidence(face)
    assert sum(one.contribution for one in evidence) == pytest.approx(distance[0], abs=1e-5)


def test_a_region_that_no_crop_shows_says_nothing(fitted: FaceClassifier) -> None:
    values = row().values.copy()
    values[0, [name.split(".")[3] == "nose" for name in NAMES]] = np.nan
    (evidence,) = fitted.evidence(FeatureTable(values, NAMES))
    assert {one.region for one in evidence} == {"eyes", "mouth"}
    assert fitted.evidence(FeatureTable(np.empty((0, len(NAMES)), np.float32), NAMES)) == []


def test_the_reference_is_robust_and_by_hand() -> None:
    """Column 0: median 2, deviations 1 1 0 0 98: 95 % quantile 78.6. Column 1 never varies, column 2 was never seen."""
    values = np.array([[1, 5, np.nan], [3, 5, np.nan], [2, 5, np.nan], [100, 5, np.nan], [2, 5, np.nan]], np.float32)
    reference = Reference.of(values)
    np.testing.assert_allclose(reference.median, [2, 5, np.nan])
    np.testing.assert_allclose(reference.spread, [78.6 / 1.96, np.nan, np.nan], rtol=1e-6)


def test_the_spread_of_normal_features_is_their_sigma() -> None:
    values = np.random.default_rng(0).normal(3, 2, (20_000, 1)).astype(np.float32)
    assert Reference.of(values).spread[0] == pytest.approx(2, rel=0.03)


def test_a_file_with_a_foreign_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump({"pipeline": Faces(0, groups=4), "plain": "{}"}, path)
    with pytest.raises(WeightsError, match="Faces"):
        FaceClassifier.load(path)


def test_a_damaged_file_is_refused(fitted: FaceClassifier, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    with pytest.raises(WeightsError, match="no such file"):
        FaceClassifier.load(path)
    fitted.save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="damaged"):
        FaceClassifier.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "{}")
    with pytest.raises(WeightsError, match="damaged"):
        FaceClassifier.load(path)
    skops.io.dump({"pipeline": [1, 2]}, path)
    with pytest.raises(WeightsError, match="not a classifier"):
        FaceClassifier.load(path)


def test_impossible_requests_are_refused(faces: Faces) -> None:
    with pytest.raises(ConfigError, match="fpr"):
        ClassifierConfig(fpr=0.0)
    with pytest.raises(UnknownNameError, match="known: boosting, committee, kernel, logistic"):
        ClassifierConfig(candidates=("perceptron",))
    with pytest.raises(ShapeError, match="one label"):
        fit_classifier(faces.table, faces.labels[1:], faces.groups, faces.sources, LOGISTIC)
    with pytest.raises(ShapeError, match="groups with label 1"):
        fit_classifier(faces.table, np.zeros_like(faces.labels), faces.groups, faces.sources, LOGISTIC)


class TestBalance:
    def test_by_hand(self) -> None:
        """a has three rows and b one: they weigh as the square roots do, and both classes weigh the same."""
        found = balanced(np.array([0, 0, 0, 0, 1]), np.array(["a", "a", "a", "b", "gan"]))
        share = 2.5 / (1 + np.sqrt(3))
        np.testing.assert_allclose(found, [*[share / np.sqrt(3)] * 3, share, 2.5])

    def test_fakes_of_our_own_weigh_their_share_and_no_more(self) -> None:
        labels, sources = (
            np.array([0] * 4 + [1] * 8),
            np.array(["a"] * 4 + ["gan"] + [f"{MADE}x"] * 5 + [f"{MADE}y"] * 2),
        )
        found = balanced(labels, sources)
        fakes = labels == 1
        assert found.mean() == pytest.approx(1)
        assert found[~fakes].sum() == pytest.approx(found[fakes].sum())
        assert found[5:].sum() / found[fakes].sum() == pytest.approx(MADE_SHARE)

    def test_alone_they_are_all_the_fakes_there_are(self) -> None:
        found = balanced(np.array([0, 0, 1, 1]), np.array(["a", "a", f"{MADE}x", f"{MADE}x"]))
        np.testing.assert_allclose(found, 1)


def test_words_are_of_features_with_a_meaning() -> None:
    """A channel of a network may be the most unusual number, but says nothing to a person."""
    names = ("face-vae.native.error.nose.mean", "backbone.native.embedding.nose.mean_1_7")
    reference = Reference(np.zeros(2, np.float32), np.ones(2, np.float32))
    regions = {"nose": np.array([0, 1])}
    [evidence] = reference.describe(np.array([2, 9], np.float32), names, regions, np.array([0.5]))
    assert evidence.words == "nose: error mean 2.0 σ above real faces"
