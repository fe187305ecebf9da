"""What to do with a scored file: allow it, send it to a person, or block it.

A policy is a small TOML file; ``detector/assets/policy.toml``, the one that is shipped, explains its keys. Its limits
may be false-positive budgets, which only a classifier can turn into probabilities: `Policy.resolve` does, and gives
`Rules` that decide.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field

from detector import config
from detector.errors import ConfigError, UsageError
from detector.service.records import Action
from detector.service.rules import Bound, Bounds, Rules, tell_apart
from detector.types import REASONS
from detector.weights import asset

__all__ = ["Budgeted", "Policy", "Rules"]

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
            review, block = tell_apart(bounds.review.at, bounds.block.at)
            raise ConfigError(
                f"{self.where}: {kind}: expected review at or below block, got review from {review} and block from "
                f"{block} on; exchange them"
            )
        return bounds


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
