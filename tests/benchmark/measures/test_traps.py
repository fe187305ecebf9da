"""The field's published traps in measuring: each test holds our code beside the trap's, and fails on the trap's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from detector.benchmark.datasets import leaks
from detector.benchmark.measures.clips import by_clip
from detector.benchmark.measures.evaluate import Answers
from detector.benchmark.measures.held_out import NOTHING, Known, Recipe, fold_scores
from detector.benchmark.measures.metrics import Groups, Scores, accuracy_at, auc, balanced_accuracy_at, tpr_at
from detector.benchmark.study.results import score_table
from detector.classify.fit import threshold_at
from detector.media import Sampling
from detector.media.sampling import pick
from detector.score.summary import Summary
from detector.types import Array, Sample

LABELS = np.repeat([0, 1], 200)
NAMES = np.arange(400).astype(str)
CAMERA = np.full(400, "camera")


def low_scores(seed: int) -> Scores:
    """(400,) of a perfect scorer whose scores are reconstruction distances, all far below 0.5, as AEROBLADE's are."""
    return 0.01 + 0.02 * LABELS + 0.005 * np.random.default_rng(seed).uniform(size=400)


def test_a_threshold_of_one_half_calls_every_low_scorer_blind() -> None:
    scores = low_scores(0)
    assert accuracy_at(LABELS, scores, 0.5) == balanced_accuracy_at(LABELS, scores, 0.5) == 0.5  # the trap
    assert tpr_at(LABELS, scores, fpr=0.001) == auc(LABELS, scores) == 1


def test_a_threshold_from_a_stated_rate_keeps_it_where_one_half_does_not() -> None:
    """A scorer that doubts everything: half of all new real faces lie above 0.5."""
    rng = np.random.default_rng(0)
    held_out, new = (np.clip(0.5 + 0.1 * rng.normal(size=400) + 0.3 * LABELS, 0, 1) for _ in range(2))
    real = LABELS == 0
    threshold = threshold_at(held_out[real], NAMES[real], CAMERA[real], fpr=0.05)
    assert (new[real] >= 0.5).mean() > 0.4  # the trap
    assert (new[real] >= threshold).mean() <= 0.08
    assert balanced_accuracy_at(LABELS, new, threshold) > balanced_accuracy_at(LABELS, new, 0.5) + 0.1


def by_bare_name(samples: list[Sample]) -> Groups:
    """The trap: the folder of the frame, without the manipulation that it lies in."""
    return np.array([PurePosixPath(sample.path).parts[-2] for sample in samples])


def test_clips_by_bare_name_merge_two_manipulations_and_move_the_auc() -> None:
    """Of eight fake clips the four by NeuralTextures are missed; merged with found namesakes, none seems to be."""
    samples, scores = [], []
    for folder, label, score in (("original", 0, 0.4), ("Deepfakes", 1, 0.9), ("NeuralTextures", 1, 0.2)):
        for clip in range(4):
            name = f"{clip:03}_{clip + 1:03}" if label else f"{clip:03}"
            for frame in range(3):
                path = f"{folder}/c23/frames/{name}/{frame}.png"
                samples.append(Sample(path, label, folder, "ff++", name, "test", clip=f"{folder}/{name}"))
                scores.append(score)
    frames = Answers(
        labels=np.array([sample.label for sample in samples]),
        groups=np.array([sample.group for sample in samples]),
        origins=np.array([("real", "fake")[sample.label] for sample in samples]),
        probability={"it": np.array(scores)},
    )
    ours = by_clip(frames, np.array([sample.video for sample in samples]), "mean")
    trap = by_clip(frames, by_bare_name(samples), "mean")
    assert (len(ours.labels), len(trap.labels)) == (12, 8)
    assert auc(ours.labels, ours.probability["it"]) == 0.5
    assert auc(trap.labels, trap.probability["it"]) == 1


