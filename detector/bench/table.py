"""A budget for a person: tables that read as plain text and as Markdown, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detector.bench.budget import Budget, Cost, Profile

CLOSE = 0.5
"""From this share of its floor on, a stage is said to be bound by what the floor is made of."""
NOTICED = 0.05
"""From this share of time without a core on, the machine is said to have been busy."""
HEAD = ("stage", "of a", "ms", "share", "floor, ms", "reached", "floor is")


def page(budget: Budget) -> str:
    """The whole budget."""
    return "\n".join(_lines(budget)) + "\n"


def _lines(budget: Budget) -> Iterator[str]:
    facts = budget.facts
    yield from ("# Where the time goes", "")
    yield f"`{facts['command']}` at {facts['commit']}, {facts['date']},"
    yield f"on {facts['hardware']} (device {facts['device']})."
    yield f"Medians of {budget.rounds} rounds; in brackets the interval that holds the median with 95 % confidence,"
    yield "or all rounds where they are fewer than six. Stages run on one thread, as a judge works."
    yield from _section(budget, budget.photos)
    if budget.video is not None:
        yield from _section(budget, budget.video)
    yield from ("", "## The floor", "", *_floor(budget))
    yield from ("", f"Versions: {facts['versions']}.")


def _section(budget: Budget, profile: Profile) -> Iterator[str]:
    kind = profile.kind
    yield from ("", f"## A {kind}", "")
    counts = f"frames: {profile.frames}; faces: {profile.faces}; crops: {profile.crops}"
    yield f"Measured with {kind}s: {profile.files}; {counts}."
    yield from ("", *aligned(HEAD, [_row(profile, cost) for cost in profile.path]), "")
    between = f"between the judge's stages {profile.between_ms:+.1f} ms"
    yield f"- One {kind} on one thread: {profile.total_ms:.1f} ms; {between}."
    yield f"- {_whole(budget, profile)}"
    yield f"- {bound(profile)}"
    yield from (
        f"- Beside that, {cost.stage.name}: {cost.ms.words(2)} ms a {cost.stage.unit}."
        for cost in profile.costs
        if cost.stage.aside
    )
    if budget.facts["device"] == "cpu" and profile.waited > NOTICED:
        yield f"- The machine was busy: {profile.waited:.0%} of the time the thread had no core. Use a quiet one."


def _row(profile: Profile, cost: Cost) -> tuple[str, ...]:
    share = cost.all_ms / profile.files / profile.total_ms
    floor_ms = 1e3 * cost.floor_s / cost.stage.units
    known = (f"{floor_ms:.2f}", f"{cost.reached:.0%}", "arithmetic" if cost.arithmetic else "bytes")
    return (cost.stage.name, cost.stage.unit, cost.ms.words(2), f"{share:.0%}", *(known if floor_ms else ("", "", "")))


def _whole(budget: Budget, profile: Profile) -> str:
    """The rate on all cores, and on a CPU the share of what its cores would do if nothing stood in their way."""
    rate = profile.rate.words(2 if profile.rate.median >= 1 else 3)
    told = f"On {budget.cores} cores, all together: {rate} {profile.kind}s a second"
    if budget.facts["device"] != "cpu":
        return f"{told}."
    best = 1e3 * budget.cores / profile.total_ms
    return f"{told}; {profile.rate.median / best:.0%} of the {best:.2f} that {budget.cores} such threads would do."


def bound(profile: Profile) -> str:
    """One line that says what bounds the time of a file: its longest stage, and what that one waits for."""
    longest = max(profile.path, key=lambda cost: cost.all_ms)
    share = longest.all_ms / profile.files / profile.total_ms
    what = "the machine's arithmetic" if longest.arithmetic else "the machine's memory"
    if longest.reached < CLOSE:
        what = "neither arithmetic nor memory, but the code that asks for them, so that it can still be made faster"
    return (
        f"What bounds it: {longest.stage.name}, {share:.0%} of the time at {longest.reached:.0%} of its floor: {what}. "
        f"All floors together are {profile.floor_ms:.1f} ms of {profile.total_ms:.1f}."
    )


def _floor(budget: Budget) -> Iterator[str]:
    flops, moved = budget.rates.flops / 1e9, budget.rates.moved / 1e9
    yield f"One thread does {flops:.1f} GFLOP/s in matrix products (as large as the VAE's largest layer, or large"
    yield f"squares, whichever is faster) and moves {moved:.1f} GB/s (read and written, while copying). A stage's floor"
    yield "is the larger of its FLOPs (convolutions and matrix products, counted) at the one rate and its bytes at the"
    yield "other. Bytes are what each Torch operation reads and writes, as if no cache kept anything between two, or"
    yield "what goes in and out where there are none: a stage that caches serve well can reach more than 100 %."


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table with columns as wide as they have to be; numbers, from the third column on, to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * width if place < 2 else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    for cells in (head, rule, *rows):
        padded = [f"{cell:{'<' if place < 2 else '>'}{widths[place]}}" for place, cell in enumerate(cells)]
        yield f"| {' | '.join(padded)} |"
