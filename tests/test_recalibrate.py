"""Recalibration: the right sigmoid, exactly composed; few labels change little; a threshold that keeps its promise."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, brute
from scipy.special import expit, logit

from detector.classify import FaceClassifier
from detector.classify.budgets import NONE, read_budgets
from detector.classify.platt import Judged, Sigmoid, figures, platt
from detector.classify.recalibrate import LEAST, recalibrate
from detector.cli import main
from detector.errors import FeatureContractError, ShapeError, UsageError
from detector.service.labelled import Labelled, read_labelled, single_faces
from detector.weights import version
from tests.test_classify import LOGISTIC, Faces


@pytest.fixture(scope="module")
def classifier() -> FaceClassifier:
    return replace(Faces(0).fit(replace(LOGISTIC, folds=2)), versions={"face-vae": "0123456789ab"})


def judged(count: int, slope: float = 1.0, intercept: float = 0.0, seed: int = 0, share: float = 0.5) -> Judged:
    """Faces whose true log-odds, at even odds, are slope * log-odds + intercept.

    Log-odds that are normal with mean ±m and variance 2m are their own likelihood ratio, whatever the share of fakes.
    """
    rng, m = np.random.default_rng(seed), 1.5
    labels = (rng.random(count) < share).astype(np.int64)
    true = np.where(labels, m, -m) + np.sqrt(2 * m) * rng.normal(size=count)
    return Judged(expit((true - intercept) / slope), labels, np.ones(count))


def pair(sigmoid: Sigmoid) -> tuple[float, float]:
    return sigmoid.slope, sigmoid.intercept


class TestPlatt:
    @pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.7), (2.0, -1.0)])
    @pytest.mark.parametrize("share", [0.5, 0.1])
    def test_finds_the_sigmoid_that_is_there_whatever_the_share_of_fakes(
        self, slope: float, intercept: float, share: float
    ) -> None:
        assert pair(platt(judged(20_000, slope, intercept, share=share))) == pytest.approx((slope, intercept), abs=0.12)

    def test_one_label_each_that_agrees_changes_nearly_nothing(self) -> None:
        faces = Judged(np.array([0.1, 0.9]), np.array([0, 1]), np.ones(2))
        assert pair(platt(faces)) == pytest.approx((1.0, 0.0), abs=0.1)

    def test_it_is_the_maximum_of_the_posterior(self) -> None:
        """By a search over a grid, with the posterior written down once more."""
        faces = judged(60, 0.6, 0.5, seed=3)
        weights = faces.weights / np.where(faces.labels == 1, faces.labels.sum(), (1 - faces.labels).sum())
        weights *= weights.sum() / (weights**2).sum()

        def minus_log_posterior(line: np.ndarray) -> float:
            found = expit(line[0] * logit(faces.probability) + line[1])
            fit = np.sum(weights * np.log(np.where(faces.labels == 1, found, 1 - found)))
            return float((line[0] - 1) ** 2 / (2 * 0.5**2) + line[1] ** 2 / 2 - fit)

        best = brute(minus_log_posterior, ((0.1, 3.0), (-2.0, 2.0)), Ns=60)
        assert pair(platt(faces)) == pytest.approx(tuple(best), abs=1e-3)
        assert approx_fprime(np.array(pair(platt(faces))), minus_log_posterior) == pytest.approx([0, 0], abs=1e-4)

    def test_a_weight_counts_as_copies_do(self) -> None:
        """Of the classes' shape; how much is believed at all is Kish's count, which copies would raise."""
        faces = judged(4000, 0.7, 0.4)
        often = faces.probability > 0.5
        copied = faces.of(np.repeat(np.arange(4000), np.where(often, 3, 1)))
        weighted = replace(faces, weights=np.where(often, 3.0, 1.0))
        assert pair(platt(weighted)) == pytest.approx(pair(platt(copied)), abs=0.01)

    def test_kish_by_hand(self) -> None:
        """Weights 1/2 1/2 | 1/4 3/4 after evening, 2 in all: 2² / (0.25 + 0.25 + 0.0625 + 0.5625) = 3.56 faces."""
        faces = Judged(np.full(4, 0.5), np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 10.0, 30.0]))
        assert faces.even == pytest.approx(np.array([0.5, 0.5, 0.25, 0.75]) * 2 / 1.125)

    def test_labels_that_contradict_are_refused(self) -> None:
        faces = judged(500)
        with pytest.raises(UsageError, match="contradict"):
            platt(replace(faces, labels=1 - faces.labels))

    def test_certain_faces_are_no_infinity(self) -> None:
        faces = judged(100)
        assert np.isfinite(pair(platt(replace(faces, probability=np.round(faces.probability))))).all()


class TestFigures:
    def test_by_hand(self) -> None:
        """Two reals at 0.2 and 0.4, a fake at 0.9, which counts as both reals do."""
        faces = Judged(np.array([0.2, 0.4, 0.9]), np.array([0, 0, 1]), np.ones(3))
        found = figures(faces.probability, faces)
        assert found.ece == pytest.approx((0.2 + 0.4 + 2 * 0.1) / 4)
        assert found.brier == pytest.approx((0.04 + 0.16 + 2 * 0.01) / 4)
        assert found.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.6) + 2 * np.log(0.9)) / 4)


class TestRecalibrate:
    def test_the_file_gives_the_sigmoid_of_the_old_probability(
        self, classifier: FaceClassifier, tmp_path: Path
    ) -> None:
        done = recalibrate(classifier, judged(300, 0.6, 0.5))
        done.classifier.save(tmp_path / "new.skops")
        table = Faces(1).table
        expected = expit(done.sigmoid.slope * logit(classifier.probability(table)) + done.sigmoid.intercept)
        after = FaceClassifier.load(tmp_path / "new.skops")
        np.testing.assert_allclose(after.probability(table), expected, rtol=1e-9)
        assert not np.allclose(after.probability(table), classifier.probability(table), atol=0.01)
        assert after.threshold == done.classifier.threshold == after.threshold_for(after.fpr)
        assert after.versions == classifier.versions
        assert "that people judged" in after.about["recalibrated on"]

    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 10_000), st.floats(0.4, 2.5), st.floats(-2, 2))
    def test_the_order_of_faces_stays(
        self, classifier: FaceClassifier, seed: int, slope: float, intercept: float
    ) -> None:
        done = recalibrate(classifier, judged(120, slope, intercept, seed))
        table = Faces(7, groups=40).table
        order = np.argsort(classifier.probability(table), kind="stable")
        assert (np.diff(done.classifier.probability(table)[order]) >= 0).all()

    def test_labels_that_agree_change_nearly_nothing(self, classifier: FaceClassifier) -> None:
        done = recalibrate(classifier, judged(5000))
        table = Faces(1).table
        np.testing.assert_allclose(done.classifier.probability(table), classifier.probability(table), atol=0.03)

    def test_wrong_probabilities_get_better_and_right_ones_no_worse(self, classifier: FaceClassifier) -> None:
        wrong = recalibrate(classifier, judged(600, 0.4, 1.0))
        for name, before in asdict(wrong.before).items():
            assert asdict(wrong.after)[name] < before
        right = recalibrate(classifier, judged(600))
        assert right.after.log_loss < right.before.log_loss + 0.01

    def test_the_threshold_hears_the_judged_faces_and_the_old_ones(self, classifier: FaceClassifier) -> None:
        """A site whose real faces look more fake gets a higher threshold; one whose look less keeps the old ranks."""
        faces = judged(2000, seed=1)
        odd = recalibrate(classifier, replace(faces, probability=expit(logit(faces.probability) + 3)))
        assert odd.flagged_after[0] == pytest.approx(0.05, abs=0.01)
        assert odd.flagged_before[0] > 0.2
        plain = recalibrate(classifier, replace(faces, probability=expit(logit(faces.probability) - 3)))
        moved = expit(plain.sigmoid.slope * logit(np.nextafter(classifier.threshold, 0)) + plain.sigmoid.intercept)
        assert plain.classifier.threshold == pytest.approx(moved)
        assert set(plain.classifier.real.sources) == {"ffhq", "reviewed", "unsplash"}
        assert len(plain.classifier.real) == len(classifier.real) + int((faces.labels == 0).sum())

    def test_another_budget(self, classifier: FaceClassifier) -> None:
        done = recalibrate(classifier, judged(400), fpr=0.1)
        assert done.classifier.fpr == 0.1
        assert done.classifier.threshold < recalibrate(classifier, judged(400)).classifier.threshold

    def test_weights_undo_the_choice_of_the_doubtful(self, classifier: FaceClassifier) -> None:
        """Of a site's files all above 0.7 are judged, and 1 in 20 of the rest."""
        rng, everything = np.random.default_rng(99), judged(20_000, share=0.1)
        seen = everything.of((everything.probability >= 0.7) | (rng.random(20_000) < 0.05))
        assert abs(platt(seen).intercept) > 0.5
        seen = replace(seen, weights=np.where(seen.probability < 0.7, 20.0, 1.0))
        done = recalibrate(replace(classifier, real=NONE), seen)
        assert pair(done.sigmoid) == pytest.approx((1.0, 0.0), abs=0.15)
        new = expit(done.sigmoid.slope * logit(everything.probability[everything.labels == 0]) + done.sigmoid.intercept)
        assert (new >= done.classifier.threshold).mean() == pytest.approx(0.05, abs=0.01)

    def test_only_the_doubtful_are_refused(self, classifier: FaceClassifier) -> None:
        """Among them, as many real as fake would seem to be so at even odds too: the fit would be far off."""
        everything = judged(20_000, share=0.1)
        band = everything.of(everything.probability >= 0.7)
        assert abs(platt(band).intercept) > 1
        with pytest.raises(UsageError, match=r"probability of 0\.70 or more: they were chosen by it"):
            recalibrate(classifier, band)

    def test_a_second_time_starts_from_the_first(self, classifier: FaceClassifier) -> None:
        faces = judged(400, 0.5, 0.5)
        once = recalibrate(classifier, faces)
        again = expit(once.sigmoid.slope * logit(faces.probability) + once.sigmoid.intercept)
        twice = recalibrate(once.classifier, replace(faces, probability=again))
        assert pair(twice.sigmoid) == pytest.approx((1.0, 0.0), abs=0.1)
        assert (twice.classifier.real.sources == "reviewed").sum() == 2 * (faces.labels == 0).sum()

    def test_too_few_are_refused_with_what_is_needed(self, classifier: FaceClassifier) -> None:
        faces = judged(200, seed=2)
        few = faces.of(np.r_[np.flatnonzero(faces.labels == 0), np.flatnonzero(faces.labels == 1)[: LEAST - 1]])
        with pytest.raises(UsageError, match=f"at least {LEAST} different pictures labelled fake, got {LEAST - 1}"):
            recalibrate(classifier, few)
        with pytest.raises(UsageError, match=r"smallest budget"):
            recalibrate(classifier, faces, fpr=0.001)
        lopsided = replace(faces, weights=np.where(np.arange(200) < 4, 100.0, 1.0))
        with pytest.raises(UsageError, match=r"0\.05 needs 19 real pictures, and the \d+ reviewed ones are worth \d"):
            recalibrate(classifier, lopsided)
        with pytest.raises(ShapeError, match="weights"):
            Judged(faces.probability, faces.labels, np.ones(3))


