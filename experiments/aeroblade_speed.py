"""How fast this is beside AEROBLADE's recipe, in one run, on the same photos with the same VAE:

    python experiments/aeroblade_speed.py --photos 24 --rounds 7

Ricker et al. 2024, AEROBLADE (arXiv 2401.17879): reconstruct the whole picture with an autoencoder; the perceptual
distance to the picture is the score. Run plainly, as published: picture by picture, float32. The VAE is the embedded
one, and the distance that of LPIPS (Zhang et al. 2018, eq. 1, without learnt weights) on the finest maps of the
embedded backbone, which is many times lighter than the VGG16 of the paper: both choices are in the recipe's favour. So
is a second variant, which looks only at the face crops that we look at. Ours is `Detector.score_many`: two passes
through the VAE, all features, probability, evidence.

Every round runs all three, in an order that changes; ratios are of the same round.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from detector.bench import machine
from detector.bench.noise import Middle
from detector.bench.photos import SIDE, make_photos
from detector.bench.profile import usable_photos
from detector.bench.rounds import Reading, clocked
from detector.bench.table import aligned
from detector.faces import crop_faces
from detector.score import Detector

HEAD = ("way", "photos", "faces a second", "CPU s a face", "its time / ours", "its CPU time / ours")
OURS, WHOLE, FACES = "ours", "AEROBLADE, whole picture", "AEROBLADE, face crops only"


@dataclass(frozen=True)
class Recipe:
    """AEROBLADE with the models of a detector that is loaded."""

    detector: Detector

    def whole(self, path: Path) -> float:
        """The distance of a whole picture to its reconstruction; its sides are multiples of 32 px."""
        [frame] = self.detector.eyes.open(path).frames()
        pixels = torch.from_numpy(frame.pixels).to(self.vae.device).permute(2, 0, 1)[None].float() / 255
        return self.distance(pixels)

    def faces(self, path: Path) -> list[float]:
        """The distance of every face's crops to theirs."""
        found = []
        for sight in self.detector.eyes.look(self.detector.eyes.open(path)):
            for row in sight.usable:
                crops = crop_faces(sight.frame, [sight.faces[row]], self.vae.size)
                found.append(self.distance(torch.from_numpy(crops.pixels).to(self.vae.device)))
        return found

    @torch.inference_mode()
    def distance(self, pixels: Tensor) -> float:
        """Between (N, 3, H, W) pixels and what the VAE's mean picture is of them: encoder and decoder, nothing else."""
        codes, _ = self.vae.model.encode(pixels.contiguous(memory_format=torch.channels_last))
        made = self.vae.model.decode(codes.decodable).pixels
        backbone = self.detector.judges.judge.backbone
        one, other = (normalize(backbone(part)[0], dim=1) for part in (pixels, made))
        return float((one - other).square().sum(dim=1).mean())

    @property
    def vae(self) -> Any:
        """The embedded one, whose network is asked directly: what the features need beside it, AEROBLADE does not."""
        return self.detector.judges.judge.reconstructors[0]


def score(detector: Detector, paths: Sequence[Path]) -> int:
    """Ours; how many faces have a probability."""
    answers = list(detector.score_many((str(path), path) for path in paths))
    return sum(face.probability is not None for answer in answers for face in answer.report.faces)


def main() -> None:
    """Measure in turn, write the page and the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help=f"photos of {SIDE} x {SIDE} px (default: made for it)")
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--report", type=Path, default=Path("reports/performance"))
    arguments = parser.parse_args()
    detector = Detector.load(device=arguments.device)
    with TemporaryDirectory() as folder:
        files = arguments.files or make_photos(Path(folder), arguments.photos)
        paths = [path for path, _ in islice(usable_photos(detector.eyes, files), arguments.photos)]
        faces = score(detector, paths)
        readings = measure(detector, paths, arguments.rounds)
    write(arguments.report, readings, len(paths), faces, arguments.device)


def measure(detector: Detector, paths: Sequence[Path], rounds: int) -> dict[str, list[Reading]]:
    """Each way's readings, one a round, for all photos; every way has run once before."""
    recipe, host = Recipe(detector), torch.device("cpu")  # answers are numbers on the host: nothing to wait for
    ways: dict[str, Callable[[], object]] = {
        OURS: lambda: score(detector, paths),
        WHOLE: lambda: [recipe.whole(path) for path in paths],
        FACES: lambda: [recipe.faces(path) for path in paths],
    }
    recipe.whole(paths[0])
    recipe.faces(paths[0])
    found: dict[str, list[Reading]] = {name: [] for name in ways}
    names = list(ways)
    for turn in tqdm(range(rounds), unit="round"):
        for name in names[turn % 3 :] + names[: turn % 3]:
            found[name].append(clocked(ways[name], host))
    return found


def write(folder: Path, readings: dict[str, list[Reading]], photos: int, faces: int, device: str) -> None:
    """aeroblade.md and aeroblade.csv; the page is printed too."""
    folder.mkdir(parents=True, exist_ok=True)
    page = "\n".join(lines(readings, photos, faces, device)) + "\n"
    (folder / "aeroblade.md").write_text(page, encoding="utf-8")
    with (folder / "aeroblade.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("way", "round", "seconds", "cpu_seconds"))
        for name, own in readings.items():
            writer.writerows((name, turn, f"{one.wall:.4f}", f"{one.cpu:.4f}") for turn, one in enumerate(own))
    print(page)


def lines(readings: dict[str, list[Reading]], photos: int, faces: int, device: str) -> list[str]:
    """The page."""
    rows = [
        (
            name,
            str(photos),
            Middle.of([faces / one.wall for one in own]).words(2),
            Middle.of([one.cpu / faces for one in own]).words(3),
            *(ratio(own, readings[OURS], clock) for clock in ("wall", "cpu")),
        )
        for name, own in readings.items()
    ]
    return [
        "# Beside AEROBLADE's recipe",
        "",
        f"`python {' '.join(sys.argv)}` at {machine.commit()}, on {machine.hardware(device)} (device {device}).",
        f"{photos} photos with {faces} faces, {len(readings[OURS])} rounds in turn, with all cores for each way.",
        "",
        f"**Ours is {ratio(readings[WHOLE], readings[OURS], 'wall')} times as fast as the recipe on whole pictures,",
        f"and {ratio(readings[FACES], readings[OURS], 'wall')} times as fast as the recipe on our face crops alone.**",
        "",
        *aligned(HEAD, rows),
        "",
        "Medians of the rounds, and of the ratios within a round; in brackets the interval that holds the median with",
        "95 % confidence, or all rounds where they are fewer than six. The recipe runs picture by picture in float32:",
        "one pass through the same VAE, and the distance on the finest maps of the embedded backbone, which stands in",
        "for the larger network of the paper. Ours gives probability and evidence, from two passes. All rounds:",
        "`aeroblade.csv`.",
    ]


def ratio(theirs: Sequence[Reading], ours: Sequence[Reading], clock: str) -> str:
    """How many times our time theirs is, round by round."""
    pairs = zip(theirs, ours, strict=True)
    return Middle.of([getattr(one, clock) / getattr(other, clock) for one, other in pairs]).words(2)


if __name__ == "__main__":
    main()
