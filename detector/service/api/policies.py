"""What is decided by, and what another policy would have decided."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from detector.errors import ConfigError
from detector.service.api.access import needs
from detector.service.api.service import Service, service_of
from detector.service.api.threads import in_thread
from detector.service.problems import Problem
from detector.service.records import Action

router = APIRouter(tags=["policy"])

Asking = Annotated[Service, Depends(service_of)]


class PolicyAnswer(BaseModel):
    """The policy."""

    version: str
    text: str = Field(description="Its TOML file, to the letter")


class Trial(BaseModel):
    """A policy to try."""

    model_config = ConfigDict(extra="forbid")

    policy: str = Field(max_length=100_000, description="A policy's TOML file")
    since: float = Field(0.0, ge=0, description="Only results that are younger; seconds since 1970")


class CellAnswer(BaseModel):
    """So many files were treated in one way, and would be in another."""

    media: str
    before: Action
    after: Action
    items: int
    examples: list[str] = Field(description="Ids of some of the files, where the two differ")


class ShareAnswer(BaseModel):
    """`count` of `of` files, with its 95 % interval."""

    count: int
    of: int
    low: float
    high: float


class ReviewedAnswer(BaseModel):
    """Of the files that people have decided on."""

    real_blocked: ShareAnswer
    fake_allowed: ShareAnswer


class TrialAnswer(BaseModel):
    """What a policy would have done with past uploads."""

    policy: str = Field(description="The version of the policy that was tried")
    items: int
    changed: int
    table: list[CellAnswer]
    reviewed: ReviewedAnswer
    elsewhere: int = Field(description="Files that are left out: another classifier scored them")


@router.get("/v1/policy", summary="What is decided by", dependencies=[Depends(needs("score", "review"))])
async def policy(service: Asking) -> PolicyAnswer:
    """The policy that new files are decided by."""
    return PolicyAnswer(version=service.policy.version, text=service.policy.text)


@router.post("/v1/policy/dry-run", summary="Try another policy", dependencies=[Depends(needs("admin"))])
async def dry_run(trial: Trial, service: Asking) -> TrialAnswer:
    """What it would have done with past uploads, beside what was done. Nothing is changed."""
    try:
        return TrialAnswer(**await in_thread(_tried, service, trial))
    except ConfigError as error:
        raise Problem("invalid", str(error), field="policy") from error


def _tried(service: Service, trial: Trial) -> dict[str, Any]:
    from detector.classify.budgets import read_budgets
    from detector.service.dry_run import dry_run
    from detector.service.policy import Policy
    from detector.weights import asset, version

    classifier = service.settings.models.classifier or asset("classifier.skops")
    rules = Policy.parse(trial.policy).resolve(read_budgets(classifier))
    return dry_run(service.store.results(trial.since), rules, version(classifier)).as_dict()
