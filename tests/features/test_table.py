"""What holds for every kind of feature, and for the table that they make together."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from detector.errors import ShapeError, UnknownNameError
from detector.features import FEATURES, REGIONS, WHOLE, compute_features
from detector.types import VIEWS, Crops, FeatureTable, Reconstruction

from .conftest import Vae, codes

NEEDS = {
    "perceptual": "hidden",
    "second_pass": "second",
    "latent_shift": "second",
    "kl": "kl",
    "posterior": "logvar",
    "likelihood": "nll",
    "coding": "entropy",
    "elbo": "kl",
}
SCANNED = ("cooccurrence", "likelihood")
"""Kinds that go over a crop from left to right; the mirrored crop gives nearly, not exactly, the mirrored values."""


def take(crops: Crops, rows: np.ndarray) -> Crops:
    return Crops(*(getattr(crops, f.name)[rows] for f in fields(crops)))


def same(one: FeatureTable, other: FeatureTable, tolerance: float = 1e-4) -> None:
    assert one.names == other.names
    close = np.isclose(one.values, other.values, atol=tolerance, rtol=tolerance, equal_nan=True).all(axis=0)
    assert [name for name, fine in zip(one.names, close, strict=True) if not fine] == []


@pytest.mark.parametrize("kind", FEATURES)
class TestEveryKind:
    def test_one_finite_row_per_face(self, kind: str, crops: Crops, vae: Vae) -> None:
        table = compute_features(crops, vae(crops), "m", [kind])
        assert table.values.shape == (2, len(table.names))
        assert table.values.dtype == np.float32
        assert np.isfinite(table.values).all()
        parts = [name.split(".") for name in table.names]
        assert {part[0] for part in parts} == {"m"}
        assert {part[1] for part in parts} == {"whole", "native"}
        assert {part[2] for part in parts} == {kind}
        assert {part[3] for part in parts} == {*REGIONS, WHOLE}
        assert {len(part) for part in parts} == {5}

    def test_no_number_is_the_same_for_every_face(self, kind: str, crops: Crops, vae: Vae) -> None:
        table = compute_features(crops, vae(crops), "m", [kind])
        constant = {n.split(".", 3)[3] for n, (a, b) in zip(table.names, table.values.T, strict=True) if a == b}
        varying = {n.split(".", 3)[3] for n, (a, b) in zip(table.names, table.values.T, strict=True) if a != b}
        assert constant <= varying

    def test_faces_do_not_see_one_another(self, kind: str, crops: Crops, vae: Vae) -> None:
        together = compute_features(crops, vae(crops), "m", [kind])
        alone = [take(crops, crops.faces == face) for face in (3, 7)]
        parts = [compute_features(part, vae(part), "m", [kind]) for part in alone]
        same(together, FeatureTable(np.vstack([p.values for p in parts]), parts[0].names))

    def test_crops_may_come_in_any_order(self, kind: str, crops: Crops, vae: Vae) -> None:
        shuffled = take(crops, np.array([5, 2, 0, 4, 1, 3]))
        same(compute_features(crops, vae(crops), "m", [kind]), compute_features(shuffled, vae(shuffled), "m", [kind]))

    def test_the_same_input_gives_the_same_bits(self, kind: str, crops: Crops, vae: Vae) -> None:
        one, other = (compute_features(crops, vae(crops), "m", [kind]).values for _ in range(2))
        assert np.array_equal(one, other)

    def test_identity_keeps_every_number_finite(self, kind: str, crops: Crops) -> None:
        pixels = torch.from_numpy(crops.pixels)
        second = replace(codes(pixels, None), pixels=pixels)
        table = compute_features(crops, replace(second, second=second), "m", [kind])
        assert np.isfinite(table.values).all()

    def test_flat_black_crops_keep_every_number_finite(self, kind: str, crops: Crops, vae: Vae) -> None:
        black = replace(crops, pixels=np.zeros_like(crops.pixels))
        assert np.isfinite(compute_features(black, vae(black), "m", [kind]).values).all()

    def test_it_does_not_exist_without_what_it_needs(self, kind: str, crops: Crops, vae: Vae) -> None:
        bare = replace(vae(crops), **{NEEDS[kind]: None}) if kind in NEEDS else vae(crops)
        names = compute_features(crops, bare, "m", [kind]).names
        assert bool(names) is (kind not in NEEDS)

    def test_mirroring_the_picture_swaps_right_and_left(self, kind: str, crops: Crops, vae: Vae) -> None:
        landmarks = crops.landmarks[:, [1, 0, 2, 4, 3]].copy()
        landmarks[..., 0] = crops.size - landmarks[..., 0]
        mirrored = replace(crops, pixels=crops.pixels[..., ::-1].copy(), landmarks=landmarks)
        there, back = (compute_features(c, vae(c), "m", [kind]) for c in (crops, mirrored))
        swapped = [
            name.replace("right_", "X_").replace("left_", "right_").replace("X_", "left_") for name in there.names
        ]
        expected = [back.values[:, back.names.index(name)] for name in swapped]
        tolerance = 0.1 if kind in SCANNED else 2e-3
        np.testing.assert_allclose(there.values, np.stack(expected, axis=1), atol=tolerance, rtol=2e-3)


def test_an_error_of_nothing_is_zero(crops: Crops, vae: Vae) -> None:
    perfect = replace(vae(crops), pixels=torch.from_numpy(crops.pixels))
    table = compute_features(crops, perfect, "m", ["error", "structure"])
    row = dict(zip(table.names, table.values[0], strict=True))
    assert row["m.native.error.mouth.signed_red"] == 0
    assert row["m.native.error.mouth.log_abs"] == pytest.approx(np.log(0.025 / 255))
    assert row["m.native.structure.mouth.ssim"] == pytest.approx(1, abs=1e-5)


def test_tiles_pool_to_the_big_picture(crops: Crops) -> None:
    """Where a map is a function of the pixel alone, four tiles say what one picture of twice the side says."""
    tiles = take(crops, crops.native & (crops.faces == 3))
    rows = [np.concatenate(tiles.pixels[i : i + 2], axis=-1) for i in (0, 2)]
    picture = np.concatenate(rows, axis=-2)[None]
    big = Crops(picture, tiles.landmarks[:1], tiles.boxes[:1], np.array([3]), np.array([False]), np.array([True]))

    def made(part: Crops) -> Reconstruction:
        pixels = torch.from_numpy(part.pixels)
        again = replace(codes(pixels**1.1, None), pixels=pixels**1.3)
        return replace(codes(pixels, again), pixels=pixels**1.2, nll=pixels.mean(dim=1))

    kinds = ["error", "colour", "second_pass", "latent_shift", "perceptual", "kl", "posterior", "coding", "elbo"]
    same(compute_features(tiles, made(tiles), "m", kinds), compute_features(big, made(big), "m", kinds), 1e-3)


def test_one_view_says_what_it_says_beside_the_other(crops: Crops, vae: Vae) -> None:
    both = compute_features(crops, vae(crops), "m", ["error", "kl"])
    for view in VIEWS:
        part = crops.of([view])
        alone = compute_features(part, vae(part), "m", ["error", "kl"], [view])
        own = [place for place, name in enumerate(both.names) if name.startswith(f"m.{view}.")]
        assert alone.names == tuple(both.names[place] for place in own)
        np.testing.assert_allclose(alone.values, both.values[:, own], rtol=1e-4, atol=1e-5)


def test_a_region_that_no_crop_shows_has_no_value(crops: Crops, vae: Vae) -> None:
    top = take(crops, np.flatnonzero(crops.native & (crops.faces == 3))[:1])
    table = compute_features(top, vae(top), "m", ["error"])
    row = dict(zip(table.names, table.values[0], strict=True))
    assert np.isfinite(row["m.native.error.right_eye.log_abs"])
    assert np.isfinite(row["m.native.error.whole.log_abs"])
    assert np.isnan(row["m.native.error.mouth.log_abs"])
    assert np.isnan(row["m.native.error.whole.cheeks_asymmetry_log_abs"])
    assert np.isnan([value for name, value in row.items() if ".whole.error." in name]).all()


def test_comparisons_are_differences_between_regions(crops: Crops, vae: Vae) -> None:
    table = compute_features(crops, vae(crops), "m", ["error"])
    row = dict(zip(table.names, table.values[0], strict=True))
    right, left = row["m.whole.error.right_eye.tail"], row["m.whole.error.left_eye.tail"]
    assert row["m.whole.error.whole.eyes_asymmetry_tail"] == pytest.approx(abs(right - left), abs=1e-5)


def test_the_whole_set_has_a_size_that_a_classifier_can_hold(crops: Crops, vae: Vae) -> None:
    assert 1000 < len(compute_features(crops, vae(crops), "m").names) < 1800


def test_no_crops_make_no_rows_but_all_names(crops: Crops, vae: Vae) -> None:
    nothing = take(crops, np.array([], int))
    table = compute_features(nothing, vae(nothing), "m")
    assert len(table) == 0
    assert table.names == compute_features(crops, vae(crops), "m").names


def test_an_unknown_kind_lists_the_known(crops: Crops, vae: Vae) -> None:
    with pytest.raises(UnknownNameError, match="unknown feature kind 'aura'; known: autocorrelation, coding"):
        compute_features(crops, vae(crops), "m", ["aura"])


def test_a_reconstruction_of_other_crops_is_refused(crops: Crops, vae: Vae) -> None:
    with pytest.raises(ShapeError, match=r"expected \(6, 3, 64, 64\), got \(1, 3, 64, 64\)"):
        compute_features(crops, vae(take(crops, np.array([0]))), "m")
