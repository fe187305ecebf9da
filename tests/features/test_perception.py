"""What a frozen network says of faces."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from detector import weights
from detector.errors import WeightsError
from detector.faces import concat_crops, crop_faces
from detector.features import REGIONS, WHOLE, Backbone, compute_perception, load_backbone
from detector.features.backbone import ARCHITECTURE, ASSET, load_trunk, load_weights
from detector.types import Crops, Face, Frame


class Plain(nn.Module):
    """Three stages whose maps are averages of the picture and of its square: every number can be told by hand."""

    def forward(self, x: Tensor) -> list[Tensor]:
        two = torch.cat([x, x.square()], dim=1)
        return [nn.functional.avg_pool2d(two, side) for side in (8, 16, 32)]


PLAIN = Backbone(Plain(), "plain", "0")


def face_crops(size: float, seed: int = 0) -> Crops:
    """The crops of one face of `size` px in a picture of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (600, 600, 3), np.uint8)
    half = size / 2
    box = np.array([300 - half, 300 - half, 300 + half, 300 + half], np.float32)
    marks = np.array([[-0.2, -0.1], [0.2, -0.1], [0, 0.1], [-0.15, 0.3], [0.15, 0.3]], np.float32) * size + 300
    return crop_faces(Frame(pixels), [Face(box, marks.astype(np.float32), 1.0)], 128)


def several(*sizes: float) -> Crops:
    parts = [face_crops(size, seed) for seed, size in enumerate(sizes)]
    return concat_crops([replace(part, faces=part.faces + row) for row, part in enumerate(parts)], 128)


class TestComputePerception:
    def test_one_row_per_face_whatever_its_number_of_tiles(self) -> None:
        crops = several(100, 240, 310, 230)
        table = compute_perception(crops, PLAIN)
        assert table.values.shape == (4, len(table.names))
        assert np.isfinite(table.values).all()
        parts = [name.split(".") for name in table.names]
        assert {len(part) for part in parts} == {5}
        assert {part[0] for part in parts} == {"plain"}
        assert {part[1] for part in parts} == {"native"}
        assert {part[2] for part in parts} == {"embedding"}
        assert {part[3] for part in parts} == {*REGIONS, WHOLE}

    def test_a_face_says_the_same_alone_and_in_company(self) -> None:
        crops = several(310, 100, 240)
        together = compute_perception(crops, PLAIN)
        for face in range(3):
            own = Crops(*(getattr(crops, f.name)[crops.faces == face] for f in fields(crops)))
            alone = compute_perception(own, PLAIN)
            np.testing.assert_allclose(alone.values[0], together.values[face], rtol=1e-5, atol=1e-6)

    def test_tiles_are_put_together_as_they_were_cut(self) -> None:
        """The tiles of a face in four are seen as the one picture that they were cut from."""
        crops = face_crops(240)
        assert crops.native.sum() == 4
        seen: list[Tensor] = []

        class Watching(nn.Module):
            def forward(self, x: Tensor) -> list[Tensor]:
                seen.append(x)
                return Plain()(x)  # type: ignore[no-any-return]

        compute_perception(crops, Backbone(Watching(), "plain", "0"))
        assert {tuple(one.shape) for one in seen} == {(1, 3, 256, 256)}
        whole = seen[0][0]
        tiles = torch.from_numpy(crops.pixels[crops.native]) * 2 - 1
        torch.testing.assert_close(whole[:, :128, 128:], tiles[1])
        torch.testing.assert_close(whole[:, 128:, :128], tiles[2])

    def test_the_numbers_of_the_whole_are_the_mean_and_the_spread_of_each_channel(self) -> None:
        crops = face_crops(100)  # a single crop
        table = compute_perception(crops, PLAIN)
        found = dict(zip(table.names, table.values[0], strict=True))
        green = 2 * crops.pixels[crops.native][0, 1] - 1
        coarse = green.reshape(4, 32, 4, 32).mean(axis=(1, 3))
        assert found["plain.native.embedding.whole.mean_2_1"] == pytest.approx(coarse.mean(), abs=1e-5)
        assert found["plain.native.embedding.whole.spread_2_1"] == pytest.approx(coarse.std(), abs=1e-5)

    def test_what_is_changed_in_one_region_is_told_of_that_region(self) -> None:
        crops = face_crops(240)
        pixels = crops.pixels.copy()
        for tile, marks in zip(pixels, crops.landmarks, strict=True):  # the nose lies in a tile, or across some
            x, y = np.maximum(marks[2].astype(int), 0)
            tile[:, max(y - 16, 0) : y + 16, max(x - 16, 0) : x + 16] = 0
        before, after = (compute_perception(one, PLAIN) for one in (crops, replace(crops, pixels=pixels)))
        change = dict(zip(before.names, np.abs(after.values[0] - before.values[0]), strict=True))
        nose, forehead = (change[f"plain.native.embedding.{region}.mean_1_0"] for region in ("nose", "forehead"))
        assert nose > 10 * forehead


class TestEmbeddedBackbone:
    def test_it_tells_what_it_is_and_sees_in_three_stages(self) -> None:
        backbone = load_backbone()
        assert backbone.version == weights.version(weights.asset("backbone.safetensors"))
        with torch.no_grad():
            maps = backbone(torch.rand(2, 3, 128, 128))
        assert [tuple(one.shape) for one in maps] == [(2, 40, 16, 16), (2, 112, 8, 8), (2, 320, 4, 4)]

    def test_it_is_the_network_that_timm_has(self) -> None:
        """Also where a side is odd, and "same" has to lay the longer border right and below."""
        peer = timm.create_model(ARCHITECTURE, features_only=True, out_indices=(2, 3, 4)).eval()
        load_weights(peer, weights.asset(ASSET))
        for side in (96, 95, 33):
            pixels = torch.rand(2, 3, side, side + 6, generator=torch.Generator().manual_seed(side)) * 2 - 1
            with torch.no_grad():
                for ours, theirs in zip(load_trunk()(pixels), peer(pixels), strict=True):
                    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)

    def test_folding_changes_no_number(self) -> None:
        pixels = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
        backbone = load_backbone()
        with torch.no_grad():
            trained = load_trunk()(2 * pixels - 1)
        assert not any(isinstance(part, nn.BatchNorm2d) for part in backbone.network.modules())
        for folded, plain in zip(backbone(pixels), trained, strict=True):
            torch.testing.assert_close(folded, plain, rtol=1e-4, atol=1e-4)

    def test_it_has_learnt_to_see(self) -> None:
        """A photo and itself a little darker look alike to it; a photo and noise of the same colours do not."""
        data = pytest.importorskip("skimage.data")
        photo = torch.from_numpy(data.astronaut()[:256, 96:352].copy()).permute(2, 0, 1)[None] / 255
        mixed = photo.flatten(2)[:, :, torch.randperm(256 * 256, generator=torch.Generator().manual_seed(0))]
        seen = [
            one.mean(dim=(2, 3))
            for one in map(load_backbone(), (photo, photo * 0.9, mixed.view_as(photo)))
            for one in one[2:]
        ]
        alike, unlike = (torch.cosine_similarity(seen[0], other).item() for other in seen[1:])
        assert alike > 0.9 > 0.6 > unlike

    @pytest.mark.parametrize("content", [b"", b"not weights"])
    def test_a_damaged_file_is_told(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "backbone.safetensors"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="trunk"):
            load_backbone(path)

    def test_weights_of_another_network_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "backbone.safetensors"
        save_file({"weight": torch.zeros(1)}, path)
        with pytest.raises(WeightsError, match="trunk"):
            load_backbone(path)
