"""A config says what its dataclass says, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from detector import config
from detector.errors import ConfigError


@dataclass(frozen=True)
class Optimiser:
    rate: float = 0.1


@dataclass(frozen=True)
class Study:
    steps: int
    quality: tuple[int, int] = (80, 95)
    optimiser: Optimiser = field(default_factory=Optimiser)


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_fills_the_dataclass_and_its_tables(tmp_path: Path) -> None:
    path = write(tmp_path, "steps = 3\nquality = [60, 70]\n[optimiser]\nrate = 1")
    assert config.load(Study, path) == Study(3, (60, 70), Optimiser(1.0))


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    assert config.load(Study, write(tmp_path, "steps = 3"), steps=5).steps == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stepz = 3", r"unknown key 'stepz'; known: optimiser, quality, steps"),
        ("steps = 3\n[optimiser]\nspeed = 1", r"\[optimiser\]: unknown key 'speed'; known: rate"),
        ("steps = 'many'", r"steps: .*integer.*got 'many'"),
        ("", r"steps: .*required"),
        ("steps = = 3", r"is not TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        config.load(Study, write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        config.load(Study, tmp_path / "nowhere.toml")
