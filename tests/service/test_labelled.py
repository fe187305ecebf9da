"""Labels leave the service and come back the same, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.service.labelled import basis_of, labelled, labelled_line, read_labelled
from detector.service.records import Decision, Item, Label, Review

ITEM = Item(
    id="1" * 32,
    job_id="2" * 32,
    position=0,
    name="Zoë.jpg",
    size=10,
    sha256="3" * 64,
    media="image",
    state="done",
    attempts=1,
    created_at=1.0,
    finished_at=2.0,
    report={
        "fake_probability": 0.1 + 0.2,
        "models": {"face-vae": "a"},
        "faces": [{"probability": 0.1 + 0.2}, {"probability": None}],
    },
    decision=Decision("review", "chosen at random", "0123456789ab", 100.0),
    pictures=(),
    blob=None,
)


def review(label: Label) -> Review:
    return Review(1, ITEM.id, 3.5, "ann", "block", label, "waxy\nskin", "4" * 64)


def line_of(label: Label, item: Item = ITEM) -> str:
    return labelled_line(labelled(review(label), basis_of(item), item.name))


def test_a_line_comes_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "labels.ndjson"
    path.write_text(line_of("fake") + line_of("real"), encoding="utf-8")
    fake, real = read_labelled(path)
    assert (fake.label, real.label) == ("fake", "real")
    assert (fake.fake_probability, fake.scored_faces, fake.weight) == (0.1 + 0.2, 1, 100.0)
    assert (fake.name, fake.note, fake.reviewer, fake.decided_at) == ("Zoë.jpg", "waxy\nskin", "ann", 3.5)
    assert replace(fake, label="real") == real


def test_a_file_without_a_score_keeps_its_label(tmp_path: Path) -> None:
    path = tmp_path / "labels.ndjson"
    bare = replace(ITEM, report={"fake_probability": None, "models": {}, "faces": []}, decision=None)
    path.write_text(line_of("real", bare), encoding="utf-8")
    [line] = read_labelled(path)
    assert (line.fake_probability, line.scored_faces, line.weight, line.policy) == (None, 0, 1.0, "")


def test_a_picture_that_moves_is_the_video_that_it_was_scored_as(tmp_path: Path) -> None:
    path = tmp_path / "labels.ndjson"
    path.write_text(line_of("real", replace(ITEM, report={"media": "video"})), encoding="utf-8")
    [line] = read_labelled(path)
    assert line.media == "video"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"label": "unsure"}, r"line 2: label: .*'real' or 'fake'"),
        ({"fake_probability": 1.5}, r"line 2: fake_probability: expected 0 to 1, got 1\.5"),
        ({"weight": 0}, r"line 2: weight: expected a positive number"),
        ({"media": 3}, r"line 2: media"),
    ],
)
def test_what_is_no_label_is_refused_by_line(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    path, good = tmp_path / "labels.ndjson", line_of("real")
    path.write_text(good + json.dumps({**json.loads(good), **change}) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match=complaint):
        list(read_labelled(path))


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.ndjson"
    with pytest.raises(UsageError, match="No such file"):
        list(read_labelled(path))
    path.write_text("not JSON\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"line 1: the line: .*/v1/review/export"):
        list(read_labelled(path))