def by_whole_steps(count: int, wanted: int) -> list[int]:
    """The trap: "evenly spaced" by a step that is rounded down, cut after so many frames."""
    return list(range(0, count, count // wanted))[:wanted]


@pytest.mark.parametrize(("count", "last"), [(48, 31), (63, 31), (95, 62)])
def test_evenly_spaced_frames_reach_the_end_of_the_clip(count: int, last: int) -> None:
    """A clip of 63 frames gives the trap its first 32, as if nobody had asked for any spacing."""
    ours, trap = pick(np.arange(count) / 25, count / 25, Sampling(frames=32)), by_whole_steps(count, 32)
    assert len(ours) == len(trap) == 32
    assert trap[-1] == last
    assert ours[-1] >= count - 1 - count / 32 > last


def files(folder: Path, scores: dict[str, list[float | None]]) -> tuple[Path, Path]:
    """The results of `detector score --json` and the manifest; None is a file without a face."""
    lines, reports = ["path,label,generator,set,group,split"], []
    for label, column in scores.items():
        for number, score in enumerate(column):
            name = f"{label}-{number}.png"
            lines.append(f"{name},{label},{'gan' if label == 'fake' else 'camera'},{label}s,{name},test")
            status = {"status": "abstained", "reason": "no_face"} if score is None else {"status": "ok"}
            report = {"path": str(folder / name), "fake_probability": score, "threshold": 0.5, "faces": []}
            reports.append(json.dumps({**report, **status}))
    (folder / "manifest.csv").write_text("\n".join(lines))
    (folder / "results.jsonl").write_text("\n".join(reports))
    return folder / "results.jsonl", folder / "manifest.csv"


def test_no_face_is_no_score_and_never_one_half(tmp_path: Path) -> None:
    """The seven fakes with a face are found; as 0.5 among real faces at 0.6, three without one would lower the AUC."""
    reals: list[float | None] = [0.1, 0.2, 0.3, 0.6, 0.6, 0.6, None, None]
    fakes: list[float | None] = [0.9] * 7 + [None] * 3
    page = score_table(*files(tmp_path, {"real": reals, "fake": fakes}), "test")
    assert "18 files, 13 with a score" in page
    assert "| gan | 7 | 1.000 (" in page
    assert "| fakes | 7 of 10, 0.700 (" in page
    assert "| fakes | abstained | no_face | 3 |" in page
    filled = np.array([0.5 if score is None else score for score in (*reals, *fakes)])
    assert auc(np.repeat([0, 1], [8, 10]), filled) < 0.9  # the trap


def test_a_file_without_a_face_reports_none() -> None:
    report = Summary("empty.png").abstention("image")
    assert (report.status, report.reason) == ("abstained", "no_face")
    assert (report.fake_probability, report.verdict) == (None, None)


def test_a_planted_leak_is_found() -> None:
    """The same person under two file names, once in each split: file names alone show nothing."""
    clean = [Sample(f"{number}.png", 0, "camera", "set", f"id{number}", "train") for number in range(5)]
    planted = [*clean, Sample("other.png", 0, "camera", "set", "id3", "test")]
    assert leaks(clean) == {}
    assert leaks(planted) == {"id3": ("test", "train")}
    assert len({sample.path for sample in planted}) == len(planted)  # the trap: no file is there twice


def fingerprints(groups: int = 60, frames: int = 6) -> tuple[Array, Known]:
    """Faces that tell who they are and nothing else; labels are dealt to the people at random."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(groups), frames)
    values = rng.normal(size=(groups, 40))[person] + 0.1 * rng.normal(size=(len(person), 40))
    labels = rng.permutation(np.arange(groups) % 2)[person]
    everything = np.full(len(person), True)
    origins = np.where(labels == 1, "gan", "camera")
    return values.astype(np.float32), Known(labels, person.astype(str), origins, everything, everything)


def test_with_shuffled_labels_folds_by_person_know_nothing() -> None:
    values, known = fingerprints()
    rows = np.arange(len(known.labels)).astype(str)
    recipe = Recipe(candidate="kernel", strength=0.1)
    ours = fold_scores(values, known, recipe).scores[NOTHING]
    trap = fold_scores(values, replace(known, groups=rows), recipe).scores[NOTHING]
    assert auc(known.labels, trap) > 0.95
    assert abs(auc(known.labels, ours) - 0.5) < 0.15
