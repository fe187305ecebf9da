"""What repeated measurements agree on. Machines are never quiet: a mean would count the disturbances in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Middle:
    """The median of repeated measurements, and between what it lies.

    Attributes:
        median: of the measurements.
        low, high: the two measurements that hold the true median with 95 % confidence, whatever the noise is like
            (the interval of the sign test, from order statistics); below six measurements the least and the largest.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Middle:
        """Summarise one or more measurements."""
        from scipy.stats import quantile_test

        found = quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
        if found.low != found.low or found.high != found.high:  # NaN: too few for that confidence
            return cls(median(values), min(values), max(values))
        return cls(median(values), float(found.low), float(found.high))

    def words(self, digits: int) -> str:
        """E.g. "3.1 (2.9 to 3.4)"."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"
