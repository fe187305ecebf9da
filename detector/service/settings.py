"""How one service is set up: a TOML file, and what the command line puts above it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from detector.errors import ConfigError
from detector.media import MediaLimits


@dataclass(frozen=True)
class Limits:
    """What a request may cost.

    Attributes:
        image_bytes, video_bytes: of one file.
        files: of one job.
        pixels, duration_s: as `MediaLimits`.
        decode_s: time that decoding and face detection of one file may take; then its decoder is killed.
        decode_memory: bytes that a decoder may have beyond what it has when idle.
        upload_s: time that a request's body may take.
        deadline_s: how long somebody who waits for an answer waits.
        requests: that are answered at the same time; more are told to come back.
    """

    image_bytes: int = 32 * 1024**2
    video_bytes: int = 512 * 1024**2
    files: int = 100
    pixels: int = 50_000_000
    duration_s: float = 3600.0
    decode_s: float = 120.0
    decode_memory: int = 1024**3
    upload_s: float = 60.0
    deadline_s: float = 30.0
    requests: int = 1000

    def media(self) -> MediaLimits:
        """The part that is kept while decoding."""
        return MediaLimits(max(self.image_bytes, self.video_bytes), self.pixels, self.duration_s, self.decode_s)


@dataclass(frozen=True)
class Queue:
    """What waits, and how often it is tried.

    Attributes:
        waiting: items that may wait; more are refused. One key has half of these places at most, and the last tenth is
            for those who wait for an answer.
        lease_s: after so long without a sign of its worker, an item is given to another.
        attempts: an item that killed its worker so often is given up, as an error.
    """

    waiting: int = 1000
    lease_s: float = 15.0
    attempts: int = 3


@dataclass(frozen=True)
class Batching:
    """How a worker uses its machine; 0 is as the machine has cores.

    Attributes:
        faces: that are judged in one pass at most.
        wait_ms: how long a face waits for others.
        judges: passes at the same time, each on one core; on a GPU, 1.
        decoders: killable processes that decode and find faces.
        in_flight: items that a worker holds at once.
    """

    faces: int = 6
    wait_ms: float = 20.0
    judges: int = 0
    decoders: int = 0
    in_flight: int = 0


@dataclass(frozen=True)
class Keep:
    """What stays on disk.

    Attributes:
        media: "never": an upload goes once it is scored; "review": it stays while the policy sends it to a person;
            "always".
        media_days: how long uploads and pictures stay at most.
        result_days: how long results stay. Reviews stay for good, with the hash, score and models of their file,
            and without any media.
    """

    media: Literal["never", "review", "always"] = "review"
    media_days: float = 30.0
    result_days: float = 180.0


@dataclass(frozen=True)
class Webhooks:
    """How others are told.

    Attributes:
        secret: signs the messages: "whsec_" and the base64 of 24 to 64 bytes, or two of these, the new one first, while
            receivers change over. Empty takes the environment's DETECTOR_WEBHOOK_SECRET, or one that is made once and
            kept in the state folder.
        private: whether addresses that are not public may be told.
        attempts: before a message is laid aside as dead: by default after most of a day.
        timeout_s: of one try.
        first_wait_s: before the second try; it doubles after each, up to an hour.
    """

    secret: str = ""
    private: bool = False
    attempts: int = 30
    timeout_s: float = 10.0
    first_wait_s: float = 5.0


@dataclass(frozen=True)
class Models:
    """What `detector.score.Detector.load` takes."""

    faces: str = "auto"
    vaes: tuple[str, ...] = ("face-vae",)
    classifier: Path | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Settings:
    """One service.

    Attributes:
        host, port: where it listens.
        state: the folder of everything that it keeps.
        database: an SQLAlchemy URL; None is SQLite in the state folder.
        policy: a policy's TOML file; None is the one that is shipped.
        workers: processes that score, started with the API; 0 where `detector work` runs elsewhere.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    state: Path = Path("service-state")
    database: str | None = None
    policy: Path | None = None
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    queue: Queue = field(default_factory=Queue)
    batching: Batching = field(default_factory=Batching)
    keep: Keep = field(default_factory=Keep)
    webhooks: Webhooks = field(default_factory=Webhooks)
    models: Models = field(default_factory=Models)

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise ConfigError(f"port: expected 0 to 65535, got {self.port}")

    @property
    def url(self) -> str:
        """Of the database."""
        return self.database or f"sqlite:///{(self.state / 'service.db').absolute()}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or (_is_address(self.host) and ip_address(self.host).is_loopback)


def cores(wanted: int) -> int:
    """`wanted`, or as many as this process may use."""
    return wanted or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else wanted or os.cpu_count() or 1


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
