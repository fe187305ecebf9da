"""The exported VAE in int8, for `cpu_engines.py`: ONNX Runtime's static quantisation.

It is no option of `detector export`: the reconstruction hardly changes, yet features that measure what it leaves of a
face do, and probabilities move further than a twin's may. It would be a model of its own, with a classifier of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from detector.types import Array
from detector.vae.exported.file import Twin

BATCH, SIDE = 8, 3


class Batches(CalibrationDataReader):  # type: ignore[misc]
    """Crops (N, 3, S, S), a few at a time."""

    def __init__(self, crops: Array) -> None:
        self._left = iter(np.array_split(crops, max(1, len(crops) // BATCH)))

    def get_next(self) -> dict[str, Array] | None:
        """The next few, None after the last."""
        part = next(self._left, None)
        return None if part is None else {"pixels": part}


def quantised(twin: Twin, crops: Array) -> Twin:
    """The twin with the 3 x 3 convolutions of its residual blocks in int8, calibrated on these crops (N, 3, S, S)."""
    with TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / f"{name}.onnx" for name in ("plain", "ready", "small"))
        plain.write_bytes(twin.graph)
        quant_pre_process(str(plain), str(ready))
        quantize_static(
            str(ready),
            str(small),
            Batches(crops),
            per_channel=True,
            # Seven bits of weights: without VNNI a sum of two products of eight bits saturates.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=_residual(onnx.load(ready)),
        )
        return replace(twin, graph=small.read_bytes())


def _residual(model: onnx.ModelProto) -> list[str]:
    """The convolutions inside residual blocks: as many channels out as in, three pixels wide."""
    shapes = {weights.name: weights.dims for weights in model.graph.initializer}
    convolutions = {node.name: shapes[node.input[1]] for node in model.graph.node if node.op_type == "Conv"}
    return [name for name, shape in convolutions.items() if shape[0] == shape[1] and shape[2] == SIDE]
