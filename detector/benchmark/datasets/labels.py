"""The labels of DeepfakeBench: what each says of a clip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from detector.benchmark.datasets.originals import CELEB_DF, FACEFORENSICS
from detector.benchmark.datasets.tree import CAMERA
from detector.errors import ConfigError


@dataclass(frozen=True)
class Label:
    """What made a clip (`CAMERA` for a real one), which set it comes from, which family its originals are of."""

    generator: str
    source: str
    family: str


LABELS = {
    "FF-real": Label(CAMERA, "youtube", FACEFORENSICS),
    "FF-DF": Label("Deepfakes", "Deepfakes", FACEFORENSICS),
    "FF-F2F": Label("Face2Face", "Face2Face", FACEFORENSICS),
    "FF-FS": Label("FaceSwap", "FaceSwap", FACEFORENSICS),
    "FF-NT": Label("NeuralTextures", "NeuralTextures", FACEFORENSICS),
    "FF-FH": Label("FaceShifter", "FaceShifter", FACEFORENSICS),
    "FF-SH": Label("FaceShifter", "FaceShifter", FACEFORENSICS),
    "DFD_real": Label(CAMERA, "actors", "dfd"),
    "DFD_fake": Label("DeepFakeDetection", "DeepFakeDetection", "dfd"),
    "CelebDFv1_real": Label(CAMERA, "celeb-df-v1", "celeb-df-v1"),
    "CelebDFv1_fake": Label("celeb-df-v1", "celeb-df-v1", "celeb-df-v1"),
    "CelebDFv2_real": Label(CAMERA, CELEB_DF, CELEB_DF),
    "CelebDFv2_fake": Label(CELEB_DF, CELEB_DF, CELEB_DF),
    "DFDCP_Real": Label(CAMERA, "dfdc-preview", "dfdc-preview"),
    "DFDCP_FakeA": Label("method_A", "dfdc-preview", "dfdc-preview"),
    "DFDCP_FakeB": Label("method_B", "dfdc-preview", "dfdc-preview"),
    "DFDC_Real": Label(CAMERA, "dfdc", "dfdc"),
    "DFDC_Fake": Label("dfdc", "dfdc", "dfdc"),
    "DF_real": Label(CAMERA, "deeperforensics", "deeperforensics"),
    "DF_fake": Label("DF-VAE", "deeperforensics", "deeperforensics"),
    "UADFV_Real": Label(CAMERA, "uadfv", "uadfv"),
    "UADFV_Fake": Label("uadfv", "uadfv", "uadfv"),
}
"""The labels of the benchmark's configuration, in the names that the datasets' own layouts give."""

METHODS = ("DF40", "DF40_train")
"""The folders whose subfolder names the method: DF40's lists put all methods of a kind under one label."""

HOMES = {
    "FaceForensics++": ("youtube", FACEFORENSICS),
    "Celeb-DF-v2": (CELEB_DF, CELEB_DF),
    "cdf": ("df40/cdf", CELEB_DF),
    "ff": ("df40/ff", FACEFORENSICS),
    "DF40_train": ("df40/ff", FACEFORENSICS),
}
"""The source and family that a folder in the path of a frame tells where its label is one of DF40's."""


def tell_label(name: str, dataset: str, parts: Sequence[str]) -> Label:
    """What a label says; `<method>_Real` and `<method>_Fake`, as DF40's lists have them, with the help of a path.

    Args:
        name: the label.
        dataset: what the list calls itself.
        parts: of the path of a frame.

    Raises:
        ConfigError: it is neither known nor of that form, so that nothing says whether the clip is real.
    """
    if name in LABELS:
        return LABELS[name]
    if not (found := re.fullmatch(r"(.+)_(real|fake)", name, re.IGNORECASE)):
        raise ConfigError(f"label {name!r}: expected <method>_Real, <method>_Fake or one of {', '.join(LABELS)}")
    method = next((parts[n + 1] for n, part in enumerate(parts[:-1]) if part in METHODS), found[1])
    source, family = next((HOMES[part] for part in HOMES if part in parts), (dataset, f"{dataset}/{method}"))
    return Label(CAMERA if found[2].lower() == "real" else method, source, family)
