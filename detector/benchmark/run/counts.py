"""How many clips were judged, flagged or missed, by origin."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from detector.benchmark.datasets import origin
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.clips import by_clip
from detector.benchmark.measures.evaluate import Rate, flagged
from detector.benchmark.run.approaches import SHIPPED
from detector.benchmark.run.gather import AS_FOUND, PROTOCOL, Gathered
from detector.benchmark.run.measure import answers_of
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.scoring import Scored
from detector.classify import FaceClassifier
from detector.types import Sample


def flagged_by_origin(
    plan: Plan, gathered: Gathered, scored: Scored, shipped: FaceClassifier
) -> dict[str, dict[str, Rate]]:
    """By origin, the share of clips that the threshold calls fake: under the protocol, and as they were found."""
    found = answers_of(gathered.found, {SHIPPED: shipped.probability(gathered.found.tables[OURS])})
    clips = by_clip(found, gathered.found.videos, plan.protocol.aggregate)
    told = {
        PROTOCOL: flagged(scored.clips, SHIPPED, shipped.threshold),
        AS_FOUND: flagged(clips, SHIPPED, shipped.threshold),
    }
    origins = dict.fromkeys(name for rates in told.values() for name in rates)
    return {name: {way: rates[name] for way, rates in told.items() if name in rates} for name in origins}


def coverage(samples: Sequence[Sample], rows: Extract) -> dict[str, Rate]:
    """By origin, the share of clips in which a face could be judged."""
    scored = set(rows.videos.tolist())
    clips = {sample.video: origin(sample) for sample in samples}
    counts = Counter(clips.values())
    hits = Counter(name for video, name in clips.items() if video in scored)
    return {name: Rate(hits[name], count) for name, count in sorted(counts.items())}


def missed(rows: Extract) -> dict[str, dict[str, int]]:
    """By origin and reason, how many clips have no face that could be judged; of its frames' reasons, the commonest."""
    scored = set(rows.videos.tolist())
    reasons: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for sample, _, reason in rows.missed:
        if sample.video not in scored:
            reasons[origin(sample), sample.video][reason] += 1
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (name, _), counted in reasons.items():
        found[name][counted.most_common(1)[0][0]] += 1
    return {name: dict(counts) for name, counts in sorted(found.items())}
