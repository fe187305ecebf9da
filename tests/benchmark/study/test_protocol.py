"""The check of the protocol: it hears a file that tells its class, and hears nothing under the protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from detector.benchmark.datasets import load_dataset
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.histories.history import STRICT, History
from detector.benchmark.study.protocol import ProtocolCheck, check_protocol
from detector.config import load
from detector.errors import ConfigError
from tests.benchmark.fakes import MiddleFace, dataset


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a data set whose fakes are larger files than its real pictures."""
    folder = tmp_path_factory.mktemp("protocol")
    manifest = dataset(folder, {"train": 12})
    for sample in load_dataset("manifest", manifest):
        if sample.label:
            pixels = cv2.imread(sample.path)
            cv2.imwrite(sample.path, cv2.copyMakeBorder(pixels, 20, 20, 30, 30, cv2.BORDER_REPLICATE))
    check = ProtocolCheck(
        {"light": History(face_px=(100.0, 140.0))},
        draws=1,
        data=manifest,
        candidates={"logistic": 1.0},
        report=folder / "report",
        work=folder / "work",
    )
    baselines = ("metadata", "metadata as found", "quality")
    return check_protocol(check, Tools((MiddleFace(),), baselines=baselines)).read_text()


def figures(page: str, section: str) -> dict[str, float]:
    """Baseline -> AUC over all generators."""
    part = page.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| ")][2:]
    return {row[0].strip("| "): float(row[-1].split()[0]) for row in rows}


def test_a_file_that_tells_its_class_is_heard_as_found_and_not_under_the_protocol(page: str) -> None:
    found = figures(page, "protocol")
    assert found["metadata as found"] > 0.99
    assert found["metadata"] < 0.7
    assert set(figures(page, "light")) == {"metadata", "metadata as found", "quality"}
    assert "alarm" in page


def test_the_shipped_check_is_one() -> None:
    check = load(ProtocolCheck, Path(__file__).parents[3] / "experiments" / "protocol.toml")
    assert set(check.alarms) <= set(check.baselines)
    assert replace(check.others["first pass at the source's size"], first_px=STRICT.first_px) == STRICT


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(ConfigError, match="is the name of the strict protocol"):
        ProtocolCheck({"protocol": STRICT})
    with pytest.raises(ConfigError, match="draws: expected 1 or more"):
        ProtocolCheck({}, draws=0)
