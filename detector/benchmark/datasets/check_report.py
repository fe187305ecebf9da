"""What a check of a dataset found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from detector.benchmark.datasets import DATASETS
from detector.benchmark.datasets.check import SPLITS, Count, Finding, Some, in_order
from detector.benchmark.tables import table


def in_words(found: Finding) -> str:
    """A page in Markdown: what there is, what is wrong with it, what to beware of."""
    wrong, beware = list(_wrong(found)), list(_beware(found))
    parts = [
        f"{found.root}: layout {found.layout}, told by {DATASETS[found.layout].marks}; see "
        f"data/{DATASETS[found.layout].card}",
        _table(found),
        *(
            ["Wrong:\n" + "\n".join(f"- {line}" for line in wrong)]
            if wrong
            else ["Nothing is missing and nothing leaks."]
        ),
        *(["Beware:\n" + "\n".join(f"- {line}" for line in beware)] if beware else []),
    ]
    return "\n\n".join(parts).encode("utf-8", "replace").decode()  # a name on disk may be of other bytes


def in_json(found: Finding) -> str:
    """The same as one JSON object: the fields of a `Finding`, and whether it is ok."""
    return json.dumps({"ok": found.ok, **asdict(found)}, indent=2)


def _table(found: Finding) -> str:
    splits = in_order(found.groups)
    rows = {(one.label, one.origin): ["–"] * len(splits) for one in found.counts}
    for one in found.counts:
        rows[one.label, one.origin][splits.index(one.split)] = _cell(one)
    groups = ("", "*groups*", *(f"{found.groups[split]:,}" for split in splits))
    return table(("class", "origin", *splits), [*((*key, *row) for key, row in rows.items()), groups])


def _cell(one: Count) -> str:
    return f"{one.clips:,}" if one.clips == one.files else f"{one.clips:,} clips, {one.files:,} files"


def _wrong(found: Finding) -> Iterator[str]:
    yield from (f"{lack}; no figure can be had of one class" for lack in found.one_class)
    if found.splits_unknown:
        yield f"expected the splits {', '.join(SPLITS)}; got {', '.join(map(repr, found.splits_unknown))}"
    yield from _told(found.leaking, "groups in more than one split")
    if found.copies:
        yield from _told(found.copies, "contents in more than one split, or in both classes")
    yield from _told(found.absent, "files that are named, but are not there or cannot be opened")
    yield from _told(found.empty, "empty files")
    yield from _told(found.unknown, "files of no format that is read here")


def _beware(found: Finding) -> Iterator[str]:
    if found.copies is None:
        yield "contents were not compared: copies in several splits would not be found"
    if found.splits_missing:
        tested = "; without test, all is tested" if "test" in found.splits_missing else ""
        yield f"no split {', '.join(found.splits_missing)}{tested}"
    yield from _told(found.mislabelled, "files with the extension of another format than their content")
    yield from (f"a shortcut past the face: {line}" for line in found.shortcuts)


def _told(some: Some, what: str) -> Iterator[str]:
    if some.count:
        sets = ", ".join(f"{name} {count:,}" for name, count in some.sets.items())
        more = ["…"] * (some.count > len(some.examples))
        yield f"{what}: {some.count:,}{f' ({sets})' * bool(sets)}, such as {'; '.join([*some.examples, *more])}"
