"""Every exception of the package, drawn once.

DetectorError                 anything that is ours; the CLI prints it as one line
├── UsageError                the caller asked for something that does not exist or does not fit
│   ├── UnknownNameError      a name that no registry entry has; lists the known ones
│   ├── ConfigError           a config file with an unknown key or an impossible value
│   └── FeatureContractError  a classifier met features it was not fitted on
├── ShapeError                an array with another shape, dtype or range than its noun promises
├── MediaError                a file or stream that cannot be scored; carries a reason code
├── Problem                   (in detector.service.problems) a request that our service refuses; carries its HTTP status
├── SignatureError            (in detector.service.webhooks) a webhook message that is not to be believed
├── ServiceError              what the client got instead of an answer: a problem, or nothing that it can read
├── ScaleError                (in detector.scale.errors) a run on many machines that had to end early
└── WeightsError              weights that are missing, damaged or not what their pin says
"""

from __future__ import annotations

from collections.abc import Iterable


class DetectorError(Exception):
    """Base of every exception that this package raises on purpose."""


class UsageError(DetectorError):
    """The caller asked for something that does not exist or does not fit."""


class UnknownNameError(UsageError):
    """A name that no registry entry has.

    Args:
        kind: what was looked up, e.g. ``"face detector"``.
        name: the name that was asked for.
        known: the names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}")


class ConfigError(UsageError):
    """A config file with an unknown key or an impossible value."""


class FeatureContractError(UsageError):
    """A classifier met features that it was not fitted on."""


class ShapeError(DetectorError):
    """An array with another shape, dtype or range than its noun promises."""


class MediaError(DetectorError):
    """A file or stream that cannot be scored.

    Args:
        reason: a stable reason code, one of :data:`detector.types.REASONS`.
        message: what was expected, what came, and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class WeightsError(DetectorError):
    """Weights that are missing, damaged or not what their pin says."""


class ServiceError(DetectorError):
    """What the client of a service got instead of an answer.

    Args:
        slug: what kind of problem: one of `detector.service.problems.PROBLEMS`, or the client's own "unreachable"
            (nobody answered), "bad-answer" (no service of ours did), "redirected" and "not-ended".
        detail: what was expected, what came, and what to do.
        status: of the HTTP answer; 0 where none came.
        request_id: by which the service's log names the request.
        retry_after: after how many seconds it is worth trying again, if the service said so.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        status: int = 0,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        named = f" (request {request_id})" if request_id else ""
        super().__init__(f"{slug}: {detail}{named}")
        self.slug, self.detail, self.status = slug, detail, status
        self.request_id, self.retry_after = request_id, retry_after
