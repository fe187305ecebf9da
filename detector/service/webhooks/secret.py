"""What signs the messages: set up by a person, or made once and kept."""

from __future__ import annotations

import os
import secrets
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from stat import S_IRWXG, S_IRWXO

from detector.errors import ConfigError
from detector.service.settings import Settings
from detector.service.webhooks.signing import PREFIX, keys

VARIABLE = "DETECTOR_WEBHOOK_SECRET"
FILE = "webhook.secret"


def load(settings: Settings) -> str:
    """The secret: of the settings, else of the environment, else of the state folder, where it is made if need be.

    Raises:
        ConfigError: it is no secret, or others on this machine can read its file.
    """
    secret = settings.webhooks.secret or os.environ.get(VARIABLE) or _kept(settings.state / FILE)
    keys(secret)
    return secret


def make() -> str:
    """A new secret of 256 random bits."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def _kept(path: Path) -> str:
    if not path.exists():
        _create(path, make())
    if path.stat().st_mode & (S_IRWXG | S_IRWXO):
        raise ConfigError(f"{path}: others can read the webhook secret; make a new one, or: chmod 600 {path}")
    return path.read_text(encoding="ascii").strip()


def _create(path: Path, secret: str) -> None:
    """Put it there whole or not at all; where another process was faster, its secret stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
