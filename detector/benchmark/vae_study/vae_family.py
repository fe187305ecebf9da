"""Members of our VAE family side by side: `detector train vae-family CONFIG.toml`.

All are trained for the same number of steps on the same crops, and run over the same faces; of each it is measured how
well it explains real faces, how fast it is, and how well a linear classifier tells fakes by its features: of families
of generators that it met, of families that it did not, and beside the features of the embedded VAE.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path

import numpy as np

from detector import tracking, weights
from detector.benchmark.datasets import load_dataset
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.vae_study.crops import CropFile, CropPlan
from detector.benchmark.vae_study.cut import Arrays, CutFaces, cached, cut_faces, digest, thinned
from detector.benchmark.vae_study.separation import Who, separation
from detector.benchmark.vae_study.vae import VaeStudy, crops_of, examples_of
from detector.benchmark.vae_study.vae_family_report import Row, write_family
from detector.benchmark.vae_study.vae_report import ALL, measure_vae
from detector.errors import ConfigError
from detector.faces import load_face_detector
from detector.features import compute_features
from detector.types import Array, FeatureTable, Sample
from detector.vae import Reconstructor, load_reconstructor
from detector.vae.config import VaeConfig, VaeTrainConfig
from detector.vae.hiding import FromTheRest
from detector.vae.loading import FaceVaeReconstructor, load_model
from detector.vae.train import train_vae

BASE = "face-vae"
"""The embedded model, which each other is measured beside."""
_TIMED_CROPS, _ROUNDS = 16, 5


@dataclass(frozen=True)
class Member:
    """What sets one member apart; the rest of its training is that of all.

    Attributes:
        model: see `VaeConfig`.
        hide, perceptual: see `VaeTrainConfig`. A member that hides is measured where it was shown only the rest.
    """

    model: VaeConfig = field(default_factory=VaeConfig)
    hide: int = 0
    perceptual: float = 0.0

    def __post_init__(self) -> None:
        if self.hide and self.model.kind == "ae":
            raise ConfigError('hide: kind "ae" has no likelihood to measure what was hidden by; expected another kind')


@dataclass(frozen=True)
class FamilyStudy:
    """The keys of a config such as experiments/vae-family.toml.

    Attributes:
        members: by name.
        training: what all members share; its model is not used.
        most: origin -> how many of its pictures, of train and val together, are judged.
        references: models that others have trained, in the words of `load_reconstructor`.
        crops: what the members are trained on, and explain in bits; also names the dataset.
        faces: an entry of `FACE_DETECTORS`, or "auto".
        strength: of the classifier's regularisation.
        report: folder for the table and the picture.
        work: folder for crops, weights and features.
    """

    members: Mapping[str, Member]
    training: VaeTrainConfig
    most: Mapping[str, int]
    references: tuple[str, ...] = ()
    crops: CropPlan = field(default_factory=CropPlan)
    faces: str = "auto"
    strength: float = 100.0
    report: Path = Path("runs/report")
    work: Path = Path("runs")


def teach_family(study: FamilyStudy) -> Path:
    """Train what is missing, measure everything, report; each member is a run of the experiment "vae-family".

    Returns:
        the table.
    """
    data = VaeStudy(study.training, study.crops, study.faces, work=study.work)
    for name, member in study.members.items():
        if not weights_of(study, name).exists():
            _train(study, data, name, member)
    models = {BASE: load_reconstructor(BASE), **{name: _load(study, name) for name in study.members}}
    models |= {model.name: model for model in map(load_reconstructor, study.references)}
    rows = list(_measured(study, models, crops_of(data, "val")))
    for row in rows:
        facts = {"data": study.crops.data, "faces": len(row.alone.known), "strength": study.strength}
        with tracking.start("vae-family", row.name, facts, study.work) as run:
            run.metrics(row.scalars)
    return write_family(rows, study.report)


def weights_of(study: FamilyStudy, name: str) -> Path:
    """Where the finished weights of a member are."""
    return study.work / "vae-family" / name / "finished.safetensors"


def _train(study: FamilyStudy, data: VaeStudy, name: str, member: Member) -> None:
    """Train a member, or go on; `train_vae` writes weights at every checkpoint, so the finished ones are renamed."""
    how = replace(study.training, model=member.model, hide=member.hide, perceptual=member.perceptual)
    train, val = (examples_of(crops_of(data, split)) for split in ("train", "val"))
    done = weights_of(study, name)
    train_vae(how, train, val, done.parent, study.work).rename(done)


def _load(study: FamilyStudy, name: str) -> Reconstructor:
    path = weights_of(study, name)
    model = FaceVaeReconstructor(load_model(path), weights.version(path), name)
    hidden = study.members[name].hide
    return FromTheRest(model, hidden) if hidden else model


def _measured(study: FamilyStudy, models: Mapping[str, Reconstructor], val: CropFile) -> Iterator[Row]:
    speeds = crops_per_second(models, (val.pixels[:_TIMED_CROPS] / 255).astype(np.float32))
    tables, who = tables_of(study, models)
    base = separation(tables[BASE], who, study.strength)
    yield Row(BASE, _explained(models[BASE], val), speeds[BASE], base)
    for view in ("native", "whole"):
        part = separation(_only(tables[BASE], view), who, study.strength)
        yield Row(f"{BASE}, {view} view only", {}, speeds[BASE], part, base)
    for name, model in models.items():
        if name != BASE:
            alone = separation(tables[name], who, study.strength)
            added = separation(tables[BASE].join(tables[name]), who, study.strength)
            yield Row(name, _explained(model, val), speeds[name], alone, base, added)
    together = separation(reduce(FeatureTable.join, tables.values()), who, study.strength)
    yield Row("all of them", {}, 1 / sum(1 / speed for speed in speeds.values()), together, base)


def crops_per_second(models: Mapping[str, Reconstructor], pixels: Array) -> dict[str, float]:
    """How many crops each model passes twice in a second of one core: the best of five rounds, all models in turn.

    Processor time is counted, not the clock's: other work on the machine then hardly shows.
    """
    spent: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_ROUNDS):
        for name, model in models.items():
            start = time.process_time()
            model(pixels)
            spent[name].append(time.process_time() - start)
    return {name: len(pixels) / min(times) for name, times in spent.items()}


def _explained(model: Reconstructor, val: CropFile) -> dict[str, Estimate]:
    """Of held-out real faces, mean over pictures: -ELBO where the model has one, PSNR of the mean picture.

    A model that hides squares is shown all of the crop here.
    """
    whole = model.whole if isinstance(model, FromTheRest) else model
    if not isinstance(whole, FaceVaeReconstructor):
        return {}
    terms = measure_vae(whole.model, examples_of(val), val)[ALL]
    return {name: terms[name] for name in ("bits_per_dim", "psnr") if name in terms}


def faces_of(study: FamilyStudy, size: int) -> Iterator[CutFaces]:
    """The faces that the members are measured on, of train and val, in crops of `size` px."""
    samples = [one for one in load_dataset(study.crops.dataset, study.crops.data) if one.split in ("train", "val")]
    return cut_faces(thinned(samples, study.most), load_face_detector(study.faces), size, _cache(study))


def tables_of(study: FamilyStudy, models: Mapping[str, Reconstructor]) -> tuple[dict[str, FeatureTable], Who]:
    """The features of the same faces by every model, and what these faces are."""
    parts: dict[str, list[FeatureTable]] = {name: [] for name in models}
    seen: list[Sample] = []
    for part in faces_of(study, next(iter(models.values())).size):
        seen += part.samples
        for name, model in models.items():
            parts[name].append(_features(part, model, _cache(study)))
    tables = {
        name: FeatureTable(np.concatenate([table.values for table in some]), some[0].names)
        for name, some in parts.items()
    }
    return tables, Who.of(seen)


def _cache(study: FamilyStudy) -> Path:
    return study.work / "vae-family" / "cache"


def _features(part: CutFaces, model: Reconstructor, folder: Path) -> FeatureTable:
    def make() -> Arrays:
        table = compute_features(part.crops, model(part.crops.pixels), model.name)
        return {"values": table.values, "names": np.array(table.names)}

    kept = cached(folder / f"{digest(part.key, model.name, model.version)}.npz", make)
    return FeatureTable(kept["values"], tuple(kept["names"].tolist()))


def _only(table: FeatureTable, view: str) -> FeatureTable:
    columns = [place for place, name in enumerate(table.names) if name.split(".")[1] == view]
    return FeatureTable(table.values[:, columns], tuple(table.names[place] for place in columns))
