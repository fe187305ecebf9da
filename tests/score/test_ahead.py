"""Working ahead changes when things are made, never what arrives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.score.ahead import ahead


@given(st.lists(st.integers()), st.integers(1, 5))
def test_the_same_items_in_the_same_order(items: list[int], depth: int) -> None:
    assert list(ahead(items, depth)) == items


def test_an_exception_arrives_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    stream = ahead(items())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_it_works_ahead_no_further_than_it_may() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    stream = ahead(items(), depth=3)
    assert next(stream) == 0
    time.sleep(0.3)
    assert 2 <= len(made) <= 5
    stream.close()


def test_closing_early_ends_the_thread() -> None:
    stream = ahead(iter(int, 1))
    next(stream)
    stream.close()
    assert not any(thread.name == "ahead" for thread in threading.enumerate())


def test_heavy_items_are_not_piled_up() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    stream = ahead(items(), depth=50, weigh=lambda _: 4.0, most=8.0)
    assert next(stream) == 0
    time.sleep(0.3)
    assert len(made) == 3, "one was taken, two weigh as much as may be ready"
    assert list(stream) == list(range(1, 100))
