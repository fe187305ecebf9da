"""A policy whose limits are probabilities: it decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from detector.service.records import Action, Decision
from detector.types import REASONS, Report


@dataclass(frozen=True)
class Bound:
    """A probability from which on something is done; infinite for never. `words` say where it comes from."""

    at: float
    words: str

    def __str__(self) -> str:
        return "never" if math.isinf(self.at) else f"from {self.at:.4f} on, {self.words}"


@dataclass(frozen=True)
class Bounds:
    """Of one media kind: from where on review, from where on block."""

    review: Bound
    block: Bound

    def decide(self, probability: float) -> tuple[Action, str]:
        """The action for a file with this probability, and why."""
        if probability >= self.block.at:
            return "block", _compared(probability, "at or above", self.block)
        if probability >= self.review.at:
            return "review", _compared(probability, "at or above", self.review)
        return "allow", _compared(probability, "below", self.review)


@dataclass(frozen=True)
class Rules:
    """A policy that can decide.

    Attributes:
        version: of the policy.
        bounds: by media kind.
        abstain: reason code -> action for files without a score; what is not named goes to review.
        share: of what no person would see that goes to one all the same.
    """

    version: str
    bounds: Mapping[str, Bounds]
    abstain: Mapping[str, Action]
    share: float

    def decide(self, report: Report | Mapping[str, Any], key: str) -> Decision:
        """What is to be done with a file.

        Args:
            report: of the file, or its fields.
            key: the id of its item. It alone decides whether the file is drawn for the audit: ids are random, so the
                draw is, and another policy with the same share draws the same files.
        """
        told = vars(report) if isinstance(report, Report) else report
        action, reason = self._rule(told["media"], told["fake_probability"], told["reason"])
        if action == "review" or not drawn(key, self.share):
            return Decision(action, reason, self.version)
        reason = f"drawn at random, {100 * self.share:g} % of what no person would see; else {action}: {reason}"
        return Decision("review", reason, self.version, 1 / self.share)

    def _rule(self, media: str, probability: float | None, reason: str | None) -> tuple[Action, str]:
        if probability is not None:
            return self.bounds[media].decide(probability)
        code = reason or "unknown"
        return self.abstain.get(code, "review"), f"no score, {code}: {REASONS.get(code, 'for no reason that is known')}"

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON: version, limits by media kind (None is never), abstain, audit."""
        limits = {
            kind: {name: None if math.isinf(bound["at"]) else bound["at"] for name, bound in asdict(bounds).items()}
            for kind, bounds in self.bounds.items()
        }
        return {"version": self.version, **limits, "abstain": dict(self.abstain), "audit": {"share": self.share}}


def drawn(key: str, share: float) -> bool:
    """Whether a file is among the share that is drawn: by the first 64 bits of a SHA-256, as good as at random."""
    return int.from_bytes(sha256(f"audit {key}".encode()).digest()[:8], "big") < share * 2**64


def _compared(probability: float, relation: str, bound: Bound) -> str:
    if math.isinf(bound.at):
        return f"{probability:.2f}, and the policy has no limit for this kind of file"
    one, other = tell_apart(probability, bound.at)
    return f"{one} is {relation} {other}, {bound.words}"


def tell_apart(one: float, other: float) -> tuple[str, str]:
    """Two probabilities with as many digits, two at least, as it takes to tell them apart."""
    digits = next((n for n in range(2, 18) if f"{one:.{n}f}" != f"{other:.{n}f}"), 2)
    return f"{one:.{digits}f}", f"{other:.{digits}f}"
