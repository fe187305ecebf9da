"""One person through a video: how well their probability is known, and when they look fake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from detector.score.interval import mean_interval
from detector.types import FaceReport, PersonReport, Segment, Verdict

Values = npt.NDArray[np.float64]

LEAST_SIGHTINGS = 3
"""In a video, a person seen in fewer frames than this decides nothing, unless nobody was seen in more; no segment has
fewer."""
WINDOW_S = 1.0
"""A sighting is taken together with those around it in so much time, and with its two neighbours where they are
further apart."""
ERROR = 0.1
"""How often the interval of a person may miss."""
_ENDLESS = 10**9


def follow(face: FaceReport, sightings: Sequence[FaceReport], threshold: float | None, decides: bool) -> PersonReport:
    """What is known of one person through a video.

    The interval is that of `mean_interval` without an end to the frames: it does not depend on their order. Frames of
    one clip are like their neighbours, so it tells how few there are, and not how often the models are wrong.

    Args:
        face: who stands for the person: their track, and their probability.
        sightings: all of the person, in order of time; at least one.
        threshold: from which probability on somebody is called fake; None gives no verdict.
        decides: whether the person was seen often enough for a verdict.
    """
    judged = [one for one in sightings if one.probability is not None]
    values = np.array([one.probability for one in judged], np.float64)
    times = np.array([one.time_s for one in judged], np.float64)
    return PersonReport(
        number=(face.track or 0) + 1,
        frames=len(judged),
        first_s=sightings[0].time_s,
        last_s=sightings[-1].time_s,
        interval=mean_interval(values.tolist(), _ENDLESS, ERROR) if judged else None,
        verdict=_verdict(face.probability, threshold if decides else None),
        segments=() if threshold is None else tuple(segments(times, values, threshold)),
    )


def segments(times: Values, probabilities: Values, threshold: float) -> Iterator[Segment]:
    """The times through which a person looks fake.

    Probabilities are smoothed by a running median over `WINDOW_S`, or over three sightings where these are further
    apart (J. W. Tukey, "Exploratory Data Analysis", 1977): unlike a mean it moves no edge, so that a segment begins
    and ends at sightings. A segment is a longest run of sightings whose smoothed probability is at the threshold or
    above, of `LEAST_SIGHTINGS` or more, whose mean is too; a gap longer than the window ends it. There is no
    hysteresis.

    The threshold's false positive rate is that of whole faces: some part of a real clip reaches it more often.

    Args:
        times: (N,) ascending, of the sightings that could be judged, in s.
        probabilities: (N,) of these.
        threshold: in [0, 1].
    """
    if len(times) < LEAST_SIGHTINGS:
        return
    window = max(WINDOW_S, 3 * float(np.median(np.diff(times))))
    high = _smooth(times, probabilities >= threshold, window / 2)
    breaks = np.flatnonzero((np.diff(high) != 0) | (np.diff(times) > window)) + 1
    for run in np.split(np.arange(len(times)), breaks):
        mean = float(probabilities[run].mean())
        if high[run[0]] and len(run) >= LEAST_SIGHTINGS and mean >= threshold:
            yield Segment(float(times[run[0]]), float(times[run[-1]]), mean, len(run))


def _smooth(times: Values, high: npt.NDArray[np.bool_], reach: float) -> npt.NDArray[np.bool_]:
    """Whether more than half of the sightings around each are high: whether their lower median is."""
    counts = np.append(0, np.cumsum(high))
    first, last = np.searchsorted(times, times - reach), np.searchsorted(times, times + reach, side="right")
    return np.asarray(2 * (counts[last] - counts[first]) > last - first)


def _verdict(probability: float | None, threshold: float | None) -> Verdict | None:
    if probability is None or threshold is None:
        return None
    return "fake" if probability >= threshold else "real"
