"""What a changed policy would have done with past uploads, against what was done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

from detector.service.records import ACTIONS, Action, Item
from detector.service.rules import Rules

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Share:
    """`count` of `of` files, with its 95 % interval (Wilson 1927); (0, 1) of none."""

    count: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high, in [0, 1]."""
        if not self.of:
            return 0.0, 1.0
        share, narrow = self.count / self.of, 1 + Z * Z / self.of
        middle = share + Z * Z / (2 * self.of)
        reach = Z * sqrt(share * (1 - share) / self.of + Z * Z / (4 * self.of * self.of))
        return max(0.0, (middle - reach) / narrow), min(1.0, (middle + reach) / narrow)

    def as_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        low, high = self.interval
        return {"count": self.count, "of": self.of, "low": low, "high": high}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.count} of {self.of}" + (f" (95 % interval {low:.1%} to {high:.1%})" if self.of else "")


@dataclass(frozen=True)
class Cell:
    """How many files of a media kind were treated so, and would be treated so; examples only where that differs."""

    media: str
    before: Action
    after: Action
    items: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class DryRun:
    """The comparison.

    Attributes:
        policy: the version of the policy that was tried.
        cells: by media kind, what was done and what would be; only those with files.
        real_blocked: of the files that people found real, those that would be blocked.
        fake_allowed: of the files that people found fake, those that would be allowed. Both shares are of the files
            that were sent to people, not of all uploads.
        elsewhere: files left out, because another classifier scored them: its probabilities are not this one's.
    """

    policy: str
    cells: tuple[Cell, ...]
    real_blocked: Share
    fake_allowed: Share
    elsewhere: int

    @property
    def changed(self) -> tuple[Cell, ...]:
        """The cells of files that would be treated otherwise."""
        return tuple(cell for cell in self.cells if cell.before != cell.after)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "policy": self.policy,
            "items": sum(cell.items for cell in self.cells),
            "changed": sum(cell.items for cell in self.changed),
            "table": [vars(cell) | {"examples": list(cell.examples)} for cell in self.cells],
            "reviewed": {"real_blocked": self.real_blocked.as_dict(), "fake_allowed": self.fake_allowed.as_dict()},
            "elsewhere": self.elsewhere,
        }

    def __str__(self) -> str:
        """Markdown, for a person."""
        parts = [f"Policy {self.policy}: {sum(cell.items for cell in self.changed)} files would be treated otherwise."]
        parts += [self._table(media) for media in sorted({cell.media for cell in self.cells})]
        parts += [
            f"{cell.media}, {cell.before} → {cell.after}, e.g. {', '.join(cell.examples)}" for cell in self.changed
        ]
        parts.append(f"Found real by people, would be blocked: {self.real_blocked}.")
        parts.append(f"Found fake by people, would be allowed: {self.fake_allowed}.")
        if self.elsewhere:
            parts.append(f"Left out: {self.elsewhere} files that another classifier scored.")
        return "\n\n".join(parts)

    def _table(self, media: str) -> str:
        counts = {(cell.before, cell.after): cell.items for cell in self.cells if cell.media == media}
        lines = [f"| {media}: was | would be {' | would be '.join(ACTIONS)} |", "| --- |" + " ---: |" * len(ACTIONS)]
        for before in ACTIONS:
            row = [str(counts.get((before, after), 0)) for after in ACTIONS]
            lines.append(f"| {before} | {' | '.join(row)} |")
        return "\n".join(lines)


def dry_run(items: Iterable[Item], rules: Rules, classifier: str, examples: int = 5) -> DryRun:
    """Decide past results again.

    Args:
        items: that are done, with their decisions and reviews; they are gone through once.
        rules: the policy that is tried, resolved for `classifier`.
        classifier: the version of the classifier, 12 hex digits of its file's SHA-256.
        examples: item ids that are named for each change.
    """
    named: dict[tuple[str, Action, Action], list[str]] = defaultdict(list)
    counts: Counter[tuple[str, Action, Action]] = Counter()
    labelled: Counter[tuple[str, Action]] = Counter()
    elsewhere = 0
    for item in items:
        if item.report is None or item.decision is None:
            continue
        if _scored_by(item.report) not in (None, classifier):
            elsewhere += 1
            continue
        after = rules.decide(item.report, item.id).action
        counts[change := (item.media, item.decision.action, after)] += 1
        if item.decision.action != after and len(named[change]) < examples:
            named[change].append(item.id)
        if item.review is not None:
            labelled[item.review.label, after] += 1
    cells = tuple(Cell(*change, count, tuple(named[change])) for change, count in sorted(counts.items()))
    return DryRun(rules.version, cells, _share(labelled, "real", "block"), _share(labelled, "fake", "allow"), elsewhere)


def _scored_by(report: Mapping[str, Any]) -> str | None:
    """The version of the classifier that a report's probability is from; None where it has none."""
    version: str | None = report["models"].get("classifier")
    return version


def _share(labelled: Counter[tuple[str, Action]], label: str, action: Action) -> Share:
    return Share(labelled[label, action], sum(labelled[label, other] for other in ACTIONS))
