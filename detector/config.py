"""TOML files into frozen dataclasses: what a file may say is what its dataclass says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from detector.errors import ConfigError

T = TypeVar("T")


def load(cls: type[T], path: Path, **overrides: object) -> T:
    """Read a TOML file into the dataclass `cls`.

    Args:
        cls: a dataclass; a field that is itself a dataclass is a [table] of the file.
        path: the file.
        overrides: values that win over the file's.

    Raises:
        ConfigError: no such file, no TOML, an unknown key, a missing or an impossible value.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config {path} is not TOML: {error}") from error
    return parse(cls, {**data, **overrides}, str(path))


def parse(cls: type[T], data: Mapping[str, object], where: str) -> T:
    """Make the dataclass `cls` of plain values; `where` names their origin in errors."""
    from pydantic import TypeAdapter, ValidationError

    _refuse_unknown(cls, data, where)
    try:
        return TypeAdapter(cls).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {key}: {first['msg']}, got {first['input']!r}") from error


def _refuse_unknown(cls: type[Any], data: Mapping[str, object], where: str) -> None:
    known = {field.name for field in fields(cls)}
    if unknown := sorted(set(data) - known):
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    hints = get_type_hints(cls)
    for key, value in data.items():
        if is_dataclass(hints[key]) and isinstance(hints[key], type) and isinstance(value, Mapping):
            _refuse_unknown(hints[key], value, f"{where}: [{key}]")
