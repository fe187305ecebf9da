"""`detector demo`: the whole path on the astronaut that ships with scikit-image (public domain) and a clip of her."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from fractions import Fraction
from pathlib import Path

import numpy as np

from detector.cli.score import in_words
from detector.errors import UsageError
from detector.score import Detector
from detector.score.pictures import save_pictures
from detector.score.results import Results
from detector.types import Pixels

SECONDS, FPS, SIDE = 3, 12, 384


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector demo`."""
    parser.add_argument("--out", type=Path, default=Path("reports/demo"), help="folder (default %(default)s)")


def run(arguments: Namespace) -> int:
    """Make the media, score them, leave the pictures and the answers in the folder."""
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    media = _make_media(folder)
    answers = folder / "results.jsonl"
    answers.unlink(missing_ok=True)
    results = Results(answers)
    complete = True
    for scored in Detector.load().score_many((str(path), path) for path in media):
        print(in_words(scored.report))
        results.add(scored.report)
        save_pictures(scored, folder)
        complete &= scored.report.status == "ok"
    print(f"pictures and answers: {folder}")
    return 0 if complete else 3


def _make_media(folder: Path) -> list[Path]:
    try:
        from skimage import data
    except ImportError as error:
        raise UsageError("the demo's photo ships with scikit-image: pip install 'detector[demo]'") from error
    from PIL import Image

    photo = np.asarray(data.astronaut(), np.uint8)
    Image.fromarray(photo).save(folder / "astronaut.png")
    write_clip(photo, folder / "clip.mp4")
    return [folder / "astronaut.png", folder / "clip.mp4"]


def write_clip(photo: Pixels, path: Path, seconds: int = SECONDS) -> None:
    """Write a slow pan over a (512, 512, 3) photo as H.264."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "18"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for step in range(seconds * FPS):
            shift = 2 * step
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(photo[:SIDE, shift : shift + SIDE]))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
