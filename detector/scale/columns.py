"""The columns of results, as the nouns have them: a field that a noun gains is a column from then on."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

PLAIN = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}


def schema_of(noun: type) -> pa.Schema:
    """The columns of a dataclass: structs for dataclasses, lists for tuples of one type, maps for dicts.

    Raises:
        TypeError: a field of another type.
    """
    return pa.schema(_fields(noun))


def _fields(noun: type) -> list[tuple[str, pa.DataType]]:
    kinds = get_type_hints(noun)
    return [(field.name, _column(kinds[field.name])) for field in fields(noun)]


def _column(kind: Any) -> pa.DataType:
    parts = [part for part in get_args(kind) if part not in (NoneType, Ellipsis)]
    match get_origin(kind):
        case None if kind in PLAIN:
            return PLAIN[kind]
        case None if isinstance(kind, type) and is_dataclass(kind):
            return pa.struct(_fields(kind))
        case origin if origin is Literal:
            return pa.string()
        case origin if origin in (Union, UnionType) and len(parts) == 1:
            return _column(parts[0])
        case origin if origin is tuple and len(set(parts)) == 1:
            return pa.list_(_column(parts[0]))
        case origin if origin is dict:
            return pa.map_(*map(_column, parts))
    raise TypeError(f"expected a type that a column can have, got {kind}")
