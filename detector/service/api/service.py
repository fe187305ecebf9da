"""What the handlers of requests have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from starlette.requests import Request

from detector.service.api.gate import Gate
from detector.service.api.inspection import Inspection
from detector.service.api.rates import Rates
from detector.service.api.waiting import Waiting
from detector.service.settings import Settings

if TYPE_CHECKING:
    from detector.service.policy import Policy
    from detector.service.spool import Spool
    from detector.service.store import Store


@dataclass(frozen=True, eq=False)
class Service:
    """One running API.

    Attributes:
        settings: as it was started.
        store, spool: what it keeps.
        policy: that decides.
        models: gives what the workers score with, as they last told.
    """

    settings: Settings
    store: Store
    spool: Spool
    policy: Policy
    models: Callable[[], Mapping[str, object]]
    gate: Gate = field(default_factory=Gate)
    rates: Rates = field(default_factory=Rates)

    @cached_property
    def waiting(self) -> Waiting:
        """Who waits for a job to end."""
        return Waiting(self.store.ended)

    @cached_property
    def inspection(self) -> Inspection:
        """Whether what it needs is there."""
        return Inspection(self)


def service_of(request: Request) -> Service:
    """The service that a request came to; also a FastAPI dependency."""
    service: Service = request.app.state.service
    return service
