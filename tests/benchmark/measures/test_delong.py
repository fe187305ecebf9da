"""DeLong's test: a published example, the definition written out, the bootstrap, and what no test can tell."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from detector.benchmark.measures.delong import DeLong, delong
from detector.benchmark.measures.metrics import Groups, Labels, Scores, auc, resampled
from detector.errors import UsageError

S100B = {
    0: {
        1: "4 4 4 4 5 5 6 6 7 7 7 7 8 8 8 8 9 9 9 9 10 10 10 10 11 11 13 13 14 14 14 15 16 18 19 48 50",
        2: "4 7 8 8 9 9 10 10 10 11 11 13 14 15 15 15 16 17 19 43",
        3: "5 7 33",
        4: "16 17 28 32 34 38 45 47",
        5: "24 46 47 50",
    },
    1: {
        1: "7 8",
        2: "7 7 9 9 10 10 11 14 25 30 41 58",
        3: "13",
        4: "13 16 23 26 27 48 71 96",
        5: "3 12 22 32 33 35 44 44 49 52 56 70 71 74 77 82 86 207",
    },
}
"""113 patients after a haemorrhage (Turck et al. 2010, Intensive Care Medicine 36:107): by poor outcome (1) and WFNS
grade, S100B in 0.01 ug/l. They are the example of pROC (Robin et al. 2011, BMC Bioinformatics 12:77)."""


def patients() -> tuple[Labels, Scores, Scores]:
    rows = [
        (outcome, grade, float(value))
        for outcome, grades in S100B.items()
        for grade, values in grades.items()
        for value in values.split()
    ]
    labels, grades, values = (np.array(column) for column in zip(*rows, strict=True))
    return labels, grades.astype(float), values


def test_the_published_example() -> None:
    """As pROC's own tests have it (tests/testthat: test-roc.test.R, test-auc.R), for WFNS against S100B."""
    labels, grades, values = patients()
    found = delong(labels, grades, values)
    assert len(labels) == 113
    assert found.one == pytest.approx(0.823678861788618, abs=1e-12)
    assert found.z == pytest.approx(2.20898359144091, abs=1e-12)
    assert found.p == pytest.approx(0.0271757822291882, abs=1e-12)
    assert found.interval == pytest.approx((0.0104061769564846, 0.174214419249478), abs=1e-12)
    assert str(found) == "+0.092 (+0.010 to +0.174), p = 0.027"


def kernel(labels: Labels, scores: Scores) -> Scores:
    """(M, N) of every fake and real face: 1 where the fake is above, 1/2 where they tie."""
    fake, real = scores[labels == 1][:, None], scores[labels == 0]
    return (fake > real) + 0.5 * (fake == real)


def by_definition(labels: Labels, one: Scores, other: Scores) -> tuple[float, float]:
    """Difference and variance by the covariance of the structural components, in O(M N)."""
    wins = [kernel(labels, scores) for scores in (one, other)]
    of_fakes, of_reals = np.cov([win.mean(1) for win in wins]), np.cov([win.mean(0) for win in wins])
    covariance = of_fakes / wins[0].shape[0] + of_reals / wins[0].shape[1]
    contrast = np.array([1, -1])
    return float(wins[0].mean() - wins[1].mean()), float(contrast @ covariance @ contrast)


def by_clusters(labels: Labels, one: Scores, other: Scores, groups: Groups) -> float:
    """Variance of the difference as Obuchowski (1997) writes it, group by group."""
    win = kernel(labels, one) - kernel(labels, other)
    (m, n), mean, names = win.shape, win.mean(), np.unique(groups)
    fakes = [win[groups[labels == 1] == name].mean(1) - mean for name in names]
    reals = [win[:, groups[labels == 0] == name].mean(0) - mean for name in names]
    i, i10, i01 = len(names), sum(len(part) > 0 for part in fakes), sum(len(part) > 0 for part in reals)
    s10 = i10 / ((i10 - 1) * m) * sum(part.sum() ** 2 for part in fakes)
    s01 = i01 / ((i01 - 1) * n) * sum(part.sum() ** 2 for part in reals)
    s11 = i / (i - 1) * sum(part.sum() * rest.sum() for part, rest in zip(fakes, reals, strict=True))
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))


tied = st.integers(0, 6).map(lambda k: k / 8)
rows = st.lists(st.tuples(st.integers(0, 1), tied, tied, st.sampled_from("abcdef")), min_size=0, max_size=30).map(
    lambda more: [(0, 0.25, 0.5, "a"), (0, 0.5, 0.0, "b"), (1, 0.25, 0.75, "c"), (1, 0.0, 0.5, "d"), *more]
)


