"""The chain of reviews: each has a digest of the one before, so that what is changed or taken out later shows.

S. Haber and W. S. Stornetta, "How to time-stamp a digital document", Journal of Cryptology 3 (1991): with h SHA-256,

    digest_n = h(digest_{n-1}, fields_n),  digest_0 = the empty string.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from hashlib import sha256

from detector.errors import DetectorError
from detector.service.records import Review


def chained(previous: str, review: Review) -> Review:
    """The review with its digest, which follows from `previous`, the digest of the one before."""
    fields = asdict(replace(review, digest=previous))
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return replace(review, digest=sha256(text.encode()).hexdigest())


def check(reviews: Iterable[Review]) -> int:
    """How many reviews there are, all of them in order and as they were written.

    Raises:
        DetectorError: names the first one that is not.
    """
    number, digest = 0, ""
    for number, review in enumerate(reviews, 1):
        if review.number != number:
            raise DetectorError(f"reviews: expected number {number}, got {review.number}: some were taken out")
        if chained(digest, review) != review:
            raise DetectorError(f"reviews: number {number} is not as it was written, or the one before it is not")
        digest = review.digest
    return number
