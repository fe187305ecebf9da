"""A dataset to features, under one protocol for every picture: open, detect, give a history, crop, describe.

What each VAE and each baseline says of a file under a condition is kept on disk by itself, found by all that it depends
on: the content of the file, the condition, the models and the code. An interrupted run goes on where it stopped,
another VAE costs its own time only, another dataset with the same files costs nothing, and a change of weights or code
never meets stale numbers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from pathlib import Path
from time import monotonic

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from detector.benchmark.datasets import origin
from detector.benchmark.extraction.code import FACES, code_digest, digest
from detector.benchmark.extraction.crew import Crew
from detector.benchmark.extraction.meeting import Condition, Conditions, Tools
from detector.benchmark.extraction.store import FeatureStore, Unit
from detector.benchmark.extraction.task import EVERY_VIEW, OURS, Done, Task, makers_of, work
from detector.errors import MediaError
from detector.media.kinds import HEAD, tell_format
from detector.types import MADE, FeatureTable, Sample
from detector.weights import sha256

WRITE_EVERY_S = 10.0
"""What is finished is written so often: no more than this is lost when a run is killed."""

Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Extract:
    """Rows of features: one for each frame and condition whose face could be judged.

    Attributes:
        tables: where there are VAEs `OURS` and `EVERY_VIEW`, the VAEs beside them, and the baselines, each with N rows.
        samples: (N,) what each row's file is.
        histories: (N,) the name of each row's condition.
        frames: (N,) the number of each row's frame in its file.
        missed: (sample, name of the condition, reason) of every frame that could not be.
    """

    tables: dict[str, FeatureTable]
    samples: tuple[Sample, ...]
    histories: Words
    frames: npt.NDArray[np.int64]
    missed: tuple[tuple[Sample, str, str], ...] = ()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) 1 for synthetic."""
        return np.array([sample.label for sample in self.samples], np.int64)

    @property
    def groups(self) -> Words:
        """(N,) identity or source clip."""
        return np.array([sample.group for sample in self.samples], np.str_)

    @property
    def origins(self) -> Words:
        """(N,) generator of a fake, source of a real face."""
        return np.array([origin(sample) for sample in self.samples], np.str_)

    @property
    def videos(self) -> Words:
        """(N,) the clip of each row."""
        return np.array([sample.video for sample in self.samples], np.str_)

    def where(self, keep: Bools) -> Extract:
        """The rows where (N,) `keep` holds; what was missed stays."""
        tables = {name: FeatureTable(table.values[keep], table.names) for name, table in self.tables.items()}
        samples = tuple(sample for sample, kept in zip(self.samples, keep, strict=True) if kept)
        return replace(self, tables=tables, samples=samples, histories=self.histories[keep], frames=self.frames[keep])


def extract(
    samples: Sequence[Sample],
    conditions: Conditions,
    tools: Tools,
    folder: Path,
    seed: int = 0,
    frames: int = 1,
    crew: Crew | None = None,
    what: str = "features",
) -> Extract:
    """The features of every sample under every condition; of the largest face in each frame.

    Args:
        samples: the files.
        conditions: what is done to each of them.
        tools: detectors, reconstructors, baselines, makers of fakes.
        folder: where finished numbers are kept.
        seed: of the conditions. A file's draws depend on it, on the file's name and on its group alone.
        frames: of a clip, so many are looked at, evenly spaced over its whole length.
        crew: worker processes with the same tools; None to work here.
        what: what the progress is called.
    """
    stores = {name: FeatureStore(folder / digest(maker.words)) for name, maker in makers_of(tools).items()}
    tasks = [_task(sample, conditions, tools, seed, frames, stores) for sample in samples]
    open_tasks = [task for task in tasks if task.wanted]
    done = crew.work(open_tasks) if crew and open_tasks else (work(task, tools) for task in open_tasks)
    with closing(_kept(done, stores)) as kept:
        for _ in tqdm(kept, total=len(open_tasks), desc=what, unit="file", disable=None if open_tasks else True):
            pass
    return _assembled(tasks, stores, tools)


def _task(
    sample: Sample, conditions: Conditions, tools: Tools, seed: int, frames: int, stores: Mapping[str, FeatureStore]
) -> Task:
    frames = frames if _content(sample.path).video else 1
    keys = {name: _key(sample, name, one, tools, seed, frames) for name, one in conditions.items()}
    missing = {maker: [name for name, key in keys.items() if key not in store] for maker, store in stores.items()}
    wanted = {maker: names for maker, names in missing.items() if names}
    return Task(sample, conditions, keys, wanted, seed, frames)


