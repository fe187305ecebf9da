"""Metrics against figures by hand, against SciPy and scikit-learn; intervals that cover what they should."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from scipy.stats import mannwhitneyu
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score, roc_curve

from detector.benchmark.measures.metrics import (
    METRICS,
    Groups,
    Labels,
    Scores,
    accuracy_at,
    auc,
    average_precision,
    balanced_accuracy_at,
    brier,
    calibration_error,
    difference,
    equal_error_rate,
    estimate,
    resampled,
    tpr_at,
)

LABELS = np.array([0, 0, 1, 0, 1, 1])
SCORES = np.array([0.1, 0.3, 0.35, 0.6, 0.7, 0.9])


def test_figures_by_hand() -> None:
    """Three reals 0.1 0.3 0.6, three fakes 0.35 0.7 0.9: of nine pairs, one is in the wrong order."""
    assert auc(LABELS, SCORES) == pytest.approx(8 / 9, abs=1e-9)
    assert average_precision(LABELS, SCORES) == pytest.approx((1 + 1 + 3 / 4) / 3, abs=1e-9)
    assert equal_error_rate(LABELS, SCORES) == pytest.approx(1 / 3, abs=1e-9)
    assert tpr_at(LABELS, SCORES, 0.0) == pytest.approx(2 / 3, abs=1e-9)
    assert tpr_at(LABELS, SCORES, 0.34) == pytest.approx(1.0, abs=1e-9)
    assert brier(LABELS, SCORES) == pytest.approx((0.01 + 0.09 + 0.4225 + 0.36 + 0.09 + 0.01) / 6, abs=1e-9)


def test_accuracy_by_hand() -> None:
    """What lies on the threshold counts as fake: at 0.6 two fakes and two reals are right, above it three reals."""
    assert accuracy_at(LABELS, SCORES, 0.6) == pytest.approx(4 / 6, abs=1e-9)
    assert accuracy_at(LABELS, SCORES, 0.61) == pytest.approx(5 / 6, abs=1e-9)
    uneven = np.array([0, 1, 1, 1, 1])
    assert accuracy_at(uneven, np.ones(5), 0.5) == pytest.approx(0.8, abs=1e-9)
    assert balanced_accuracy_at(uneven, np.ones(5), 0.5) == pytest.approx(0.5, abs=1e-9)


def test_calibration_error_by_hand() -> None:
    """Bin [0.3, 0.4): two faces, one fake, mean 0.325, off by 0.175; the four others alone, off by their distance."""
    expected = (0.1 + 2 * 0.175 + 0.6 + 0.3 + 0.1) / 6
    assert calibration_error(LABELS, SCORES) == pytest.approx(expected, abs=1e-9)
    assert calibration_error(np.array([0, 1]), np.array([0.0, 1.0])) == 0


faces = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 64)), max_size=60).map(
    lambda more: tuple(np.array(column) for column in zip((0, 20), (1, 30), *more, strict=True))
)
"""Labels, and scores in sixty-fourths: many ties, and no rounding."""
FPRS = (0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 1 / 3, 0.5, 1.0)


@settings(deadline=None)  # finding the crossing takes many steps
@given(faces, st.integers(0, 65))
def test_every_metric_is_what_a_reference_says(faces: tuple[Labels, Labels], at: int) -> None:
    labels, scores, threshold = faces[0], faces[1] / 64, at / 64
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    crossing = brentq(lambda x: 1 - x - float(interp1d(fpr, tpr)(x)), 0, 1)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    assert equal_error_rate(labels, scores) == pytest.approx(crossing, abs=1e-9)
    assert average_precision(labels, scores) == pytest.approx(precision_over_recall(labels, scores), abs=1e-9)
    assert brier(labels, scores) == pytest.approx(((scores - labels) ** 2).mean(), abs=1e-9)
    assert calibration_error(labels, scores) == pytest.approx(off_by_bins(labels, scores), abs=1e-9)
    for allowed in FPRS:
        assert tpr_at(labels, scores, allowed) == pytest.approx(tpr[fpr <= allowed + 1e-9].max(), abs=1e-9)
    called = scores >= threshold
    assert accuracy_at(labels, scores, threshold) == pytest.approx(accuracy_score(labels, called), abs=1e-9)
    balanced = balanced_accuracy_score(labels, called)
    assert balanced_accuracy_at(labels, scores, threshold) == pytest.approx(balanced, abs=1e-9)


def precision_over_recall(labels: Labels, scores: Scores) -> float:
    """The sum over the thresholds of precision times the gain in recall."""
    total = found_before = 0.0
    for threshold in np.unique(scores)[::-1]:
        called = labels[scores >= threshold]
        total += called.mean() * (called.sum() - found_before) / labels.sum()
        found_before = called.sum()
    return float(total)


def off_by_bins(labels: Labels, scores: Scores) -> float:
    """By tenths: how far the mean score lies from the share of fakes, weighted with the number of faces."""
    tenths = np.array([min(int(Fraction(score) * 10), 9) for score in scores.tolist()])
    bins = [tenths == tenth for tenth in range(10) if (tenths == tenth).any()]
    return float(sum(part.mean() * abs(scores[part].mean() - labels[part].mean()) for part in bins))


def test_a_thousandth_of_false_alarms_needs_a_thousand_real_faces() -> None:
    """One real face stands above all fakes: allowed among 1000, not among 999."""
    for reals, found in ((1000, 1.0), (999, 0.0)):
        labels = np.r_[np.zeros(reals, int), np.ones(5, int)]
        scores = np.r_[0.9, np.zeros(reals - 1), np.full(5, 0.5)]
        assert METRICS["TPR@FPR 0.1%"](labels, scores) == found


def test_auc_is_the_mann_whitney_statistic() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 200), np.round(rng.normal(size=200), 1)
    statistic = mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic
    assert auc(labels, scores) == pytest.approx(statistic / (labels == 1).sum() / (labels == 0).sum(), abs=1e-9)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_ranking_metrics_do_not_change_under_a_monotone_map(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = np.r_[0, 1, rng.integers(0, 2, 30)], np.round(rng.uniform(size=32), 1)
    for name in ("AUC", "AP", "EER", "TPR@FPR 0.1%", "TPR@FPR 1%", "TPR@FPR 5%"):
        assert METRICS[name](labels, scores**3 / 2) == pytest.approx(METRICS[name](labels, scores), abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_answer_is_perfect(name: str) -> None:
    best = 0.0 if name in ("EER", "Brier", "ECE") else 1.0
    assert METRICS[name](np.array([0, 0, 1, 1]), np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(best, abs=1e-9)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Normal scores one sigma apart: the true AUC is Phi(1 / sqrt 2) = 0.7602."""
    labels, groups = np.repeat([0, 1], 40), np.arange(80).astype(str)
    hits = 0
    for seed in range(60):
        scores = np.random.default_rng(seed).normal(size=80) + labels
        found = estimate(auc, labels, scores, groups, resamples=100, seed=seed)
        assert found.low <= found.value <= found.high
        hits += found.low <= 0.7602 <= found.high
    assert hits >= 51


