"""The model card that ships beside the classifier: what it is, what made it, what it can and cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.evaluate import ALL
from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.study.figures import Figures
from detector.benchmark.study.material import AS_FOUND, CONTROL
from detector.benchmark.study.report import auc_table, flagged_table, unseen_table
from detector.classify import FaceClassifier

if TYPE_CHECKING:
    from detector.benchmark.study.study import Study

CARD = """# Model card: the embedded classifier

**What it is.** A scikit-learn pipeline ({candidate}) over {features} features that say, region by region, where and
how the face VAE failed to explain a face, and what a network that was trained on everyday pictures sees in the face
(models: {versions}). It gives the probability that the face is synthetic, at even prior odds,
and calls it fake from {threshold:.3f} on: the threshold that keeps to a false-positive rate of {fpr:.0%} on
held-out real faces of every source that has enough of them.

**What it is for.** A hint for a person who looks at the evidence. It is no proof, and must not decide about anybody.

**What made it.** `detector train classifier experiments/{name}.toml` on `{data}`:
{real} real and {fake} synthetic rows, one for each picture and
history. Split by group; every picture, of either class, is given the same random histories before any feature is
computed; calibration and threshold come from held-out folds. The reported split ({held_out}) was used for
none of it; how often it was looked at is told beside the figures, in `reports/`.

**Licences of the data.** The data card (`data/shared.md`) has each source's. Some are for research only or unstated,
and so is, to be careful, what was trained on them: FFHQ (CC BY-NC-SA 4.0 as a set), CelebA-HQ (research only), the
Stable Diffusion 1.4 pictures (none stated). The classifier keeps statistics of faces, no pictures. The backbone is
the trunk of EfficientNet-Lite0 (Apache-2.0), trained on ImageNet by others and not changed by us.

## AUC by generator

With 95 % intervals; {control} is the control, the other rows say what the files alone would give away.

{aucs}

## A generator that was never met

{unseen}

## Called fake at the threshold

{flagged}

## Known failures

{failures}
"""


def write_card(study: Study, figures: Figures, ours: FaceClassifier) -> Path:
    """Write the model card; its path."""
    study.card.parent.mkdir(parents=True, exist_ok=True)
    study.card.write_text(
        CARD.format(
            candidate=ours.about["candidate"],
            features=len(ours.names),
            versions=", ".join(f"{name} {version}" for name, version in ours.versions.items()),
            threshold=ours.threshold,
            fpr=ours.fpr,
            name=study.name,
            data=study.data.as_posix(),
            real=ours.about["real faces"],
            fake=ours.about["synthetic faces"],
            held_out=study.held_out,
            control=CONTROL,
            aucs=auc_table(figures),
            unseen=unseen_table(figures),
            flagged=flagged_table(figures),
            failures="\n".join(f"- {line}" for line in _failures(figures)),
        ),
        encoding="utf-8",
    )
    return study.card


def _failures(figures: Figures) -> list[str]:
    """What the figures say it cannot do, the worst of each kind, and what they cannot say."""
    unseen = figures.split.blind[OURS]
    weak, blind = _lowest(figures.aucs[OURS]), _lowest(unseen)
    generators = [name for name in unseen if name != MEAN]
    condition = min(figures.conditions, key=lambda name: figures.conditions[name][OURS][MEAN].value)
    found = figures.flagged[AS_FOUND]
    missed = min(generators, key=lambda name: found[name].hits / found[name].count)
    alarm = max(
        (name for name in found if name not in generators),
        key=lambda name: found[name].hits / found[name].count,
    )
    return [
        f"Its weakest generator is {weak}: AUC {figures.aucs[OURS][weak]} under the protocol.",
        f"A generator that it never met can pass: {blind} has AUC {unseen[blind]} when left out.",
        f'It is weakest on pictures like "{condition}": '
        f"AUC {figures.conditions[condition][OURS][MEAN]}, mean over generators.",
        f"Of {missed} faces as they are found, it calls {found[missed]} fake.",
        f"Of real {alarm} faces as they are found, it calls {found[alarm]} fake: these are its false alarms.",
        "The only face swaps in its training are plain ones of our own making; of other methods, and of any generator "
        "but those above, nothing is claimed.",
        "Its data are few and one-sided (see the data card): age, skin tone and cameras are not balanced.",
    ]


def _lowest(found: Mapping[str, Estimate]) -> str:
    return min((name for name in found if name not in (ALL, MEAN)), key=lambda name: found[name].value)
