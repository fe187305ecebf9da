"""Connections that end when their client is silent: what uvicorn leaves open, below the reach of ASGI."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""How long the head of a request may take, from the end of the answer before it on."""
REST_S = 60.0
"""How long after its answer the rest of a body may come, which nobody wants any more: many clients read no answer
before they have sent everything."""
TAKE_S = 60.0
"""How long a client may leave an answer that does not fit into the buffers."""
MOST = 4096
"""Connections that may be open at once; further ones end at once."""


class Connection(H11Protocol):
    """One connection; for `uvicorn.Config(http=Connection)`."""

    _silent: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
        self._await_head(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is not any more."""
        for timer in (self._silent, self._stuck):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Its client may ask for something else."""
        self._await_head(REST_S if self.conn.their_state is h11.SEND_BODY else HEAD_S)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The buffers are full."""
        super().pause_writing()
        self._stuck = self.loop.call_later(TAKE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """They are not any more."""
        if self._stuck is not None:
            self._stuck.cancel()
        super().resume_writing()

    def _await_head(self, within_s: float) -> None:
        if self._silent is not None:
            self._silent.cancel()
        self._silent = self.loop.call_later(within_s, self._end_unless_asked)

    def _end_unless_asked(self) -> None:
        """End it, with what its client has not taken, unless a request is being answered."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
