"""Miniature trees in the layouts of the field's datasets of clips: real names, files of a few bytes.

The files hold nothing that decodes: a layout is told by names alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

PAIRS = {"train": [["000", "003"], ["010", "011"]], "val": [["020", "021"]], "test": [["071", "054"]]}
"""Pairs of FaceForensics++ by split; the last is one of the official test pairs, and not in order."""
CLASSIC = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")


def touch(root: Path, names: Iterable[str]) -> Path:
    """Files below a root."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0")
    return root


def write(path: Path, text: str) -> None:
    """A text file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_splits(folder: Path, pairs: dict[str, list[list[str]]] | None = None) -> None:
    """The split files of FaceForensics++."""
    for split, rows in (PAIRS if pairs is None else pairs).items():
        write(folder / f"{split}.json", json.dumps(rows))


def faceforensics(
    root: Path, manipulations: Iterable[str] = CLASSIC, compressions: Iterable[str] = ("c23",), frames: bool = False
) -> Path:
    """FaceForensics++ with split files, as videos or as two frames of each clip."""
    pairs = [pair for rows in PAIRS.values() for pair in rows]
    for compression in compressions:
        originals = [name for pair in pairs for name in pair]
        _clips(root / "original_sequences" / "youtube" / compression, originals, frames)
        for manipulation in manipulations:
            swaps = [f"{a}_{b}" for one, other in pairs for a, b in ((one, other), (other, one))]
            _clips(root / "manipulated_sequences" / manipulation / compression, swaps, frames)
            touch(root / "manipulated_sequences" / manipulation / compression, ["masks/000_003/0000.png"])
    write_splits(root / "splits")
    return root


def dfd(root: Path) -> Path:
    """DeepFakeDetection at c23: two actors, who play one scene, and a swap each way."""
    _clips(root / "original_sequences/actors/c23", ["01__walking outside", "02__walking outside"], False)
    swaps = ["01_02__walking outside__A1B2C3D4", "02_01__walking outside__E5F6G7H8"]
    _clips(root / "manipulated_sequences/DeepFakeDetection/c23", swaps, False)
    return root


def celebdf(root: Path, people: int = 20) -> Path:
    """Celeb-DF: one clip a person, each changed once; the clips of the first two people are tested on."""
    reals = [f"Celeb-real/id{i}_0000.mp4" for i in range(people)]
    swaps = [f"Celeb-synthesis/id{i}_id{(i + 1) % people}_0000.mp4" for i in range(people)]
    others = ["YouTube-real/00001.mp4", "YouTube-real/00170.mp4"]
    touch(root, [*reals, *swaps, *others])
    tested = [f"1 {name}" for name in (*reals[:2], others[1])] + [f"0 {name}" for name in swaps[:2]]
    write(root / "List_of_testing_videos.txt", "\n".join(tested) + "\n")
    return root


def dfdc(root: Path) -> Path:
    """DFDC: two training parts, and a test set with a CSV list."""
    for part, names in (("00", ("aa", "bb", "cc")), ("01", ("dd", "ee", "ff"))):
        folder = root / "train" / f"dfdc_train_part_{part}"
        touch(folder, [f"{name}.mp4" for name in names])
        original, *fakes = [f"{name}.mp4" for name in names]
        told = {original: {"label": "REAL", "split": "train", "original": None}}
        told |= {name: {"label": "FAKE", "split": "train", "original": original} for name in fakes}
        write(folder / "metadata.json", json.dumps(told))
    touch(root, ["test/videos/xx.mp4", "test/videos/yy.mp4"])
    write(root / "test" / "labels.csv", "filename,label\nxx.mp4,0\nyy.mp4,1\n")
    return root


def dfdc_preview(root: Path) -> Path:
    """The preview: a person in either set, each with an original and a swap of one name by either method."""
    told = {}
    for person, face, split in (("123", "9", "train"), ("456", "8", "test")):
        told[f"original_videos/{person}/{person}_C_001.mp4"] = {"label": "real", "set": split}
        for method in ("method_A", "method_B"):
            told[f"{method}/{person}/{person}_C/{face}_{person}_C_001.mp4"] = {"label": "fake", "set": split}
    touch(root, told)
    write(root / "dataset.json", json.dumps(told))
    return root


def deeperforensics(root: Path) -> Path:
    """DeeperForensics-1.0: two variants of four swaps, and their targets; the first two share an actor."""
    splits = {"train": ["000_M101", "001_M101"], "val": ["002_W011"], "test": ["003_M004"]}
    for split, names in splits.items():
        write(root / "lists" / "splits" / f"{split}.txt", "".join(f"{name}.mp4\n" for name in names))
    swaps = [name for names in splits.values() for name in names]
    for variant in ("end_to_end", "end_to_end_level_1"):
        touch(root / "manipulated_videos" / variant, [f"{name}.mp4" for name in swaps])
    touch(root / "target_videos", [f"00{i}.mp4" for i in range(5)])
    touch(root / "source_videos", ["M101/light_up/happy/M101_light_up_happy_camera_front.mp4"])
    return root


def wilddeepfake(root: Path) -> Path:
    """WildDeepfake: one archive a class and split, with two sequences of two frames."""
    for name in ("real", "fake"):
        for split in ("train", "test"):
            frames = [f"{sequence}/{frame}.png" for sequence in (3, 7) for frame in (2, 10)]
            touch(root / f"{name}_{split}" / "0" / name, frames)
    return root


def _clips(folder: Path, names: Iterable[str], frames: bool) -> None:
    for name in names:
        touch(folder, [f"frames/{name}/{i}.png" for i in (2, 10)] if frames else [f"videos/{name}.mp4"])
