"""How work is cut, without Ray."""

from __future__ import annotations

import pytest

from detector.scale.engine import MOST_TASKS, Crew, files_a_task


@pytest.mark.parametrize(
    ("files", "lookers", "each"),
    [(1, 2, 1), (8, 2, 1), (9, 2, 2), (60, 2, 8), (2000, 2, 16), (2000, 64, 8), (1_000_000, 64, 245)],
)
def test_a_task_is_small_but_not_every_file_is_one(files: int, lookers: int, each: int) -> None:
    assert files_a_task(files, Crew(lookers, lookers)) == each
    assert files / each <= MOST_TASKS
