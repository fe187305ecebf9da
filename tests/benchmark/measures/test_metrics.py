"""Metrics against figures by hand and against SciPy; intervals that cover what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from detector.benchmark.measures.metrics import (
    METRICS,
    auc,
    average_precision,
    brier,
    calibration_error,
    difference,
    equal_error_rate,
    estimate,
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


def test_calibration_error_by_hand() -> None:
    """Bin [0.3, 0.4): two faces, one fake, mean 0.325, off by 0.175; the four others alone, off by their distance."""
    expected = (0.1 + 2 * 0.175 + 0.6 + 0.3 + 0.1) / 6
    assert calibration_error(LABELS, SCORES) == pytest.approx(expected, abs=1e-9)
    assert calibration_error(np.array([0, 1]), np.array([0.0, 1.0])) == 0


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
    for name in ("AUC", "AP", "EER", "TPR@FPR 1%", "TPR@FPR 5%"):
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
