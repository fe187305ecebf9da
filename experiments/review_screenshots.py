"""Pictures of the review page for the docs: empty, busy, with a video, on a phone, in the dark.

    python experiments/review_screenshots.py

The files are made from the astronaut that ships with scikit-image (public domain) and scored by the shipped models; a
policy that sends nearly everything to a person makes a queue of them. The page is the real one, over a real store, in
Chromium. Written: ``reports/service/review-*.png``. Takes some minutes, for the scoring.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import uvicorn
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Page, sync_playwright
from skimage import data

from detector.classify import FaceClassifier
from detector.faces import load_face_detector
from detector.fakes import load_fake_maker
from detector.fakes.workshop import Workshop
from detector.score import Detector, Scored
from detector.service.api.app import create_app, open_service
from detector.service.api.service import Service
from detector.service.engine.exhibits import save_exhibit
from detector.service.policy import Policy, Rules
from detector.service.records import Order, Outcome, Upload
from detector.service.settings import Settings
from detector.service.worker import report_fields
from detector.types import Frame, Pixels
from detector.weights import asset

OUT = Path("reports/service")
FPS, SECONDS, SIDE = 12, 4, 384
POLICY = """
[image]
review = { probability = 0.01 }
block = { probability = 0.99 }
[video]
review = { probability = 0.01 }
block = { probability = 0.99 }
"""
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
DESKTOP, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}


def main() -> None:
    """Make the files, score them, photograph the page."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (service, url), browser() as chromium:
        photograph(chromium, url, Shot("review-empty", shows=False))
        fill(service)
        photograph(chromium, url, Shot("review-busy"))
        photograph(chromium, url, Shot("review-dark", dark=True))
        photograph(chromium, url, Shot("review-heatmap", keys="h"))
        photograph(chromium, url, Shot("review-video", height=1300, keys="j", plays=True))
        photograph(chromium, url, Shot("review-phone", PHONE["width"], PHONE["height"], phone=True))


def files() -> Iterator[tuple[str, bytes]]:
    """Names as people give them, and content."""
    photo = Image.fromarray(data.astronaut())
    pair = Image.new("RGB", (900, 512))
    pair.paste(photo.crop((0, 0, 450, 512)), (0, 0))
    pair.paste(photo.crop((0, 0, 450, 512)).resize((112, 128)).resize((450, 512), Image.Resampling.LANCZOS), (450, 0))
    yield "IMG_20260918_181502.jpg", jpeg(retouched(photo), 93)
    yield "press conference.mp4", clip(data.astronaut())
    yield "two-of-them.jpg", jpeg(pair, 90)
    yield "profile picture.png", jpeg(photo, 92)
    yield "lunch.jpg", jpeg(Image.fromarray(data.coffee()), 90)
    yield "scan, page 3.jpg", jpeg(photo.filter(ImageFilter.GaussianBlur(6)), 85)


def retouched(photo: Image.Image) -> Image.Image:
    """The photo with a face that went through a smaller size and back, as training fakes are made."""
    frame = Frame(np.asarray(photo, np.uint8))
    [[face, *_]] = load_face_detector("auto")([frame])
    fake = load_fake_maker("up-sample", Workshop())(frame, face, np.random.default_rng(0))
    return Image.fromarray(fake.frame.pixels)


def jpeg(image: Image.Image, quality: int) -> bytes:
    """As a JPEG file."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def clip(photo: Pixels) -> bytes:
    """A slow pan over the photo as H.264; in its third second the face is coarse, and before that out of the frame."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "18"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for step in range(SECONDS * FPS):
            down = 128 if 1.2 * FPS <= step < 1.9 * FPS else 0
            pixels = photo[down : down + SIDE, step : step + SIDE] if not down else photo[down:, :SIDE]
            if step >= 2.6 * FPS:
                small = Image.fromarray(pixels).resize((SIDE // 3, SIDE // 3))
                pixels = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels))))
        container.mux(stream.encode())
    return buffer.getvalue()


def fill(service: Service) -> None:
    """Score every file and write it down, as a worker does."""
    rules = Policy.parse(POLICY).resolve(FaceClassifier.load(asset("classifier.skops")))
    names = list(files())
    with closing(Detector.load().score_many(names)) as stream:
        for (name, content), scored in zip(names, stream, strict=True):
            print(f"{name}: {scored.report.fake_probability}")
            lay(service, rules, name, content, scored)


def lay(service: Service, rules: Rules, name: str, content: bytes, scored: Scored) -> None:
    """One scored file on the desk."""
    with service.spool.writer() as writer:
        writer.write(content)
        blob = writer.keep()
    media = scored.report.media
    service.store.submit(Order("", (Upload(name, blob, len(content), sha256(content).hexdigest(), media),)), 100)
    [claim] = service.store.claim("screenshots", 1, 60)
    exhibit = save_exhibit(scored, service.spool.pictures(claim.item_id))
    decision = rules.decide(scored.report, claim.item_id)
    pictures = exhibit.pictures if exhibit else ()
    service.store.complete(claim, Outcome(report_fields(scored.report, exhibit), decision, pictures, keeps_media=True))


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Service, str]]:
    """A service on a free port, and its address."""
    settings = Settings(state=folder)
    service = open_service(settings)
    app = create_app(settings, service)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield service, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        service.store.close()


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or that of the system."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield chromium
        chromium.close()


@dataclass(frozen=True)
class Shot:
    """One picture of the page.

    Attributes:
        name: of the file.
        width, height: of the window.
        keys: that are pressed first.
        shows: whether a file is open, whose blur is taken away.
        plays: whether its video is loaded.
        dark, phone: how the browser presents itself; on a phone the queue is a picture of its own.
    """

    name: str
    width: int = DESKTOP["width"]
    height: int = DESKTOP["height"]
    keys: str = ""
    shows: bool = True
    plays: bool = False
    dark: bool = False
    phone: bool = False


def photograph(chromium: Browser, url: str, shot: Shot) -> None:
    """Open the page, do what a reviewer would, and keep what is seen."""
    context = chromium.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.dark else "light",
        device_scale_factor=2 if shot.phone else 1,
    )
    page = context.new_page()
    page.on("pageerror", lambda error: print(f"{shot.name}: {error}"))
    page.goto(f"{url}/review")
    page.wait_for_timeout(1000)
    prepare(page, shot)
    page.wait_for_timeout(500)
    page.screenshot(path=OUT / f"{shot.name}.png")
    context.close()


def prepare(page: Page, shot: Shot) -> None:
    """What is done before the picture is taken."""
    if shot.phone:
        page.screenshot(path=OUT / f"{shot.name}-queue.png")
        page.locator("#waiting button").first.click()
    for key in shot.keys:
        page.keyboard.press(key)
        page.wait_for_timeout(500)
    if shot.shows:
        page.locator(".veil").wait_for()
        page.keyboard.press("s")
    if shot.plays:
        watch(page)


def watch(page: Page) -> None:
    """Load the video and go to its suspicious end."""
    page.get_by_role("button", name="Load the video").click()
    video = page.locator("video")
    video.wait_for()
    video.evaluate("video => { video.currentTime = 3.2; }")
    page.evaluate("() => scrollTo(0, 0)")
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
