"""Budgets: any rate's threshold by the rule of the classifier's own, and no promise that faces are too few for."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from detector.classify import FaceClassifier
from detector.classify.budgets import NONE, Budgets, HeldOut, read_budgets
from detector.classify.evidence import Reference
from detector.classify.fit import threshold_at
from detector.errors import UsageError, WeightsError
from tests.test_classify import LOGISTIC, NAMES, Faces


def even(count: int, source: str = "ffhq", top: float = 1.0) -> HeldOut:
    """`count` faces of one source, each a group, spread evenly up to `top`."""
    return HeldOut.of(top * np.arange(1, count + 1) / count, np.arange(count), [source] * count)


def together(*parts: HeldOut) -> HeldOut:
    groups = [f"{number} {group}" for number, part in enumerate(parts) for group in part.groups]
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in ("probability", "sources")]
    return HeldOut.of(columns[0], groups, columns[1], np.concatenate([part.weights for part in parts]))


def rank_rule(real: HeldOut, fpr: float) -> float:
    """The published rule, written down once more: ranks among rows, n counts groups, the strictest part wins."""
    found = []
    for rows in (np.full(len(real), True), *(real.sources == source for source in np.unique(real.sources))):
        count = len(set(real.groups[rows].tolist()))
        level = np.ceil((count + 1) * (1 - fpr) - 1e-9) / count
        if level <= 1:
            found.append(sorted(real.probability[rows])[int(np.ceil(level * rows.sum() - 1e-9)) - 1])
    return float(np.nextafter(max(found), 2))


@pytest.fixture(scope="module")
def fitted() -> FaceClassifier:
    faces = Faces(0)
    return faces.fit(replace(LOGISTIC, folds=2))


def test_a_fitted_classifier_keeps_the_faces_that_its_threshold_came_from(fitted: FaceClassifier) -> None:
    real = fitted.real
    assert len(real) == 180
    assert real.count == 60
    assert set(real.sources) == {"ffhq", "unsplash"}
    assert fitted.threshold_for(fitted.fpr) == fitted.threshold
    assert fitted.threshold == rank_rule(real, fitted.fpr)
    assert fitted.threshold == threshold_at(real.probability, real.groups.astype(str), real.sources, fitted.fpr)


@pytest.mark.parametrize("fpr", [0.04, 0.1, 0.2, 0.5])
def test_another_rate_has_the_threshold_that_a_fit_for_it_would_have(fitted: FaceClassifier, fpr: float) -> None:
    assert fitted.threshold_for(fpr) == rank_rule(fitted.real, fpr)
    assert fitted.threshold_for(fpr) == Faces(0).fit(replace(LOGISTIC, folds=2, fpr=fpr)).threshold


def test_the_smallest_budget_is_that_of_the_source_with_the_fewest_faces() -> None:
    """19 faces vouch for 1/20, 999 for 1/1000: five per cent it is, and no less, and the message says so."""
    budgets = Budgets(0.9, 0.05, together(even(19), even(980, "unsplash")))
    assert budgets.smallest == pytest.approx(1 / 20)
    with pytest.raises(UsageError, match=r"smallest budget .* is 0\.0500, got 0\.04"):
        budgets.threshold_for(0.04)
    assert Budgets(0.9, 0.05, even(999)).threshold_for(0.001) == np.nextafter(1.0, 2)


def test_the_smallest_budget_that_is_named_works() -> None:
    """94 faces: 1/95 = 0.010526… is told as 0.0106, which can be copied."""
    budgets = Budgets(0.9, 0.05, even(94))
    with pytest.raises(UsageError, match=r"is 0\.0106, got 0\.01"):
        budgets.threshold_for(0.01)
    assert budgets.threshold_for(0.0106) == np.nextafter(1.0, 2)


def test_a_source_that_the_own_threshold_cannot_hear_stays_unheard() -> None:
    """Else a larger budget could have a higher threshold than a smaller one."""
    budgets = Budgets(0.9, 0.05, together(even(190, top=0.5), HeldOut.of([0.99] * 9, range(9), ["lonely"] * 9)))
    assert len(budgets.counted) == 2
    assert budgets.threshold_for(0.1) <= budgets.threshold_for(0.06) < 0.99


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), st.sampled_from("ab")), min_size=40, max_size=120),
    st.lists(st.floats(0.001, 0.999), min_size=2, max_size=6),
    st.floats(0.05, 0.5),
)
def test_a_larger_budget_never_has_a_higher_threshold(
    rows: list[tuple[float, int, str]], rates: list[float], own: float
) -> None:
    real = HeldOut.of(
        [score for score, _, _ in rows],
        [f"{source}{group}" for _, group, source in rows],
        [source for _, _, source in rows],
    )
    budgets = Budgets(real.threshold(own), own, real)
    found = [budgets.threshold_for(rate) for rate in sorted([*rates, own]) if rate >= min(own, budgets.smallest + 1e-6)]
    assert found == sorted(found, reverse=True)


def test_a_weight_is_as_many_faces_where_there_are_many() -> None:
    """Twice the weight and twice the rows: the same rank, but fewer faces vouch for it."""
    scores = np.linspace(0, 1, 200)
    double = np.where(scores < 0.5, 2.0, 1.0)
    weighted = HeldOut.of(scores, np.arange(200), ["site"] * 200, double)
    copied = np.repeat(scores, double.astype(int))
    assert weighted.count == 150
    bound = weighted.bound(0.05)
    assert bound is not None
    assert (copied <= bound).mean() == pytest.approx(144 / 150, abs=0.004)  # ceil(151 * 0.95) of 150
    assert bound == HeldOut.of(scores, np.arange(200), ["site"] * 200, 7 * double).bound(0.05)


def test_weights_by_hand() -> None:
    """19 faces of weight 10 and 10 of weight 1: 200 / 10 = 20 faces' worth; ceil(21 * 0.9) / 20 = 0.95 of 200: 190."""
    real = HeldOut.of(np.arange(29) / 100, np.arange(29), ["site"] * 29, [10.0] * 19 + [1.0] * 10)
    assert real.count == 20
    assert real.bound(0.1) == 0.18
    assert real.bound(0.04) is None


