"""The runtimes that an exported graph can be run by: its bytes to what computes it, on a given share of the cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from detector.errors import WeightsError
from detector.types import Array
from detector.vae.exported.file import missing


class Engine(Protocol):
    """A graph that is ready to run; safe to call from several threads at a time."""

    def __call__(self, pixels: Array) -> dict[str, Array]:
        """(N, 3, S, S) pixels in [0, 1] to every output of the graph, by name."""
        ...


Start = Callable[[bytes, int, int], Engine]
"""(graph, threads, callers) -> engine."""


def onnx_runtime(graph: bytes, threads: int, callers: int) -> Engine:  # noqa: ARG001
    """The graph in ONNX Runtime; see `ENGINES`.

    One session serves any number of callers: with one thread it computes on the caller's.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing("onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while they wait take the cores from whoever decodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base
        raise WeightsError(f"ONNX Runtime cannot run the exported graph: {_line(error)}") from error
    names = [output.name for output in session.get_outputs()]
    return lambda pixels: dict(zip(names, session.run(names, {"pixels": pixels}), strict=True))


def openvino(graph: bytes, threads: int, callers: int, precision: str = "f32") -> Engine:
    """The graph in OpenVINO; see `ENGINES`.

    A stream serves one caller at a time, so there are as many streams as callers.

    Args:
        graph: as for `ENGINES`.
        threads: as for `ENGINES`.
        callers: as for `ENGINES`.
        precision: what it computes in. Left to itself it takes bfloat16 where the processor has it, which moves
            probabilities by a tenth.
    """
    try:
        from openvino import Core
    except ImportError as error:
        raise missing("openvino") from error
    wanted = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": callers,
        "INFERENCE_NUM_THREADS": callers * threads,
        "ENABLE_CPU_PINNING": False,
    }
    core = Core()
    try:
        compiled = core.compile_model(core.read_model(graph), "CPU", wanted)
    except RuntimeError as error:
        raise WeightsError(f"OpenVINO cannot run the exported graph: {_line(error)}") from error

    def run(pixels: Array) -> dict[str, Array]:
        # The model's own request would refuse a second caller as busy; one more costs nothing beside the graph.
        made: Any = compiled.create_infer_request().infer({"pixels": pixels})
        return {output.get_any_name(): values for output, values in made.items()}

    return run


ENGINES: dict[str, Start] = {"onnx": onnx_runtime, "openvino": openvino}
"""By name. An engine computes on `threads` threads for each of `callers` that call it at
the same time, in float32. Raises `UsageError` where the runtime is not installed, `WeightsError` for a graph that it
cannot run."""


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
