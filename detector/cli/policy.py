"""`detector policy`: whether a policy can decide, and what it would have decided."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import UsageError

if TYPE_CHECKING:
    from detector.service.rules import Rules
    from detector.service.settings import Settings


def add_arguments(parser: ArgumentParser) -> None:
    """The commands of `detector policy`, and their options."""
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    for name, summary in {
        "check": "whether a policy can decide, and from which probabilities on it does what",
        "dry-run": "what a policy would have done with past uploads, against what was done",
    }.items():
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("file", type=Path, help="a policy (TOML)")
        command.add_argument("--config", type=Path, metavar="FILE", help="the service's settings (TOML)")
        command.add_argument("--classifier", type=Path, metavar="FILE", help="another than the settings name")
        command.add_argument("--json", action="store_true", help="print JSON")
        if name == "dry-run":
            command.add_argument("--state", type=Path, metavar="DIR", help="the service's folder")
            command.add_argument("--database", metavar="URL", help="the service's database")
            command.add_argument(
                "--examples", type=int, default=5, metavar="N", help="files named for each change (default %(default)s)"
            )


def run(arguments: Namespace) -> int:
    """Print what was asked for; a policy that cannot decide is an error."""
    from detector.classify.budgets import read_budgets
    from detector.service.policy import Policy
    from detector.weights import asset

    settings = _settings(arguments)
    classifier = arguments.classifier or settings.models.classifier or asset("classifier.skops")
    rules = Policy.load(arguments.file).resolve(read_budgets(classifier))
    work: Callable[[Namespace, Settings, Rules, Path], None] = _check if arguments.what == "check" else _dry_run
    work(arguments, settings, rules, classifier)
    return 0


def _settings(arguments: Namespace) -> Settings:
    from detector.config import load
    from detector.service.settings import Settings

    given = {name: value for name in ("state", "database") if (value := getattr(arguments, name, None)) is not None}
    return load(Settings, arguments.config, **given) if arguments.config else Settings(**given)


def _check(arguments: Namespace, _: Settings, rules: Rules, classifier: Path) -> None:
    if arguments.json:
        print(json.dumps(rules.as_dict()))
        return
    print(f"policy {rules.version}, for {classifier.name}")
    for kind, bounds in rules.bounds.items():
        for action, bound in (("review", bounds.review), ("block", bounds.block)):
            print(f"  {kind}: {action} {bound}")
    for reason, action in rules.abstain.items():
        print(f"  no score, {reason}: {action}")
    print(f"  no score{', anything else' if rules.abstain else ''}: review")
    print(f"  drawn at random for review: {100 * rules.share:g} % of what no person would see")


def _dry_run(arguments: Namespace, settings: Settings, rules: Rules, classifier: Path) -> None:
    from detector.service.dry_run import dry_run
    from detector.service.store import Store
    from detector.weights import version

    if settings.database is None and not (settings.state / "service.db").is_file():
        raise UsageError(
            f"{settings.state}: no service has kept anything here; name its --config, --state or --database"
        )
    store = Store.open(settings.url)
    try:
        found = dry_run(store.results(), rules, version(classifier), arguments.examples)
    finally:
        store.close()
    print(json.dumps(found.as_dict()) if arguments.json else found)
