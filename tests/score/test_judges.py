"""A batch in parts is the batch: whatever the number of threads, the same answers in the same order."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detector.score.judge import Judge
from detector.score.judges import Judges, narrow_threads, split
from detector.score.look import Sight
from detector.types import Face, Frame, Pixels


def sight(faces: int, pixels: Pixels | None = None) -> Sight:
    """A sight with so many usable faces, and one that is too small."""
    frame = Frame(np.zeros((8, 8, 3), np.uint8) if pixels is None else pixels)
    face = Face(np.array([178, 63, 268, 176], np.float32), np.full((5, 2), 120, np.float32), 1.0)
    return Sight(frame, (face,) * (faces + 1), (None,) * faces + ("too_small",))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30).filter(any), st.integers(1, 9))
def test_parts_are_the_sights_in_order_and_as_even_as_sights_allow(faces: list[int], parts: int) -> None:
    sights = [sight(count) for count in faces]
    made = list(split(sights, parts))
    assert [one for part in made for one in part] == sights
    assert len(made) <= parts
    assert max(sum(len(one.usable) for one in part) for part in made) <= sum(faces) / parts + max(faces)


def test_twelve_faces_on_two_cores_are_six_and_six() -> None:
    assert [len(part) for part in split([sight(1)] * 12, 2)] == [6, 6]


@pytest.fixture(scope="module")
def real_judge() -> Judge:
    from detector.score import Detector

    return Detector.load().judges.judge


@pytest.mark.parametrize("parts", [2, 3])
def test_the_real_models_say_the_same_in_parts(real_judge: Judge, astronaut: Pixels, parts: int) -> None:
    shades = [(astronaut * level).astype(np.uint8) for level in (1.0, 0.9, 0.8, 0.7)]
    sights = [sight(count, pixels) for count, pixels in zip((1, 0, 2, 1), shades, strict=True)]
    judges = Judges(lambda: real_judge)
    judges.count = parts
    together, alone = judges(sights), real_judge(sights)
    assert [one.sight for one in together] == sights
    for one, other in zip(together, alone, strict=True):
        assert [face.reason for face in one.faces] == [face.reason for face in other.faces]
        assert [face.probability for face in one.faces[:-1]] == pytest.approx(
            [face.probability for face in other.faces[:-1]], abs=1e-4
        )
        assert np.allclose(one.reconstruction, other.reconstruction, atol=1e-4)
        assert list(one.crops.faces) == list(other.crops.faces)


def test_without_a_usable_face_no_model_is_loaded() -> None:
    def unexpected() -> Judge:
        raise AssertionError("nothing was there to judge")

    assert [one.faces[0].reason for one in Judges(unexpected)([sight(0), sight(0)])] == ["too_small"] * 2


def in_a_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("wide", [2, 3])
def test_only_the_threads_of_the_pool_are_narrow(wide: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(wide)
    try:
        with narrow_threads(3) as pool:
            assert {pool.submit(torch.get_num_threads).result() for _ in range(9)} == {1}
            assert (torch.get_num_threads(), in_a_thread()) == (wide, wide), "no thread outside notices"
    finally:
        torch.set_num_threads(before)


def test_the_threads_of_the_pool_work_at_the_same_time() -> None:
    together = threading.Barrier(3)
    with narrow_threads(3) as pool:
        places = [pool.submit(together.wait, 10) for _ in range(3)]
        assert all(later == earlier + 1 for earlier, later in pairwise(sorted(place.result() for place in places)))
