"""Columns follow the nouns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pytest

from detector.scale.columns import schema_of


@dataclass
class Part:
    name: str
    size: int


@dataclass
class Whole:
    parts: tuple[Part, ...]
    box: tuple[float, float]
    colour: Literal["red", "blue"] | None
    versions: dict[str, str]
    best: Part | None
    fine: bool


@dataclass
class Strange:
    anything: Any


def test_every_kind_of_field_has_its_column() -> None:
    part = pa.struct([("name", pa.string()), ("size", pa.int64())])
    assert schema_of(Whole) == pa.schema(
        [
            ("parts", pa.list_(part)),
            ("box", pa.list_(pa.float64())),
            ("colour", pa.string()),
            ("versions", pa.map_(pa.string(), pa.string())),
            ("best", part),
            ("fine", pa.bool_()),
        ]
    )


def test_a_field_that_no_column_can_hold_is_refused() -> None:
    with pytest.raises(TypeError, match=r"got typing\.Any"):
        schema_of(Strange)
