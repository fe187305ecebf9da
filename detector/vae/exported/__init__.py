"""A member of our family as one ONNX file, run by ONNX Runtime or OpenVINO in place of Torch, on CPUs.

The file is a twin: it goes by the name and the version of the weights that it was made from, so that a classifier that
was fitted with those takes it. What makes that honest: `export` compares the twin with the original in every runtime
and refuses to write one that differs, the file carries the digest of its graph, and no runtime is left to choose the
precision itself.
"""

from detector.vae.exported.engines import ENGINES
from detector.vae.exported.reconstructor import ExportedReconstructor, load_exported

__all__ = ["ENGINES", "ExportedReconstructor", "load_exported"]
