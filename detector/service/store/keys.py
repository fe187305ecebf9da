"""API keys. A secret is shown once; what is kept is its SHA-256.

A slow hash protects passwords, which people choose and machines guess. A secret here has 256 random bits: nobody
guesses it however fast the hash is, and every request has to be looked up by it.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import insert, select, update

from detector.service.records import SCOPES, Key, Scope
from detector.service.store.database import Database
from detector.service.store.rows import key_of, new_id
from detector.service.store.schema import KEYS

PREFIX = "dk_"
"""Every secret begins so, for people, and for programs that look for secrets in the wrong place."""


class Keys:
    """The part of the store that knows who may ask."""

    _database: Database

    def add_key(self, name: str, scopes: Collection[Scope], rate: int = 0) -> tuple[Key, str]:
        """A new key, and its secret, which nothing can tell again.

        Args:
            name: whose it is, for people.
            rate: requests a minute; 0 for any number.
        """
        secret = PREFIX + token_urlsafe(32)
        key = Key(new_id(), name, tuple(scope for scope in SCOPES if scope in scopes), rate, self._database.now())
        with self._database.writing() as connection:
            connection.execute(insert(KEYS).values(vars(key) | {"digest": _digest(secret)}))
        return key, secret

    def key(self, secret: str) -> Key | None:
        """The key that has this secret; None where there is none, or where it was revoked."""
        query = select(KEYS).where(KEYS.c.digest == _digest(secret), KEYS.c.revoked_at.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else key_of(row)

    def keys(self) -> list[Key]:
        """Every key, the revoked ones too, oldest first."""
        with self._database.reading() as connection:
            return [key_of(row) for row in connection.execute(select(KEYS).order_by(KEYS.c.number))]

    def revoke(self, key_id: str) -> bool:
        """Let a key in no more; False where there is no such key that was let in until now."""
        valid = (KEYS.c.id == key_id) & KEYS.c.revoked_at.is_(None)
        with self._database.writing() as connection:
            revoked = update(KEYS).where(valid).values(revoked_at=self._database.now())
            return connection.execute(revoked).rowcount > 0


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
