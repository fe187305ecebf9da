"""A results file grows by whole lines, survives a kill, and is never taken from somebody else's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.score.results import Results, to_json
from detector.types import FaceReport, RegionEvidence, Report, TimelinePoint

REPORT = Report(
    path="a folder/ü.jpg",
    media="image",
    status="ok",
    fake_probability=0.25,
    verdict="real",
    threshold=0.5,
    faces=(FaceReport((1.0, 2.0, 3.0, 4.0), 0.9, 0.25, regions=(RegionEvidence("mouth", 0.5, "mouth: odd"),)),),
    timeline=(TimelinePoint(0.5, None),),
)


def test_a_line_has_the_promised_fields() -> None:
    line = json.loads(to_json(REPORT))
    promised = "path media status reason fake_probability verdict threshold faces timeline models warnings elapsed_s"
    assert set(line) == set(promised.split())
    assert line["faces"][0]["box"] == [1, 2, 3, 4]
    assert line["faces"][0]["regions"][0]["region"] == "mouth"
    assert line["timeline"] == [{"time_s": 0.5, "probability": None, "shot": None}]


def test_what_is_added_is_known_when_the_file_is_opened_again(tmp_path: Path) -> None:
    Results(tmp_path / "out.jsonl").add(REPORT)
    again = Results(tmp_path / "out.jsonl")
    assert REPORT.path in again
    assert "other.jpg" not in again


@pytest.mark.parametrize("kept", [3, 9, 60])
def test_a_line_that_a_kill_cut_short_is_dropped_and_done_again(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "out.jsonl"
    line = to_json(REPORT).encode()
    path.write_bytes(line + b"\n" + line[:kept])
    again = Results(path)
    again.add(Report("b.jpg", "image", "abstained", "no_face"))
    assert [json.loads(row)["path"] for row in path.read_text(encoding="utf-8").splitlines()] == [REPORT.path, "b.jpg"]


@pytest.mark.parametrize("content", ["my diary, one line", "my diary\nin two lines\n", '{"other": 1}\n', "[1]\n"])
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "diary.txt"
    path.write_text(content)
    with pytest.raises(UsageError, match="no report of ours"):
        Results(path)
    assert path.read_text() == content
