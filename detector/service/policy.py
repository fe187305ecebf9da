"""What to do with a scored file: allow it, send it to a person, or block it.

A policy is a small TOML file; ``detector/assets/policy.toml``, the one that is shipped, explains its keys. Its limits
may be false-positive budgets, which only a classifier can turn into probabilities: `Policy.resolve` does, and gives
`Rules` that decide.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import Field

from detector import config
from detector.errors import ConfigError, UsageError
from detector.service.records import Action, Decision
from detector.types import REASONS, Report
from detector.weights import asset

MEDIA = ("image", "video")
NEVER = "never"
Figure = Annotated[float | None, Field(gt=0, le=1)]
Rate = Annotated[float | None, Field(gt=0, lt=1)]


class Budgeted(Protocol):
    """What can tell the threshold of a false-positive budget: a `FaceClassifier`, or `Budgets` read from its file."""

    def threshold_for(self, fpr: float, /) -> float:
        """The threshold that keeps to a false-positive rate; `UsageError` where it cannot tell."""


@dataclass(frozen=True)
class Limit:
    """Where an action begins: at a probability, at that of a false-positive budget, or, with neither, never."""

    probability: Figure = None
    fpr: Rate = None

    def resolve(self, budgets: Budgeted) -> Bound:
        """The limit as a probability."""
        if self.fpr is not None:
            return Bound(budgets.threshold_for(self.fpr), f"the limit that {100 * self.fpr:g} % of real faces pass")
        return Bound(math.inf if self.probability is None else self.probability, "the limit that the policy names")


@dataclass(frozen=True)
class Levels:
    """The limits of one media kind."""

    review: Limit
    block: Limit = field(default_factory=Limit)


@dataclass(frozen=True)
class Audit:
    """Which share of what no person would see goes to one all the same, drawn at random."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0


@dataclass(frozen=True)
class Content:
    """What a policy's file says.

    Attributes:
        image, video: the limits.
        abstain: reason code -> action for files without a score; what is not named goes to review.
        audit: the random share.
    """

    image: Levels
    video: Levels
    abstain: Mapping[str, Action] = field(default_factory=dict)
    audit: Audit = field(default_factory=Audit)


@dataclass(frozen=True)
class Policy:
    """One policy, as it is written. Make it with `load` or `parse`.

    Attributes:
        content: what it says.
        text: the file, to the letter.
        where: what errors call it.
    """

    content: Content
    text: str
    where: str

    @classmethod
    def load(cls, path: Path | None = None) -> Policy:
        """Read a file; None is the one that is shipped. Raises as `parse`, and where there is no such file."""
        try:
            text = (path or asset("policy.toml")).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"policy {path}: {error}") from error
        return cls.parse(text, f"policy {path or 'shipped'}")

    @classmethod
    def parse(cls, text: str, where: str = "policy") -> Policy:
        """Read the text of a file.

        Raises:
            ConfigError: no TOML, an unknown key or reason, a missing or an impossible value; the message names it.
        """
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{where} is not TOML: {error}") from error
        data |= {kind: _plain(data[kind], f"{where}: {kind}") for kind in MEDIA if kind in data}
        content = config.parse(Content, data, where)
        if unknown := sorted(set(content.abstain) - set(REASONS)):
            raise ConfigError(f"{where}: abstain: unknown reason {unknown[0]!r}; known: {', '.join(sorted(REASONS))}")
        return cls(content, text, where)

    @property
    def version(self) -> str:
        """The first 12 hex digits of the text's SHA-256."""
        return sha256(self.text.encode()).hexdigest()[:12]

    def resolve(self, budgets: Budgeted) -> Rules:
        """The policy with every limit a probability.

        Args:
            budgets: of the classifier whose probabilities it is to decide on.

        Raises:
            ConfigError: a budget that the classifier cannot vouch for, or a review limit above its block limit.
        """
        levels = {kind: getattr(self.content, kind) for kind in MEDIA}
        bounds = {kind: self._bounds(kind, level, budgets) for kind, level in levels.items()}
        return Rules(self.version, bounds, self.content.abstain, self.content.audit.share)

    def _bounds(self, kind: str, levels: Levels, budgets: Budgeted) -> Bounds:
        try:
            bounds = Bounds(levels.review.resolve(budgets), levels.block.resolve(budgets))
        except UsageError as error:
            raise ConfigError(f"{self.where}: {kind}: {error}") from error
        if bounds.review.at > bounds.block.at:
            review, block = _figures(bounds.review.at, bounds.block.at)
            raise ConfigError(
                f"{self.where}: {kind}: expected review at or below block, got review from {review} and block from "
                f"{block} on; exchange them"
            )
        return bounds


@dataclass(frozen=True)
class Bound:
    """A probability from which on something is done; infinite for never. `words` say where it comes from."""

    at: float
    words: str

    def __str__(self) -> str:
        return NEVER if math.isinf(self.at) else f"from {self.at:.4f} on, {self.words}"


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


def _plain(table: object, where: str) -> object:
    """A table of the file with its limits as tables: "never" is an empty one."""
    if not isinstance(table, Mapping):
        return table
    return {
        key: _limit(value, f"{where}.{key}") if key in ("review", "block") else value for key, value in table.items()
    }


def _limit(value: object, where: str) -> object:
    if value == NEVER:
        return {}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConfigError(f'{where}: expected {{ fpr = … }}, {{ probability = … }} or "{NEVER}", got {value!r}')
    return value


def _compared(probability: float, relation: str, bound: Bound) -> str:
    if math.isinf(bound.at):
        return f"{probability:.2f}, and the policy has no limit for this kind of file"
    one, other = _figures(probability, bound.at)
    return f"{one} is {relation} {other}, {bound.words}"


def _figures(one: float, other: float) -> tuple[str, str]:
    """Two probabilities with as many digits, two at least, as it takes to tell them apart."""
    digits = next((n for n in range(2, 18) if f"{one:.{n}f}" != f"{other:.{n}f}"), 2)
    return f"{one:.{digits}f}", f"{other:.{digits}f}"
