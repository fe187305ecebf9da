"""The operator's guide says what is so: settings and defaults, paths, options, and a snippet that works."""

from __future__ import annotations

import re
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from detector.cli import COMMANDS
from detector.service.api.app import create_app
from detector.service.settings import Settings
from detector.service.webhooks import secret, sign

SERVICE = Path(__file__).resolve().parents[2] / "detector" / "service"
GUIDE = (SERVICE / "README.md").read_text(encoding="utf-8")


def leaves(values: Any, table: str = "") -> Iterator[tuple[str, str]]:
    """Every setting with its default, as TOML writes it."""
    for field in fields(values):
        value = getattr(values, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{field.name}.")
        else:
            yield f"{table}{field.name}", toml(value)


def toml(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def test_the_table_has_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \|", GUIDE, re.MULTILINE)
    assert rows == list(leaves(Settings()))


def test_every_path_is_served(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    settings.state.mkdir()
    app = create_app(settings)
    app.state.service.store.close()
    documented = {re.sub(r"\{\w+\}", "{}", path) for path in app.openapi()["paths"]}
    told = set(re.findall(r"(?:GET|POST) (/[\w/{}.]+)", GUIDE))
    assert len(told) > 8
    assert {re.sub(r"\{\w+\}", "{}", path) for path in told} <= documented


def test_every_command_and_option_is_there() -> None:
    shown = re.findall(r"`detector ([a-z-]+)([^`]*)`|^    detector ([a-z-]+)(.*)$", GUIDE, re.MULTILINE)
    told = {(first or second, rest + more) for first, rest, second, more in shown}
    assert {"serve", "work", "keys", "policy", "recalibrate", "score"} <= {name for name, _ in told}
    for name, words in told:
        assert set(re.findall(r"--[a-z-]+", words)) <= set(options(name)), (name, words)


def options(name: str) -> list[str]:
    """Of a command and of its own commands."""
    parser = ArgumentParser()
    import_module(COMMANDS[name][0]).add_arguments(parser)
    return re.findall(r"--[a-z-]+", " ".join(map(str, parsers(parser))))


def parsers(parser: ArgumentParser) -> Iterator[str]:
    yield parser.format_help()
    for action in parser._actions:
        for below in action.choices.values() if isinstance(action.choices, dict) else ():
            yield from parsers(below)


def test_all_that_is_linked_is_there() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", GUIDE) if not link.startswith("http")]
    assert {"deploy/compose.yaml", "THREATS.md"} <= set(links)
    assert [link for link in links if not (SERVICE / link).exists()] == []


@pytest.fixture
def verify() -> Callable[..., None]:
    """The function that receivers are told to use."""
    [code] = [block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "def verify" in block]
    space: dict[str, Any] = {}
    exec(code, space)
    found: Callable[..., None] = space["verify"]
    return found


def test_receivers_are_told_a_check_that_works(verify: Callable[..., None]) -> None:
    key, body, now = secret.make(), b'{"type": "job.finished"}', int(time.time())
    verify(sign("msg_1", now, body, key), body, key)
    verify(sign("msg_1", now, body, f"{secret.make()} {key}"), body, key)
    for headers, content in (
        (sign("msg_1", now, body, secret.make()), body),
        (sign("msg_1", now, body, key), body + b" "),
        (sign("msg_1", now - 400, body, key), body),
        ({**sign("msg_1", now - 400, body, key), "webhook-timestamp": str(now)}, body),
    ):
        with pytest.raises(ValueError, match=r"does not fit|too old"):
            verify(headers, content, key)
