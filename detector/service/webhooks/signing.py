"""Signatures after Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), symmetric: ``v1``.

    signature = base64(HMAC-SHA256(key, id + "." + timestamp + "." + body))

    webhook-id         the same at every try of a message: what a receiver drops repeats by
    webhook-timestamp  when this try was made, whole seconds since 1970, UTC
    webhook-signature  "v1," + signature, once for each key, with a space between

The libraries of that standard, for a dozen languages, check these headers as they are.
"""

from __future__ import annotations

import hmac
import re
import time
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping

from detector.errors import ConfigError, DetectorError

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
VERSION = "v1,"
KEY_BYTES = range(24, 65)
"""192 to 512 bits, as the standard asks."""


class SignatureError(DetectorError):
    """A message that did not come from who has the secret, was changed on the way, or is too old."""


def sign(message_id: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """The three headers that go with a message.

    Args:
        message_id: letters, digits, ``_`` and ``-``.
        timestamp: seconds since 1970, UTC.
        body: exactly as it is sent.
        secret: ``whsec_`` and the key in base64. While a secret is being replaced: the new one and the old one, with a
            space between; then receivers may have either.

    Raises:
        ConfigError: the secret is none.
    """
    if not _is_id(message_id):
        raise ValueError(f"expected an id of letters, digits, _ and -, got {message_id!r}")
    codes = (_code(message_id, timestamp, body, key) for key in keys(secret))
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(VERSION + code for code in codes)}


def verify(
    headers: Mapping[str, str], body: bytes, secret: str, tolerance_s: float = 300.0, now: float | None = None
) -> str:
    """Check a message that was received, before anything in it is believed.

    Args:
        headers: of the request; the case of the names does not matter.
        body: exactly as it came, before any parsing.
        secret: as for `sign`.
        tolerance_s: how far from now, either way, a message may have been sent; an older one may be a replay.
        now: seconds since 1970, UTC; the clock's where it is None.

    Returns:
        The message's id. A message may come more than once: remember the ids, and drop what was there before.

    Raises:
        SignatureError: it is not to be believed.
        ConfigError: the secret is none.
    """
    message_id, timestamp, signatures = _fields(headers)
    codes = [_code(message_id, timestamp, body, key).encode() for key in keys(secret)]
    given = [one.removeprefix(VERSION).encode() for one in signatures.split() if one.startswith(VERSION)]
    # Every pair is compared, each in constant time: how long it takes tells nothing of the right signature.
    fits = [hmac.compare_digest(code, one) for code in codes for one in given]
    if not any(fits):
        raise SignatureError(
            f"no {SIGNATURE} fits: expected one by the sender's secret, over the body exactly as it came"
        )
    if not abs((time.time() if now is None else now) - timestamp) <= tolerance_s:
        raise SignatureError(f"{TIMESTAMP}: expected {tolerance_s:g} s or less from now, got {timestamp}")
    return message_id


def keys(secret: str) -> list[bytes]:
    """The keys of a secret, 24 to 64 bytes each; ConfigError where it has none, or one that is no key."""
    found = [_key(one) for one in secret.split()]
    if not found:
        raise ConfigError(_EXPECTED + "got nothing")
    return found


_EXPECTED = (
    f"webhook secret: expected {PREFIX} and {KEY_BYTES[0]} to {KEY_BYTES[-1]} random bytes in base64 "
    "(openssl rand -base64 32), "
)


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (Error, ValueError):
        key = b""
    # What came is not shown: it may be a real secret with a slip in it.
    if not secret.startswith(PREFIX):
        raise ConfigError(_EXPECTED + "got something else")
    if len(key) not in KEY_BYTES:
        raise ConfigError(_EXPECTED + (f"got {len(key)} bytes" if key else "got no base64"))
    return key


def _code(message_id: str, timestamp: int, body: bytes, key: bytes) -> str:
    content = f"{message_id}.{timestamp}.".encode() + body
    return b64encode(hmac.digest(key, content, "sha256")).decode()


def _fields(headers: Mapping[str, str]) -> tuple[str, int, str]:
    """Id, timestamp and signatures; neither of the first two can hold a dot, so no other split has the same code."""
    lower = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if name not in lower]
    if missing:
        raise SignatureError(f"expected a header {missing[0]}, got none")
    if not _is_id(lower[ID]) or not re.fullmatch(r"[0-9]{1,12}", lower[TIMESTAMP]):
        raise SignatureError(f"expected {ID} of letters, digits, _ and -, and {TIMESTAMP} in whole seconds")
    return lower[ID], int(lower[TIMESTAMP]), lower[SIGNATURE]


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text) is not None
