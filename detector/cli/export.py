"""`detector export`: the VAE as one ONNX file, for runtimes that are faster than Torch on a CPU."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from detector.errors import UsageError


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector export`."""
    parser.add_argument("out", type=Path, help="the ONNX file to write")
    parser.add_argument("--weights", type=Path, help="written by `detector train vae` (default: the embedded ones)")


def run(arguments: Namespace) -> int:
    """Export, and say how far the twin lies from the original."""
    from detector.vae.exported.export import TOLERANCE, export
    from detector.vae.loading import ASSET
    from detector.weights import asset, version

    out: Path = arguments.out
    if not out.resolve().parent.is_dir():
        raise UsageError(f"there is no folder {out.resolve().parent} to write {out.name} into")
    source = arguments.weights or asset(ASSET)
    for name, far in export(source, out).items():
        print(f"{name}: differs from face-vae {version(source)} by {far:.1e} at most ({TOLERANCE:g} is allowed)")
        print(f"  detector score --vae {name}:{out} ...")
    return 0
