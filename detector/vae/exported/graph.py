"""What is exported of a model: all its convolutions. What follows from their output by formula stays with us."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor, nn

from detector.errors import WeightsError
from detector.vae.exported.file import missing
from detector.vae.loading import kl_map
from detector.vae.model import FaceVae

INPUT = "pixels"


class Graph(nn.Module):
    """Pixels (N, 3, S, S) in [0, 1] to everything that a `Reconstruction` is made from.

    One graph serves both passes: the likelihood, which only the first one has, is made from `planes` outside.
    A conditional model is told nothing.
    """

    def __init__(self, model: FaceVae) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """By name: `planes` (N, P, S, S) of the decoder; `mean`, `logvar`, `kl` and `hidden` of `Reconstruction`."""
        codes, hidden = self.model.encode(pixels)
        planes = self.model.decoder(codes.decodable, self.model.known(None, pixels))
        found = {"planes": planes, "mean": codes.mean, "logvar": codes.logvar, "kl": kl_map(codes), "hidden": hidden}
        return {name: value for name, value in found.items() if value is not None}


def to_onnx(model: FaceVae) -> bytes:
    """The model's graph for crops of its own size, and any number of them, serialised as ONNX.

    Raises:
        UsageError: a package of the extra is missing.
        WeightsError: Torch cannot trace the model; a "vq-vae" of crops of fewer than 26 code words, for one.
    """
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise missing(package)
    graph = Graph(model).eval()
    crops = torch.zeros(2, 3, model.config.size, model.config.size)
    with torch.inference_mode():
        try:
            program = torch.onnx.export(
                graph,
                (crops,),
                input_names=[INPUT],
                output_names=list(graph(crops)),
                dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
                dynamo=True,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            why = str(error.__cause__ or error).strip().splitlines()[0]
            raise WeightsError(f"Torch cannot export this model for any number of crops: {why}") from error
    assert program is not None  # it is one under dynamo
    serialised: bytes = program.model_proto.SerializeToString()
    return serialised
