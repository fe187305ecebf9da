"""Threads: an engine computes on the share of the cores that its caller has, for all callers at the same time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch

from detector.score.judges import narrow_threads
from detector.types import Array
from detector.vae import load_reconstructor
from detector.vae.exported import ENGINES, ExportedReconstructor
from detector.vae.exported.engines import Engine
from detector.vae.exported.export import export
from detector.vae.exported.file import Twin, read
from detector.vae.loading import save_model
from tests.vae.test_loading import small


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small exported model."""
    folder = tmp_path_factory.mktemp("twin")
    save_model(small("vae"), folder / "model.safetensors", {}, torch.float32)
    export(folder / "model.safetensors", folder / "twin.onnx")
    return folder / "twin.onnx"


@pytest.fixture(params=[1, 3])
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    """Torch with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


class Recorder:
    """An engine that remembers how it was started."""

    def __init__(self, twin: Twin) -> None:
        self.starts: list[tuple[int, int]] = []
        self._made = ENGINES["onnx"](twin.graph, 1, 1)

    def __call__(self, _graph: bytes, threads: int, callers: int) -> Engine:
        self.starts.append((threads, callers))
        return self._made


def test_it_has_as_many_threads_as_torch_where_it_is_called(twin: Path, cores: int) -> None:
    recorder = Recorder(read(twin))
    model = ExportedReconstructor(read(twin), recorder)
    crops = np.zeros((1, 3, 32, 32), np.float32)
    model(crops)
    assert recorder.starts == [(cores, 1)]
    with narrow_threads(cores) as pool:
        for made in [pool.submit(model, crops) for _ in range(8)]:
            made.result()
    assert recorder.starts == ([(1, 1)] if cores == 1 else [(cores, 1), (1, cores)]), "each is started once"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("threads", [1, 2])
def test_callers_at_the_same_time_get_each_their_own_answer(twin: Path, engine: str, threads: int) -> None:
    callers = 4
    run, together = ENGINES[engine](read(twin).graph, threads, callers), Barrier(callers)
    crops = np.random.default_rng(0).random((callers, 40, 3, 32, 32), np.float32)
    alone = [run(part)["planes"] for part in crops]

    def call(part: Array) -> list[Array]:
        together.wait(20)
        return [run(part)["planes"] for _ in range(5)]

    with narrow_threads(callers) as pool:
        for expected, answers in zip(alone, pool.map(call, crops), strict=True):
            for answer in answers:
                np.testing.assert_allclose(answer, expected, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_answer_is_not_overwritten_by_the_next(twin: Path, engine: str) -> None:
    model = load_reconstructor(f"{engine}:{twin}")
    made = model(np.zeros((2, 3, 32, 32), np.float32), second_pass=False)
    before = made.mean.clone()
    model(np.ones((2, 3, 32, 32), np.float32))
    assert torch.equal(made.mean, before)


@pytest.mark.parametrize(
    ("engine", "package"),
    [("onnx", "onnx"), ("onnx", "onnxruntime"), ("openvino", "onnx"), ("openvino", "openvino")],
)
def test_without_the_extra_it_says_how_to_get_it(twin: Path, engine: str, package: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from detector.errors import UsageError
from detector.vae import load_reconstructor
try:
    load_reconstructor({f"{engine}:{twin}"!r})
except UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == f"an exported model needs {package}: pip install 'detector[cpu]'\n", done.stderr
