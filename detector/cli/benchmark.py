"""`detector benchmark`: datasets in, the field's table out."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.benchmark.run.plan import Plan


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `detector benchmark`."""
    from detector.benchmark.run.plan import GRIDS
    from detector.benchmark.run.protocols import PROTOCOLS

    where, wanted = "[LAYOUT:]PATH", "NAME[:SOURCE]"
    parser.add_argument("data", nargs="+", metavar=where, help="datasets to test; see `detector data`")
    parser.add_argument("--train", action="append", default=[], metavar=where, help="fit on this instead")
    parser.add_argument("--protocol", default="strict", help=f"{', '.join(PROTOCOLS)}, or a TOML file (default strict)")
    parser.add_argument("--train-only", action="append", default=[], metavar="SET", help="never test this set")
    parser.add_argument("--most", type=int, metavar="N", help="test at most N clips of each generator and real source")
    parser.add_argument("--frames", type=int, metavar="N", help="frames of a clip (default: the protocol's)")
    parser.add_argument("--grid", choices=tuple(GRIDS), default="full", help="robustness grid (default %(default)s)")
    parser.add_argument("--grid-files", type=int, default=120, metavar="N", help="files in it (default %(default)s)")
    parser.add_argument("--scores", action="append", default=[], metavar="NAME=CSV", help="another detector's scores")
    parser.add_argument("--beside", action="append", default=[], metavar=wanted, help="a VAE for the table")
    parser.add_argument("--vae", action="append", metavar=wanted, help="VAE of the classifier; may repeat")
    parser.add_argument("--classifier", type=Path, metavar="FILE", help="another classifier than the embedded one")
    parser.add_argument("--no-network", action="store_true", help="train no network for comparison")
    parser.add_argument("--faces", default="auto", help="face detector (default: yunet when it is there)")
    parser.add_argument("--gallery", type=int, default=8, metavar="N", help="pictures of errors (default %(default)s)")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one a core)")
    parser.add_argument("--device", default="cpu", help="Torch device (default cpu)")
    for name, default, what in (
        ("--report", "reports/benchmark", "the report"),
        ("--work", "runs/benchmark", "what can be made again"),
        ("--store", "runs", "MLflow's database"),
    ):
        parser.add_argument(name, type=Path, default=Path(default), metavar="DIR", help=f"{what} (default {default})")


def run(arguments: Namespace) -> int:
    """Measure, write, and say where and what."""
    from detector.benchmark.report.sections import summary
    from detector.benchmark.run.benchmark import benchmark

    for results, folder in benchmark(_plan(arguments)):
        print(f"{results.name}: {summary(results)}")
        for alarm in results.alarms:
            print(f"  ALARM: {alarm}")
        print(f"  {folder / 'index.html'}")
    return 0


def _plan(arguments: Namespace) -> Plan:
    from detector.benchmark.run.plan import Plan
    from detector.benchmark.run.protocols import load_protocol

    protocol = load_protocol(arguments.protocol)
    chosen = {"classifier": arguments.classifier, "vaes": arguments.vae and tuple(arguments.vae)}
    return Plan(
        data=tuple(arguments.data),
        train=tuple(arguments.train),
        protocol=protocol if arguments.frames is None else replace(protocol, frames=arguments.frames),
        aside=tuple(arguments.train_only),
        most=arguments.most,
        grid=arguments.grid,
        grid_files=arguments.grid_files,
        scores=_named(arguments.scores),
        beside=tuple(arguments.beside),
        network=not arguments.no_network,
        faces=arguments.faces,
        gallery=arguments.gallery,
        jobs=(os.cpu_count() or 1) if arguments.jobs is None else arguments.jobs,
        device=arguments.device,
        report=arguments.report,
        work=arguments.work,
        store=arguments.store,
        command=shlex.join(["detector", *sys.argv[1:]]),
        **{name: value for name, value in chosen.items() if value},
    )


def _named(words: Sequence[str]) -> dict[str, Path]:
    """ "NAME=CSV" to the file by its name.

    Raises:
        UsageError: a word is none of this kind, or two have one name.
    """
    found: dict[str, Path] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            raise UsageError(f"--scores: expected NAME=CSV, got {word!r}")
        if name in found:
            raise UsageError(f"--scores: two files are called {name!r}; give each a name of its own")
        found[name] = Path(path)
    return found
