"""`detector recalibrate`: what people decided in, a classifier with probabilities that fit it out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.classify import FaceClassifier
    from detector.classify.platt import Judged
    from detector.classify.recalibrate import Recalibration
    from detector.service.labelled import Chosen


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector recalibrate`."""
    parser.add_argument("labels", type=Path, help="JSON Lines, as the service's GET /v1/review/export gives them")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new classifier (skops)")
    parser.add_argument("--classifier", type=Path, metavar="FILE", help="that scored them (default: the embedded one)")
    parser.add_argument("--fpr", type=float, metavar="SHARE", help="of the new threshold (default: the classifier's)")


def run(arguments: Namespace) -> int:
    """Write the new classifier, and print how it compares."""
    from detector.classify import FaceClassifier
    from detector.classify.recalibrate import recalibrate
    from detector.service.labelled import read_labelled, single_faces
    from detector.weights import asset, version

    path = arguments.classifier or asset("classifier.skops")
    classifier, scored_by = FaceClassifier.load(path), version(path)
    chosen = single_faces(read_labelled(arguments.labels), {**classifier.versions, "classifier": scored_by})
    faces = _faces(chosen)
    done = recalibrate(classifier, faces, arguments.fpr, {"recalibrated from": f"classifier {scored_by}"})
    done.classifier.save(arguments.out)
    print("\n".join([*_labels(chosen, faces), *_table(done, classifier), *_notes(done, classifier, faces)]))
    print(
        f"{arguments.out}: classifier {version(arguments.out)}; name it in the service's settings, [models] classifier"
    )
    return 0


def _faces(chosen: Chosen) -> Judged:
    import numpy as np

    from detector.classify.platt import Judged

    return Judged(
        np.array([line.fake_probability for line in chosen.lines], np.float64),
        np.array([line.label == "fake" for line in chosen.lines], np.int64),
        np.array([line.weight for line in chosen.lines], np.float64),
    )


def _labels(chosen: Chosen, faces: Judged) -> Iterator[str]:
    fakes = int(faces.labels.sum())
    yield f"{len(faces) - fakes} real and {fakes} synthetic pictures with one scored face"
    for why, count in chosen.left_out.items():
        yield f"  left out: {count} {why}"


def _table(done: Recalibration, old: FaceClassifier) -> Iterator[str]:
    rows = {
        "calibration error": (done.before.ece, done.after.ece),
        "Brier score": (done.before.brier, done.after.brier),
        "log-loss": (done.before.log_loss, done.after.log_loss),
        "threshold": (old.threshold, done.classifier.threshold),
        "real flagged": (done.flagged_before[0], done.flagged_after[0]),
        "synthetic flagged": (done.flagged_before[1], done.flagged_after[1]),
    }
    yield f"new log-odds = {done.sigmoid.slope:.3f} * old log-odds {done.sigmoid.intercept:+.3f}"
    yield "| | before | after |\n| --- | ---: | ---: |"
    for name, (before, after) in rows.items():
        yield f"| {name} | {before:.4f} | {after:.4f} |"
    yield "The first three at even odds, after: by folds that did not see the picture. Flagged: of all uploads."


def _notes(done: Recalibration, old: FaceClassifier, faces: Judged) -> Iterator[str]:
    if done.after.log_loss >= done.before.log_loss:
        yield "note: by cross-validation the new probabilities are no better; keep the old classifier"
    if not len(old.real):
        yield "note: the old classifier keeps no held-out real faces; the threshold is from the reviewed ones alone"
    if faces.weights.min() == faces.weights.max():
        low, high = faces.probability.min(), faces.probability.max()
        yield (
            "note: no picture stands for others that were not reviewed. If these, with probabilities from "
            f"{low:.2f} to {high:.2f}, are not all that was uploaded, the fit is biased: set a policy's [audit] share"
        )
