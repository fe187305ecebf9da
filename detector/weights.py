"""Where weights come from: shipped inside the package, or fetched once, on request, and pinned by sha256.

Nothing here runs at import and nothing is fetched while scoring: `find` looks, only `pull` fetches.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from importlib import resources
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from detector.errors import UnknownNameError, WeightsError

Progress = Callable[[int, int], None]
"""Told the bytes that have come and the bytes to come in all."""

_CHUNK = 1 << 16
_TIMEOUT_S = 30
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TAESD = "https://raw.githubusercontent.com/madebyollin/taesd/5cccb12dc72074a4be35680c3b108548a7c69978"
_OPENCV_ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models"


@dataclass(frozen=True)
class Pinned:
    """One file that may be fetched.

    Attributes:
        filename: its name in the store.
        url: where its author publishes it; https.
        sha256: 64 hex digits; any other content is refused.
        size: in bytes.
        licence: SPDX identifier.
    """

    filename: str
    url: str
    sha256: str
    size: int
    licence: str


PINNED: dict[str, Pinned] = {
    "yunet": Pinned(
        filename="face_detection_yunet_2023mar.onnx",
        url=f"{_OPENCV_ZOO}/face_detection_yunet/face_detection_yunet_2023mar.onnx",
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        size=232_589,
        licence="Apache-2.0",
    ),
    "taef2_encoder": Pinned(
        filename="taef2_encoder.pth",
        url=f"{_TAESD}/taef2_encoder.pth",
        sha256="10a4e1021e89d7551eaf161352da8dbd0b1aa83872ae28b150c1df1ce2f147b6",
        size=2_704_692,
        licence="MIT",
    ),
    "taef2_decoder": Pinned(
        filename="taef2_decoder.pth",
        url=f"{_TAESD}/taef2_decoder.pth",
        sha256="0a44a31e1ae59eb9dbf9359d24942fd3ef5928162c1800d97a28c61d51be0ab5",
        size=2_704_756,
        licence="MIT",
    ),
}
"""Everything that `detector models pull` can fetch."""


def asset(name: str) -> Path:
    """The path of a file that the package ships in ``assets/``; `WeightsError` when there is none of that name."""
    path = Path(str(resources.files("detector"))) / "assets" / name
    if not path.is_file():
        raise WeightsError(f"the package carries no asset {name!r}: install it again, or train it first")
    return path


def store() -> Path:
    """The folder of fetched weights: ``$DETECTOR_MODELS``, or ``~/.cache/detector``."""
    return Path(os.environ.get("DETECTOR_MODELS") or "~/.cache/detector").expanduser()


def find(name: str) -> Path | None:
    """The path of pinned weights in the store, verified; None when they are not there.

    Raises:
        UnknownNameError: when `PINNED` has no such name.
        WeightsError: when the file there is not the pinned one.
    """
    pin = pinned(name)
    path = store() / pin.filename
    if not path.is_file():
        return None
    if (got := sha256(path)) != pin.sha256:
        raise WeightsError(
            f"{path}: expected sha256 {pin.sha256}, got {got}; fetch it with: detector models pull {name}"
        )
    return path


def pull(name: str, progress: Progress | None = None) -> Path:
    """Fetch pinned weights into the store, unless they are there; the path of the verified file.

    Raises:
        UnknownNameError: when `PINNED` has no such name.
        WeightsError: as `fetch` does.
    """
    return fetch(pinned(name), store(), progress)


def pinned(name: str) -> Pinned:
    """The pin of that name; `UnknownNameError` when there is none."""
    if name not in PINNED:
        raise UnknownNameError("pinned weights", name, PINNED)
    return PINNED[name]


def fetch(pin: Pinned, folder: Path, progress: Progress | None = None) -> Path:
    """Fetch `pin` into `folder`, so that the file is there whole and right, or not at all.

    It is written beside its place as ``NAME.part``; an interrupted fetch starts afresh.

    Raises:
        WeightsError: when the source cannot be reached, gives other bytes than the pin says, or `folder` cannot
            be written.
    """
    target = folder / pin.filename
    if target.is_file() and sha256(target) == pin.sha256:
        return target
    part = folder / f"{pin.filename}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _download(pin, part, progress)
        _check(part, pin)
        part.replace(target)
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(error, HTTPError):
            error.close()
        raise WeightsError(f"cannot fetch {pin.url} ({reason}); fetch it elsewhere and put it at {target}") from error
    finally:
        with suppress(OSError):
            part.unlink()
    return target


def _download(pin: Pinned, part: Path, progress: Progress | None) -> None:
    address = urlsplit(pin.url)
    if address.scheme != "https" and (address.scheme != "http" or address.hostname not in _LOOPBACK):
        raise WeightsError(f"weights are fetched over https only, not from {pin.url}")
    with urlopen(pin.url, timeout=_TIMEOUT_S) as source, part.open("wb") as file:
        done = 0
        # One byte more than the pin says is enough to know that the source gives too much.
        while done <= pin.size and (chunk := source.read(min(_CHUNK, pin.size + 1 - done))):
            file.write(chunk)
            done += len(chunk)
            if progress:
                progress(min(done, pin.size), pin.size)


def _check(part: Path, pin: Pinned) -> None:
    size = part.stat().st_size
    if size != pin.size:
        came = "more" if size > pin.size else f"{size}"
        raise WeightsError(f"{pin.url}: expected {pin.size} bytes, got {came}; try again")
    # Hashed from the disk and not from the stream, so that what was written is what was checked.
    if (got := sha256(part)) != pin.sha256:
        raise WeightsError(
            f"{pin.url}: expected sha256 {pin.sha256}, got {got}; the source has changed or is not genuine"
        )


def sha256(path: Path) -> str:
    """The digest of a file, 64 hex digits; remembered for as long as its size and time of change stay."""
    state = path.stat()
    return _digest(path.resolve(), state.st_size, state.st_mtime_ns)


def version(path: Path, *more: Path) -> str:
    """The version of a model: the first 12 hex digits of its file's sha256.

    For a model in several files, those of the sha256 of their digests, in the order given.
    """
    digest = sha256(path)
    if more:
        digest = hashlib.sha256("".join([digest, *map(sha256, more)]).encode()).hexdigest()
    return digest[:12]


@lru_cache(maxsize=256)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
