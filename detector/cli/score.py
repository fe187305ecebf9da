"""`detector score`: files in, one answer a file out; scored here, or by a service."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import UsageError
from detector.faces import FaceLimits
from detector.media import MediaLimits, Sampling, find_media, read_stream
from detector.score.results import Results, to_json
from detector.types import REASONS, FaceReport, PersonReport, Report

if TYPE_CHECKING:
    from detector.scale import Shards
    from detector.score import Detector, Source

Draw = Callable[[Path, str | None], object]
"""Writes the pictures of an answer into a folder, under a name."""
Tell = Callable[[Report, Draw], None]

STDIN = "-"
KEY_ENV = "DETECTOR_API_KEY"
WORDS_PER_FACE = 3
SHORT_S = 5.0
"""A time shorter than this is told in tenths of a second."""
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector score`."""
    media, faces = MediaLimits(), FaceLimits()
    parser.add_argument(
        "paths", nargs="+", help="files, folders (searched recursively), globs, or - for standard input"
    )
    parser.add_argument("--json", action="store_true", help="print JSON Lines, one object a file")
    parser.add_argument("--out", type=Path, help="append JSON Lines to this file; files that are in it are skipped")
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="write what shows why into this folder: pictures, and of a video a film",
    )
    parser.add_argument("--server", metavar="URL", help="let a `detector serve` score, with its models and its limits")
    parser.add_argument(
        "--key-env",
        metavar="NAME",
        default=KEY_ENV,
        help="the environment variable that holds the service's API key (default %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=("here", "ray"),
        default="here",
        help="who scores: this process, or a Ray cluster, which also takes URLs (s3://…) and CSV manifests with a "
        "column `path`, answers in any order, and makes --out a folder of Parquet files",
    )
    parser.add_argument("--ray-address", metavar="ADDR", help="join this cluster; one is started here otherwise")
    frames = parser.add_mutually_exclusive_group()
    frames.add_argument("--frames", type=_positive, metavar="N", help="N frames over the whole clip (default 32)")
    frames.add_argument("--fps", type=float, help="this many frames a second")
    frames.add_argument("--all-frames", action="store_true", help="every frame")
    frames.add_argument(
        "--budget",
        type=duration,
        metavar="TIME",
        help="as many frames of a video as this time allows (5s, 2m, 500ms), key frames first, and an interval for the "
        "probability that all would give",
    )
    parser.add_argument("--faces", default="auto", help="face detector (default: yunet when it is there)")
    parser.add_argument("--vae", action="append", metavar="NAME[:SOURCE]", help="VAE of the classifier; may repeat")
    parser.add_argument("--classifier", type=Path, metavar="FILE", help="another classifier than the embedded one")
    parser.add_argument("--device", default="cpu", help="Torch device (default cpu)")
    parser.add_argument("--min-face", type=float, default=faces.min_px, metavar="PX", help="default %(default)s")
    parser.add_argument("--min-sharpness", type=float, default=faces.min_sharpness, help="default %(default)s")
    parser.add_argument("--max-bytes", type=int, default=media.max_bytes, help="default %(default)s")
    parser.add_argument("--max-pixels", type=int, default=media.max_pixels, help="default %(default)s")
    parser.add_argument(
        "--max-duration", type=float, default=media.max_duration_s, metavar="S", help="default %(default)s"
    )
    parser.add_argument("--timeout", type=float, default=media.timeout_s, metavar="S", help="default %(default)s")


def run(arguments: Namespace) -> int:
    """Score; 0 when every file has a score, 3 when some have none."""
    from tqdm import tqdm

    complete = True
    with _results(arguments) as results:
        paths = [path for path in _expand(arguments) if results is None or path not in results]

        def tell(report: Report, draw: Draw) -> None:
            nonlocal complete
            complete &= report.status == "ok"
            if results is not None:
                results.add(report)
            if arguments.explain:
                draw(arguments.explain, _stem(report.path, paths))
            if arguments.json or results is None:
                tqdm.write(to_json(report) if arguments.json else in_words(report), file=sys.stdout)
            bar.update()

        with tqdm(total=len(paths), unit="file", disable=None if len(paths) > 1 else True) as bar:
            _score(arguments, paths, tell)
    return 0 if complete else 3


@contextmanager
def _results(arguments: Namespace) -> Iterator[Results | Shards | None]:
    """Where the answers are kept, if anywhere."""
    if arguments.out is None:
        yield None
    elif arguments.engine == "ray":
        from detector.scale import Shards

        with Shards(arguments.out) as shards:
            yield shards
    else:
        yield Results(arguments.out)


def _score(arguments: Namespace, paths: Sequence[str], tell: Tell) -> None:
    """Tell the answers in the order of the files, or as a cluster gives them."""
    if arguments.engine == "ray":
        from detector.cli.score_ray import score_on_ray

        score_on_ray(arguments, paths, _loader(arguments, _media_limits(arguments)), tell)
    elif arguments.ray_address:
        raise UsageError("--ray-address says where --engine ray works; give both or none")
    elif arguments.server:
        from detector.cli.remote import score

        score(arguments, paths, tell)
    elif paths:
        _score_here(arguments, paths, tell)


def _score_here(arguments: Namespace, paths: Sequence[str], tell: Tell) -> None:
    from detector.score.pictures import save_pictures

    limits = _media_limits(arguments)
    detector, sources = _loader(arguments, limits)(), list(_sources(paths, limits))
    with closing(detector.score_many(sources, arguments.budget)) as stream:
        for (_, source), scored in zip(sources, stream, strict=True):
            tell(scored.report, partial(save_pictures, scored, open_file=partial(detector.eyes.open, source)))


