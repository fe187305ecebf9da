"""Uploads and pictures on disk, under names that are made here: nothing that a client says is ever part of a path."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from types import TracebackType

_NAME = re.compile(r"[0-9a-f]{32}")
_PICTURE = re.compile(r"[a-z]+[0-9]*\.(png|jpg)")
_UNFINISHED = ".part"
_HEAD = 64


class Writer:
    """One upload that is being written. Used as a context; unless `keep` was called, nothing of it is left.

    Attributes:
        size: bytes so far.
        head: its first 64 bytes at most, which tell its type.
    """

    def __init__(self, folder: Path) -> None:
        self._blob = token_hex(16)
        self._path = folder / (self._blob + _UNFINISHED)
        self._file = open(self._path, "xb", opener=_private)  # noqa: SIM115  # closed by __exit__
        self._digest = sha256()
        self.size, self.head = 0, b""

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """Of what was written so far, 64 hex digits."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)
        if len(self.head) < _HEAD:
            self.head += chunk[: _HEAD - len(self.head)]

    def keep(self) -> str:
        """Make it last, whatever is killed or loses power from now on; its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.rename(self._path.with_suffix(""))
        _sync_folder(self._path.parent)
        return self._blob


class Spool:
    """The folders ``uploads`` and ``pictures`` of one service, which only its user can read.

    Args:
        folder: where they are; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._uploads, self._pictures = folder / "uploads", folder / "pictures"
        for made in (folder, self._uploads, self._pictures):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)

    def writer(self) -> Writer:
        """A new upload."""
        return Writer(self._uploads)

    def path(self, blob: str) -> Path:
        """Where an upload lies.

        Raises:
            ValueError: `blob` is no name of ours.
        """
        return self._uploads / _checked(blob)

    def delete(self, blob: str) -> None:
        """Delete an upload, if it is there."""
        self.path(blob).unlink(missing_ok=True)

    def pictures(self, item_id: str) -> Path:
        """The folder of an item's pictures; made where it is not there."""
        folder = self._pictures / _checked(item_id)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def picture(self, item_id: str, name: str) -> Path | None:
        """One picture, such as ``heatmap0.png`` or ``frame.jpg``; None where there is no such thing."""
        if not (_NAME.fullmatch(item_id) and _PICTURE.fullmatch(name)):
            return None
        path = self._pictures / item_id / name
        return path if path.is_file() else None

    def drop_pictures(self, item_id: str) -> None:
        """Delete an item's pictures, if there are any."""
        shutil.rmtree(self._pictures / _checked(item_id), ignore_errors=True)

    def sweep(self, blobs: Collection[str], items: Collection[str], older_than_s: float = 3600) -> int:
        """Delete the uploads, and the folders of pictures, that killed processes have left; how many that were.

        Args:
            blobs: the names of the uploads that stay.
            items: the ids of the items whose pictures stay.
            older_than_s: younger ones stay too: somebody may be writing them, or about to name them.
        """
        before = time.time() - older_than_s
        uploads, folders = _strays(self._uploads, blobs, before), _strays(self._pictures, items, before)
        for stray in uploads:
            stray.unlink(missing_ok=True)
        for stray in folders:
            shutil.rmtree(stray, ignore_errors=True)
        return len(uploads) + len(folders)

    def free_bytes(self) -> int:
        """How much the disk can still take."""
        return shutil.disk_usage(self._uploads).free


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected 32 hex digits, got {name[:40]!r}")
    return name


def _strays(folder: Path, known: Collection[str], before: float) -> list[Path]:
    """What lies there unknown, and was written before that time."""
    return [path for path in folder.iterdir() if path.name not in known and _modified(path) < before]


def _modified(path: Path) -> float:
    """When a file was written last; never, for one that has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """Make a rename last: the name is written with the folder, not with the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
