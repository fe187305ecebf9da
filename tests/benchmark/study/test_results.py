"""The page of `detector evaluate`: every figure by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.benchmark.study.results import score_table
from detector.errors import ConfigError, UsageError

HEAD = "path,label,generator,set,group,split,face_px,n_faces"


def report(path: Path, probability: float | None, faces: int = 1, reason: str | None = None) -> str:
    return json.dumps(
        {
            "path": str(path),
            "status": "abstained" if probability is None else "ok",
            "reason": reason,
            "fake_probability": probability,
            "threshold": 0.8,
            "faces": [{"box": [1, 2, 3.6, 4], "confidence": 0.9, "probability": 0.25, "reason": None}] * faces,
        }
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Six reals (one without a score, one of a source that stands aside) and six fakes of one generator."""
    lines, reports = [HEAD], []
    for n, probability in enumerate([0.1, 0.2, 0.3, 0.9, None, 0.95]):
        source = "web" if n == 5 else "camera"
        lines.append(f"real\\{n}.jpg,real,camera,{source},r{n},test,{100 if n == 4 else 200},1")
        path, faces = tmp_path / "real" / f"{n}.jpg", 3 if n == 0 else 1
        reports.append(report(path, probability, faces, "too_small" if probability is None else None))
    for n, probability in enumerate([0.25, 0.85, 0.95, 0.96, 0.97, 0.98]):
        lines.append(f"fake/{n}.jpg,fake,gan,set,f{n},test,,")
        reports.append(report(tmp_path / "fake" / f"{n}.jpg", probability))
    lines.append("fake/9.jpg,fake,gan,set,f9,train,,")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "results.jsonl").write_text("\n".join(reports) + "\n")
    return tmp_path / "results.jsonl", tmp_path / "manifest.csv"


def test_every_figure_by_hand(files: tuple[Path, Path]) -> None:
    """Against 0.1 0.2 0.3 0.9: 0.25 wins 2 of 4, 0.85 wins 3, the four others all: 21 of 24."""
    page = score_table(*files, "test", aside=("web",))
    assert "12 files, 11 with a score" in page
    assert "| gan | 6 | 0.875 (" in page
    assert "| all | 6 | 0.875 (" in page
    assert "| camera | real | 1 of 4, 0.250 (" in page
    assert "| web (aside) | real | 1 of 1, 1.000 (" in page
    assert "| gan | fake | 5 of 6, 0.833 (" in page
    assert "| camera | 4 of 5, 0.800 (0.284 to 0.995) | 4 of 4, 1.000 (0.398 to 1.000) | 2 |" in page
    assert "| camera | abstained | too_small | 1 |" in page
    assert page.count("| 0.jpg | 1 | [1, 2, 4, 4] | 0.90 | scored 0.25 |") == 3
    assert "| set | 6 of 6, 1.000 (0.541 to 1.000) | no such file | 0 |" in page


def test_without_aside_every_source_counts(files: tuple[Path, Path]) -> None:
    """0.95 stands above 0.25 and 0.85, and ties with 0.95: 21 + 3.5 of 30."""
    assert "| gan | 6 | 0.817 (" in score_table(*files, "test")


def test_a_file_without_report_is_told(files: tuple[Path, Path]) -> None:
    results, manifest = files
    with pytest.raises(UsageError, match=r"9\.jpg; score every file"):
        score_table(results, manifest, "train")
    with pytest.raises(ConfigError, match="no file of the split 'val'"):
        score_table(results, manifest, "val")
    lines = results.read_text()
    results.write_text(lines.replace('"threshold": 0.8', '"threshold": 0.7', 1))
    with pytest.raises(UsageError, match=r"thresholds \[0.7, 0.8\]"):
        score_table(results, manifest, "test")
    results.write_text("no JSON\n")
    with pytest.raises(UsageError, match="expected the JSON Lines"):
        score_table(results, manifest, "test")
