"""`detector score --engine ray`, as somebody with a bucket of pictures runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from detector.scale import read_shards
from tests.cli.conftest import Run, environment

NAMES = ("photo.jpg", "wall.png", "broken.jpg")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--engine", "ray", "-"], "standard input cannot be read by the workers"),
        (["--engine", "ray", "--explain", "why"], "--explain does not go with --engine ray"),
        (["--engine", "ray", "--server", "http://x"], "--server does not go with --engine ray"),
        (["--ray-address", "auto"], "--ray-address says where --engine ray works"),
        (["--engine", "ray", "--out", "photo.jpg"], "expected a folder"),
    ],
)
def test_wrong_usage_is_one_clear_line(run: Run, media: Path, options: list[str], says: str) -> None:
    words = [str(media / word) if word == "photo.jpg" else word for word in options]
    done = run(["score", *words, media / "photo.jpg"])
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_the_extra_one_line_says_what_to_install(media: Path, tmp_path: Path) -> None:
    words = ["score", "--engine", "ray", str(media / "photo.jpg")]
    code = f"import sys; sys.modules['ray'] = None; from detector.cli import main; sys.exit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment(tmp_path)
    )
    assert done.returncode == 2
    assert done.stderr == "detector: --engine ray needs ray: pip install 'detector[scale]'\n"


@pytest.mark.timeout(900)
def test_rows_are_kept_and_a_second_run_does_only_the_rest(media: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is the extra [scale]")
    manifest = tmp_path / "list.csv"
    manifest.write_text("".join(f"{line}\n" for line in ("path", *(media / name for name in NAMES))))
    out = tmp_path / "results.parquet"
    command = [sys.executable, "-m", "detector", "score", "--engine", "ray", "--json", "--out", str(out)]

    def go(what: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, str(what)], capture_output=True, text=True, check=False, env=environment(tmp_path / "store")
        )

    first = go(manifest)
    assert first.returncode == 3, first.stderr
    printed = [json.loads(line) for line in first.stdout.splitlines()]
    rows = {row["path"]: row for row in read_shards(out)}
    assert {row["path"]: row for row in printed} == rows
    assert {Path(path).name: row["reason"] for path, row in rows.items()} == {
        "photo.jpg": None,
        "wall.png": "no_face",
        "broken.jpg": "truncated",
    }
    second = go(manifest)
    assert (second.returncode, second.stdout) == (0, ""), second.stderr
    assert len(list(read_shards(out))) == 3
