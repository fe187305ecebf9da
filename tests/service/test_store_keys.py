"""API keys, on both databases."""

from __future__ import annotations

import re
from hashlib import sha256

from sqlalchemy import text

from detector.service.store import Store
from tests.service.conftest import Clock


def test_a_key_is_found_by_its_secret(store: Store, clock: Clock) -> None:
    key, secret = store.add_key("upload queue", ["review", "score"], rate=60)
    assert re.fullmatch(r"dk_[A-Za-z0-9_-]{43}", secret)
    assert (key.name, key.scopes, key.rate) == ("upload queue", ("score", "review"), 60)
    assert (key.created_at, key.revoked_at) == (clock.now, None)
    assert store.key(secret) == key


def test_no_other_secret_is_let_in(store: Store) -> None:
    key, secret = store.add_key("a", ["admin"])
    digest = sha256(secret.encode()).hexdigest()
    for wrong in ("", secret[:-1], secret + "a", secret.swapcase(), key.id, digest, "dk_", "%", "\0", "\ud800"):
        assert store.key(wrong) is None


def test_the_secret_itself_is_nowhere_in_the_database(store: Store) -> None:
    _, secret = store.add_key("a", ["score"])
    with store._database.reading() as connection:
        [row] = connection.execute(text("SELECT * FROM keys")).all()
    assert secret[3:] not in repr(row)
    assert row.digest == sha256(secret.encode()).hexdigest()


def test_a_revoked_key_is_listed_but_not_let_in(store: Store, clock: Clock) -> None:
    first, secret = store.add_key("a", ["score"])
    second, other = store.add_key("a", ["score"])
    clock.now += 1
    assert store.revoke(first.id)
    assert not store.revoke(first.id)
    assert not store.revoke("0" * 32)
    assert store.key(secret) is None
    assert store.key(other) == second
    listed = store.keys()
    assert [(key.id, key.revoked_at) for key in listed] == [(first.id, clock.now), (second.id, None)]