LINE = Labelled(
    item_id="1" * 32,
    sha256="2" * 64,
    name="a.jpg",
    media="image",
    fake_probability=0.5,
    scored_faces=1,
    models={"yunet": "a", "face-vae": "0123456789ab", "classifier": "c"},
    label="real",
    weight=1.0,
    policy="p",
    action="allow",
    reviewer="ann",
    note="",
    decided_at=1.0,
)
MODELS = {"face-vae": "0123456789ab", "classifier": "c"}


class TestChoice:
    def test_only_pictures_with_one_scored_face_count_and_the_rest_is_told(self) -> None:
        others = [
            replace(LINE, sha256="3", media="video"),
            replace(LINE, sha256="4", scored_faces=2),
            replace(LINE, sha256="5", fake_probability=None, scored_faces=0),
            replace(LINE, sha256="6", models=MODELS | {"classifier": "older"}),
        ]
        chosen = single_faces([*others, LINE], MODELS)
        assert chosen.lines == (LINE,)
        assert chosen.left_out == {
            "videos": 1,
            "with several scored faces": 1,
            "without a score": 1,
            "scored with other models": 1,
        }

    def test_the_last_word_on_a_picture_holds(self) -> None:
        later = replace(LINE, label="fake", decided_at=2.0)
        chosen = single_faces([later, LINE], MODELS)
        assert chosen.lines == (later,)
        assert chosen.left_out == {"decided again later": 1}

    @pytest.mark.parametrize("name", MODELS)
    def test_other_models_are_refused(self, name: str) -> None:
        with pytest.raises(FeatureContractError, match=r"all 1 pictures .* other models than face-vae"):
            single_faces([replace(LINE, models=LINE.models | {name: "other"})], MODELS)


