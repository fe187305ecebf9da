"""One JSON object a line on standard error; never media, the names of files, or keys."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import IO, Any

import structlog

_SECRET = re.compile(r"dk_[\w-]{8,}")
_MESSAGE = 200


def configure(stream: IO[str] = sys.stderr) -> None:
    """Write what we and the libraries log to `stream`; of the libraries, warnings and worse."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_CHAIN,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("detector").setLevel(logging.INFO)


def _name_errors(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its type, the first line of its message (a database's further lines hold what was asked), and
    the places that it came through: no values."""
    error = _error(event.pop("exc_info", None))
    if error is not None:
        event["error"] = type(error).__name__
        event["message"] = "".join(str(error).splitlines()[:1])[:_MESSAGE]
        event["where"] = _places(error.__traceback__)
    return event


def _error(info: object) -> BaseException | None:
    """The exception that `exc_info` stands for, in each of the forms that logging knows."""
    if isinstance(info, BaseException):
        return info
    return info[1] if isinstance(info, tuple) else sys.exc_info()[1] if info else None


def _places(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def _hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A key that got into a message, say in the line of a broken request, does not get into the log."""
    return {name: _SECRET.sub("dk_…", value) if isinstance(value, str) else value for name, value in event.items()}


_CHAIN: tuple[structlog.typing.Processor, ...] = (
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _name_errors,
    _hide_secrets,
)

log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    logging.getLogger("detector.service"),
    processors=[
        structlog.stdlib.filter_by_level,
        *_CHAIN,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
)
"""What our own code logs to: ``log.info("what happened", name=value)``."""
