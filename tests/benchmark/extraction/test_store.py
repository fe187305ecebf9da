"""The store: what was added is read back to the last bit, and a killed writer costs nothing that was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detector.benchmark.extraction.store import FeatureStore, Unit
from detector.types import FeatureTable

NAMES = ("a.whole.error.mouth.mean", "a.whole.error.nose.mean")


def unit(values: np.ndarray, reasons: tuple[str, ...]) -> Unit:
    return Unit(tuple(range(len(reasons))), reasons, FeatureTable(values, NAMES) if len(values) else None)


@given(values=hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(2)), elements=st.floats(width=32)))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_come_back_bit_for_bit(tmp_path: Path, values: np.ndarray) -> None:
    name = values.tobytes().hex() or "none"
    reasons = ("",) * len(values) + ("no_face",)
    FeatureStore(tmp_path).add([(name, unit(values, reasons)), ("empty", Unit((0,), ("truncated",), None))])
    found = FeatureStore(tmp_path).read([name])[name]
    assert (found.frames, found.reasons) == (tuple(range(len(reasons))), reasons)
    if len(values):
        assert found.table is not None
        assert found.table.names == NAMES
        assert found.table.values.tobytes() == values.tobytes()
    else:
        assert found.table is None


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.add([("one", unit(np.ones((1, 2), np.float32), ("",)))])
    store.add([("one", unit(np.zeros((1, 2), np.float32), ("",)))])
    table = store.read(["one"])["one"].table
    assert table is not None
    assert table.values.tolist() == [[1, 1]]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_was_not_finished_is_none(tmp_path: Path) -> None:
    FeatureStore(tmp_path).add([("one", unit(np.ones((1, 2), np.float32), ("",)))])
    (tmp_path / "half.part").write_bytes(next(tmp_path.glob("*.parquet")).read_bytes()[:50])
    assert "one" in FeatureStore(tmp_path)
    assert "two" not in FeatureStore(tmp_path)
    with pytest.raises(KeyError):
        FeatureStore(tmp_path).read(["two"])
