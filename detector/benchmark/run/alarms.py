"""What can be known without a look at any face, and what spoils figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from detector.benchmark.measures.evaluate import ALL, aucs
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.run.approaches import ALARMS, TELLTALES
from detector.benchmark.run.data import Parts
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.scoring import Scored

CHANCE = 0.55
"""A baseline that sees only the file reads it where the whole interval of its AUC is above this."""


def file_aucs(scored: Scored) -> dict[str, Estimate]:
    """AUC over all fakes of what sees nothing but the file."""
    if len(np.unique(scored.clips.labels)) < 2:
        return {}
    watched = [one.name for one in scored.approaches if one.name in ALARMS + TELLTALES]
    return {name: aucs(scored.clips, name)[ALL] for name in watched}


def alarms(plan: Plan, found: Mapping[str, Estimate], parts: Parts) -> Iterator[str]:
    """What spoils the figures, in sentences: a baseline that reads the file, groups across splits."""
    for name in ALARMS if plan.protocol.hides else ALARMS + TELLTALES:
        if name in found and found[name].low > CHANCE:
            yield (
                f"The figures may be of the files, not of the faces: {name} alone, without a look at any face, has an "
                f"AUC of {found[name]}."
            )
    if parts.leaking:
        group, splits = next(iter(parts.leaking.items()))
        yield (
            f"{len(parts.leaking)} groups lie in the tested split and in another one too, e.g. {group} "
            f"({', '.join(splits)}): whatever was trained on this dataset elsewhere may know them. Nothing of them was "
            "fitted here."
        )


def hidden(plan: Plan, found: Mapping[str, Estimate]) -> Iterator[str]:
    """What the files would have given away, if the protocol did not hide it, in sentences."""
    for name in TELLTALES:
        if name in found and plan.protocol.hides:
            yield f"What the protocol hides: {name} reaches an AUC of {found[name]}."
