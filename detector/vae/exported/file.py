"""The exported file: an ONNX graph, and behind it what it is a twin of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from detector.config import parse
from detector.errors import UsageError, WeightsError
from detector.vae.config import VaeConfig

_PREFIX = "detector."


@dataclass(frozen=True)
class Twin:
    """An exported model.

    Attributes:
        graph: the ONNX graph, serialised.
        name: of the reconstructor that it stands for.
        weights: SHA-256 of the weights that it was made from, 64 hex digits.
        config: of the model.
    """

    graph: bytes
    name: str
    weights: str
    config: VaeConfig

    @property
    def version(self) -> str:
        """The version of those weights, as `detector.weights.version` gives it."""
        return self.weights[:12]


def write(twin: Twin, path: Path) -> None:
    """Write the twin to one file, whole or not at all, which any tool for ONNX can read."""
    from onnx import ModelProto, StringStringEntryProto

    facts = {
        "name": twin.name,
        "weights": twin.weights,
        "config": json.dumps(asdict(twin.config)),
        "bytes": str(len(twin.graph)),
        "sha256": hashlib.sha256(twin.graph).hexdigest(),
    }
    entries = [StringStringEntryProto(key=_PREFIX + key, value=value) for key, value in facts.items()]
    partial = path.with_suffix(".partial")
    # Protocol buffers that are put one behind the other are read as one: the graph keeps its bytes, and its digest.
    partial.write_bytes(twin.graph + ModelProto(metadata_props=entries).SerializeToString())
    partial.replace(path)


def read(path: Path) -> Twin:
    """The twin in a file that `write` has written.

    Raises:
        UsageError: onnx is not installed.
        WeightsError: no such file, not one of ours, or damaged.
    """
    try:
        from onnx import ModelProto
    except ImportError as error:
        raise missing("onnx") from error
    try:
        content = path.read_bytes()
        entries = {entry.key: entry.value for entry in ModelProto.FromString(content).metadata_props}
        facts = {key.removeprefix(_PREFIX): value for key, value in entries.items() if key.startswith(_PREFIX)}
        graph = content[: int(facts["bytes"])]
        config = parse(VaeConfig, json.loads(facts["config"]), str(path))
    except Exception as error:  # what the reader of protocol buffers raises has a name of its own
        raise WeightsError(f"{path}: expected what `detector export` has written ({error})") from error
    if hashlib.sha256(graph).hexdigest() != facts["sha256"]:
        raise WeightsError(f"{path}: the graph is not the one that was written: export it again")
    return Twin(graph, facts["name"], facts["weights"], config)


def missing(package: str) -> UsageError:
    """The error for a package of the extra that is not installed."""
    return UsageError(f"an exported model needs {package}: pip install 'detector[cpu]'")
