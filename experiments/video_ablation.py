"""Frame features alone against those of motion, on made clips held out by generator and source, and on filmed ones.

    python experiments/video_ablation.py experiments/video-ablation.toml [--extract-only | --tables-only]

Clips are described one by one and kept in `work`; a run that was stopped goes on where it was, and --tables-only tells
what is finished so far. Writes reports/video/ablation.md, ablation.csv, pieces.csv and two pictures.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import torch

from detector.benchmark.video_study.material import filmed, moving_photos
from detector.benchmark.video_study.study import VideoStudy, extract, gather
from detector.config import load
from detector.fakes import MOVING_FAKES
from detector.vae import load_reconstructor


def _log(started: float, line: str) -> None:
    print(f"{time.monotonic() - started:7.0f} s {line}", flush=True)


def main() -> None:
    """Extract, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("K", "N"), help="extract part K of N")
    stage = parser.add_mutually_exclusive_group()
    stage.add_argument("--extract-only", action="store_true")
    stage.add_argument("--tables-only", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    study = load(VideoStudy, arguments.config)
    describer = study.describer()
    store = study.store(describer)
    photos = list(moving_photos(study.photos, describer.detector, load_reconstructor(study.traced)))
    files = list(filmed(study.photos.data))
    if not arguments.tables_only:
        part, parts = arguments.part
        own = {one.sample.path for one in photos[:: len(MOVING_FAKES) + 1][part::parts]}
        mine = [one for one in photos if one.sample.path in own]
        first = len(mine) // 3
        for some in (mine[:first], files[part::parts], mine[first:]):
            extract(some, describer, store, partial(_log, time.monotonic()))
    if not arguments.extract_only:
        from detector.benchmark.video_study.report import write

        write(study, gather(photos, store), gather(files, store), f"python {' '.join(sys.argv)}")


if __name__ == "__main__":
    main()
