"""The review page in a real browser: what it shows, and how one works with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clips import number_card, write_clip
from tests.service.browser import PHONE, Visit, give_chromium, give_laid, give_visit  # noqa: F401
from tests.service.reviewing import SIDE, Desk, clip, face, report

Laid = tuple[Desk, str]
EVIL = "<img src=x onerror=alert(1)>.jpg"


def decisions(desk: Desk) -> list[tuple[str, str, str]]:
    return [(review.action, review.label, review.note) for review in desk.store.reviews().items]


def opened(page: Any, name: str) -> None:
    """Wait until a file is open."""
    page.locator("main h2", has_text=name).wait_for()


def test_where_nothing_waits_the_page_says_what_to_do(visit: Visit, laid: Laid) -> None:
    page = visit()
    page.get_by_role("heading", name="Nothing waits").wait_for()
    assert page.title() == "(0) Review"
    assert f"curl -F file=@photo.jpg {laid[1]}/v1/score" in page.locator("main").inner_text()
    laid[0].put(report("late.jpg"))
    opened(page, "late.jpg")  # by itself
    assert page.title() == "(1) Review"


def test_the_queue_says_what_why_and_how_sure(visit: Visit, laid: Laid) -> None:
    laid[0].put(report("first.jpg"))
    laid[0].put(clip("second.mp4"))
    laid[0].put(report("third.jpg", ()), reason="no score, no_face: no face was found")
    page = visit()
    opened(page, "first.jpg")
    assert page.title() == "(3) Review"
    entries = page.locator("#waiting button").all_inner_texts()
    assert [entry.split("\n")[0] for entry in entries] == ["first.jpg", "second.mp4", "third.jpg"]
    assert "62% fake" in entries[0]
    assert "0.62 is between 0.40 (allow) and 0.90 (block)" in entries[0]
    assert "video" in entries[1]
    assert "no score: no face" in entries[2]
    assert page.locator("#waiting [aria-current]").get_attribute("data-id") == page.url.partition("#")[2]


def test_each_face_is_where_the_report_says(visit: Visit, laid: Laid) -> None:
    laid[0].put(report("three.jpg", (face(), face(None, "too_blurry", left=230), face(0.97, left=10))))
    page = visit()
    page.locator(".face").first.wait_for()
    image, box = page.locator(".canvas img").bounding_box(), page.locator(".face").first.bounding_box()
    scale = image["width"] / SIDE
    assert abs(box["x"] - image["x"] - 100 * scale) < 1
    assert abs(box["y"] - image["y"] - 100 * scale) < 1
    assert abs(box["width"] - 80 * scale) < 1
    labels = [page.locator(".face").nth(row).get_attribute("aria-label") for row in range(3)]
    assert labels == ["Face 1: 62%", "Face 2: too blurry", "Face 3: 97%, over the threshold"]
    assert page.locator(".face[aria-pressed=true]").get_attribute("data-row") == "2"  # the most suspicious one
    page.keyboard.press("1")
    assert "62% likely synthetic, under the threshold of 90%" in page.locator(".evidence").inner_text()
    page.keyboard.press("2")
    assert "This face has no score: too blurry" in page.locator(".evidence").inner_text()


def test_a_picture_that_was_made_smaller_has_its_boxes_where_they_belong(visit: Visit, laid: Laid) -> None:
    faces = (face(time_s=2.0, track=0), face(0.3, left=1000, time_s=5.0, track=1))
    laid[0].put(report("large.mp4", faces, "video"), exhibit={"time_s": 5.0, "width": 2 * SIDE, "height": 2 * SIDE})
    page = visit()
    page.locator(".face").wait_for()
    image, box = page.locator(".canvas img").bounding_box(), page.locator(".face").bounding_box()
    assert page.locator(".face").get_attribute("data-row") == "1"
    assert box["y"] - image["y"] == pytest.approx(image["height"] / 8, abs=1)
    assert box["width"] == pytest.approx(image["width"] / 10, abs=1)


def test_the_evidence_is_in_words_with_its_sign(visit: Visit, laid: Laid) -> None:
    laid[0].put()
    page = visit()
    opened(page, "portrait.jpg")
    rows = page.locator(".evidence tbody tr:visible")
    assert rows.all_inner_texts() == [
        "mouth\nerror spectrum 3.1 σ above real faces\n\t\n+1.4",
        "left eye\ncoding gap 2.2 σ below real faces\n\t\n−0.6",
        "jaw\ncoding gap 3.3 σ above real faces\n\t\n+0.3",
    ]
    middle = page.locator(".evidence .bar").first.bounding_box()
    zero = middle["x"] + middle["width"] / 2
    towards_fake, towards_real = (page.locator(f".bar .{kind}").first.bounding_box() for kind in ("fake", "real"))
    assert abs(towards_fake["x"] - zero) < 1
    assert abs(towards_real["x"] + towards_real["width"] - zero) < 1
    assert towards_real["width"] / towards_fake["width"] == pytest.approx(0.6 / 1.4, rel=0.05)
    page.get_by_role("button", name="Show all 6 regions").click()
    assert rows.count() == 6


def test_the_timeline_has_gaps_where_no_face_was_scored(visit: Visit, laid: Laid) -> None:
    laid[0].put(clip("talk.mp4"))
    page = visit()
    page.locator(".chart svg").wait_for()
    assert page.locator(".chart .run").count() == 2
    assert page.locator(".chart .gap").count() == 1
    assert page.locator(".chart circle.over").count() == 2
    label = "Probability over time: 6 frames scored, 2 of them over the threshold, 2 without a scored face."
    assert page.get_by_role("img", name=label).is_visible()
    page.get_by_text("As a table").click()
    assert page.locator(".times tbody tr").nth(4).inner_text().split("\t") == ["2.0 s", "no face scored"]
    assert "The video itself was not kept." in page.locator(".timeline").inner_text()
    assert page.locator(".face").count() == 1  # the other was seen at another time


def test_a_kept_video_plays_and_the_timeline_leads_through_it(visit: Visit, laid: Laid, tmp_path: Path) -> None:
    content = write_clip(tmp_path / "c.webm", [number_card(n) for n in range(40)], codec="libvpx").read_bytes()
    laid[0].put(clip("talk.webm"), content=content, keeps_media=True)
    page = visit()
    page.get_by_role("button", name="Load the video").click()
    video = page.locator("video")
    video.wait_for()
    page.wait_for_function("() => document.querySelector('video').readyState > 1")
    assert video.evaluate("video => [video.muted, video.paused, getComputedStyle(video).filter]") == [
        True, True, "blur(26px)",
    ]  # fmt: skip
    width = page.locator(".chart svg").bounding_box()["width"]
    page.locator(".chart svg").click(position={"x": 44 + (width - 54) * 1.0 / 3.5, "y": 60})
    assert video.evaluate("video => video.currentTime") == pytest.approx(1.0, abs=0.05)


def test_from_the_keyboard_alone_to_a_decision(visit: Visit, laid: Laid) -> None:
    ids = [laid[0].put(report(f"{name}.jpg")) for name in ("first", "second", "third")]
    page = visit()
    opened(page, "first.jpg")
    page.keyboard.press("j")
    opened(page, "second.jpg")
    page.keyboard.press("s")
    page.keyboard.press("h")
    page.get_by_role("img", name="Heatmap of face 1").wait_for()
    page.keyboard.press("n")
    page.keyboard.type("jab 1?")  # typed, not obeyed
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("b")
    assert "Chosen: fake, block. Enter records it." in page.locator("#said").inner_text()
    page.keyboard.press("Enter")
    opened(page, "third.jpg")
    assert page.evaluate("() => document.activeElement.textContent") == "third.jpg"
    assert decisions(laid[0]) == [("block", "fake", "jab 1?")]
    assert laid[0].store.reviews().items[0].item_id == ids[1]
    assert "second.jpg: Somebody blocked it (fake)" in page.locator("#said").inner_text()
    assert page.title() == "(2) Review"


def test_a_decision_can_be_changed_and_the_first_one_stays_in_the_log(visit: Visit, laid: Laid) -> None:
    laid[0].put()
    page = visit()
    opened(page, "portrait.jpg")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nothing waits").wait_for()
    page.keyboard.press("z")
    page.locator(".notice", has_text="Somebody blocked it (fake)").wait_for()
    page.get_by_label("Unsure").check()
    page.get_by_label("Allow").check()
    page.get_by_role("button", name="Record my decision as well").click()
    page.get_by_role("heading", name="Nothing waits").wait_for()
    assert decisions(laid[0]) == [("block", "fake", ""), ("allow", "unsure", "")]


def test_shortcuts_can_be_turned_off(visit: Visit, laid: Laid) -> None:
    laid[0].put(report("first.jpg"))
    laid[0].put(report("second.jpg"))
    page = visit()
    opened(page, "first.jpg")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    page.keyboard.press("?")
    page.wait_for_timeout(200)
    assert not page.locator("#help-dialog").is_visible()
    assert page.locator("main h2").inner_text() == "first.jpg"
    page.reload()
    opened(page, "first.jpg")
    page.keyboard.press("j")
    page.wait_for_timeout(200)
    assert page.locator("main h2").inner_text() == "first.jpg"


def test_pictures_are_blurred_until_somebody_looks(visit: Visit, laid: Laid) -> None:
    laid[0].put()
    page = visit()
    sight = "() => getComputedStyle(document.querySelector('.canvas img')).filter"
    page.get_by_role("button", name="Blurred. Show it").wait_for()
    assert page.evaluate(sight) == "blur(26px)"
    page.get_by_role("button", name="Blurred. Show it").click()
    page.wait_for_function(f"() => ({sight})() === 'none'")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Show pictures in grey").check()
    page.get_by_label("Blur pictures until I show them").uncheck()
    page.reload()
    page.locator(".face").wait_for()
    assert page.evaluate(sight) == "grayscale(1)"


def test_what_clients_send_is_text_and_nothing_else(visit: Visit, laid: Laid) -> None:
    item = laid[0].put(report(EVIL, warnings=(EVIL, "<script>alert(2)</script>")), name=EVIL, reason=EVIL)
    laid[0].store.decide(item, EVIL, "review", "unsure", EVIL)
    laid[0].put(report(EVIL), name=EVIL, reason=EVIL)
    page = visit(f"/review#{item}")
    opened(page, EVIL)
    assert page.locator("#waiting .name").all_inner_texts() == [EVIL, EVIL]  # what was kept for review waits again
    assert page.locator("blockquote").inner_text() == EVIL
    assert page.locator(".warnings li").all_inner_texts() == [EVIL, "<script>alert(2)</script>"]
    assert page.locator("img[onerror], main script").count() == 0


def test_on_a_phone_there_is_the_queue_or_a_file_and_nothing_sticks_out(visit: Visit, laid: Laid) -> None:
    laid[0].put(report("a_very_long_name_" * 8 + ".jpg"))
    laid[0].put(clip("talk.mp4"))
    page = visit(viewport=PHONE, has_touch=True)
    page.locator("#waiting button").nth(1).tap()
    opened(page, "talk.mp4")
    fits = "() => document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    assert not page.locator("#waiting").is_visible()
    page.get_by_role("button", name="Queue").tap()
    page.locator("#waiting button").first.tap()
    opened(page, "a_very_long_name_")
    assert page.evaluate(fits)
    page.get_by_label("Real").tap()
    page.get_by_label("Allow").tap()
    page.get_by_role("button", name="Record decision").tap()
    opened(page, "talk.mp4")
    assert decisions(laid[0]) == [("allow", "real", "")]
