"""The API of API keys under /v1: made, listed and revoked by the installation's own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from api.alert_bodies import KeyIn
from api.bodies import JsonRoute
from api.deps import AdminDep, SiteDep
from ledger.services import api_keys

router = APIRouter(prefix="/v1", tags=["API keys"], route_class=JsonRoute)
Json = dict[str, Any]


@router.get("/keys")
def list_keys(site: SiteDep, _: AdminDep) -> list[Json]:
    """All API keys (scope admin).

    Answers a list, each with `id`, `name`, `party` (0: the installation), `scopes`, `created` and
    `revoked`. The key itself is kept by its hash only.
    """
    return [api_keys.key_json(row) for row in api_keys.listing(site, 0)]


@router.post("/keys", status_code=201)
def issue_key(site: SiteDep, caller: AdminDep, body: KeyIn) -> Json:
    """Make an API key (scope admin). Answers its `id` and, this once, the `key`.

    Its name stands for it in the audit log, so no two in use have the same.
    """
    number, key = api_keys.name_and_issue(site, caller.name, body.name, body.party, body.scopes)
    return {"id": number, "key": key}


@router.delete("/keys/{key}")
def revoke_key(
    site: SiteDep, caller: AdminDep, key: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
) -> Json:
    """Revoke an API key at once (scope admin). Answers as GET /v1/keys, each."""
    return api_keys.key_json(api_keys.revoke(site, caller.name, key))
