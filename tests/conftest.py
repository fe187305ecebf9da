"""What every test may ask for: a real face, and the shared data where it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from detector.types import Face, Frame, Pixels

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach the network, whatever it asks for
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does: waiting threads leave the cores to others

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data beside the checkout."""
    if not (SHARED / "data" / "manifest.csv").exists():
        pytest.skip(f"no shared data at ../{SHARED.name}: this test runs where it is")
    return SHARED


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """(512, 512, 3) uint8 RGB: a real photo of one real face (NASA, public domain)."""
    from skimage import data

    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="session")
def astronaut_frame(astronaut: Pixels) -> Frame:
    """The astronaut as a frame."""
    return Frame(astronaut)


@pytest.fixture(scope="session")
def astronaut_face() -> Face:
    """Her face, boxed and marked."""
    landmarks = [[200, 102], [247, 103], [220, 125], [199, 143], [240, 144]]
    return Face(np.array([178, 63, 268, 176], np.float32), np.array(landmarks, np.float32), 1.0)
