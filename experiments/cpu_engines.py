"""Which runtime computes the embedded VAE fastest on a CPU, and which says the same?

    python experiments/cpu_engines.py ../shared/data/manifest.csv --report reports/performance

Torch, ONNX Runtime and OpenVINO in float32, bfloat16 where a runtime has it, and int8 (static, per channel, the 3 x 3
convolutions of the residual blocks alone; calibrated on real faces of the train split). All rows reconstruct the same
crops in turn, both passes, in every round: on one thread, and on all cores with one thread each, as `detector score`
does. The differences are those of the reconstruction (PSNR) and of the probability of faces of the val split, from
Torch in float32; the classifier is the embedded one, fitted with float32. Writes ``engines.md`` and ``engines.csv``.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
from cpu_engines_int8 import quantised
from tqdm import tqdm

from detector.benchmark.datasets import load_dataset
from detector.benchmark.tables import table
from detector.classify import FaceClassifier
from detector.errors import MediaError
from detector.faces import concat_crops, crop_faces, load_face_detector
from detector.features import load_backbone
from detector.media import Sampling, open_media
from detector.score.judge import describe, views_in
from detector.score.judges import narrow_threads
from detector.types import Array, Crops, Reconstruction, Sample
from detector.vae import Reconstructor
from detector.vae.exported import ENGINES, ExportedReconstructor
from detector.vae.exported.engines import openvino
from detector.vae.exported.export import export
from detector.vae.exported.file import read
from detector.vae.loading import ASSET, FaceVaeReconstructor, load_face_vae
from detector.weights import asset

BASE = "Torch"
CALIBRATED, JUDGED, TIMED = 32, 96, 24


class InBfloat16:
    """Torch under autocast to bfloat16; the decoder's last layers stay float32, as in training."""

    def __init__(self, model: FaceVaeReconstructor) -> None:
        self._model = model
        self.name, self.version, self.size, self.device = model.name, model.version, model.size, model.device

    def __call__(self, pixels: Array, second_pass: bool = True) -> Reconstruction:
        with torch.autocast("cpu", torch.bfloat16):
            return _wide(self._model(pixels, second_pass))


def _wide(made: Reconstruction) -> Reconstruction:
    """All in float32."""
    values = {one.name: getattr(made, one.name) for one in fields(made) if one.name != "second"}
    again = None if made.second is None else _wide(made.second)
    return replace(made, **{k: v if v is None else v.float() for k, v in values.items()}, second=again)


@dataclass
class Row:
    """What is measured of one runtime: crops a second on one thread and on all, round by round; and differences."""

    model: Reconstructor
    one: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)
    psnr: float = 0.0
    differences: Array = field(default_factory=lambda: np.zeros(1, np.float32))


