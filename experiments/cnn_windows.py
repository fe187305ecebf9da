"""What the network of the baseline learns and is scored on: windows of faces after the strict protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from detector import config
from detector.benchmark.datasets import load_dataset, origin
from detector.benchmark.extraction.code import FACES, code_digest
from detector.benchmark.extraction.meeting import Met, Tools, meet
from detector.benchmark.histories.history import STRICT
from detector.benchmark.study.made import made_samples, with_makers
from detector.benchmark.study.material import PROTOCOL, load_tools, split
from detector.benchmark.study.study import Study
from detector.benchmark.vae_study.cut import Arrays, cached
from detector.faces.crops import cut
from detector.types import Array, Pixels, Sample
from detector.vae import Reconstructor

CHUNK = 24
"""Pictures in a file of windows."""
GAIN = 4
"""The residual is so many times enlarged, to about the spread of the pixels."""
Rows = npt.NDArray[np.int64]
Input = Literal["rgb", "residual"]


@dataclass(frozen=True)
class Recipe:
    """One run.

    Attributes:
        inputs: what the network sees, 3 planes each.
        left_out: the family that it does not meet, and is scored on.
        made: whether it also meets fakes of our own making.
        part: the share of the groups that train.
        steps: of the optimiser.
    """

    inputs: tuple[Input, ...]
    left_out: str = ""
    made: bool = False
    part: float = 1.0
    steps: int = 225


@dataclass(frozen=True)
class CnnStudy:
    """Which pictures, which network, how long.

    Attributes:
        base: the study whose pictures are used, with "val" held out.
        runs: each run by its name.
        draws: how many times each picture goes through the protocol.
        window: side in px of what is kept of a face. The least that the protocol leaves is 253.
        crop: side in px of what the network sees of it, anywhere in training and in the middle otherwise.
        blocks: how many stages of the network's 7.
        batch, rate: of AdamW with one cycle; the head learns five times as fast.
        every: steps between evaluations, each with a checkpoint, and with the mean loss since the last one.
        fakes, fakes_reconstructors: as of `Study`.
        seed: of everything.
        weights: the file of the ImageNet weights; None for that of the package.
        work, store, report: folders and the file of the report.
    """

    runs: Mapping[str, Recipe]
    base: Path = Path("experiments/default.toml")
    draws: int = 3
    window: int = 240
    crop: int = 192
    blocks: int = 5
    batch: int = 16
    rate: float = 4e-4
    every: int = 150
    fakes: tuple[str, ...] = ()
    fakes_reconstructors: tuple[str, ...] = ()
    seed: int = 0
    weights: Path | None = None
    work: Path = Path("runs/cnn")
    store: Path = Path("runs")
    report: Path = Path("reports/accuracy/cnn.md")


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows of faces, one for each picture and draw.

    Attributes:
        samples: (N,) whose they are.
        pixels: (N, W, W, 3).
        rebuilt: the same as the embedded VAE reconstructs it; no rows where nobody asks for it.
    """

    samples: tuple[Sample, ...]
    pixels: Pixels
    rebuilt: Pixels

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) 1 for synthetic."""
        return np.array([sample.label for sample in self.samples], np.int64)

    @property
    def origins(self) -> npt.NDArray[np.str_]:
        """(N,) generator of a fake, source of a real face."""
        return np.array([origin(sample) for sample in self.samples], np.str_)

    @property
    def groups(self) -> npt.NDArray[np.str_]:
        """(N,) identity or source clip."""
        return np.array([sample.group for sample in self.samples], np.str_)

    def look(self, row: int, corner: Rows, side: int, inputs: Sequence[Input]) -> Array:
        """What the network sees of one window, (side, side, 3 for each input); pixels are in [-1, 1]."""
        place = (row, slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side))
        pixels = _centred(self.pixels[place])
        parts = [pixels if name == "rgb" else GAIN * (pixels - _centred(self.rebuilt[place])) for name in inputs]
        return np.concatenate(parts, axis=2)


def _centred(pixels: Pixels) -> Array:
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def load_windows(study: CnnStudy, recipe: Recipe) -> Windows:
    """The windows that a run needs, of train and val; cut now, or read where an earlier run has cut."""
    base = base_of(study)
    parts = split(load_dataset(base.dataset, base.data), base)
    tools = load_tools(base)
    made = made_samples(parts.fit, base) if recipe.made else []
    makers = with_makers(tools, parts.fit, base) if recipe.made else tools
    rebuild = tools.reconstructors[0] if "residual" in recipe.inputs else None
    done = [
        *_windows(study, (*parts.fit, *parts.report), tools, rebuild),
        *_windows(study, made, makers, rebuild),
    ]
    return Windows(
        tuple(sample for part in done for sample in part.samples),
        np.concatenate([part.pixels for part in done]),
        np.concatenate([part.rebuilt for part in done]),
    )


def base_of(study: CnnStudy) -> Study:
    """The study whose pictures are used."""
    own = {name: getattr(study, name) for name in ("fakes", "fakes_reconstructors", "seed")}
    return config.load(Study, study.base, held_out="val", **own)


def _windows(
    study: CnnStudy, samples: Sequence[Sample], tools: Tools, rebuild: Reconstructor | None
) -> Iterator[Windows]:
    for start in tqdm(range(0, len(samples), CHUNK), desc="windows"):
        some = samples[start : start + CHUNK]
        key = _key(study, some, tools)
        kept = cached(study.work / "windows" / f"{key}.npz", partial(_cut, study, some, tools))
        rebuilt = np.empty((0, *kept["pixels"].shape[1:]), np.uint8)
        if rebuild is not None:
            path = study.work / "windows" / f"{key}-{rebuild.version}.npz"
            rebuilt = cached(path, partial(_rebuilt, rebuild, kept["pixels"]))["pixels"]
        yield Windows(tuple(some[place] for place in kept["places"]), kept["pixels"], rebuilt)


def _key(study: CnnStudy, samples: Sequence[Sample], tools: Tools) -> str:
    """What the windows of a chunk depend on."""
    words = [f"{sample.group} {sample.path} {sample.generator}" for sample in samples]
    words += [f"{model.name} {model.version}" for model in tools.detectors]
    words += [tools.bench, repr(STRICT), f"{study.draws} {study.window} {study.seed}", code_digest(*FACES)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]


def _cut(study: CnnStudy, samples: Sequence[Sample], tools: Tools) -> Arrays:
    histories = {PROTOCOL: STRICT, **{f"{PROTOCOL} {draw}": STRICT for draw in range(1, study.draws)}}
    met = [
        (place, one)
        for place, sample in enumerate(samples)
        for one in meet(sample, histories, tools, study.seed)
        if isinstance(one, Met)
    ]
    pixels = [_window(one, study.window) for _, one in met]
    empty = np.empty((0, study.window, study.window, 3), np.uint8)
    return {"places": np.array([place for place, _ in met], np.int64), "pixels": np.stack(pixels) if pixels else empty}


def _window(met: Met, side: int) -> Pixels:
    box = met.made.face.box
    x, y = np.round((box[:2] + box[2:] - side) / 2).astype(int)
    return cut(met.made.frame.pixels, int(x), int(y), side)


def _rebuilt(model: Reconstructor, pixels: Pixels) -> Arrays:
    planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    made = model(planes.contiguous(), second_pass=False).pixels
    return {"pixels": (made * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()}
