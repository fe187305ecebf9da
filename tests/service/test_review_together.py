"""The review page where there are others: a second reviewer, keys, and a service that does not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.service.browser import Visit, give_chromium, give_laid, give_visit  # noqa: F401
from tests.service.reviewing import Desk, desk, report, served
from tests.service.test_review_page import decisions, opened

Laid = tuple[Desk, str]
REFUSED = ("401", "409")
"""What the browser itself says of answers that are refusals."""


def test_the_second_of_two_reviewers_is_told_what_the_first_said(visit: Visit, laid: Laid) -> None:
    item = laid[0].put(report("both.jpg"))
    page = visit(f"/review#{item}", expected=REFUSED)
    opened(page, "both.jpg")
    page.get_by_label("Note").fill("I see seams")
    # Between two refreshes: no notice has come yet.
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Refresh the queue by itself").uncheck()
    page.get_by_role("button", name="Close").click()
    laid[0].store.decide(item, "Ana", "allow", "real", "my cousin")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    notice = page.locator(".notice.news")
    notice.wait_for()
    assert "While you looked, Ana allowed it (real)" in notice.inner_text()
    assert page.locator("blockquote").inner_text() == "my cousin"
    assert "Ana decided meanwhile" in page.locator(".decide .wrong").inner_text()
    assert page.get_by_label("Note").input_value() == "I see seams"  # nothing that was entered is lost
    assert page.get_by_label("Fake").is_checked()
    page.get_by_role("button", name="Record my decision as well").click()
    page.get_by_role("heading", name="Nothing waits").wait_for()
    assert decisions(laid[0]) == [("allow", "real", "my cousin"), ("block", "fake", "I see seams")]


def test_what_another_decides_shows_by_itself(visit: Visit, laid: Laid) -> None:
    item = laid[0].put(report("both.jpg"))
    page = visit()
    opened(page, "both.jpg")
    laid[0].store.decide(item, "Ana", "block", "fake", "")
    page.locator(".notice.news", has_text="While you looked, Ana blocked it (fake)").wait_for()
    assert page.title() == "(0) Review"
    opened(page, "both.jpg")  # it is not taken out of one's hands


def test_a_key_is_asked_for_kept_in_the_tab_and_named(visit: Visit, laid: Laid) -> None:
    item = laid[0].put()
    _, secret = laid[0].store.add_key("Ana", ("review",))
    page = visit(expected=REFUSED)
    field = page.get_by_label("A key with the scope “review”")
    field.fill("dk_wrong")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("That key was not taken").wait_for()
    field.fill(secret)
    page.get_by_role("button", name="Go on").click()
    page.locator(".face").wait_for()  # the picture too has come with the key
    assert page.locator("#who").inner_text() == "You are Ana"
    kept = page.evaluate("() => [Object.values(sessionStorage), JSON.stringify(localStorage), document.cookie]")
    assert kept[0] == [secret]
    assert secret not in "".join(kept[1:])
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nothing waits").wait_for()
    assert [(one.item_id, one.reviewer) for one in laid[0].store.reviews().items] == [(item, "Ana")]
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Forget the API key").click()
    field.wait_for()
    assert page.evaluate("() => sessionStorage.length") == 0


def test_a_key_that_may_not_review_is_told_so(visit: Visit, laid: Laid) -> None:
    _, secret = laid[0].store.add_key("uploads", ("score",))
    page = visit(expected=("401", "403"))
    page.get_by_label("A key with the scope “review”").fill(secret)
    page.get_by_role("button", name="Go on").click()
    banner = page.get_by_role("alert").filter(has_text="The API key may not do this")
    banner.wait_for()
    assert "expected a key with the scope review" in banner.inner_text()


def test_who_needs_no_key_can_sign_with_a_name(visit: Visit, laid: Laid) -> None:
    laid[0].put()
    page = visit()
    opened(page, "portrait.jpg")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Your name in the log").fill("Ben")
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("u")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nothing waits").wait_for()
    assert laid[0].store.reviews().items[0].reviewer == "Ben"


def test_a_service_out_of_reach_is_said_in_words(chromium: Any, tmp_path: Path) -> None:
    with desk(tmp_path) as made:
        made.put()
        with served(made.app) as url:
            page = chromium.new_page()
            page.goto(f"{url}/review")
            opened(page, "portrait.jpg")
        page.get_by_role("alert").filter(has_text="The service cannot be reached").wait_for()
        assert page.locator("#live").inner_text() == "Out of reach"
        page.keyboard.press("a")
        page.keyboard.press("Enter")
        page.locator(".decide .wrong", has_text="nothing was changed").wait_for()
        assert page.get_by_label("Allow").is_checked()
        assert made.store.reviews().items == ()
        page.close()