def test_copies_of_a_face_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    scores, groups = rng.normal(size=60) + labels, np.arange(60).astype(str)
    once = estimate(auc, labels, scores, groups)
    copies = [np.tile(column, 5) for column in (labels, scores, groups)]
    copied = estimate(auc, *copies)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, abs=1e-9)


def test_groups_with_both_labels_are_drawn_whole() -> None:
    """The group effect cancels inside a group: by rows it would widen the interval, by whole groups it does not."""
    rng = np.random.default_rng(0)
    labels, groups = np.tile([0, 1], 40), np.repeat(np.arange(40), 2).astype(str)
    for rows in resampled(groups, labels, 20, 0):
        counts = np.bincount(groups[rows].astype(int), minlength=40)
        assert_array_equal(counts % 2, 0)
        assert labels[rows].mean() == 0.5
    scores = np.repeat(rng.normal(size=40), 2) + 0.5 * labels + 0.1 * rng.normal(size=80)
    whole, split = (estimate(auc, labels, scores, names) for names in (groups, np.arange(80).astype(str)))
    assert whole.high - whole.low < 0.75 * (split.high - split.low)


@pytest.mark.parametrize("groups", [["a"] * 6, ["a", "a", "b", "a", "b", "b"]])
def test_one_group_a_class_has_no_interval(groups: list[str]) -> None:
    """Every resample is the data again: an interval of no width would claim certainty."""
    names: Groups = np.array(groups)
    found = estimate(auc, LABELS, SCORES, names, resamples=5)
    gained = difference(auc, LABELS, SCORES, SCORES, names, resamples=5)
    assert (found.value, gained.value) == (pytest.approx(8 / 9), 0)
    assert np.isnan([found.low, found.high, gained.low, gained.high]).all()


def test_two_groups_of_one_class_are_enough() -> None:
    found = estimate(auc, LABELS, SCORES, np.array(["a", "b", "c", "b", "c", "c"]))
    assert (found.low, found.high) == pytest.approx((5 / 6, 1.0))


def test_paired_differences_are_narrower_than_what_they_compare() -> None:
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([0, 1], 60), np.arange(120).astype(str)
    one = rng.normal(size=120) + labels
    other = one + 0.1 * rng.normal(size=120)
    found = difference(auc, labels, one, other, groups)
    alone = estimate(auc, labels, one, groups)
    assert found.value == pytest.approx(auc(labels, one) - auc(labels, other), abs=1e-9)
    assert found.high - found.low < 0.5 * (alone.high - alone.low)


def test_an_estimate_reads_well() -> None:
    assert str(estimate(auc, LABELS, LABELS.astype(float), np.arange(6).astype(str))) == "1.000 (1.000 to 1.000)"
