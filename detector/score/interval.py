"""How well a mean is known from some of its terms: an interval that holds at whatever moment one stops to look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

BETS = np.linspace(0.05, 1.0, 20)
"""The shares of its capital that a bettor stakes; the bettors begin with equal capital."""
HALVINGS = 20
"""How often the range in which an end of an interval lies is halved."""


def mean_interval(values: Sequence[float], population: int, error: float) -> tuple[float, float]:
    """An interval for the mean of numbers in [0, 1] of which some were drawn without replacement.

    For each possible mean m, bettors stake shares of their capital on the next value being larger than the mean of
    what is left if m were true, others on its being smaller. In a fair game a capital of 2 / error is seen, ever, with
    a probability of error / 2 at most (Ville's inequality); the interval holds the m at which nobody has won so much::

        K(m) = mean over c of prod_i (1 + c (x_i - m_i) / m_i),    m_i = (N m - sum_{j<i} x_j) / (N - i + 1)

    and the same of 1 - x. I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting",
    2024, with their bets for sampling without replacement, and a mixture of constant stakes.

    It holds for any distribution, and however often one looks before one stops, when the values come in random order.
    It holds all the more when they come from evenly spread places of a clip whose frames are like their neighbours:
    such means vary less (W. G. Cochran, 1946), which the tests confirm.

    Args:
        values: in [0, 1], in the order in which they were drawn.
        population: N, how many there are in all; at least as many as `values`.
        error: in (0, 1), how often the interval may miss the mean.

    Returns:
        its lower and its upper end, in [0, 1]; the mean itself where all values are known.
    """
    drawn = np.array(values, np.float64)
    most = float(np.log(2 / error))
    lower, upper = _lowest(drawn, population, most), 1 - _lowest(1 - drawn, population, most)
    mean = float(drawn.mean())
    return min(lower, mean), max(upper, mean)


def _lowest(drawn: Values, population: int, most: float) -> float:
    """The lowest mean of all at which those who bet on a larger one have not won more than so much (a logarithm)."""
    low = float(drawn.sum()) / population
    high = low + 1 - len(drawn) / population
    if _log_capital(drawn, low, population) < most:
        return low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _log_capital(drawn, middle, population) < most else (middle, high)
    return low


def _log_capital(drawn: Values, mean: float, population: int) -> float:
    """What those who bet on a larger mean of (n,) numbers than this one have won, as a logarithm."""
    before = np.append(0.0, np.cumsum(drawn)[:-1])
    expected = np.maximum((population * mean - before) / (population - np.arange(len(drawn))), 1e-12)
    with np.errstate(divide="ignore"):
        capital = np.log1p(BETS[:, None] * (drawn - expected) / expected).sum(axis=1)
    return float(np.logaddexp.reduce(capital) - np.log(len(BETS)))
