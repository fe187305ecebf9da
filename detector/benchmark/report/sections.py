"""Results -> what the report says, in order: the sections, and one paragraph before them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.measures.metrics import Scores
from detector.benchmark.report import charts, tables
from detector.benchmark.report.document import FEW, Card, Document, Section, percent
from detector.benchmark.run.results import Mistake, Results
from detector.types import REASONS

CALLED = ("real clips", "fakes")


def document(results: Results) -> Document:
    """The whole report; a section that has nothing to show is left out."""
    sections = tuple(section for build in SECTIONS if (section := build(results)))
    return Document(f"Benchmark of {results.name}", results.alarms, summary(results), sections, results.facts)


def summary(results: Results) -> str:
    """In plain words: what was judged, how well ours tells it apart, and what its threshold does."""
    return " ".join(part for part in (_material(results), _ranking(results), _threshold(results)) if part)


def _material(results: Results) -> str:
    clips = results.clips
    real, fake = (clips.origins[clips.labels == label] for label in (0, 1))
    return (
        f"{len(clips.labels):,} clips with {len(results.frames.labels):,} frames (a picture is a clip of one frame): "
        f"{len(real):,} real ones from {_counted(len(np.unique(real)), 'source')} "
        f"and {len(fake):,} fakes from {_counted(len(np.unique(fake)), 'generator')}."
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _ranking(results: Results) -> str:
    found = results.ours.metrics.get("AUC")
    if found is None or np.isnan(found.value):
        return f"There is no AUC of “{results.ours.name}”."
    return (
        f"Of a fake and a real clip, “{results.ours.name}” ranks the fake higher in {percent(found.value)} of all "
        f"pairs: an AUC of {found}, with its 95 % interval."
    )


def _threshold(results: Results) -> str:
    scores, labels = results.clips.probability[results.ours.name], results.clips.labels
    alarms, found = (_share(scores[labels == label], results.threshold, noun) for label, noun in enumerate(CALLED))
    unscored = int(np.isnan(scores).sum())
    without = f" {_counted(unscored, 'clip')} could not be scored." if unscored else ""
    return f"At its threshold of {results.threshold:.3f}, {alarms} and {found} are called fake.{without}"


def _share(scores: Scores, threshold: float, noun: str) -> str:
    """How many of those that have a score are called fake."""
    rate = Rate(int((scores >= threshold).sum()), int((~np.isnan(scores)).sum()))
    if not rate.count:
        return f"none of 0 {noun}"
    low, high = rate.interval
    share = f"{percent(rate.hits / rate.count)}, {100 * low:.1f} to {percent(high)}"
    return f"{rate.hits:,} of {rate.count:,} {noun} ({share})"


def _approaches(results: Results) -> Section:
    words = (
        "Higher is better, except for EER, Brier and ECE. A figure stands above its 95 % interval from a bootstrap "
        "over groups; shares have the exact one of Clopper and Pearson.",
    )
    about = tuple(f"{entry.name}: {entry.about}" for entry in results.entries if entry.about)
    return Section("Approaches", words, tables=(tables.approaches(results),), points=about)


def _generators(results: Results) -> Section:
    words = ("Each generator against all real clips. “Mean” counts every generator the same, “all” every fake.",)
    aucs = tables.by_generator(results, "AUC of each generator", lambda entry: entry.generators)
    found = tables.by_generator(results, "Fakes found at a false-positive rate of 5 %", lambda entry: entry.found)
    return Section("Generators", words, tables=(aucs, tables.found_at_threshold(results), found))


def _left_out(results: Results) -> Section:
    words = ("For each row, whatever is fitted was fitted anew on everything but this generator.",)
    table = tables.by_generator(results, "AUC of a generator that was never met", lambda entry: entry.left_out)
    return Section("Generators left out", words, tables=(table,))


def _sources(results: Results) -> Section:
    words = ("What is called fake of a real source is a false alarm.",)
    return Section("Real sources", words, tables=(tables.sources(results),))


def _matrix(results: Results) -> Section:
    words = (
        "Mean over the generators. On the diagonal, a dataset is tested on its own split or, without one, on held-out "
        "folds.",
    )
    return Section("Across datasets", words, tables=(tables.matrix(results),))


def _curves(results: Results) -> Section:
    words = ("Clips, without the leak alarms and the recipes that nothing was fitted for. The grey line is chance.",)
    return Section("ROC and DET", words, charts=(*charts.roc(results), *charts.det(results)))


def _reliability(results: Results) -> Section:
    words = (
        "If the probability is right, so many of the clips with a probability are fake: the points lie on the grey "
        "line. Below: how many clips there are. A dataset with another share of fakes moves the points.",
    )
    return Section("Reliability", words, charts=charts.reliability(results))


def _robustness(results: Results) -> Section:
    words = ("The same faces, disturbed before they are scored. “None” is the protocol itself.",)
    return Section("Robustness", words, charts.robustness(results), (tables.robustness(results),))


def _audit(results: Results) -> Section:
    words = (
        "A detector that errs more on some people than on others is unfair to them. Slices overlap in what else they "
        f"differ by, so a difference is a question and no answer. Grey: fewer than {FEW} faces, too few to conclude "
        "anything.",
    )
    return Section("Audit", words, tables=(tables.audit(results),))


def _importance(results: Results) -> Section:
    words = (f"How much each region of the face moves the log-odds of “{results.ours.name}”, on average.",)
    return Section("Regions", words, charts.importance(results), (tables.importance(results),))


def _mistakes(results: Results) -> Section:
    cards = tuple(_card(one, one.picture) for one in results.mistakes if one.picture)
    words = (
        f"The real faces to which “{results.ours.name}” gives the highest probabilities of “fake”, and the fakes with "
        "the lowest; one of a group, for which eight digits stand.",
        "Each picture has the face, its reconstruction, and where the two differ."
        if cards
        else "Pictures are left out, because people are on them. To see them, run with --gallery N.",
    )
    return Section("Mistakes", words, tables=(tables.mistakes(results),), cards=cards)


def _card(one: Mistake, picture: Path) -> Card:
    title = f"{one.origin} {one.id} ({tables.CLASSES[one.label]}): {one.probability:.3f}"
    return Card(title, one.words, picture)


def _coverage(results: Results) -> Section:
    reasons = dict.fromkeys(reason for found in results.missed.values() for reason in found)
    words = ("Where no face could be judged there is no score; it is never 0.5.",)
    points = tuple(f"{reason}: {REASONS[reason]}." for reason in reasons if reason in REASONS)
    table = tables.coverage(results)
    return Section("Coverage", words, tables=(table,), points=points)


def _notes(results: Results) -> Section:
    return Section("Notes", points=results.notes)


SECTIONS: tuple[Callable[[Results], Section], ...] = (
    _approaches, _generators, _left_out, _sources, _matrix, _curves, _reliability, _robustness, _audit, _importance,
    _mistakes, _coverage, _notes,
)  # fmt: skip
"""What the report says, in order."""
