"""What people decided, one JSON object a line: how it leaves the service, and how `detector recalibrate` reads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from detector.errors import FeatureContractError, UsageError
from detector.service.records import Action, Item, Review
from detector.types import MediaKind

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_OTHERS = "scored with other models"


@dataclass(frozen=True)
class Labelled:
    """One file that a person has told to be real or fake.

    Attributes:
        name: what the client called it; empty once the result is gone.
        fake_probability: of the file, in [0, 1]; None where it has no score.
        scored_faces: how many of its faces have a probability. That of the file is the most suspicious one's.
        models: every model that the probability depends on, name -> version.
        label: what the person says it is.
        weight: how many files this one stands for, as `Decision.weight`.
        policy: the version of the policy that sent it to a person.
        action: what the person decided.
        decided_at: when; seconds since 1970, UTC.

    Raises:
        UsageError: a probability or a weight that cannot be.
    """

    item_id: str
    sha256: str
    name: str
    media: MediaKind
    fake_probability: float | None
    scored_faces: int
    models: Mapping[str, str]
    label: Literal["real", "fake"]
    weight: float
    policy: str
    action: Action
    reviewer: str
    note: str
    decided_at: float

    def __post_init__(self) -> None:
        if self.fake_probability is not None and not 0 <= self.fake_probability <= 1:
            raise UsageError(f"fake_probability: expected 0 to 1, got {self.fake_probability}")
        if not 0 < self.weight < float("inf"):
            raise UsageError(f"weight: expected a positive number, got {self.weight}")


def basis_of(item: Item) -> dict[str, Any]:
    """What a label is good for, besides the review: the fields of `Labelled` that are kept with it for good."""
    report: Mapping[str, Any] = item.report or {}
    return {
        "sha256": item.sha256,
        "media": report.get("media", item.media),  # a picture that moves is a video, which shows when it is opened
        "fake_probability": report.get("fake_probability"),
        "scored_faces": sum(face["probability"] is not None for face in report.get("faces", ())),
        "models": report.get("models", {}),
        "weight": item.decision.weight if item.decision else 1.0,
        "policy": item.decision.policy if item.decision else "",
    }


def labelled(review: Review, basis: Mapping[str, Any], name: str) -> Labelled:
    """A label.

    Args:
        review: the last one of a file; its label is real or fake.
        basis: of the file, from `basis_of`.
        name: of the file, if that is still known.
    """
    return Labelled(
        item_id=review.item_id,
        name=name,
        label="fake" if review.label == "fake" else "real",
        action=review.action,
        reviewer=review.reviewer,
        note=review.note,
        decided_at=review.at,
        **basis,
    )


def labelled_line(line: Labelled) -> str:
    """One line of the export, with its newline."""
    return json.dumps(asdict(line), ensure_ascii=False, allow_nan=False) + "\n"


def read_labelled(path: Path) -> Iterator[Labelled]:
    """The lines of an export, in their order.

    Raises:
        UsageError: there is no such file, or a line is no label of ours.
    """
    from pydantic import TypeAdapter

    adapter = TypeAdapter(Labelled)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _parse(adapter, line, f"{path}, line {number}")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


@dataclass(frozen=True)
class Chosen:
    """The lines from which a classifier can be recalibrated, and how many are left out, by the reason in words."""

    lines: tuple[Labelled, ...]
    left_out: Mapping[str, int]


def single_faces(lines: Iterable[Labelled], models: Mapping[str, str]) -> Chosen:
    """Pictures with one scored face, each picture once, with its last label.

    Only there is the file's probability a face's, and the label the face's: of several faces it is the most suspicious
    one's, of a video a mean over frames, and both lie elsewhere than a single face's would.

    Args:
        lines: of an export.
        models: every model of the classifier, itself included, name -> version.

    Raises:
        FeatureContractError: all pictures with one scored face were scored with other models.
    """
    left_out: Counter[str] = Counter()
    last: dict[str, Labelled] = {}
    for line in sorted(lines, key=lambda line: line.decided_at):
        if why := _unfit(line, models):
            left_out[why] += 1
            continue
        left_out["decided again later"] += line.sha256 in last
        last[line.sha256] = line
    if left_out[_OTHERS] and not last:
        raise FeatureContractError(
            f"all {left_out[_OTHERS]} pictures with one scored face were scored with other models than "
            f"{', '.join(f'{name} {version}' for name, version in models.items())}; name the classifier that they "
            "were scored with"
        )
    return Chosen(tuple(last.values()), {why: count for why, count in left_out.items() if count})


def _unfit(line: Labelled, models: Mapping[str, str]) -> str | None:
    if line.media != "image":
        return "videos"
    if line.fake_probability is None:
        return "without a score"
    if line.scored_faces != 1:
        return "with several scored faces"
    return None if models.items() <= line.models.items() else _OTHERS


def _parse(adapter: TypeAdapter[Labelled], line: bytes, where: str) -> Labelled:
    from pydantic import ValidationError

    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the line"
        raise UsageError(f"{where}: {key}: {first['msg']}; expected what GET /v1/review/export gives") from error
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