def test_the_promise_holds_for_faces_that_were_drawn_unevenly() -> None:
    """Of a site's real faces all the doubtful are seen and 1 in 20 of the rest: the rate on new faces is kept."""
    rng = np.random.default_rng(0)

    def rate_of_one_draw() -> float:
        faces = rng.beta(1, 4, 2000)
        seen = (doubtful := faces >= 0.6) | (rng.random(2000) < 0.05)
        weights = np.where(doubtful, 1.0, 20.0)[seen]
        bound = HeldOut.of(faces[seen], np.arange(seen.sum()), ["site"] * int(seen.sum()), weights).bound(0.1)
        return float((1 - bound) ** 4) if bound is not None else 0.0  # the tail of Beta(1, 4)

    rates = np.array([rate_of_one_draw() for _ in range(300)])
    assert 0.05 < rates.mean() < 0.1
    naive = np.quantile((faces := rng.beta(1, 4, 2000))[(faces >= 0.6) | (rng.random(2000) < 0.05)], 0.9)
    assert (1 - naive) ** 4 < 0.03  # without weights, nearly nothing is flagged: the check can fail


def small(real: HeldOut) -> FaceClassifier:
    values: npt.NDArray[np.float32] = np.random.default_rng(0).normal(size=(20, len(NAMES))).astype(np.float32)
    pipeline = LogisticRegression().fit(values, np.arange(20) % 2)
    return FaceClassifier(pipeline, NAMES, 1.0, 0.0, 0.7, 0.05, Reference.of(values), real=real)


def test_budgets_are_read_from_the_file_as_the_classifier_has_them(tmp_path: Path) -> None:
    path = tmp_path / "classifier.skops"
    before = small(together(even(60, top=0.6), HeldOut.of([0.1, 0.2], [0, 0], ["site"] * 2, [1.0, 3.0])))
    before.save(path)
    loaded, read = FaceClassifier.load(path), read_budgets(path)
    for after in (loaded.real, read.real):
        assert after.plain() == before.real.plain()
    assert (read.threshold, read.fpr) == (before.threshold, before.fpr)
    assert loaded.threshold_for(0.1) == read.threshold_for(0.1) == before.threshold_for(0.1)


def test_an_older_file_tells_its_own_budget_only(tmp_path: Path) -> None:
    path = tmp_path / "classifier.skops"
    small(NONE).save(path)
    for budgets in (FaceClassifier.load(path), read_budgets(path)):
        assert budgets.threshold_for(0.05) == 0.7
        with pytest.raises(UsageError, match=r"only budget it can tell is its own, 0\.05; got 0\.01"):
            budgets.threshold_for(0.01)
        with pytest.raises(UsageError, match="between 0 and 1, got 1"):
            budgets.threshold_for(1.0)


def test_what_is_no_classifier_has_no_budgets(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        read_budgets(tmp_path / "none.skops")
    (tmp_path / "text.skops").write_text("text")
    with pytest.raises(WeightsError, match="not a classifier"):
        read_budgets(tmp_path / "text.skops")


def test_reading_budgets_imports_no_learner() -> None:
    code = (
        "import sys, detector.classify.budgets; sys.exit(', '.join({'sklearn', 'torch', 'skops'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