class TestCommand:
    @pytest.fixture
    def saved(self, classifier: FaceClassifier, tmp_path: Path) -> Path:
        classifier.save(tmp_path / "old.skops")
        return tmp_path / "old.skops"

    def write(self, faces: Judged, models: dict[str, str], path: Path) -> Path:
        rows = zip(faces.probability.tolist(), faces.labels.tolist(), faces.weights.tolist(), strict=True)
        lines = [
            replace(LINE, sha256=str(n), models=models, fake_probability=p, label="fake" if y else "real", weight=w)
            for n, (p, y, w) in enumerate(rows)
        ]
        path.write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines))
        return path

    def test_labels_in_classifier_out(
        self, saved: Path, tmp_path: Path, classifier: FaceClassifier, capsys: pytest.CaptureFixture[str]
    ) -> None:
        faces, out = judged(400, 0.5, 0.8), tmp_path / "new.skops"
        labels = self.write(faces, {**classifier.versions, "classifier": version(saved)}, tmp_path / "labels.ndjson")
        assert main(["recalibrate", str(labels), "--out", str(out), "--classifier", str(saved)]) == 0
        expected, printed = recalibrate(classifier, faces).classifier, capsys.readouterr().out
        written = FaceClassifier.load(out)
        assert (written.slope, written.intercept, written.threshold) == (
            expected.slope,
            expected.intercept,
            expected.threshold,
        )
        assert written.about["recalibrated from"] == f"classifier {version(saved)}"
        assert read_budgets(out).threshold_for(0.1) == expected.threshold_for(0.1)
        assert f"| threshold | {classifier.threshold:.4f} | {expected.threshold:.4f} |" in printed
        assert "no picture stands for others" in printed
        assert version(out) in printed
        assert len(list(read_labelled(labels))) == 400

    def test_labels_of_another_classifier_are_refused(
        self, saved: Path, tmp_path: Path, classifier: FaceClassifier, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "new.skops"
        labels = self.write(judged(100), {**classifier.versions, "classifier": "other"}, tmp_path / "labels.ndjson")
        assert main(["recalibrate", str(labels), "--out", str(out), "--classifier", str(saved)]) == 2
        assert "name the classifier that they were scored with" in capsys.readouterr().err
        assert not out.exists()

    def test_agreeing_labels_and_an_old_file_are_told(
        self, tmp_path: Path, classifier: FaceClassifier, capsys: pytest.CaptureFixture[str]
    ) -> None:
        old = tmp_path / "old.skops"
        replace(classifier, real=NONE).save(old)
        faces = replace(judged(60, seed=5), weights=np.r_[np.full(40, 2.0), np.ones(20)])
        labels = self.write(faces, {**classifier.versions, "classifier": version(old)}, tmp_path / "labels.ndjson")
        assert main(["recalibrate", str(labels), "--out", str(tmp_path / "n.skops"), "--classifier", str(old)]) == 0
        printed = capsys.readouterr().out
        assert "from the reviewed ones alone" in printed
        assert "stands for others" not in printed