@given(rows)
def test_it_is_what_the_definition_says(rows: list[tuple[int, float, float, str]]) -> None:
    labels, one, other, groups = (np.array(column) for column in zip(*rows, strict=True))
    difference, variance = by_definition(labels, one, other)
    found, grouped = delong(labels, one, other), delong(labels, one, other, groups)
    assert (found.one, found.other) == pytest.approx((auc(labels, one), auc(labels, other)), abs=1e-12)
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.standard_error**2 == pytest.approx(variance, abs=1e-12)
    assert grouped.difference == found.difference
    assert grouped.standard_error**2 == pytest.approx(by_clusters(labels, one, other, groups), abs=1e-12)
    if found.standard_error:
        assert found.p == pytest.approx(2 * norm.sf(abs(difference) / np.sqrt(variance)), abs=1e-9)


def test_it_is_the_same_from_the_other_side() -> None:
    labels, grades, values = patients()
    there, back = delong(labels, grades, values), delong(labels, values, grades)
    assert (back.difference, back.z) == (-there.difference, -there.z)
    assert (back.p, back.standard_error) == (there.p, there.standard_error)


def grouped_scores(
    rng: np.random.Generator, groups: int, frames: int, shared: float = 0.0
) -> tuple[Labels, Scores, Scores, Groups]:
    """Real and fake frames of every group; what is peculiar to a group moves each kind, and `shared` of it both."""
    names = np.repeat(np.arange(groups), frames)
    labels = np.tile(np.arange(frames) % 2, groups)
    of_groups = shared * rng.normal(size=(2, groups, 1)) + (1 - shared) * rng.normal(size=(2, groups, 2))
    one, other = (labels + of[names, labels] + 0.3 * rng.normal(size=len(names)) for of in of_groups)
    return labels, one, other, names.astype(str)


@pytest.mark.parametrize(("shared", "too_narrow"), [(0.0, True), (1.0, False)])
def test_the_error_is_about_that_of_the_bootstrap(shared: float, too_narrow: bool) -> None:
    """Without groups it is too small, or, where real and fake frames of a group move together, too large."""
    labels, one, other, groups = grouped_scores(np.random.default_rng(0), 60, 6, shared)
    drawn = np.std(
        [auc(labels[rows], one[rows]) - auc(labels[rows], other[rows]) for rows in resampled(groups, labels, 1000, 0)]
    )
    by_row = delong(labels, one, other).standard_error / drawn
    assert delong(labels, one, other, groups).standard_error == pytest.approx(drawn, rel=0.1)
    assert by_row < 0.75 if too_narrow else by_row > 1.25


def test_equal_detectors_differ_as_often_as_it_says_but_only_with_groups() -> None:
    """Frames taken for independent call 5 % of equal pairs different far too often."""
    alarms = {"grouped": 0, "by row": 0}
    for seed in range(200):
        labels, one, other, groups = grouped_scores(np.random.default_rng(seed), 40, 8)
        alarms["grouped"] += delong(labels, one, other, groups).p < 0.05
        alarms["by row"] += delong(labels, one, other).p < 0.05
    assert 2 <= alarms["grouped"] <= 20
    assert alarms["by row"] > 40


def test_copies_of_a_face_add_nothing() -> None:
    labels, grades, values = patients()
    once = delong(labels, grades, values)
    copies = [np.tile(column, 5) for column in (labels, grades, values, np.arange(len(labels)).astype(str))]
    assert delong(*copies).standard_error == pytest.approx(once.standard_error, abs=1e-12)


def test_who_ranks_alike_does_not_differ() -> None:
    labels, _, values = patients()
    assert delong(labels, values, values**3) == DeLong(auc(labels, values), auc(labels, values), 0.0)
    found = delong(labels, values, values)
    assert (found.z, found.p, found.interval) == (0, 1, (0, 0))


def test_without_any_variation_nothing_is_claimed() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    found = delong(labels, labels.astype(float), np.zeros(6))
    assert (found.difference, found.standard_error) == (0.5, 0)
    assert all(isnan(figure) for figure in (found.z, found.p, *found.interval))


def test_what_cannot_be_tested_is_told() -> None:
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(UsageError, match="1 of 4 lack one"):
        delong(labels, scores, np.array([0.1, np.nan, 0.3, 0.4]))
    with pytest.raises(UsageError, match="two groups or more with synthetic faces, got 1"):
        delong(labels, scores, scores, np.array(["a", "b", "c", "c"]))
    with pytest.raises(UsageError, match="two groups or more with real faces, got 0"):
        delong(np.ones(4, int), scores, scores)
