"""The whole way of an upload: sent in, reviewed in a browser, told to others, and learnt from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageEnhance

from detector import Client, Detector
from detector.classify import FaceClassifier
from detector.cli import main
from detector.service.webhooks import verify
from detector.types import Pixels
from tests.service.browser import give_chromium  # noqa: F401
from tests.service.processes import PATIENT, serving, wait
from tests.service.receiver import Receiver, listening, status

UPLOADS = 44
SETTINGS = PATIENT + "[webhooks]\nprivate = true\n"
EVERYTHING = 'image.review = { probability = 0.001 }\nimage.block = "never"\nvideo.review = { probability = 0.001 }\n'
SHOWS_ANOTHER = "before => ![null, undefined, before].includes(document.querySelector('main h2')?.textContent)"


@pytest.fixture
def photos(astronaut: Pixels, tmp_path: Path) -> list[Path]:
    """Photos of one face, no two of which have the same bytes or the same score."""
    whole = Image.fromarray(astronaut)
    paths = []
    for number in range(UPLOADS):
        side = 300 + 4 * number
        part = whole.crop((0, 0, side, side)).resize((512, 512))
        light = ImageEnhance.Brightness(part).enhance(0.75 + 0.5 * (number * 7 % UPLOADS) / UPLOADS)
        paths.append(tmp_path / f"photo {number:02}.jpg")
        light.save(paths[-1], quality=70 + number % 25)
    return paths


@pytest.mark.timeout(900)
def test_from_an_upload_to_a_classifier_that_has_learnt(
    photos: list[Path], chromium: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(EVERYTHING)
    with (
        listening(status(204)) as receiver,
        serving(tmp_path / "state", "--policy", str(policy), settings=SETTINGS) as served,
    ):
        with Client(served.url) as client:
            job = client.submit(photos, webhook=receiver.url())
            answers = [item.answer for item in client.wait(job.id, timeout_s=400).items]
        scores = {answer.report.path: answer.report.fake_probability for answer in answers if answer}
        assert set(scores) == {path.name for path in photos}
        middle = sorted(score for score in scores.values() if score is not None)[UPLOADS // 2]
        fakes = {name for name, score in scores.items() if score is not None and score >= middle}

        decide_all(chromium, f"{served.url}/review", fakes)
        wait(lambda: len(receiver.received) == UPLOADS + 1)
        told(receiver, (tmp_path / "state" / "webhook.secret").read_text().strip(), fakes)

        labels = tmp_path / "labels.ndjson"
        labels.write_bytes(httpx.get(f"{served.url}/v1/review/export").content)

    assert main(["recalibrate", str(labels), "--out", str(tmp_path / "learnt.skops")]) == 0
    assert f"{UPLOADS - len(fakes)} real and {len(fakes)} synthetic pictures" in capsys.readouterr().out
    learnt = Detector.load(classifier=tmp_path / "learnt.skops").score(photos[0])
    assert learnt.fake_probability is not None
    assert learnt.fake_probability != pytest.approx(scores[photos[0].name], abs=1e-3)
    assert FaceClassifier.load(tmp_path / "learnt.skops").about["recalibrated from"]


def decide_all(chromium: Any, url: str, fakes: set[str]) -> None:
    """Work the queue from the keyboard, from its beginning to its end."""
    page = chromium.new_page()
    page.goto(url)
    title, before = page.locator("main h2").first, ""
    for _ in range(UPLOADS):  # in the order in which they were scored
        page.wait_for_function(SHOWS_ANOTHER, arg=before, timeout=60_000)
        before = title.inner_text()
        page.keyboard.press("b" if before in fakes else "a")
        page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nothing waits").wait_for(timeout=60_000)
    page.close()


def told(receiver: Receiver, secret: str, fakes: set[str]) -> None:
    """Every message is signed by us; the job's end was told once, and every decision once, as it was taken."""
    assert len({verify(message.headers, message.body, secret) for message in receiver.received}) == UPLOADS + 1
    messages = [json.loads(message.body) for message in receiver.received]
    assert [message["type"] for message in messages].count("job.finished") == 1
    decided = dict(_decisions(messages))
    assert decided == {f"photo {number:02}.jpg": _label(number, fakes) for number in range(UPLOADS)}


def _decisions(messages: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, str]]]:
    for message in messages:
        if message["type"] == "review.decided":
            [item] = [item for item in message["data"]["items"] if item["id"] == message["data"]["item_id"]]
            yield item["name"], (item["review"]["action"], item["review"]["label"])


def _label(number: int, fakes: set[str]) -> tuple[str, str]:
    return ("block", "fake") if f"photo {number:02}.jpg" in fakes else ("allow", "real")
