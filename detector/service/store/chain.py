"""The chain of reviews: each has a digest of the one before, so that what is changed or taken out later shows.

S. Haber and W. S. Stornetta, "How to time-stamp a digital document", Journal of Cryptology 3 (1991): with h SHA-256,

    digest_n = h(digest_{n-1}, fields_n, basis_n),  digest_0 = the empty string.

The basis is what was known of the item then; reviews that were written before it was kept have none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from hashlib import sha256

from detector.errors import DetectorError
from detector.service.records import Review


def chained(previous: str, review: Review, basis: Mapping[str, object] | None = None) -> Review:
    """The review with its digest, which follows from `previous`, the digest of the one before."""
    fields = asdict(replace(review, digest=previous)) | ({} if basis is None else {"basis": basis})
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return replace(review, digest=sha256(text.encode()).hexdigest())


def check(reviews: Iterable[tuple[Review, Mapping[str, object] | None]]) -> int:
    """How many reviews there are, each with its basis, all of them in order and as they were written.

    Raises:
        DetectorError: names the first one that is not.
    """
    number, digest = 0, ""
    for number, (review, basis) in enumerate(reviews, 1):
        if review.number != number:
            raise DetectorError(f"reviews: expected number {number}, got {review.number}: some were taken out")
        if chained(digest, review, basis) != review:
            raise DetectorError(f"reviews: number {number} is not as it was written, or the one before it is not")
        digest = review.digest
    return number
