"""The API of webhooks under /v1: who is sent the feed, and what became of each delivery."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from api.alert_bodies import WebhookIn
from api.alerts import Limit, Number, Whole
from api.bodies import JsonRoute
from api.deps import AlertsDep, SiteDep
from ledger.db.engine import reading, transaction
from ledger.services.alerting import webhooks
from ledger.services.alerting.webhooks import delivery_json, webhook_json

router = APIRouter(prefix="/v1", tags=["webhooks"], route_class=JsonRoute)
Json = dict[str, Any]
State = Annotated[Literal["WAITING", "DELIVERED", "FAILED", "DEAD", "DROPPED"] | None, Query()]


@router.get("/webhooks")
def list_webhooks(site: SiteDep, caller: AlertsDep) -> list[Json]:
    """A brand's webhooks (scope alerts).

    Answers a list, each with `id`, `brand`, `url`, `kinds`, `created`, `disabled` (since when, and
    `disabled_why`). Secrets are not shown.
    """
    with reading(site.engine) as session:
        return [webhook_json(row) for row in webhooks.listing(session, caller.party)]


@router.post("/webhooks", status_code=201)
def add_webhook(site: SiteDep, caller: AlertsDep, body: WebhookIn) -> Json:
    """Have the feed sent to an address, signed as Standard Webhooks says (scope alerts).

    Answers the webhook and, this once, its `secret`. The address is https and in no private
    network. Each message has an id (`webhook-id`) that stays the same however often it comes.
    """
    caller.act_for(body.brand)
    with transaction(site.engine) as session:
        row, secret = webhooks.create(site, session, caller.name, body.brand, body.url, body.kinds)
        return {**webhook_json(row), "secret": secret}


@router.delete("/webhooks/{number}", status_code=204)
def remove_webhook(site: SiteDep, caller: AlertsDep, number: Number) -> None:
    """Remove a webhook; what waits for it is dropped (scope alerts)."""
    with transaction(site.engine) as session:
        row = webhooks.find(session, number, caller.party)
        webhooks.remove(session, site.clock(), caller.name, row)


@router.post("/webhooks/{number}/secret")
def rotate_secret(site: SiteDep, caller: AlertsDep, number: Number) -> Json:
    """Give a webhook a new secret; the one before signs beside it for a day (scope alerts).

    Answers the webhook and, this once, its `secret`.
    """
    with transaction(site.engine) as session:
        row = webhooks.find(session, number, caller.party)
        secret = webhooks.rotate(site, session, caller.name, row)
        return {**webhook_json(row), "secret": secret}


@router.post("/webhooks/{number}/enable")
def enable_webhook(site: SiteDep, caller: AlertsDep, number: Number) -> Json:
    """Send to a webhook again that was disabled, what happens from now on (scope alerts)."""
    with transaction(site.engine) as session:
        row = webhooks.find(session, number, caller.party)
        webhooks.enable(session, site.clock(), caller.name, row)
        return webhook_json(row)


@router.post("/webhooks/{number}/test", status_code=202)
def test_webhook(site: SiteDep, caller: AlertsDep, number: Number) -> Json:
    """Send a webhook a message that is about no alert (scope alerts). Answers its delivery."""
    with transaction(site.engine) as session:
        row = webhooks.find(session, number, caller.party)
        sent = webhooks.test(session, site.clock(), row)
        session.flush()
        return delivery_json(sent)


@router.get("/webhooks/{number}/deliveries")
def list_deliveries(
    site: SiteDep,
    caller: AlertsDep,
    number: Number,
    state: State = None,
    after: Whole = 0,
    limit: Limit = 100,
) -> list[Json]:
    """The attempts to deliver to a webhook, one a row, in order (scope alerts).

    state: only WAITING, DELIVERED, FAILED, DEAD (dead letters) or DROPPED. after: the last id seen.
    Answers a list, each with `id`, `webhook`, `message` (its id), `attempt`, `state`, `due`,
    `sent`, `status` and `error`.
    """
    with reading(site.engine) as session:
        webhook = webhooks.find(session, number, caller.party)
        rows = webhooks.deliveries(session, webhook, state, after, limit)
        return [delivery_json(row) for row in rows]


@router.post("/deliveries/{number}/replay", status_code=202)
def replay_delivery(site: SiteDep, caller: AlertsDep, number: Number) -> Json:
    """Deliver a message once more, under the same id (scope alerts). Answers the new delivery."""
    with transaction(site.engine) as session:
        row = webhooks.find_delivery(session, number, caller.party)
        return delivery_json(webhooks.replay(session, site.clock(), caller.name, row))
