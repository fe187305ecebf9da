"""A review desk for tests: the real routes over a real store and spool, and files that were scored on paper."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from PIL import Image

from detector.service.api.app import create_app
from detector.service.api.service import Service
from detector.service.records import Action, Decision, Order, Outcome, Upload
from detector.service.settings import Settings
from detector.service.spool import Spool
from detector.service.store import Store
from detector.types import FaceReport, MediaKind, RegionEvidence, Report, TimelinePoint

SIDE = 400
THRESHOLD = 0.9
REGIONS = (
    RegionEvidence("mouth", 1.4, "mouth: error spectrum 3.1 σ above real faces"),
    RegionEvidence("left_eye", -0.6, "left eye: coding gap 2.2 σ below real faces"),
    RegionEvidence("jaw", 0.3, "jaw: coding gap 3.3 σ above real faces"),
    RegionEvidence("nose", 0.2, "nose: KL 1.3 σ above real faces"),
    RegionEvidence("hair", -0.2, "hair: SSIM 1.1 σ below real faces"),
    RegionEvidence("forehead", 0.1, "forehead: spectrum tilt 1.0 σ above real faces"),
)


def face(probability: float | None = 0.62, reason: str | None = None, left: float = 100, **fields: Any) -> FaceReport:
    """A face of 80 px, 100 px from the top."""
    regions = REGIONS if probability is not None else ()
    return FaceReport((left, 100, left + 80, 180), 0.98, probability, reason, regions, **fields)


def report(name: str, faces: Sequence[FaceReport] | None = None, media: MediaKind = "image", **fields: Any) -> Report:
    """An answer as the detector would give it, of the most suspicious of some faces."""
    faces = (face(),) if faces is None else tuple(faces)
    scores = [one.probability for one in faces if one.probability is not None]
    models = {"yunet": "8f2383e4dd3c", "face-vae": "373d7ba532a5", "classifier": "176385992625"}
    if not scores:
        reason = fields.pop("reason", faces[0].reason if faces else "no_face")
        return Report(name, media, "abstained", reason, faces=faces, models=models, **fields)
    verdict = "fake" if max(scores) >= THRESHOLD else "real"
    return Report(name, media, "ok", None, max(scores), verdict, THRESHOLD, faces, models=models, **fields)


def clip(name: str) -> Report:
    """The answer for a video with a gap in which no face was scored."""
    shares = [0.3, 0.5, 0.93, 0.95, None, None, 0.6, 0.4]
    points = tuple(TimelinePoint(0.5 * number, share) for number, share in enumerate(shares))
    faces = (face(0.62, time_s=1.5, track=0), face(0.2, time_s=0.5, track=1))
    return report(name, faces, "video", timeline=points)


def picture(colour: str = "peru", side: int = SIDE) -> bytes:
    """A plain JPEG."""
    buffer = BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Desk:
    """A running service; `put` lays files on it."""

    app: FastAPI
    store: Store
    spool: Spool

    def put(
        self,
        answer: Report | None = None,
        *,
        name: str | None = None,
        content: bytes = b"pixels",
        pictures: Mapping[str, bytes] | None = None,
        action: Action = "review",
        reason: str = "0.62 is between 0.40 (allow) and 0.90 (block)",
        keeps_media: bool = False,
        exhibit: Mapping[str, float] | None = None,
        webhook: str | None = None,
    ) -> str:
        """One more file that is done; its item's id."""
        answer = answer or report("portrait.jpg")
        with self.spool.writer() as writer:
            writer.write(content)
            blob = writer.keep()
        upload = Upload(name or answer.path, blob, len(content), sha256(content).hexdigest(), answer.media)
        self.store.submit(Order("", (upload,), webhook=webhook), 1000)
        [claim] = self.store.claim("w", 1, 60)
        pictures = {"frame.jpg": picture(), "heatmap0.png": picture("purple")} if pictures is None else pictures
        for file, pixels in pictures.items():
            (self.spool.pictures(claim.item_id) / file).write_bytes(pixels)
        outcome = Outcome(
            {**asdict(answer), "exhibit": exhibit},
            Decision(action, reason, "0123456789ab"),
            tuple(pictures),
            keeps_media,
        )
        assert self.store.complete(claim, outcome)
        return claim.item_id


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    """A service without workers."""
    settings = Settings(state=folder)
    spool = Spool(folder)
    store = Store.open(settings.url)
    service = Service(settings, store, spool, None, dict)  # type: ignore[arg-type]  # nothing here asks the policy
    app = create_app(settings, service)
    try:
        yield Desk(app, store, spool)
    finally:
        store.close()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The app on a free port of this machine; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
