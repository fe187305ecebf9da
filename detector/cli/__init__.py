"""The command line: parse, call, print. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from detector.errors import DetectorError, UsageError

COMMANDS: dict[str, tuple[str, str]] = {
    "score": ("detector.cli.score", "score photos and videos"),
    "demo": ("detector.cli.demo", "score a photo that ships with scikit-image, and a clip made from it"),
    "train": ("detector.cli.train", "train the face network, the VAE or the classifier"),
    "vae": ("detector.cli.vae", "draw what a VAE has learnt"),
    "export": ("detector.cli.export", "write the VAE for the runtimes of CPUs, ONNX Runtime and OpenVINO"),
    "make-fakes": ("detector.cli.make_fakes", "make fakes of known making from real photos"),
    "evaluate": ("detector.cli.evaluate", "figures for the results of `detector score --json`"),
    "benchmark": ("detector.cli.benchmark", "the field's table for datasets"),
    "data": ("detector.cli.data", "which datasets are read, and whether one may be believed"),
    "compare": ("detector.cli.compare", "two runs side by side"),
    "bench": ("detector.cli.bench", "where the time goes on this machine, beside what the machine could do"),
    "serve": ("detector.cli.serve", "answer over HTTP: scores, decisions, and a page for those who review"),
    "work": ("detector.cli.work", "score for a service that runs elsewhere, on the same database and folder"),
    "keys": ("detector.cli.keys", "who may ask a service: add, list and revoke API keys"),
    "policy": ("detector.cli.policy", "check a policy, and try it on past uploads"),
    "recalibrate": ("detector.cli.recalibrate", "fit the classifier's probabilities to what people decided"),
    "models": ("detector.cli.models", "list and fetch pretrained weights"),
}
"""name -> (module, what it does). A module has `add_arguments(parser)` and `run(arguments) -> exit code`."""

EXIT_CODES = (
    "exit codes: 0 everything was done; 1 it failed; 2 wrong usage; 3 some files gave no score or fake, or a "
    "dataset lacks or leaks something; 130 interrupted"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every exception of ours becomes one line on stderr and an exit code."""
    # Torch's threads would spin while they wait, which on a busy machine halves everybody's speed.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser(words).parse_args(words)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except DetectorError as error:
        print(f"detector: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("detector: interrupted; what was done is kept", file=sys.stderr)
        return 130


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the command that the words name is imported and filled in."""
    parser = argparse.ArgumentParser(
        prog="detector", description="Is this face real? A deepfake detector that people can check.", epilog=EXIT_CODES
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary, epilog=EXIT_CODES)
        if name in words:
            import_module(module).add_arguments(command)
            command.set_defaults(run=import_module(module).run)
    return parser
