"""What routes share: the installation, who calls, and limits on those without a key."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Annotated

from fastapi import Depends, Header, Request

from ledger.errors import Rejected
from ledger.services.api_keys import Caller, caller
from ledger.services.site import Site

RELAY_PER_MINUTE = 120
MAX_CLIENTS = 10_000


def site_of(request: Request) -> Site:
    """The installation that this process serves."""
    site: Site = request.app.state.site
    return site


SiteDep = Annotated[Site, Depends(site_of)]


def caller_of(site: SiteDep, authorization: Annotated[str | None, Header()] = None) -> Caller:
    """Who calls, by `Authorization: Bearer KEY`."""
    scheme, _, key = (authorization or "").partition(" ")
    return caller(site, key.strip() if scheme.lower() == "bearer" else None)


CallerDep = Annotated[Caller, Depends(caller_of)]


def idempotency_key(
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
) -> str:
    """The caller's `Idempotency-Key`: the same one again does nothing twice."""
    return idempotency_key


KeyDep = Annotated[str, Depends(idempotency_key)]


class Limiter:
    """At most so many calls a minute from one address; the oldest addresses are forgotten."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count a call. Raises Rejected TOO_MANY_REQUESTS."""
        minute = int(time.monotonic()) // 60
        started, count = self._seen.pop(client, (minute, 0))
        count = count + 1 if started == minute else 1
        self._seen[client] = (minute, count)
        while len(self._seen) > MAX_CLIENTS:
            self._seen.popitem(last=False)
        if count > self._per_minute:
            raise Rejected("TOO_MANY_REQUESTS", "Too many messages: wait a minute.")


_relay_limit = Limiter(RELAY_PER_MINUTE)


def relay_limit(request: Request) -> None:
    """Bound what may be relayed without an API key."""
    _relay_limit.take(request.client.host if request.client else "")
