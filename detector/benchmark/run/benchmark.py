"""`detector benchmark`: datasets to the field's table, in one command, resumable, each run remembered."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from detector import tracking
from detector.benchmark.extraction.crew import Crew
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.measures.families import MEAN
from detector.benchmark.report import write_report
from detector.benchmark.run.assemble import assemble
from detector.benchmark.run.compare import EXPERIMENT
from detector.benchmark.run.data import Data, load_data, part
from detector.benchmark.run.external import External, read_scores
from detector.benchmark.run.facts import facts_of
from detector.benchmark.run.gallery import mistakes
from detector.benchmark.run.gather import gather
from detector.benchmark.run.matrix import matrix
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.results import Entry, Results
from detector.classify import FaceClassifier


def benchmark(plan: Plan, tools: Tools | None = None) -> list[tuple[Results, Path]]:
    """Measure every dataset of a plan, write a report of each, and remember it.

    Killed at any time, it goes on where it was; nothing that an earlier run has computed is computed again.

    Args:
        plan: what to do.
        tools: the models to use instead of those that the plan names, in this process alone.

    Returns:
        for each dataset what was found, and the folder of its report: `Plan.report` itself or, of several datasets, one
        of its name below it.
    """
    datasets, trained = load_data(plan.data), load_data(plan.train)
    parts = {one.name: part(one, trained, plan.aside, plan.protocol.frames, plan.most) for one in datasets}
    told = {one.name: _told(plan, one) for one in datasets}  # before hours of work: a score file may be wrong
    crowd = Crew(plan.load, plan.jobs) if plan.jobs > 1 and tools is None else nullcontext()
    tools = tools or plan.load()
    with crowd as crew:
        gathered = {one.name: gather(plan, parts[one.name], tools, crew) for one in datasets}
    crossed = matrix(gathered, plan.protocol.aggregate, plan.kept) if len(datasets) > 1 else {}
    shipped = FaceClassifier.load(plan.classifier)
    found = []
    for one in datasets:
        own = parts[one.name], gathered[one.name]
        shown = mistakes(plan, own[1].rows, shipped, tools)
        results = assemble(plan, *own, told[one.name], facts_of(plan, one, own[0], tools), shown, one)
        found.append((replace(results, matrix=crossed), _folder(plan, one)))
        _remember(plan, one, *found[-1])
    return found


def _told(plan: Plan, data: Data) -> dict[str, External]:
    """What the score files say of a dataset."""
    return {name: read_scores(path, data.samples, data.root) for name, path in plan.scores.items()}


def _folder(plan: Plan, data: Data) -> Path:
    return plan.report if len(plan.data) == 1 else plan.report / data.name


def _remember(plan: Plan, data: Data, results: Results, folder: Path) -> None:
    """Write the report, and keep it with its figures; each approach is a run below the dataset's."""
    paths = write_report(results, folder)
    with tracking.start(EXPERIMENT, data.name, results.facts, plan.store) as run:
        run.metrics(_figures(results.ours))
        run.model(plan.classifier, len(FaceClassifier.load(plan.classifier).names))
        for path in paths:
            run.artifact(path)
        for entry in results.entries:
            facts = {"kind": entry.kind, "about": entry.about}
            with tracking.start(EXPERIMENT, entry.name, facts, plan.store, parent=run) as part_of:
                part_of.metrics(_figures(entry))


def _figures(entry: Entry) -> dict[str, float]:
    """The figures that one wants to compare between runs, by names that MLflow takes."""
    told = {name: one.value for name, one in entry.metrics.items()}
    told |= {f"AUC {name}": one.value for name, one in entry.generators.items()}
    told |= {f"left out {name}": one.value for name, one in entry.left_out.items() if name == MEAN}
    return {name.replace("@", " at ").replace("%", " percent"): value for name, value in told.items()}
