"""`detector make-fakes`: real pictures in, fakes of known making out."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from detector.errors import UsageError
from detector.fakes import FAKES
from detector.types import REASONS


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector make-fakes`."""
    parser.add_argument("paths", nargs="*", help="real photos: files, folders (searched recursively) or globs")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="take the real pictures of this CSV file instead")
    parser.add_argument(
        "--split", help="of a manifest: only this one (default all); of files: the one they are of (default train)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder; what it holds is kept")
    parser.add_argument(
        "--generator", nargs="+", default=[], metavar="NAME", help=f"of {', '.join(FAKES)} (default: all that can be)"
    )
    parser.add_argument(
        "--reconstructor",
        nargs="+",
        default=["face-vae"],
        metavar="NAME[:SOURCE]",
        help="autoencoders (default face-vae)",
    )
    parser.add_argument("--per-image", type=int, default=1, metavar="N", help="by each generator (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default %(default)s")
    parser.add_argument("--masks", action="store_true", help="also write how synthetic each pixel is")
    parser.add_argument("--device", default="cpu", help="Torch device (default cpu)")


def run(arguments: Namespace) -> int:
    """Make fakes; 0 when every picture gave some, 3 when some gave none."""
    from detector.benchmark.make_fakes import FakePlan, make_fakes, real_files, real_rows
    from detector.faces import load_face_detector
    from detector.vae import load_reconstructor

    if bool(arguments.paths) == (arguments.manifest is not None):
        raise UsageError("expected either pictures or --manifest FILE")
    plan = FakePlan(
        out=arguments.out,
        generators=tuple(arguments.generator),
        per_image=arguments.per_image,
        seed=arguments.seed,
        masks=arguments.masks,
    )
    if arguments.manifest is not None:
        samples = real_rows(arguments.manifest, arguments.split)
    else:
        samples = real_files(arguments.paths, arguments.split or "train", plan.out)
    models = [load_reconstructor(spec, arguments.device) for spec in arguments.reconstructor]
    made = make_fakes(samples, plan, load_face_detector(), models)
    for path, reason in made.missed:
        print(f"{path}: no fake, {reason} ({REASONS[reason]})", file=sys.stderr)
    print(f"{made.manifest}: {made.fakes} fakes of {len(samples) - len(made.missed)} pictures")
    return 3 if made.missed else 0
