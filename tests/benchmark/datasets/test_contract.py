"""What every layout of a dataset has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.benchmark.datasets import DATASETS
from detector.errors import ConfigError

CARDS = Path(__file__).resolve().parents[3] / "data"


@pytest.mark.parametrize("name", DATASETS)
def test_every_layout_says_what_tells_it_and_has_a_card(name: str) -> None:
    assert DATASETS[name].marks
    assert (CARDS / DATASETS[name].card).is_file(), f"{name}: no data/{DATASETS[name].card}"


@pytest.mark.parametrize("name", DATASETS)
def test_no_layout_is_told_or_read_where_there_is_nothing(name: str, tmp_path: Path) -> None:
    assert not DATASETS[name].looks_like(tmp_path)
    assert not DATASETS[name].looks_like(tmp_path / "none")
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match=root.name):
            DATASETS[name].read(root)
