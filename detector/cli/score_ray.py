"""`detector score --engine ray`: the same answers from a cluster, as they come, and results in Parquet."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from detector.cli.score import STDIN, Tell
from detector.errors import UsageError
from detector.scale import cluster, find_inputs, score

if TYPE_CHECKING:
    from detector.score import Detector


def expand(patterns: Sequence[str]) -> list[str]:
    """The files that the arguments mean, behind URLs and in manifests too.

    Raises:
        UsageError: standard input, which workers cannot read.
    """
    if STDIN in patterns:
        raise UsageError("standard input cannot be read by the workers of --engine ray; name a file")
    return find_inputs(patterns)


def score_on_ray(arguments: Namespace, paths: Sequence[str], load: Callable[[], Detector], tell: Tell) -> None:
    """Tell the answers as they come.

    Raises:
        UsageError: an option that has no meaning here, or Ray is not installed.
        ScaleError: the run had to end early.
    """
    for option in ("explain", "server", "budget"):
        if getattr(arguments, option, None) is not None:
            raise UsageError(f"--{option} does not go with --engine ray; leave one of them out")
    if not paths:
        return
    with cluster(arguments.ray_address):
        for report in score(paths, load, gpu=arguments.device.startswith("cuda")):
            tell(report, _no_pictures)


def _no_pictures(folder: Path, name: str | None) -> None:
    """Frames stay on the workers; `--explain` is refused before."""
