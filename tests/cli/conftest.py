"""Real media, made once, and the command line run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from detector.cli.demo import write_clip
from detector.types import Pixels

Done = subprocess.CompletedProcess[str]
Run = Callable[[Sequence[str | Path]], Done]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    """A folder with a photo, a picture without a face, a broken one, and a clip in a folder of its own."""
    folder = tmp_path_factory.mktemp("media")
    Image.fromarray(astronaut).save(folder / "photo.jpg", quality=92)
    Image.new("RGB", (320, 240), "grey").save(folder / "wall.png")
    (folder / "broken.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:9000])
    (folder / "clips").mkdir()
    write_clip(astronaut, folder / "clips" / "a clip, ü.mp4", seconds=1)
    return folder


def environment(empty_store: Path) -> dict[str, str]:
    """The variables of a fresh machine: no weights have been fetched."""
    return {**os.environ, "DETECTOR_MODELS": str(empty_store), "COLUMNS": "200"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `detector` with these words, in a process of its own, with the embedded models only."""

    def run(words: Sequence[str | Path]) -> Done:
        command = [sys.executable, "-m", "detector", *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120, env=environment(tmp_path / "store")
        )

    return run
