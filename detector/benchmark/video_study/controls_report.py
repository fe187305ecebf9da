"""What the temporal controls found, as a page."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import numpy as np

from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.tables import table
from detector.benchmark.video_study.controls import AS_FOUND, CHANGES, LEAST_CRF, Control, called_fake, shifts

PAGE = """# Temporal controls

`{command}` at {commit}. Real clips through the shipped detector (32 frames a file, threshold {threshold:.3f} for a
stated false-positive rate of {fpr:.0%}): as found, and their first {seconds:g} s after each change. What is changed
other than by the CRF is encoded at CRF {crf}. Shares have exact 95 % intervals (Clopper & Pearson); "within" is "no"
where the whole interval lies above the stated rate. Shifts of the probability are those from "encoded at CRF {crf}",
the same frames unchanged.

{kinds}
"""
SECTION = """## {kind}: {count} clips

{shares}

Called fake: {flagged}.
"""


def page(controls: Sequence[Control], threshold: float, fpr: float, seconds: float, command: str) -> str:
    """A page with one table a kind of clips."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    kinds = "\n".join(
        _section(kind, [one for one in controls if one.kind == kind], fpr)
        for kind in dict.fromkeys(one.kind for one in controls)
    )
    return PAGE.format(
        command=command,
        commit=commit.stdout.strip(),
        threshold=threshold,
        fpr=fpr,
        seconds=seconds,
        crf=LEAST_CRF,
        kinds=kinds,
    )


def _section(kind: str, controls: Sequence[Control], fpr: float) -> str:
    flagged = sorted({f"{one.clip} ({one.condition}, {one.probability:.2f})" for one in controls if one.fake})
    names = [AS_FOUND, *CHANGES]
    shares = table(
        ["condition", "called fake", f"within {fpr:.0%}", "median shift", "largest shift up", "abstained"],
        [_row(controls, name, fpr) for name in names],
    )
    count = len({one.clip for one in controls})
    return SECTION.format(kind=kind, count=count, shares=shares, flagged=", ".join(flagged) or "none")


def _row(controls: Sequence[Control], name: str, fpr: float) -> list[object]:
    own = [one for one in controls if one.condition == name]
    abstained = sum(one.probability is None for one in own)
    if abstained == len(own):
        return [name, "", "", "", "", abstained]
    rate = called_fake(controls, name)
    moved = np.array(shifts(controls, name, f"encoded at CRF {LEAST_CRF}"))
    return [name, rate, _within(rate, fpr), f"{np.median(moved):+.3f}", f"{moved.max():+.3f}", abstained]


def _within(rate: Rate, fpr: float) -> str:
    return "**no**" if rate.interval[0] > fpr else "yes"
