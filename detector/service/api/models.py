"""What scores here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from detector.service.api.access import needs
from detector.service.api.service import Service, service_of
from detector.service.api.threads import in_thread

router = APIRouter(tags=["about"], dependencies=[Depends(needs("score", "review"))])

Asking = Annotated[Service, Depends(service_of)]


class ModelsAnswer(BaseModel):
    """What the workers score with, as they last told."""

    models: dict[str, str] = Field(description="name -> version")
    threshold: float | None = Field(description="From which probability on a file is called fake")
    fpr: float | None = Field(description="The share of real faces that the threshold calls fake")
    workers: int
    agree: bool = Field(description="Whether all workers say the same; not while they are being replaced")


@router.get("/v1/models", summary="What scores here")
async def models(service: Asking) -> ModelsAnswer:
    """The models of most workers; none where no worker is there."""
    told: Mapping[str, Mapping[str, Any]] = await in_thread(service.models)  # type: ignore[arg-type]
    groups = Counter(repr(sorted(_identity(about).items())) for about in told.values())
    most = max(told.values(), key=lambda about: groups[repr(sorted(_identity(about).items()))], default={})
    return ModelsAnswer(**_identity(most), workers=len(told), agree=len(groups) <= 1)


def _identity(about: Mapping[str, Any]) -> dict[str, Any]:
    """What a worker's scores depend on."""
    return {"models": about.get("models", {}), "threshold": about.get("threshold"), "fpr": about.get("fpr")}
