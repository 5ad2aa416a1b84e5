"""What routes share: the installation, who calls with which scope, and idempotency keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Request

from ledger.services.api_keys import Caller, caller
from ledger.services.site import Site


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


def ask_again(
    site: SiteDep, authorization: Annotated[str | None, Header()] = None
) -> Callable[[], Caller]:
    """What tells anew who calls, for answers that go on: the key may be revoked meanwhile."""
    return partial(caller_of, site, authorization)


AgainDep = Annotated[Callable[[], Caller], Depends(ask_again)]


class Needs:
    """A dependency: who calls, refused unless the API key has one of these scopes."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    def __call__(self, found: CallerDep) -> Caller:
        """Return the caller. Raises Rejected SCOPE_MISSING."""
        found.need(*self.scopes)
        return found


AdminDep = Annotated[Caller, Depends(Needs("admin"))]
BrandDep = Annotated[Caller, Depends(Needs("brand"))]
CustodyDep = Annotated[Caller, Depends(Needs("custody"))]
ScanDep = Annotated[Caller, Depends(Needs("scan"))]
ReadDep = Annotated[Caller, Depends(Needs("read"))]
AlertsDep = Annotated[Caller, Depends(Needs("alerts"))]
AlertReadDep = Annotated[Caller, Depends(Needs("read", "alerts"))]
PartyDep = Annotated[Caller, Depends(Needs("read", "custody", "brand"))]

Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


def idempotency_key(found: CallerDep, key: Key) -> str:
    """The caller's `Idempotency-Key`: the same one again does nothing twice.

    Parties cannot meet in one another's keys, nor in those that the installation makes for itself.
    """
    return f"{found.party}:{key}"


KeyDep = Annotated[str, Depends(idempotency_key)]
