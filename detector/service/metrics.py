"""What the service counts, for Prometheus; of the API and of every worker, together.

With PROMETHEUS_MULTIPROC_DIR set before the first import (`detector serve` does it), every process counts in files of
that folder and `exposition` adds them up; without it, one process counts for itself.
"""

from __future__ import annotations

import os

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

REQUEST_SECONDS = Histogram(
    "detector_request_seconds",
    "Time from a request's head to its answer's end",
    ["route", "method", "status"],
    buckets=_SECONDS,
)
UPLOAD_BYTES = Counter("detector_upload_bytes", "Bytes of uploads that were taken in")
QUEUE_DEPTH = Gauge("detector_queue_depth", "Items that wait for a worker", multiprocess_mode="mostrecent")
BATCH_FACES = Histogram(
    "detector_batch_faces", "Faces of one pass through the models", buckets=(1, 2, 4, 8, 12, 16, 32)
)
ITEM_SECONDS = Histogram(
    "detector_item_seconds", "Time of one file in a worker, from its claim to its result", ["media"], buckets=_SECONDS
)
STAGE_SECONDS = Histogram("detector_stage_seconds", "Time of one stage", ["stage"], buckets=_SECONDS)
VERDICTS = Counter("detector_verdicts", "Files with a score", ["media", "verdict"])
ABSTENTIONS = Counter("detector_abstentions", "Files that were looked at and have no score", ["reason"])
ERRORS = Counter("detector_errors", "Files that could not be looked at", ["reason"])
DECISIONS = Counter("detector_decisions", "What the policy decided", ["action"])
REVIEWS = Counter("detector_reviews", "What people decided", ["action"])
WORKER_DEATHS = Counter("detector_worker_deaths", "Workers that ended without being asked to")
DECODER_KILLS = Counter("detector_decoder_kills", "Decoders that passed a limit", ["reason"])
WEBHOOKS = Counter("detector_webhooks", "Tries to deliver a message", ["outcome"])


def exposition() -> bytes:
    """All counts of all processes, in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def bury(pid: int) -> None:
    """Forget the gauges of a process that has ended; what it counted stays."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
