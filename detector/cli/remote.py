"""`detector score --server`: several requests in flight, answers in the order of the files. Torch is not needed."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from argparse import ArgumentParser, Namespace
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from detector.cli.score import KEY_ENV, STDIN, Draw, Tell, add_arguments
from detector.client import Answer, AsyncClient
from detector.errors import MediaError, ServiceError, UsageError
from detector.media import MediaLimits, read_stream
from detector.media.kinds import HEAD, tell_format
from detector.media.source import open_source
from detector.types import Report

AT_ONCE = 8
"""Requests in flight. More would only wait in the service's queue."""
RETRIES = 10
"""A batch has time: it rather waits for a busy service than ends."""
HERE_TOO = ("paths", "json", "out", "explain", "server", "key_env")
"""The options that mean something where a service scores."""
REFUSED = {"too-large": "too_many_bytes", "wrong-type": "unsupported"}
"""Problems of one file, and the reason that its report gets. Any other problem ends the run."""


def score(arguments: Namespace, paths: Sequence[str], tell: Tell) -> None:
    """Let the service score the files.

    Raises:
        UsageError: an option that the service has no ear for, or no key where one was named.
        ServiceError: the service cannot be reached, or refuses more than one file.
    """
    _refuse_local_options(arguments)
    asyncio.run(_score(arguments, paths, tell))


async def _score(arguments: Namespace, paths: Sequence[str], tell: Tell) -> None:
    running: deque[asyncio.Task[tuple[Report, Draw]]] = deque()
    async with AsyncClient(arguments.server, _key(arguments.key_env), retries=RETRIES) as client:
        try:
            for path in paths:
                if len(running) == AT_ONCE:
                    tell(*await running.popleft())
                running.append(asyncio.create_task(_report(client, path, bool(arguments.explain))))
            while running:
                tell(*await running.popleft())
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def _report(client: AsyncClient, path: str, explain: bool) -> tuple[Report, Draw]:
    """The report of one file and its pictures; without a score where the file is at fault."""
    try:
        answer = await _answer(client, read_stream(sys.stdin.buffer) if path == STDIN else Path(path))
        pictures = {face: await client.heatmap(answer, face) for face in answer.pictured} if explain else {}
        return replace(answer.report, path=path), partial(_save, path, pictures)
    except MediaError as error:
        return _unscored(path, error.reason, error), partial(_save, path, {})
    except ServiceError as error:
        if error.slug not in REFUSED:
            raise
        return _unscored(path, REFUSED[error.slug], error), partial(_save, path, {})


async def _answer(client: AsyncClient, source: Path | bytes) -> Answer:
    """Images are asked for, and where that takes long, handed over as videos are."""
    if not _is_video(source):
        try:
            return await client.score(source)
        except ServiceError as error:
            if error.slug != "deadline":
                raise
    job = await client.submit([source])
    [item] = (await client.wait(job.id, math.inf)).items
    if item.answer is None:
        raise ServiceError(item.state, f"the service ended job {job.id} without an answer; run this again")
    return item.answer


def _is_video(source: Path | bytes) -> bool:
    """What is neither is for the service to tell."""
    with open_source(source, MediaLimits(sys.maxsize)).open() as stream:
        head = stream.read(HEAD)
    try:
        return tell_format(head).kind == "video"
    except MediaError:
        return False


def _unscored(path: str, reason: str, error: Exception) -> Report:
    return Report(path, "unknown", "error", reason, warnings=(str(error),))


def _save(path: str, pictures: Mapping[int, bytes], folder: Path, stem: str | None) -> None:
    """Write the heatmaps under the names that scoring here gives them."""
    folder.mkdir(parents=True, exist_ok=True)
    for face, png in pictures.items():
        (folder / f"{stem or Path(path).stem.lstrip('-.') or 'stdin'}.face{face}.heatmap.png").write_bytes(png)


def _key(variable: str) -> str | None:
    key = os.environ.get(variable)
    if key is None and variable != KEY_ENV:
        raise UsageError(f"expected an API key in the environment variable {variable}, it is not set")
    return key


def _refuse_local_options(arguments: Namespace) -> None:
    here = ArgumentParser()
    add_arguments(here)
    for name, value in vars(arguments).items():
        if name not in (*HERE_TOO, "run") and value != here.get_default(name):
            option = name.replace("_", "-")
            raise UsageError(f"--{option}: with --server the service's own settings hold; leave it out")
