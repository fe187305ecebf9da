"""Faces are cut once, under one history each, whatever else is cut; and sources are thinned evenly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.benchmark.datasets import origin
from detector.benchmark.datasets.manifest import from_manifest
from detector.benchmark.vae_study.cut import CHUNK, cached, cut_faces, digest, thinned
from tests.benchmark.fakes import MiddleFace, dataset


def test_crops_are_cut_once_and_belong_to_their_pictures(tmp_path: Path) -> None:
    samples = from_manifest(dataset(tmp_path, {"train": 8}))
    assert len(samples) > CHUNK
    detect = MiddleFace()
    first = list(cut_faces(samples, detect, 64, tmp_path / "cache"))
    again = list(cut_faces(samples, detect, 64, tmp_path / "cache"))
    assert detect.seen == len(samples)
    for one, two in zip(first, again, strict=True):
        assert one.samples == two.samples
        np.testing.assert_array_equal(one.crops.pixels, two.crops.pixels)
        assert set(one.crops.faces) == set(range(len(one.samples)))
        assert one.crops.size == 64
    # Every tenth picture is black: nobody is there.
    assert sum(len(part.samples) for part in first) == len(samples) - 4


def test_a_picture_has_one_history_whatever_else_is_cut(tmp_path: Path) -> None:
    samples = from_manifest(dataset(tmp_path, {"train": 1}))
    together = next(cut_faces(samples[1:], MiddleFace(), 64, tmp_path / "cache"))
    alone = next(cut_faces(samples[2:3], MiddleFace(), 64, tmp_path / "cache"))
    np.testing.assert_array_equal(together.crops.pixels[together.crops.faces == 1], alone.crops.pixels)


def test_another_size_or_detector_is_cut_anew(tmp_path: Path) -> None:
    samples = from_manifest(dataset(tmp_path, {"train": 1}))
    keys = {next(cut_faces(samples, MiddleFace(), size, tmp_path / "cache")).key for size in (32, 64)}
    assert len(keys) == 2
    assert digest("a") == digest("a") != digest("b")


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, object]:
        made.append(1)
        return {"x": np.arange(3)}

    for _ in range(2):
        np.testing.assert_array_equal(cached(tmp_path / "deep" / "x.npz", make)["x"], [0, 1, 2])
    assert len(made) == 1


def test_sources_are_thinned_evenly(tmp_path: Path) -> None:
    samples = from_manifest(dataset(tmp_path, {"train": 6}))
    kept = thinned(samples, {"camera-a": 3, "gan": 100})
    assert [origin(sample) for sample in kept] == ["camera-a"] * 3 + ["gan"] * 6
    own = [sample for sample in samples if origin(sample) == "camera-a"]
    assert kept[:3] == own[::2]