def in_words(report: Report) -> str:
    """The answer for one file, for a person: the verdict, then each face with the regions that say most."""
    if report.fake_probability is None or report.threshold is None:
        why = report.warnings[0] if report.status == "error" and report.warnings else _reason(report)
        lines = [f"{report.path}: no score, {report.reason} ({why})"]
    else:
        limit = f"called fake from {report.threshold:.0%} on"
        lines = [f"{report.path}: {report.verdict}, {report.fake_probability:.0%} likely synthetic ({limit})"]
    lines += [f"  {line}" for face in report.faces for line in _segment_lines(face)]
    lines += [f"  {line}" for number, face in enumerate(report.faces, 1) for line in _face_lines(number, face)]
    if report.status != "error":
        lines += [f"  note: {warning}" for warning in report.warnings]
    return "\n".join(lines)


def _reason(report: Report) -> str:
    """Why, in words; a service may know reasons that are not known here."""
    return REASONS.get(report.reason or "", "the service gave no other reason")


def _segment_lines(face: FaceReport) -> Iterator[str]:
    """When a person of a video looks fake, e.g. "0:12–0:19, person 2: looks fake, 93%"."""
    if face.person is None:
        return
    alone = "" if face.person.verdict == "fake" else " in these seconds alone"
    for segment in face.person.segments:
        yield f"{_span(segment.from_s, segment.to_s)}, {face.name}: looks fake{alone}, {segment.probability:.0%}"


def _face_lines(number: int, face: FaceReport) -> Iterator[str]:
    x, y = (round(value) for value in face.box[:2])
    where = f"{face.name or f'face {number}'} at ({x}, {y})" + (f", {face.time_s:.1f} s" if face.name else "")
    yield f"{where}: {face.reason}" if face.probability is None else f"{where}: {face.probability:.0%}"
    if face.person is not None and face.person.interval is not None:
        yield f"  {_through(face.person, face.person.interval)}"
    for evidence in face.regions[:WORDS_PER_FACE]:
        yield f"  {evidence.contribution:+.1f}  {evidence.words}"


def _through(person: PersonReport, interval: tuple[float, float]) -> str:
    """What is known of a person through a video."""
    frames = "1 frame" if person.frames == 1 else f"{person.frames} frames"
    verdict = "too few for a verdict" if person.verdict is None else f"looks {person.verdict}"
    low, high = interval
    return f"{_span(person.first_s, person.last_s)}, {frames}: {low:.0%} to {high:.0%}, {verdict}"


def _span(from_s: float, to_s: float) -> str:
    """Two times, e.g. "0:12–0:19"; of a few seconds with tenths."""
    return f"{_clock(from_s, to_s - from_s < SHORT_S)}–{_clock(to_s, to_s - from_s < SHORT_S)}"


def _clock(time_s: float, tenths: bool) -> str:
    minutes, seconds = divmod(round(time_s, 1) if tenths else round(time_s), 60)
    return f"{minutes:.0f}:{seconds:04.1f}" if tenths else f"{minutes:.0f}:{seconds:02.0f}"


def _stem(path: str, paths: Sequence[str]) -> str | None:
    """A name for the pictures of a file that no other file of the batch has; None where its own will do."""
    if sum(Path(other).stem == Path(path).stem for other in paths) == 1:
        return None
    return "_".join(part for part in Path(path).parts if part != Path(path).anchor)


def _expand(arguments: Namespace) -> list[str]:
    """The files that the arguments mean; standard input keeps its dash."""
    patterns: list[str] = arguments.paths
    if arguments.engine == "ray":
        from detector.cli.score_ray import expand

        return expand(patterns)
    rest = [str(path) for path in find_media([pattern for pattern in patterns if pattern != STDIN])]
    return [STDIN, *rest] if STDIN in patterns else rest


def _sources(paths: Sequence[str], limits: MediaLimits) -> Iterator[Source]:
    for path in paths:
        yield path, read_stream(sys.stdin.buffer, limits) if path == STDIN else Path(path)


def _media_limits(arguments: Namespace) -> MediaLimits:
    return MediaLimits(
        max_bytes=arguments.max_bytes,
        max_pixels=arguments.max_pixels,
        max_duration_s=arguments.max_duration,
        timeout_s=arguments.timeout,
    )


def _loader(arguments: Namespace, limits: MediaLimits) -> Callable[[], Detector]:
    """What gives the detector, here or in another process."""
    from detector.score import Detector

    return partial(
        Detector.load,
        faces=arguments.faces,
        vaes=tuple(arguments.vae or ("face-vae",)),
        classifier=arguments.classifier,
        device=arguments.device,
        sampling=_sampling(arguments),
        media_limits=limits,
        face_limits=FaceLimits(arguments.min_face, arguments.min_sharpness),
    )


def _sampling(arguments: Namespace) -> Sampling:
    if arguments.all_frames:
        return Sampling(frames=None, every=True)
    if arguments.fps is not None:
        return Sampling(frames=None, fps=arguments.fps)
    return Sampling() if arguments.frames is None else Sampling(frames=arguments.frames)


def duration(text: str) -> float:
    """Seconds of a time as "500ms", "5s", "1.5m" or "1h"; raises `ArgumentTypeError`."""
    number = text.rstrip("hms")
    try:
        seconds = float(number) * UNITS_S[text.removeprefix(number)]
    except (ValueError, KeyError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ArgumentTypeError(f"expected a time as 500ms, 5s, 2m or 1h, got {text!r}")
    return seconds


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number
