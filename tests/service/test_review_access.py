"""The review page for everybody: names, order, contrast, focus and motion, as WCAG 2.2 (AA) wants them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.service.browser import PHONE, Visit, give_chromium, give_laid, give_visit  # noqa: F401
from tests.service.reviewing import Desk, clip, face, report
from tests.service.test_review_page import opened

Laid = tuple[Desk, str]

UNNAMED = """() => [...document.querySelectorAll('button, input, textarea, a, img, dialog, nav, section, video')]
  .filter(node => node.checkVisibility())
  .filter(node => {
    const labelledby = node.getAttribute('aria-labelledby');
    if (node.tagName === 'IMG') return !node.hasAttribute('alt');
    const name = node.getAttribute('aria-label')
      ?? (labelledby ? document.getElementById(labelledby)?.textContent : null)
      ?? (node.labels?.length ? [...node.labels].map(label => label.textContent).join(' ') : node.textContent);
    return !name.trim();
  }).map(node => node.outerHTML)"""

CONTRASTS = """() => {
  const parse = colour => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d');
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest('.unseen, noscript')) continue;
    const style = getComputedStyle(node);
    const ink = parse(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(node))].sort((x, y) => y - x);
    const key = `${node.tagName}.${node.className.baseVal ?? node.className}: ${walker.currentNode.data.slice(0, 30)}`;
    found[key] = (a + 0.05) / (b + 0.05);
  }
  return found;
}"""

FOCUSED = """() => {
  const node = document.activeElement;
  const style = getComputedStyle(node.closest('.option') ?? node);
  const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return node === document.body ? null : [node.textContent || node.name || node.id, seen];
}"""

MOVING = """() => [...document.querySelectorAll('*')]
  .filter(node => parseFloat(getComputedStyle(node).transitionDuration) > 0).length"""


def busy(desk: Desk) -> str:
    """One file of each kind, the first with all that a page can show; its id."""
    faces = (face(), face(None, "too_blurry", left=230), face(0.97, left=10))
    item = desk.put(report("three.jpg", faces, warnings=("the picture has no camera data",)))
    desk.put(clip("talk.mp4"), keeps_media=True)
    desk.put(report("none.jpg", ()), pictures={})
    desk.store.decide(item, "Ana", "review", "unsure", "look at the teeth")
    return item


@pytest.fixture(params=["image", "video", "empty", "settings", "help", "key"])
def state(request: pytest.FixtureRequest) -> str:
    """What the page is to show."""
    return str(request.param)


def show(state: str, visit: Visit, laid: Laid, **options: Any) -> Any:
    """The page in that state."""
    desk = laid[0]
    item = busy(desk) if state != "empty" else ""
    if state == "key":
        desk.store.add_key("Ana", ("review",))
        page = visit(expected=("401",), **options)
        page.get_by_label("A key with the scope “review”").wait_for()
        return page
    page = visit(f"/review#{item}" if state == "image" else "/review", **options)
    opened(page, {"image": "three.jpg", "empty": "Nothing waits"}.get(state, "talk.mp4"))
    if state == "image":
        page.locator(".face").first.wait_for()
    if state in ("settings", "help"):
        page.locator(f"#open-{state}").click()
    return page


def test_everything_has_a_name(state: str, visit: Visit, laid: Laid) -> None:
    assert show(state, visit, laid).evaluate(UNNAMED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out(state: str, scheme: str, visit: Visit, laid: Laid) -> None:
    contrasts = show(state, visit, laid, color_scheme=scheme).evaluate(CONTRASTS)
    assert len(contrasts) > 5
    assert {words: round(ratio, 2) for words, ratio in contrasts.items() if ratio < 4.5} == {}


def test_headings_and_landmarks_tell_the_structure(visit: Visit, laid: Laid) -> None:
    page = show("image", visit, laid)
    levels = page.evaluate(
        "() => [...document.querySelectorAll('h1,h2,h3,h4')].filter(n => n.checkVisibility()).map(n => +n.tagName[1])"
    )
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate(
        "() => ['main', 'nav', 'header'].map(tag => document.querySelectorAll(`body ${tag}`).length)"
    ) == [1, 1, 2]
    assert page.locator("html").get_attribute("lang") == "en"
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE}])
def test_whatever_can_be_pressed_is_large_enough(options: dict[str, Any], visit: Visit, laid: Laid) -> None:
    page = show("image", visit, laid, **options)
    small = page.evaluate(
        "() => [...document.querySelectorAll('button, summary, .option, textarea')].filter(n => n.checkVisibility())"
        ".map(n => [n.textContent, n.getBoundingClientRect()]).filter(([, r]) => r.width < 24 || r.height < 24)"
        ".map(([words]) => words)"
    )
    assert small == []


def test_focus_goes_through_the_page_in_order_and_is_seen(visit: Visit, laid: Laid) -> None:
    page = show("image", visit, laid)
    page.locator(".skip").focus()
    skip = page.evaluate(
        "() => [document.activeElement.textContent, document.activeElement.getBoundingClientRect().top >= 0]"
    )
    assert skip == ["Skip to the file", True]
    places = []
    for _ in range(60):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:
            break
        places.append(at)
    assert [words for words, seen in places if not seen] == []
    words = [words for words, _ in places]
    order = [
        words.index(part)
        for part in ("Settings", "Picture", "Face 1 · 62%", "label", "note", "Record my decision as well")
    ]
    assert order == sorted(order)


def test_nothing_moves_for_who_wants_no_motion(visit: Visit, laid: Laid) -> None:
    assert show("image", visit, laid, reduced_motion="reduce").evaluate(MOVING) == 0
    page = visit(reduced_motion="no-preference")
    opened(page, "talk.mp4")
    assert page.evaluate(MOVING) > 0


def test_colour_is_never_the_only_sign(visit: Visit, laid: Laid) -> None:
    page = show("image", visit, laid)
    page.keyboard.press("s")
    styles = page.evaluate(
        "() => [...document.querySelectorAll('.face')].map(node => getComputedStyle(node).borderTopStyle)"
    )
    assert styles == ["solid", "dashed", "double"]
    fills = [
        page.locator(f".bar .{kind}").first.evaluate("node => getComputedStyle(node).backgroundImage")
        for kind in ("fake", "real")
    ]
    assert fills[0] == "none"
    assert "gradient" in fills[1]
    assert page.locator(".chip.fake").inner_text() == "▲ called fake"
