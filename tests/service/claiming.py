"""A worker process that tests start, and kill: ``python -m tests.service.claiming URL NAME DUTY``.

work      claim and complete until nothing waits; each item that it finished is a line
hold      claim one item, say so, and hang
claim     hang while claiming one, with everything written but the commit
complete  claim one, and hang in the same way while completing it
"""

from __future__ import annotations

import sys
import time
from typing import NoReturn

from sqlalchemy import Engine, event

from detector.service.store import Store
from tests.service.orders import outcome

LEASE_S = 0.5


def _work(store: Store, name: str, obeys: bool) -> None:
    while claims := store.claim(name, 7, LEASE_S):
        for claim in claims:
            if obeys:
                sys.stdin.readline()
            if store.complete(claim, outcome()):
                print(claim.item_id, flush=True)


def _hang(*_: object) -> NoReturn:
    print("hangs", flush=True)
    time.sleep(600)
    raise AssertionError("nobody killed this process")


def _main(url: str, name: str, duty: str) -> None:
    store = Store.open(url)
    if duty in ("work", "obey"):
        return _work(store, name, duty == "obey")
    if duty == "claim":
        event.listen(Engine, "commit", _hang)
    [claim] = store.claim(name, 1, LEASE_S)
    if duty == "complete":
        event.listen(Engine, "commit", _hang)
        store.complete(claim, outcome())
    _hang()


if __name__ == "__main__":
    _main(*sys.argv[1:])
