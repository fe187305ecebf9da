"""An exported model as a `detector.vae.Reconstructor`."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from detector.errors import UsageError
from detector.types import Array, Reconstruction, check_shape
from detector.vae.batches import reconstruct
from detector.vae.exported.engines import ENGINES, Engine, Start
from detector.vae.exported.file import Twin, read
from detector.vae.likelihood import PLANES, Logistic, to_levels
from detector.vae.networks import to_pixels


def load_exported(engine: str, source: str, device: str = "cpu") -> ExportedReconstructor:
    """The file `source`, which `detector export` has written, run by one of `ENGINES`.

    Raises:
        UsageError: no file is named, the runtime is not installed, or a device other than the CPU is asked for.
        WeightsError: the file is missing, damaged or not one of ours.
    """
    if not source:
        raise UsageError(f"expected {engine}:FILE, with a FILE that `detector export FILE` has written")
    if torch.device(device).type != "cpu":
        raise UsageError(f"an exported model runs on the CPU, not on {device}: take the VAE itself there, face-vae")
    return ExportedReconstructor(read(Path(source)), ENGINES[engine])


class ExportedReconstructor:
    """A twin of `detector.vae.loading.FaceVaeReconstructor`, whose `Reconstruction` it gives.

    It computes on as many threads as Torch would in the thread that calls it, so that what holds for Torch holds
    here: one judge on all cores, or on each core one.

    Args:
        twin: the exported model.
        engine: an entry of `ENGINES`.
    """

    def __init__(self, twin: Twin, engine: Start) -> None:
        self.name = twin.name
        self.version = twin.version
        self.size = twin.config.size
        self.device = torch.device("cpu")
        self._graph, self._start = twin.graph, engine
        self._cores = torch.get_num_threads()
        self._engines: dict[int, Engine] = {}
        self._starting = Lock()
        self._engine(self._cores)  # what cannot be run is known now

    def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:
        """Reconstruct (N, 3, S, S) RGB pixels in [0, 1].

        Args:
            pixels: the crops; S is `size`, no other.
            second_pass: also reconstruct the reconstruction.

        Raises:
            ShapeError: another shape or range.
        """
        crops = torch.as_tensor(pixels)
        check_shape("pixels", crops, (None, 3, self.size, self.size))
        return reconstruct(self._step, crops, self.device, self.size, second_pass, self._again)

    def _step(self, crops: Tensor) -> Reconstruction:
        planes, made = self._run(crops)
        likelihood = Logistic.of(planes) if planes.shape[1] == PLANES else None
        levels = to_levels(crops)
        return Reconstruction(
            pixels=_picture(planes),
            mean=made["mean"],
            logvar=made.get("logvar"),
            kl=made.get("kl"),
            nll=None if likelihood is None else likelihood.nll(levels).mean(1),
            entropy=None if likelihood is None else likelihood.entropy(levels).mean(1),
            hidden=made["hidden"],
        )

    def _again(self, made: Tensor) -> Reconstruction:
        """A pass over what the model made, of which nobody asks how likely it is."""
        planes, found = self._run(made)
        return Reconstruction(_picture(planes), found["mean"], hidden=found["hidden"])

    def _run(self, crops: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The decoder's planes, and all else that the graph gives."""
        engine = self._engine(torch.get_num_threads())
        made = {name: torch.from_numpy(values) for name, values in engine(crops.contiguous().numpy()).items()}
        return made.pop("planes"), made

    def _engine(self, threads: int) -> Engine:
        """The engine for callers of so many threads, started when one first calls."""
        with self._starting:
            if threads not in self._engines:
                self._engines[threads] = self._start(self._graph, threads, max(1, self._cores // threads))
            return self._engines[threads]


def _picture(planes: Tensor) -> Tensor:
    """(N, 3, S, S) in [0, 1]: the mean picture in the decoder's planes."""
    return to_pixels(planes[:, :3]).clamp(0, 1)