def faces(samples: Sequence[Sample], size: int, count: int) -> Crops:
    """The crops of the first face of so many samples that have one, evenly taken."""
    parts = list(islice(_cropped(samples[:: max(1, len(samples) // (2 * count))], size), count))
    return concat_crops([replace(part, faces=part.faces + row) for row, part in enumerate(parts)], size)


def _cropped(samples: Sequence[Sample], size: int) -> Iterator[Crops]:
    detector = load_face_detector()
    for sample in samples:
        try:
            frame = next(iter(open_media(Path(sample.path)).frames(Sampling(frames=1))))
        except MediaError:
            continue
        if found := detector([frame])[0]:
            yield crop_faces(frame, found[:1], size)


def rows(calibration: Array) -> dict[str, Row]:
    """Every runtime, Torch first."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "twin.onnx"
        export(asset(ASSET), path)
        twin = read(path)
    small = quantised(twin, calibration)
    models: dict[str, Reconstructor] = {
        BASE: load_face_vae(),
        "ONNX Runtime": ExportedReconstructor(twin, ENGINES["onnx"]),
        "OpenVINO": ExportedReconstructor(twin, ENGINES["openvino"]),
        "Torch, bfloat16": InBfloat16(load_face_vae()),
        "OpenVINO, bfloat16": ExportedReconstructor(twin, partial(openvino, precision="bf16")),
        "ONNX Runtime, int8": ExportedReconstructor(small, ENGINES["onnx"]),
        "OpenVINO, int8": ExportedReconstructor(small, ENGINES["openvino"]),
    }
    return {name: Row(model) for name, model in models.items()}


def compare(found: dict[str, Row], crops: Crops) -> None:
    """Fill in how far each row lies from the first."""
    classifier, backbone = FaceClassifier.load(asset("classifier.skops")), load_backbone()
    pictures: dict[str, Array] = {}
    chances: dict[str, Array] = {}
    for name, row in found.items():
        views = views_in(classifier.names, [row.model.name])
        features, pictures[name] = describe(crops, [row.model], backbone, views)
        chances[name] = classifier.probability(features)
        row.differences = np.abs(chances[name] - chances[BASE])
        with np.errstate(divide="ignore"):
            row.psnr = float(-10 * np.log10(np.square(pictures[name] - pictures[BASE]).mean()))


def time(found: dict[str, Row], crops: Array, rounds: int) -> None:
    """Fill in how fast each row is: all rows in turn, in every round."""
    cores = torch.get_num_threads()
    with narrow_threads(cores) as pool:
        for number in tqdm(range(rounds + 1), desc="rounds"):
            for row in found.values():
                one, both = (_rate(pool, row.model, crops, parts) for parts in (1, cores))
                if number:  # the first round warms up
                    row.one.append(one)
                    row.all.append(both)


def _rate(pool: ThreadPoolExecutor, model: Reconstructor, crops: Array, parts: int) -> float:
    start = perf_counter()
    list(pool.map(model, np.array_split(crops, parts)))
    return len(crops) / (perf_counter() - start)


def page(found: dict[str, Row], rounds: int, judged: int) -> str:
    """Markdown."""
    base = found[BASE]
    head = ["", "crops/s, 1 thread", "ratio", "crops/s, all", "ratio", "PSNR, dB", "probability: mean", "largest"]
    lines = [
        [
            name,
            f"{median(row.one):.1f}",
            _ratio(row.one, base.one),
            f"{median(row.all):.1f}",
            _ratio(row.all, base.all),
            "" if row is base else f"{row.psnr:.1f}",
            "" if row is base else f"{row.differences.mean():.1e}",
            "" if row is base else f"{row.differences.max():.1e}",
        ]
        for name, row in found.items()
    ]
    command = " ".join(["python", *sys.argv])
    cores, about = torch.get_num_threads(), f"{platform.machine()}, {os.cpu_count()} cores seen"
    return "\n".join(
        [
            "# The VAE in other runtimes",
            "",
            f"`{command}` at {_commit()}; {about}, {cores} used. Medians of {rounds} rounds, all rows in turn in each; "
            f"ratios to {BASE} are of the same round, with the least and the largest. Differences from {BASE} are of "
            f"the reconstruction and of the probability of {judged} faces of the val split.",
            "",
            table(head, lines),
            "",
        ]
    )


def _ratio(mine: Sequence[float], base: Sequence[float]) -> str:
    ratios = [one / other for one, other in zip(mine, base, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or "an unknown commit"


def keep(found: dict[str, Row], text: str, folder: Path) -> None:
    """Write engines.md, and engines.csv with every round."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engines.md").write_text(text, encoding="utf-8")
    with (folder / "engines.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("runtime", "round", "crops/s on one thread", "crops/s on all"))
        for name, row in found.items():
            for number, rates in enumerate(zip(row.one, row.all, strict=True), 1):
                writer.writerow((name, number, *(f"{rate:.2f}" for rate in rates)))


def main() -> None:
    """Measure, and write or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--rounds", type=int, default=9, help="default %(default)s")
    parser.add_argument("--faces", type=int, default=JUDGED, help="of the val split (default %(default)s)")
    parser.add_argument("--report", type=Path, help="the folder of engines.md and engines.csv")
    arguments = parser.parse_args()
    samples = [one for one in load_dataset("manifest", arguments.manifest) if Path(one.path).suffix != ".mp4"]
    size = load_face_vae().size
    real = [one for one in samples if one.split == "train" and not one.label]
    found = rows(faces(real, size, CALIBRATED).pixels)
    judged = faces([one for one in samples if one.split == "val"], size, arguments.faces)
    compare(found, judged)
    time(found, judged.pixels[:TIMED], arguments.rounds)
    text = page(found, arguments.rounds, len(np.unique(judged.faces)))
    print(text)
    if arguments.report:
        keep(found, text, arguments.report)


if __name__ == "__main__":
    main()
