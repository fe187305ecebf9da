"""A twin says what its original says, or there is none: every kind of model, in every runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.errors import ShapeError, UsageError, WeightsError
from detector.types import Array, Reconstruction
from detector.vae import load_reconstructor
from detector.vae.exported import ENGINES
from detector.vae.exported.engines import Engine, Start, onnx_runtime
from detector.vae.exported.export import TOLERANCE, compare, difference, export
from detector.vae.exported.file import read
from detector.vae.loading import load_face_vae, save_model
from detector.weights import version
from tests.vae.test_loading import KINDS, small

SIDE = 48


@pytest.fixture(scope="module", params=KINDS)
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of the kind, of which no path is closed, and beside it its twin."""
    model = small(request.param)
    model.config = replace(model.config, size=SIDE)
    for values in model.parameters():
        torch.nn.init.normal_(values, std=0.05)
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_model(model, path, {}, torch.float32)
    export(path, path.with_suffix(".onnx"))
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the kind "vae" alone."""
    path = tmp_path_factory.mktemp("plain") / "model.safetensors"
    save_model(small("vae"), path, {}, torch.float32)
    export(path, path.with_suffix(".onnx"))
    return path


def crops(count: int = 5) -> Tensor:
    return torch.rand((count, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))


def told(made: Reconstruction) -> set[str]:
    return {name for name, value in vars(made).items() if value is not None}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pixels", [crops(), crops(1), torch.zeros(2, 3, SIDE, SIDE), torch.ones(11, 3, SIDE, SIDE)])
def test_a_twin_says_what_its_original_says(weights: Path, engine: str, pixels: Tensor) -> None:
    one = load_face_vae(str(weights))(pixels)
    other = load_reconstructor(f"{engine}:{weights.with_suffix('.onnx')}")(pixels)
    assert told(one) == told(other)
    assert difference(one, other) <= TOLERANCE
    assert one.second is not None
    assert other.second is not None
    assert told(one.second) == told(other.second)
    assert difference(one.second, other.second) <= TOLERANCE


@pytest.mark.parametrize("engine", ENGINES)
def test_it_goes_by_the_name_and_version_of_the_weights(plain: Path, engine: str) -> None:
    twin = load_reconstructor(f"{engine}:{plain.with_suffix('.onnx')}")
    assert (twin.name, twin.version, twin.size) == ("face-vae", version(plain), 32)


def shifted(graph: bytes, threads: int, callers: int, field: str, by: float) -> Engine:
    """A runtime that is off by so much in one output."""
    engine = onnx_runtime(graph, threads, callers)

    def run(pixels: Array) -> dict[str, Array]:
        made = engine(pixels)
        return made | {field: made[field] + np.float32(by)}

    return run


@pytest.mark.parametrize("field", ["planes", "mean", "logvar", "kl", "hidden"])
def test_a_twin_that_says_something_else_is_none(plain: Path, field: str) -> None:
    wrong: dict[str, Start] = {"onnx": onnx_runtime, "broken": partial(shifted, field=field, by=0.1)}
    with pytest.raises(WeightsError, match=r"in broken the exported model differs by 0\.\d+, expected at most 0\.0001"):
        compare(load_face_vae(str(plain)), read(plain.with_suffix(".onnx")), crops()[:, :, :32, :32], wrong)


def test_of_a_twin_that_says_something_else_nothing_is_written(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nothing was written"):
        export(plain, tmp_path / "twin.onnx", {"broken": partial(shifted, field="planes", by=0.1)})
    assert list(tmp_path.iterdir()) == []


def test_the_difference_is_the_largest_of_all_fields() -> None:
    one = Reconstruction(torch.zeros(1, 3, 4, 4), torch.full((1, 2, 1, 1), 10.0))
    other = Reconstruction(torch.full((1, 3, 4, 4), 0.25), torch.full((1, 2, 1, 1), 11.0))
    assert difference(one, one) == 0
    assert difference(one, other) == 0.25, "a tenth of the latent is less"


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [flip, lambda content: content[:-1], lambda content: content[:1000], lambda _: b"", lambda _: b"no graph"]
)
def test_a_damaged_file_is_refused_in_one_line(plain: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "twin.onnx"
    path.write_bytes(damage(plain.with_suffix(".onnx").read_bytes()))
    with pytest.raises(WeightsError, match=r"twin\.onnx: ") as error:
        load_reconstructor(f"onnx:{path}")
    assert "\n" not in str(error.value)


def test_a_graph_of_somebody_else_is_refused(plain: Path, tmp_path: Path) -> None:
    import onnx

    graph = onnx.load(plain.with_suffix(".onnx"))
    del graph.metadata_props[:]
    onnx.save(graph, tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match="expected what `detector export` has written"):
        load_reconstructor(f"onnx:{tmp_path / 'other.onnx'}")


def test_any_tool_reads_the_file(plain: Path) -> None:
    import onnx

    graph = onnx.load(plain.with_suffix(".onnx"))
    onnx.checker.check_model(graph, full_check=True)
    assert {entry.key: entry.value for entry in graph.metadata_props}["detector.weights"].startswith(version(plain))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_it_cannot_do_it_says(plain: Path, engine: str) -> None:
    with pytest.raises(UsageError, match=f"expected {engine}:FILE"):
        load_reconstructor(engine)
    twin = f"{engine}:{plain.with_suffix('.onnx')}"
    with pytest.raises(UsageError, match="runs on the CPU, not on cuda"):
        load_reconstructor(twin, "cuda")
    with pytest.raises(ShapeError, match=r"pixels: expected shape \(\*, 3, 32, 32\)"):
        load_reconstructor(twin)(torch.zeros(1, 3, 64, 64))


def test_a_model_that_torch_cannot_export_is_refused_in_one_line(tmp_path: Path) -> None:
    save_model(small("vq-vae"), tmp_path / "model.safetensors", {}, torch.float32)
    with pytest.raises(WeightsError, match="Torch cannot export this model for any number of crops: ") as error:
        export(tmp_path / "model.safetensors", tmp_path / "twin.onnx")
    assert "\n" not in str(error.value)
