"""Measure a budget: load the models once, run every stage by itself, then the whole."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from detector.bench import machine
from detector.bench.budget import Budget, Cost, Profile
from detector.bench.floor import Rates, machine_rates, works
from detector.bench.noise import Middle
from detector.bench.photos import make_photos
from detector.bench.rounds import Stage, clocked, measure, one_thread
from detector.bench.stages import FIRST, judge_stages, look_at, lots, photo_stages, video_stages, write_stages
from detector.errors import MediaError, UsageError
from detector.score import Detector, Scored
from detector.score.look import Eyes, Sight

PACKAGES = ("torch", "opencv-python-headless", "scikit-learn", "numpy", "pillow", "av")


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        files: photos; none stands for photos that are made for it.
        photos: so many of them are measured with, the first ones that show a face that can be judged.
        rounds: how often everything is measured.
        video: a clip to measure with too.
        device: the Torch device of the VAEs.
        pictures: also measure the pictures that say why.
        command: what was typed.
    """

    files: Sequence[Path]
    photos: int = 24
    rounds: int = 7
    video: Path | None = None
    device: str = "cpu"
    pictures: bool = False
    command: str = ""


def measure_budget(plan: Plan) -> Budget:
    """Profile photos, and a clip if there is one; progress goes to standard error.

    Raises:
        UsageError: no file is given and none can be made, or none has a face that can be judged.
        MediaError: the clip cannot be decoded.
    """
    detector = Detector.load(device=plan.device)
    with TemporaryDirectory() as folder:
        bench = _Bench(detector, plan, Path(folder))
        photos, rates = bench.photos()
        video = None if plan.video is None else bench.video(plan.video, rates)
    return Budget(photos, video, rates, plan.rounds, machine.cores(), _facts(plan))


@dataclass(frozen=True)
class _Bench:
    detector: Detector
    plan: Plan
    folder: Path

    def photos(self) -> tuple[Profile, Rates]:
        """What photos cost, and what the machine can do for the VAE's largest layer."""
        files = self.plan.files or make_photos(self.folder, self.plan.photos)
        found = list(islice(usable_photos(self.detector.eyes, files), self.plan.photos))
        if not found:
            raise UsageError(f"none of {len(files)} files is a photo with a face that can be judged; name others")
        paths, sights = [path for path, _ in found], [sight for _, seen in found for sight in seen]
        return self._profile("photo", paths, sights, photo_stages(self.detector.eyes, paths, sights))

    def video(self, path: Path, rates: Rates) -> Profile:
        """What a clip costs."""
        sights = look_at(self.detector.eyes, path)
        if not any(sight.usable for sight in sights):
            raise UsageError(f"{path}: no face that can be judged in {len(sights)} frames; name another clip")
        return self._profile("video", [path], sights, video_stages(self.detector.eyes, path, sights), rates)[0]

    def _profile(
        self,
        kind: str,
        paths: Sequence[Path],
        sights: Sequence[Sight],
        looking: list[Stage],
        rates: Rates | None = None,
    ) -> tuple[Profile, Rates]:
        judges = self.detector.judges
        given = list(lots(judges.judge, sights))
        writing = write_stages(self._score(paths), self.folder, kind, self.plan.pictures)
        costs, rates = self._costs(kind, [*looking, *judge_stages(judges.judge, given), *writing], rates)
        faces, crops = sum(lot.faces for lot in given), sum(len(lot.crops) for lot in given)
        return Profile(kind, len(paths), len(sights), faces, crops, costs, self._rate(kind, paths)), rates

    def _costs(self, kind: str, stages: Sequence[Stage], rates: Rates | None) -> tuple[list[Cost], Rates]:
        """Each stage on one thread; and what the machine can do, if that is not known yet."""
        device = self.detector.judges.judge.reconstructors[0].device
        runs = (1 + self.plan.rounds) * len(stages)
        with one_thread(), tqdm(total=runs, desc=f"{kind}: stages", unit="run") as bar:
            asked = works(stages, bar.update)
            rates = rates or machine_rates(asked[FIRST].largest, device)
            readings = measure(stages, self.plan.rounds, device, bar.update)
        return [Cost.of(stage, readings[stage.name], asked[stage.name], rates) for stage in stages], rates

    def _rate(self, kind: str, paths: Sequence[Path]) -> Middle:
        """Files a second, on all cores."""
        import torch

        run, host = partial(self._score, paths), torch.device("cpu")  # answers lie on the host: nothing to wait for
        rounds = tqdm(range(self.plan.rounds), desc=f"{kind}: whole", unit="run")
        return Middle.of([len(paths) / clocked(run, host).wall for _ in rounds])

    def _score(self, paths: Sequence[Path]) -> list[Scored]:
        with closing(self.detector.score_many((str(path), path) for path in paths)) as stream:
            return list(stream)


def usable_photos(eyes: Eyes, paths: Sequence[Path]) -> Iterator[tuple[Path, tuple[Sight, ...]]]:
    """Of some files the photos with a face that can be judged, and what is seen of them."""
    for path in paths:
        try:
            seen = look_at(eyes, path, "image")
        except MediaError:
            continue
        if any(sight.usable for sight in seen):
            yield path, seen


def _facts(plan: Plan) -> dict[str, str]:
    packages = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    return {
        "command": plan.command,
        "commit": machine.commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "device": plan.device,
        "hardware": machine.hardware(plan.device),
        "versions": ", ".join(f"{name} {value}" for name, value in packages.items()),
    }
