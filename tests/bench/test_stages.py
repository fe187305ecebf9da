"""The stages, run by themselves, are what a judge runs: what they give is what it uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.bench.photos import make_photos
from detector.bench.stages import (
    DECODE,
    DETECTION,
    EVERY_FRAME,
    JUDGE,
    JUDGED,
    Lot,
    judge_stages,
    look_at,
    lots,
    photo_stages,
    video_stages,
)
from detector.cli.demo import write_clip
from detector.faces import load_face_detector
from detector.features import load_backbone
from detector.media import Sampling
from detector.score.judge import Judge, versions
from detector.score.judges import FACES_AT_ONCE
from detector.score.look import Eyes, Sight
from detector.types import FeatureTable, Pixels
from detector.vae import load_reconstructor


@dataclass
class Classifier:
    """Says the same of everybody, and remembers what it was asked."""

    versions: dict[str, str]
    names: tuple[str, ...] = ("face-vae.whole.error.whole.log_abs",)
    asked: list[FeatureTable] = field(default_factory=list)

    def probability(self, table: FeatureTable) -> Any:
        self.asked.append(table)
        return np.full(len(table.values), 0.25)

    def evidence(self, table: FeatureTable) -> list[tuple[()]]:
        self.asked.append(table)
        return [()] * len(table.values)


@pytest.fixture(scope="module")
def judge() -> Judge:
    models, backbone = (load_reconstructor("face-vae"),), load_backbone()
    return Judge(models, Classifier(versions(models, backbone)), "none", backbone)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def eyes() -> Eyes:
    return Eyes(lambda: load_face_detector("face-net"), Sampling(frames=3))


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 1)[0]


@pytest.fixture(scope="module")
def lot(judge: Judge, eyes: Eyes, photo: Path) -> Lot:
    return Lot(judge, look_at(eyes, photo))


def test_the_stages_give_what_a_judge_uses(judge: Judge, lot: Lot) -> None:
    [judged] = judge(lot.sights)
    asked: FeatureTable = judge.classifier.asked[-1]  # type: ignore[attr-defined]
    assert np.array_equal(lot.cut().of(["whole"]).pixels, judged.crops.pixels)
    [made] = lot.reconstruct()
    assert np.allclose(made.pixels, judged.reconstruction, atol=1e-5)
    assert lot.table.names == asked.names
    assert np.allclose(lot.table.values, asked.values, atol=1e-4, equal_nan=True)
    assert 0 < len(lot.describe().names) < len(asked.names), "without the backbone"


def test_every_stage_of_a_judge_runs(judge: Judge, lot: Lot) -> None:
    stages = judge_stages(judge, [lot])
    assert [stage.name for stage in stages] == [*JUDGED, JUDGE]
    assert [stage.name for stage in stages if stage.aside] == [JUDGE]
    assert {(stage.unit, stage.units) for stage in stages} == {("face", 1)}
    by_name = {stage.name: stage for stage in stages}
    [[first]] = by_name[JUDGED[1]].run()  # type: ignore[misc]
    [[both]] = by_name[JUDGED[2]].run()  # type: ignore[misc]
    assert (first.second, both.second is None) == (None, False)
    assert by_name["probability"].run() == [0.25]
    [[judged]] = by_name[JUDGE].run()  # type: ignore[misc]
    assert judged.faces[0].probability == 0.25


def test_without_a_backbone_there_is_no_such_stage(judge: Judge, lot: Lot) -> None:
    models = judge.reconstructors
    blind = Judge(models, Classifier(versions(models, None)), "none")  # type: ignore[arg-type]
    names = [stage.name for stage in judge_stages(blind, [Lot(blind, lot.sights)])]
    assert names == [name for name in (*JUDGED, JUDGE) if name != "backbone"]


def test_lots_are_what_judges_get(judge: Judge, lot: Lot) -> None:
    [sight] = lot.sights
    nobody = Sight(sight.frame, (), ())
    given = list(lots(judge, [sight, nobody] * FACES_AT_ONCE + [sight, nobody]))
    assert [one.faces for one in given] == [FACES_AT_ONCE, 1]
    assert list(lots(judge, [nobody])) == []


def test_photos_are_decoded_and_looked_at(eyes: Eyes, photo: Path) -> None:
    decode, detection = photo_stages(eyes, [photo, photo], look_at(eyes, photo) * 2)
    assert (decode.name, detection.name, detection.less) == (DECODE, DETECTION, DECODE)
    assert {(stage.unit, stage.units) for stage in (decode, detection)} == {("photo", 2)}
    assert decode.moved == 2 * (1024 * 1024 * 3 + photo.stat().st_size)
    decode.run()
    detection.run()


def test_a_clip_is_decoded_in_samples_and_whole(eyes: Eyes, astronaut: Pixels, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(astronaut, clip, seconds=1)
    stages = {stage.name: stage for stage in video_stages(eyes, clip, look_at(eyes, clip))}
    assert {name: (stage.unit, stage.units) for name, stage in stages.items()} == {
        "index": ("video", 1),
        DECODE: ("frame", 3),
        DETECTION: ("frame", 3),
        EVERY_FRAME: ("frame", 12),
    }
    assert [name for name, stage in stages.items() if stage.aside] == [EVERY_FRAME]
    for stage in stages.values():
        stage.run()


def test_another_kind_of_file_is_not_looked_at(photo: Path) -> None:
    def refuse() -> Any:
        raise AssertionError("no detector is needed")

    assert look_at(Eyes(refuse), photo, "video") == ()
