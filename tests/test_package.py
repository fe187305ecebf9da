"""What `import detector` promises, how quick the command is, and that the arrows run one way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import detector

ROOT = Path(__file__).resolve().parents[1]


def test_the_public_names_exist_and_no_others() -> None:
    assert detector.__all__ == [
        "AsyncClient",
        "Client",
        "Detector",
        "DetectorError",
        "FaceLimits",
        "FaceReport",
        "MediaError",
        "MediaLimits",
        "PartialReport",
        "RegionEvidence",
        "Report",
        "Sampling",
        "Seen",
        "ServiceError",
        "TimelinePoint",
    ]
    for name in detector.__all__:
        assert getattr(detector, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        detector.Nothing  # noqa: B018


@pytest.mark.parametrize("code", ["import detector", "from detector.cli import main; main(['--help'])"])
def test_nothing_heavy_is_imported_before_it_is_needed(code: str) -> None:
    heavy = ["torch", "timm", "diffusers", "mlflow", "sklearn", "matplotlib", "cv2", "av", "numpy"]
    heavy += ["httpx", "fastapi", "sqlalchemy", "ray", "pyarrow", "fsspec", "onnx", "openvino"]
    check = f"import sys, contextlib\nwith contextlib.suppress(SystemExit):\n    {code}\n"
    check += f"sys.exit(', '.join(set({heavy!r}) & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_import_contract_holds() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