def _key(sample: Sample, name: str, condition: Condition, tools: Tools, seed: int, frames: int) -> str:
    """What the faces of a file under a condition depend on."""
    made = (sample.generator, tools.bench, code_digest("fakes")) if sample.generator.startswith(MADE) else ()
    return digest(
        f"{sample.group} {Path(sample.path).name} {_content(sample.path).digest}",
        *made,
        f"{name} {condition} {frames} {seed}",
        *(f"{model.name} {model.version}" for model in tools.detectors),
        code_digest(*FACES),
    )


@dataclass(frozen=True)
class _Content:
    """What stands for the bytes of a file, or for that there are none, and whether they are a video's."""

    digest: str
    video: bool = False


@lru_cache(1 << 16)
def _content(path: str) -> _Content:
    try:
        with Path(path).open("rb") as file:
            return _Content(sha256(Path(path)), tell_format(file.read(HEAD)).kind == "video")
    except OSError as error:
        return _Content(f"none: {error.strerror}")
    except MediaError as error:
        return _Content(f"{error.reason}: {sha256(Path(path))}")


def _kept(done: Iterable[Done], stores: Mapping[str, FeatureStore]) -> Generator[Done, None, None]:
    """Pass on what is done, and write it every few seconds and at the end, however that comes."""
    waiting: list[Done] = []
    written = monotonic()
    try:
        for one in done:
            waiting.append(one)
            if monotonic() - written > WRITE_EVERY_S:
                _write(waiting, stores)
                waiting, written = [], monotonic()
            yield one
    finally:
        _write(waiting, stores)


def _write(done: Sequence[Done], stores: Mapping[str, FeatureStore]) -> None:
    for name, store in stores.items():
        store.add(
            [(one.task.keys[condition], unit) for one in done for condition, unit in one.units.get(name, {}).items()]
        )


def _assembled(tasks: Sequence[Task], stores: Mapping[str, FeatureStore], tools: Tools) -> Extract:
    """All rows: file by file, condition by condition, frame by frame; all makers were given the same faces."""
    keys = [key for task in tasks for key in task.keys.values()]
    found = {name: store.read(keys) for name, store in stores.items()}
    places = [(task.sample, name, key) for task in tasks for name, key in task.keys.items()]
    first = next(iter(found.values()))
    told = [
        (sample, name, frame, reason)
        for sample, name, key in places
        for frame, reason in zip(first[key].frames, first[key].reasons, strict=True)
    ]
    good = [(sample, name, frame) for sample, name, frame, reason in told if not reason]
    return Extract(
        tables=_joined({name: _stacked([units[key] for _, _, key in places]) for name, units in found.items()}, tools)
        if good
        else {},
        samples=tuple(sample for sample, _, _ in good),
        histories=np.array([name for _, name, _ in good], np.str_),
        frames=np.array([frame for _, _, frame in good], np.int64),
        missed=tuple((sample, name, reason) for sample, name, _, reason in told if reason),
    )


def _stacked(units: Sequence[Unit]) -> FeatureTable:
    tables = [unit.table for unit in units if unit.table is not None]
    return FeatureTable(np.concatenate([table.values for table in tables]), tables[0].names)


def _joined(tables: Mapping[str, FeatureTable], tools: Tools) -> dict[str, FeatureTable]:
    """The tables of our own VAEs side by side as `OURS` and `EVERY_VIEW`, and the others as they are."""
    own = [table for name, table in tables.items() if name.startswith(f"{OURS} ")]
    others = {name: table for name, table in tables.items() if not name.startswith(f"{OURS} ")}
    if not own:
        return others
    everything = reduce(FeatureTable.join, own)
    return {OURS: _given(everything, tools), EVERY_VIEW: everything, **others}


def _given(table: FeatureTable, tools: Tools) -> FeatureTable:
    """What the classifier is given: of our VAEs these views alone, of the backbone everything."""
    models = {model.name for model in tools.reconstructors}
    parts = [name.split(".", 2)[:2] for name in table.names]
    kept = [place for place, (model, view) in enumerate(parts) if model not in models or view in tools.views]
    return FeatureTable(np.ascontiguousarray(table.values[:, kept]), tuple(table.names[place] for place in kept))


def concat(parts: Sequence[Extract]) -> Extract:
    """All rows in one; a part without rows has no tables, and only adds what it missed."""
    full = [part for part in parts if part.samples]
    return Extract(
        tables={
            name: FeatureTable(np.concatenate([part.tables[name].values for part in full]), table.names)
            for name, table in (full[0].tables if full else {}).items()
        },
        samples=tuple(sample for part in full for sample in part.samples),
        histories=np.concatenate([part.histories for part in full]) if full else np.empty(0, np.str_),
        frames=np.concatenate([part.frames for part in full]) if full else np.empty(0, np.int64),
        missed=tuple(miss for part in parts for miss in part.missed),
    )
