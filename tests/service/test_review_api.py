"""The review queue over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from detector.service.labelled import read_labelled
from detector.service.review.assets import FOLDER
from tests.service.reviewing import Desk, clip, desk, face, picture, report

ALLOW = {"action": "allow", "label": "real"}
BLOCK = {"action": "block", "label": "fake", "note": "teeth"}
NOBODY = "0" * 32


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as one:
        yield one


@pytest.fixture
def client(made: Desk) -> TestClient:
    return TestClient(made.app, base_url="http://127.0.0.1")


def test_the_queue_has_what_the_policy_left_to_a_person_oldest_first(made: Desk, client: TestClient) -> None:
    ids = [made.put(report(f"{number}.jpg")) for number in range(5)]
    made.put(report("allowed.jpg"), action="allow")
    first = client.get("/v1/review", params={"limit": 3}).json()
    rest = client.get("/v1/review", params={"limit": 3, "after": first["next"]}).json()
    assert [item["item_id"] for item in first["items"] + rest["items"]] == ids
    assert (rest["next"], rest["reviewer"]) == (None, None)
    shown = first["items"][0]
    assert (shown["path"], shown["fake_probability"], shown["threshold"]) == ("0.jpg", 0.62, 0.9)
    assert "faces" not in shown


def test_a_file_has_its_report_and_says_what_is_kept(made: Desk, client: TestClient) -> None:
    answer = client.get(f"/v1/review/{made.put(clip('talk.mp4'), keeps_media=True)}").json()
    assert [point["probability"] for point in answer["timeline"]] == [0.3, 0.5, 0.93, 0.95, None, None, 0.6, 0.4]
    assert answer["faces"][0]["regions"][0]["contribution"] == 1.4
    assert (answer["pictures"], answer["media_kept"], answer["position"]) == (["frame.jpg", "heatmap0.png"], True, 0)
    assert answer["exhibit"] is None
    shown = {"time_s": 1.5, "width": 800, "height": 600}
    assert client.get(f"/v1/review/{made.put(exhibit=shown)}").json()["exhibit"] == shown


def test_a_decision_leaves_the_queue_and_stays_in_the_log(made: Desk, client: TestClient) -> None:
    item = made.put()
    first = client.post(f"/v1/review/{item}/decision", json=BLOCK | {"reviewer": "Ana"})
    assert first.status_code == 201
    assert {"number": 1, "reviewer": "Ana", "note": "teeth"}.items() <= first.json().items()
    assert client.get("/v1/review").json()["items"] == []
    client.post(f"/v1/review/{item}/decision", json=ALLOW)
    audit = client.get("/v1/review/audit").json()
    assert [(one["action"], one["reviewer"]) for one in audit["items"]] == [("block", "Ana"), ("allow", "open")]
    assert audit["chain"] == {"holds": True, "reviews": 2, "detail": None}
    assert client.get(f"/v1/review/{item}").json()["review"]["action"] == "allow"


def test_who_has_not_seen_the_last_decision_is_told_and_nothing_is_written(made: Desk, client: TestClient) -> None:
    item = made.put()
    number = client.post(f"/v1/review/{item}/decision", json=BLOCK | {"seen": 0, "reviewer": "Ana"}).json()["number"]
    late = client.post(f"/v1/review/{item}/decision", json=ALLOW | {"seen": 0})
    assert late.status_code == 409
    assert "Ana decided meanwhile: block, fake" in late.json()["detail"]
    assert len(client.get("/v1/review/audit").json()["items"]) == 1
    assert client.post(f"/v1/review/{item}/decision", json=ALLOW | {"seen": number}).status_code == 201


@pytest.mark.parametrize(
    "body", [{}, {"action": "delete", "label": "real"}, ALLOW | {"note": "x" * 2001}, ALLOW | {"more": 1}]
)
def test_a_decision_that_is_none_is_refused(made: Desk, client: TestClient, body: dict[str, str]) -> None:
    answer = client.post(f"/v1/review/{made.put()}/decision", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems#invalid")


@pytest.mark.parametrize("note", ["\0", "Zoë 🙂", "'; DROP TABLE reviews; --", "<img src=x onerror=alert(1)>"])
def test_a_note_may_say_anything(made: Desk, client: TestClient, note: str) -> None:
    answer = client.post(f"/v1/review/{made.put()}/decision", json=ALLOW | {"note": note})
    assert answer.json()["note"] == note.replace("\0", "\ufffd")


@pytest.mark.parametrize(
    ("path", "status"),
    [(NOBODY, 404), ("no-id", 422), (f"{NOBODY}/picture/frame.jpg", 404), (f"{NOBODY}/picture/..%2f..%2fx", 404)],
)
def test_what_is_not_there(client: TestClient, path: str, status: int) -> None:
    assert client.get(f"/v1/review/{path}").status_code == status


def test_a_picture_is_a_picture_whatever_it_is_called(made: Desk, client: TestClient) -> None:
    item = made.put(pictures={"frame.jpg": picture()})
    found = client.get(f"/v1/review/{item}/picture/frame.jpg")
    assert (found.content, found.headers["content-type"]) == (picture(), "image/jpeg")
    assert (found.headers["x-content-type-options"], found.headers["cache-control"]) == ("nosniff", "no-store")
    assert client.get(f"/v1/review/{item}/picture/heatmap0.png").status_code == 404
    assert client.get(f"/v1/review/{item}/picture/service.db").status_code == 422


def test_the_export_has_the_last_label_of_each_file(made: Desk, client: TestClient, tmp_path: Path) -> None:
    changed, unsure, kept = made.put(report("a.jpg", (face(0.7),))), made.put(), made.put(report("b.jpg"))
    for item, body in ((changed, ALLOW), (unsure, ALLOW | {"label": "unsure"}), (kept, ALLOW), (changed, BLOCK)):
        client.post(f"/v1/review/{item}/decision", json=body)
    answer = client.get("/v1/review/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    path = tmp_path / "labelled.ndjson"
    path.write_bytes(answer.content)
    lines = list(read_labelled(path))
    assert [(one.item_id, one.label, one.fake_probability) for one in lines] == [
        (kept, "real", 0.62),
        (changed, "fake", 0.7),
    ]


def test_a_log_that_was_changed_behind_our_back_shows(made: Desk, client: TestClient, tmp_path: Path) -> None:
    for number in range(3):
        client.post(f"/v1/review/{made.put(report(f'{number}.jpg'))}/decision", json=ALLOW)
    engine = create_engine(f"sqlite:///{tmp_path / 'service.db'}")
    with engine.begin() as connection:
        for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE reviews SET label = 'fake' WHERE number = 2"))
    engine.dispose()
    chain = client.get("/v1/review/audit").json()["chain"]
    assert (chain["holds"], "number 2" in chain["detail"]) == (False, True)
    assert client.get("/v1/review/audit", params={"after": "1"}).json()["chain"] is None


def test_keys_name_the_reviewer(made: Desk, client: TestClient) -> None:
    item = made.put()
    _, reviewing = made.store.add_key("Ana", ("review",))
    _, scoring = made.store.add_key("uploads", ("score",))
    assert client.get("/v1/review").status_code == 401
    assert client.get("/v1/review", headers={"Authorization": f"Bearer {scoring}"}).status_code == 403
    headers = {"Authorization": f"Bearer {reviewing}"}
    assert client.get("/v1/review", headers=headers).json()["reviewer"] == "Ana"
    other = client.post(f"/v1/review/{item}/decision", json=ALLOW | {"reviewer": "Ben"}, headers=headers)
    assert (other.status_code, other.json()["field"]) == (422, "reviewer")
    assert client.post(f"/v1/review/{item}/decision", json=ALLOW, headers=headers).json()["reviewer"] == "Ana"


@pytest.mark.parametrize("path", ["", "/export", "/audit", f"/{NOBODY}", f"/{NOBODY}/picture/frame.jpg"])
def test_nothing_is_told_without_a_key(made: Desk, client: TestClient, path: str) -> None:
    made.store.add_key("Ana", ("review",))
    assert client.get(f"/v1/review{path}").status_code == 401


def test_the_page_and_its_parts_need_no_key_and_run_nothing_else(made: Desk, client: TestClient) -> None:
    made.store.add_key("Ana", ("review",))
    page = client.get("/review")
    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="(review/static/[^"]+)"', page.text)
    assert len(named) >= 3
    for path in ("review", *named):
        answer = client.get(f"/{path}")
        policy = answer.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
        assert not any("unsafe" in rule for rule in policy)
    assert client.get("/review/static/..%2froutes.py").status_code == 404
    assert client.get("/review/static/absent.js").json()["type"] == "/problems#not-found"


def test_the_page_is_plain_files_without_markup_in_scripts() -> None:
    html = (FOLDER / "index.html").read_text()
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\bsrc=)|https?:", html)
    for path in FOLDER.glob("*.js"):
        code = path.read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://(?!www\.w3)", code
        )
        assert len(code.splitlines()) < 220, path.name
        imported = re.findall(r'from "\./([^"]+)"', code)
        assert all((FOLDER / name).is_file() for name in imported)


def test_the_document_tells_of_the_queue_and_not_of_the_page(client: TestClient) -> None:
    paths = json.dumps(list(client.get("/openapi.json").json()["paths"]))
    assert "/v1/review/{item_id}/decision" in paths
    assert '"/review"' not in paths
