"""`detector vae` and `detector models`: what a model has learnt can be looked at, what can be fetched is listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("action", "photos", "rows"), [("sample --count 4", 0, 1), ("interpolate", 2, 2), ("traverse", 1, 6)]
)
def test_a_grid_is_drawn(run: Run, media: Path, tmp_path: Path, action: str, photos: int, rows: int) -> None:
    out = tmp_path / "grid.png"
    done = run(["vae", *action.split(), *[media / "photo.jpg"] * photos, "--out", out])
    assert (done.returncode, done.stdout.strip()) == (0, str(out)), done.stderr
    grid = np.asarray(Image.open(out).convert("RGB"))
    assert grid.shape[0] // 128 == rows
    assert grid.std() > 5, "something is drawn"


def test_a_picture_without_a_face_is_refused_in_one_line(run: Run, media: Path, tmp_path: Path) -> None:
    done = run(["vae", "traverse", media / "wall.png", "--out", tmp_path / "grid.png"])
    assert done.returncode == 2
    assert "expected a face, found none" in done.stderr
    assert not (tmp_path / "grid.png").exists()


def test_the_weights_that_can_be_fetched_are_listed(run: Run) -> None:
    done = run(["models", "list"])
    assert done.returncode == 0
    assert "yunet: not here, 0.2 MB, Apache-2.0, sha256 8f2383e4" in done.stdout


def test_unknown_weights_are_named(run: Run) -> None:
    done = run(["models", "pull", "nothing"])
    assert done.returncode == 2
    assert "'nothing'; known: " in done.stderr
