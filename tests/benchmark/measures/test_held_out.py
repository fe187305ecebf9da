"""Scores of what a model did not meet: no group on both sides, nothing of what is left out, and paired intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from detector.benchmark.measures.families import MEAN, drawn_blind, drawn_known, drawn_sources
from detector.benchmark.measures.held_out import NOTHING, HeldOut, Known, Recipe, fold_scores, split_scores
from detector.types import MADE, Array

RECIPE = Recipe(strength=1.0, folds=3)


def material(groups_each: int = 12, rows_each: int = 2) -> tuple[Array, Known]:
    """Two sources, two families whose traces are in different columns, and a made fake of every real picture."""
    rng = np.random.default_rng(0)
    labels, groups, origins, values = [], [], [], []
    for origin, label, column in (("camera", 0, 0), ("phone", 0, 0), ("gan", 1, 1), ("sd", 1, 2), (f"{MADE}x", 1, 3)):
        for number in range(groups_each):
            source = "camera" if label and origin.startswith(MADE) else origin
            for _ in range(rows_each):
                row = rng.normal(size=6)
                row[column] += 5 * (column > 0)
                values.append(row)
                labels.append(label)
                groups.append(f"{source}:{number}")
                origins.append(origin)
    names = np.array(origins)
    counts = np.array([not origin.startswith(MADE) for origin in origins])
    known = Known(np.array(labels), np.array(groups), names, np.full(len(names), True), counts)
    return np.array(values, np.float32), known


def test_a_family_that_is_met_is_found_and_one_that_is_not_is_not() -> None:
    values, known = material()
    held = fold_scores(values, known, RECIPE, (NOTHING, *known.families))
    assert (known.families, known.sources) == (["gan", "sd"], ["camera", "phone"])
    assert not any(origin.startswith(MADE) for origin in held.origins)
    met, blind = drawn_known(held, 50).estimates(), drawn_blind(held, 50).estimates()
    assert met[MEAN].value > 0.9
    assert blind[MEAN].value < 0.75
    assert met[MEAN].value == pytest.approx((met["gan"].value + met["sd"].value) / 2)
    assert met["gan"].low <= met["gan"].value <= met["gan"].high


def test_nothing_of_a_group_is_on_both_sides() -> None:
    """A column that names the group exactly would be learnt by heart if its rows were split."""
    _, known = material(rows_each=4)
    _, number = np.unique(known.groups, return_inverse=True)
    by_heart = np.eye(number.max() + 1, dtype=np.float32)[number]
    dealt = np.random.default_rng(1).integers(0, 2, number.max() + 1)[number]
    known = replace(
        known, labels=dealt, origins=np.where(dealt == 1, "gan", "camera"), counts=np.full(len(dealt), True)
    )
    held = fold_scores(by_heart, known, RECIPE)
    assert drawn_known(held, 20).values[0] < 0.7


def test_what_may_not_train_does_not() -> None:
    values, known = material()
    made = np.char.startswith(known.origins, MADE)
    without = fold_scores(values, replace(known, trains=~made), RECIPE)
    kept = ~made
    alone = Known(*(column[kept] for column in (known.labels, known.groups, known.origins, known.trains, known.counts)))
    spoilt = values.copy()
    spoilt[made] = 1e3
    again = fold_scores(spoilt, replace(known, trains=~made), RECIPE)
    assert_array_equal(without.scores[NOTHING], again.scores[NOTHING])
    assert len(without.labels) == len(alone.labels)


def test_one_split_is_scored_by_the_rest() -> None:
    values, known = material()
    val = np.array([group.endswith((":1", ":2")) for group in known.groups])
    held = split_scores(values, known, RECIPE, val, (NOTHING, "gan"))
    assert len(held.labels) == (val & known.counts).sum()
    assert all(np.isfinite(scores).all() for scores in held.scores.values())


@pytest.mark.parametrize("changes", [{"axes": 3}, {"one_class": 0.5}, {"candidate": "kernel", "axes": 5}])
def test_every_recipe_gives_finite_scores(changes: dict[str, float]) -> None:
    values, known = material()
    held = fold_scores(values, known, replace(RECIPE, **changes), (NOTHING, *known.families))
    assert all(np.isfinite(scores).all() for scores in held.scores.values())


HELD = HeldOut(
    labels=np.array([0, 0, 0, 1, 1, 1]),
    groups=np.array(list("abcdef")),
    origins=np.array(["camera", "camera", "phone", "gan", "gan", "sd"]),
    scores={
        NOTHING: np.array([0.1, 0.2, 0.6, 0.7, 0.8, 0.3]),
        "gan": np.array([0.1, 0.2, 0.6, 0.5, 0.8, 0.3]),
        "sd": np.array([0.1, 0.2, 0.6, 0.7, 0.8, 0.0]),
        "camera": np.array([0.1, 0.2, 0.6, 0.7, 0.8, 0.15]),
        "phone": np.array([0.1, 0.2, 0.6, 0.7, 0.8, 0.3]),
    },
)


def test_figures_by_hand() -> None:
    """sd, 0.3 against 0.1 0.2 0.6: 2/3; left out, 0.0: none. All fakes against camera: five of six pairs."""
    assert dict(zip(("gan", "sd"), drawn_known(HELD, 5).values, strict=True)) == pytest.approx({"gan": 1, "sd": 2 / 3})
    assert drawn_blind(HELD, 5).values == pytest.approx([5 / 6, 0])
    assert drawn_sources(HELD, 5).values == pytest.approx([5 / 6, 2 / 3])


def test_a_difference_is_paired() -> None:
    drawn = drawn_known(HELD, 50)
    nothing = drawn.less(drawn_known(HELD, 50)).estimates()[MEAN]
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)
