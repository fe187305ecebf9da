"""Real clips slowed, re-encoded, cropped, mirrored and with dropped frames, through the shipped detector.

    python experiments/video_controls.py experiments/video-ablation.toml

Each score is appended to WORK/controls.jsonl at once; a run that was stopped goes on where it was. Writes
reports/video/controls.md and controls.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

from tqdm import tqdm

from detector.benchmark.extraction.code import code_digest, digest
from detector.benchmark.video_study.controls import Control, as_row, conditions, control, name_of
from detector.benchmark.video_study.controls_report import page
from detector.benchmark.video_study.material import CAMERA, Made, filmed, moving_photos
from detector.benchmark.video_study.study import VideoStudy
from detector.config import load
from detector.faces import load_face_detector
from detector.score import Detector
from detector.vae import load_reconstructor

SECONDS = 3.0


def main() -> None:
    """Score what is not scored yet, then write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--photos", type=int, default=9, help="moving photos beside the filmed clips")
    arguments = parser.parse_args()
    study, detector = load(VideoStudy, arguments.config), Detector.load()
    clips = [
        (name_of(Path(one.sample.path)), "filmed", one) for one in filmed(study.photos.data) if not one.sample.label
    ]
    clips += [(one.sample.group, "moving photo", one) for one in _photos(study, arguments.photos)]
    kept = study.work / "controls.jsonl"
    found = [one for clip, kind, made in tqdm(clips) for one in _scored(detector, clip, kind, made, kept)]
    threshold = detector.judges.judge.classifier
    path = study.report / "controls.md"
    command = f"python {' '.join(sys.argv)}"
    path.write_text(page(found, threshold.threshold, threshold.fpr, SECONDS, command), encoding="utf-8")
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, list(as_row(found[0])), lineterminator="\n")
        rows.writeheader()
        rows.writerows(map(as_row, found))


def _photos(study: VideoStudy, count: int) -> list[Made]:
    made = moving_photos(study.photos, load_face_detector(study.face_detector), load_reconstructor(study.traced))
    return [one for one in made if one.generator == CAMERA][:count]


def _scored(detector: Detector, clip: str, kind: str, made: Made, kept: Path) -> list[Control]:
    judge = detector.judges.judge
    models = (*judge.models.values(), code_digest("features", "faces", "benchmark/video_study/controls.py"))
    known = _read(kept)
    found = []
    for condition, file in conditions(made.file(), SECONDS):
        key = digest(made.unit, condition, str(SECONDS), *models)
        if key not in known:
            known[key] = control(detector, clip, kind, condition, file())
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"key": key, **as_row(known[key])}) + "\n")
        found.append(known[key])
    return found


def _read(kept: Path) -> dict[str, Control]:
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.touch()
    lines = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    return {line.pop("key"): Control(**line) for line in lines}


if __name__ == "__main__":
    main()
