"""Debian's Chromium, driven by Playwright, and a review page in it that tells of everything that goes wrong.

The fixtures are called `chromium`, `laid` and `visit` where these functions are imported.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.reviewing import Desk, desk, served

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 360, "height": 740}

Visit = Callable[..., Any]


# Not of the session: while Playwright runs, no other test could run an event loop of its own.
@pytest.fixture(name="chromium", scope="module")
def give_chromium() -> Iterator[Any]:
    """A browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("the browser tests need Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(name="laid")
def give_laid(tmp_path: Path) -> Iterator[tuple[Desk, str]]:
    """A service with nothing on its desk, and its address."""
    with desk(tmp_path) as made, served(made.app) as url:
        yield made, url


@pytest.fixture(name="visit")
def give_visit(chromium: Any, laid: tuple[Desk, str]) -> Iterator[Visit]:
    """Opens the review page in a browser of its own; in the end, nothing must have been said on its console.

    ``visit(path="/review", expected=(), **context)``: `expected` are parts of console messages that may come.
    """
    _, url = laid
    contexts, complaints = [], []

    def open_page(path: str = "/review", expected: tuple[str, ...] = (), **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": DESKTOP, **options})
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()

        def complain(words: str) -> None:
            if not any(part in words for part in expected):
                complaints.append(words)

        page.on("console", lambda message: complain(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complain(f"error: {error}"))
        page.on("dialog", lambda dialog: (complain(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
