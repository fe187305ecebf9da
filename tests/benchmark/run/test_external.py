"""Scores from elsewhere: the right one for every face, or a line that says what is wrong."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from detector.benchmark.run.external import External, read_scores
from detector.errors import UsageError
from detector.types import Sample

ROOT = Path("data") / "my faces"
CLIPS = ("real/000.mp4", "fake/Deepfakes/000.mp4", "fake/Deepfakes/001.mp4", "real/Zoë.mp4")


def sample(name: str, clip: str = "") -> Sample:
    return Sample(str(ROOT / name), int(name.startswith("fake")), "g", "s", name, "test", clip)


SAMPLES = [sample(name) for name in CLIPS]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "theirs.csv"


def read(file: Path, text: str, samples: list[Sample] = SAMPLES) -> External:
    file.write_bytes(text.encode())
    return read_scores(file, samples, ROOT)


def scores_of(external: External, samples: list[Sample] = SAMPLES, frames: list[int] | None = None) -> list[float]:
    return external.of(samples, np.array(frames or [0] * len(samples))).tolist()


ABSOLUTE = str(ROOT.absolute())


@pytest.mark.parametrize(
    "names",
    [
        CLIPS,
        [name.replace("/", "\\") for name in CLIPS],
        [f"./{name}" for name in CLIPS],
        [f"{ABSOLUTE}/{name}" for name in CLIPS],
        [normalize("NFD", name) for name in CLIPS],
        [*CLIPS[:2], "001.mp4", "Zoë.mp4"],
    ],
    ids=["relative", "Windows", "dot", "absolute", "taken apart", "bare"],
)
def test_every_way_to_write_a_path(file: Path, names: list[str]) -> None:
    lines = [f'"{name}",{score}' for name, score in zip(names, (1, -2.5, 3e2, 0), strict=True)]
    external = read(file, "\n".join(["path,score", *reversed(lines)]))
    assert scores_of(external) == [1, -2.5, 300, 0]
    assert external.notes == ()


@pytest.mark.parametrize("head", ["path,score", "video,score", "file,score", "\ufeffpath,score", " Path , SCORE "])
def test_every_head(file: Path, head: str) -> None:
    assert scores_of(read(file, f"{head}\r\nreal/000.mp4,2\r\n"))[0] == 2


def test_other_columns_may_lie_between(file: Path) -> None:
    assert scores_of(read(file, "label,score,path\n0,2,real/000.mp4\n"))[0] == 2


def test_a_probability_of_real_is_turned_round(file: Path) -> None:
    found = scores_of(read(file, "path,probability_real\nreal/000.mp4,0.9\nfake/Deepfakes/000.mp4,0.2\n"))
    assert found[:2] == pytest.approx([0.1, 0.8])


def test_what_has_no_score_is_nan_and_what_is_strange_is_noted(file: Path) -> None:
    external = read(file, "path,score\nreal/000.mp4,1\nelse/where.mp4,1\nelse/where.mp4,2\n/other/000.mp4,1\n")
    np.testing.assert_array_equal(scores_of(external), [1, np.nan, np.nan, np.nan])
    assert external.notes == (
        "theirs.csv: 2 paths are not of this dataset and were passed over, e.g. else/where.mp4.",
        "theirs.csv: 3 of 4 clips and pictures have no score, e.g. 000.mp4.",
    )


def test_a_score_of_a_frame_is_for_that_frame_alone(file: Path) -> None:
    external = read(file, "path,frame,score\nreal/000.mp4,0,1\nreal/000.mp4,12.0,2\nfake/Deepfakes/000.mp4,,3\n")
    real, fake = SAMPLES[:2]
    found = scores_of(external, [real, real, real, fake, fake], [0, 12, 13, 0, 7])
    np.testing.assert_array_equal(found, [1, 2, np.nan, 3, 3])


def test_a_score_of_a_clip_is_for_its_pictures_and_their_own_come_first(file: Path) -> None:
    """The clip by its name, by the folder of its frames, or by the bare name of either."""
    frames = [sample(f"fake/frames/007/{n:03}.png", "my/fake/frames/007") for n in (0, 8)]
    for name in ("my/fake/frames/007", "fake\\frames\\007\\", "007"):
        assert scores_of(read(file, f"path,score\n{name},2\n", frames), frames, [0, 8]) == [2, 2]
    both = read(file, "path,score\n007,2\nfake/frames/007/008.png,5\n", frames)
    assert scores_of(both, frames, [0, 8]) == [2, 5]
    assert both.notes == ()
    numbered = read(file, "path,frame,score\n007,,2\n007,8,4\n", frames)
    assert scores_of(numbered, frames, [0, 8]) == [2, 4]


def test_a_file_at_the_root_is_meant_before_one_of_the_same_name_below(file: Path) -> None:
    samples = [sample("000.mp4"), sample("fake/000.mp4")]
    found = scores_of(read(file, "path,score\n000.mp4,1\n", samples), samples)
    np.testing.assert_array_equal(found, [1, np.nan])


def test_the_same_score_twice_is_no_contradiction(file: Path) -> None:
    assert scores_of(read(file, "path,score\nreal/000.mp4,1\nreal\\000.mp4,1.0\n"))[0] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,score\nreal/000.mp4,1\nreal\\000.mp4,2\n", r"line 3: 'real\\\\000.mp4' has two scores, 1.0 and 2.0"),
        ("path,frame,score\nreal/000.mp4,1,1\nreal/000.mp4,1,2\n", "line 3: 'real/000.mp4' has two scores"),
        ("path,score\n000.mp4,1\n", "line 2: '000.mp4' can mean .*Deepfakes.000.mp4 and .*real.000.mp4"),
        ("path,score\nreal/000.mp4,1\nfake/Deepfakes/001.mp4,high\n", "line 3: score: .* got 'high'"),
        ("path,score\nreal/000.mp4,nan\n", "line 2: score: .* got 'nan'"),
        ("path,score\nreal/000.mp4,-inf\n", "line 2: score: .* got '-inf'"),
        ("path,score\n\nreal/000.mp4\n", "line 3: score: .* got ''"),
        ("path,frame,score\nreal/000.mp4,1.5,1\n", "line 2: frame: .* got '1.5'"),
        ("path,frame,score\nreal/000.mp4,-1,1\n", "line 2: frame: .* got '-1'"),
        ("path,fake\nreal/000.mp4,1\n", "one column of score, probability_real; got path, fake"),
        ("path,score,probability_real\nreal/000.mp4,1,0\n", "one column of score, probability_real"),
        ("name,score\nreal/000.mp4,1\n", "one column of path, file, video; got name, score"),
        ("", "one column of path, file, video; got nothing"),
        ("path,score\nD:\\elsewhere\\000.mp4,1\n", "'D:.*000.mp4', expected something like 'real/000.mp4'"),
        ("path,score\n", "no path is of this dataset"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(file: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read(file, text)
    assert "theirs.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(file: Path) -> None:
    file.write_bytes(b"path,score\n\xff\xfe,1\n")
    with pytest.raises(UsageError, match=r"theirs\.csv: expected a CSV file in UTF-8"):
        read_scores(file, SAMPLES, ROOT)
    with pytest.raises(UsageError, match=r"none\.csv: No such file"):
        read_scores(file.with_name("none.csv"), SAMPLES, ROOT)
