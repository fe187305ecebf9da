"""`detector bench`, in a process of its own: small, but the real models, files and clocks."""

from __future__ import annotations

import json
from pathlib import Path

from detector.types import Pixels
from tests.cli.conftest import Run
from tests.clips import write_clip


def test_where_the_time_goes(run: Run, media: Path, astronaut: Pixels, tmp_path: Path) -> None:
    numbers, report = tmp_path / "out" / "bench.json", tmp_path / "bench.md"
    clip = write_clip(tmp_path / "clip.mp4", [astronaut] * 3)
    sizes = ["--photos", "1", "--rounds", "1", "--pictures"]
    done = run(["bench", media, *sizes, "--video", clip, "--json", numbers, "--report", report])
    assert done.returncode == 0, done.stderr
    assert "What bounds it: " in done.stdout
    assert report.read_text(encoding="utf-8") == done.stdout
    assert "photo: stages" in done.stderr
    found = json.loads(numbers.read_text(encoding="utf-8"))
    assert (found["files"], found["faces"], found["rounds"]) == (1, 1, 1), "the wall and the broken one are left out"
    stages = {one["name"]: one for one in found["stages"]}
    wanted = ["decode", "detection", "crop", "VAE, first pass", "VAE, second pass", "features", "backbone"]
    assert list(stages) == [*wanted, "probability", "evidence", "write"]
    assert [one["name"] for one in found["aside"]] == ["judge", "pictures"]
    # The second pass is asked for the mean picture alone.
    assert stages["VAE, first pass"]["flops"] > stages["VAE, second pass"]["flops"] > 1e8
    assert stages["VAE, first pass"]["ms"] > 0 < stages["decode"]["floor_ms"]
    assert found["photos_per_s"] > 0 < found["cores"]
    assert [one["unit"] for one in found["video"]["stages"][:3]] == ["video", "frame", "frame"]
    assert found["video"]["frames"] == 3


def test_files_without_faces_are_refused_in_one_line(run: Run, media: Path) -> None:
    done = run(["bench", media / "wall.png"])
    assert done.returncode == 2
    assert done.stderr.strip() == ("detector: none of 1 files is a photo with a face that can be judged; name others")


def test_numbers_are_checked_before_anything_is_loaded(run: Run) -> None:
    done = run(["bench", "--rounds", "0"])
    assert done.returncode == 2
    assert "invalid _positive value: '0'" in done.stderr
