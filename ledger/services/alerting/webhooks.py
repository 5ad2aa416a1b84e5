"""Webhooks: who is sent a brand's feed, with which secret, and what became of each delivery.

Signed as Standard Webhooks says (standardwebhooks.com), by its own library. Secrets are in the data
directory in a sealed file of their own; the database knows their names only.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertChange
from ledger.db.webhooks import Delivery, Webhook
from ledger.errors import Rejected
from ledger.services.alerting.alerts_feed import WAITING, deliver, deliver_again
from ledger.services.alerting.alerts_rules import KINDS
from ledger.services.alerting.outbound import check_url
from ledger.services.alerting.own import own
from ledger.services.audit import record
from ledger.services.site import Site

DELIVERED, FAILED, DEAD, DROPPED = "DELIVERED", "FAILED", "DEAD", "DROPPED"
STATES = (WAITING, DELIVERED, FAILED, DEAD, DROPPED)
MOST = 20  # webhooks of a brand
OVERLAP_S = 86_400  # a secret that was replaced goes on signing for a day


def create(
    site: Site, session: Session, who: str, brand: int, url: str, kinds: Sequence[str]
) -> tuple[Webhook, str]:
    """Add a webhook; return it with its secret, which is not shown again.

    Raises Rejected BAD_WEBHOOK.
    """
    check_url(url, site.private_webhooks)
    if not set(kinds) <= set(KINDS):
        raise Rejected("BAD_WEBHOOK", f"Kinds are {', '.join(KINDS)}.")
    others = listing(session, brand) if brand else []
    if any(row.url == url for row in others):
        raise Rejected("BAD_WEBHOOK", "That address is a webhook already: use that one.")
    if len(others) >= MOST:
        raise Rejected("BAD_WEBHOOK", f"A brand has at most {MOST} webhooks.")
    row = Webhook(
        brand=brand, url=url, kinds=sorted(set(kinds)), secrets=[], created=site.clock(), who=who
    )
    session.add(row)
    session.flush()
    name, secret = _new_secret(site, row)
    row.secrets = [[name, None]]
    record(session, site.clock(), who, "webhook add", brand=brand, webhook=row.id, url=url)
    return row, secret


def rotate(site: Site, session: Session, who: str, row: Webhook) -> str:
    """Give a webhook a new secret and return it; the one before signs beside it for a day."""
    now = site.clock()
    name, secret = _new_secret(site, row)
    kept = [[n, until or now + OVERLAP_S] for n, until in row.secrets if (until or now) >= now]
    row.secrets = [[name, None], *kept]
    record(session, now, who, "webhook rotate", brand=row.brand, webhook=row.id)
    return secret


def remove(session: Session, now: int, who: str, row: Webhook) -> None:
    """Remove a webhook; what waits for it is dropped, what was sent stays on record."""
    _drop(session, row)
    session.delete(row)
    record(session, now, who, "webhook remove", brand=row.brand, webhook=row.id, url=row.url)


def disable(session: Session, now: int, who: str, row: Webhook, why: str) -> None:
    """Send nothing to a webhook until it is enabled again."""
    row.disabled, row.disabled_why = now, why
    _drop(session, row)
    record(session, now, who, "webhook disable", brand=row.brand, webhook=row.id, why=why)


def enable(session: Session, now: int, who: str, row: Webhook) -> None:
    """Send to a webhook again, what happens from now on."""
    row.disabled, row.disabled_why = None, None
    record(session, now, who, "webhook enable", brand=row.brand, webhook=row.id)


def test(session: Session, now: int, row: Webhook) -> Delivery:
    """Send a webhook an entry that is about no alert, to see whether it arrives."""
    change = AlertChange(
        brand=row.brand, alert=0, time=now, what="tested", body={"webhook": row.id}
    )
    session.add(change)
    session.flush()
    return deliver(session, now, row, change)


def replay(session: Session, now: int, who: str, row: Delivery) -> Delivery:
    """Deliver an entry once more, by hand, under the same message id."""
    webhook = own(session, Webhook, row.webhook, row.brand)
    if webhook is None or webhook.disabled is not None:
        raise Rejected("UNKNOWN_WEBHOOK", "Its webhook was removed or is disabled: enable it.")
    again = deliver_again(session, now, row, 1)
    session.flush()
    record(session, now, who, "delivery replay", brand=webhook.brand, delivery=row.id)
    return again


def listing(session: Session, brand: int) -> list[Webhook]:
    """Return a brand's webhooks (0: all), in order."""
    query = select(Webhook).order_by(Webhook.id)
    return list(session.scalars(query.where(Webhook.brand == brand) if brand else query))


def find(session: Session, number: int, brand: int) -> Webhook:
    """Return a webhook of a brand (0: any). Raises Rejected UNKNOWN_WEBHOOK."""
    row = own(session, Webhook, number, brand)
    if row is None:
        raise Rejected("UNKNOWN_WEBHOOK", f"There is no webhook {number}.")
    return row


def find_delivery(session: Session, number: int, brand: int) -> Delivery:
    """Return a delivery of a brand's webhook (0: any). Raises Rejected UNKNOWN_DELIVERY."""
    row = own(session, Delivery, number, brand)
    if row is None:
        raise Rejected("UNKNOWN_DELIVERY", f"There is no delivery {number}.")
    return row


def deliveries(
    session: Session, webhook: Webhook, state: str | None, after: int, limit: int
) -> list[Delivery]:
    """Return the attempts of a webhook numbered above `after`, in order. Raises Rejected
    BAD_FILTER."""
    if state not in (None, *STATES):
        raise Rejected("BAD_FILTER", f"The state is one of {', '.join(STATES)}.")
    query = (
        select(Delivery)
        .where(Delivery.webhook == webhook.id, Delivery.brand == webhook.brand)
        .where(Delivery.id > after)
        .order_by(Delivery.id)
        .limit(limit)
    )
    return list(session.scalars(query.where(Delivery.state == state) if state else query))


def webhook_json(row: Webhook) -> dict[str, Any]:
    """Return a webhook without its secret."""
    return {
        "id": row.id,
        "brand": row.brand,
        "url": row.url,
        "kinds": row.kinds,
        "created": row.created,
        "disabled": row.disabled,
        "disabled_why": row.disabled_why,
    }


def delivery_json(row: Delivery) -> dict[str, Any]:
    """Return one attempt."""
    return {
        "id": row.id,
        "webhook": row.webhook,
        "message": row.message,
        "attempt": row.attempt,
        "state": row.state,
        "due": row.due,
        "sent": row.sent,
        "status": row.status,
        "error": row.error,
    }


def secret_text(secret: bytes) -> str:
    """Return a secret as receivers are given it: whsec_ and base64."""
    return "whsec_" + b64encode(secret).decode()


def _new_secret(site: Site, row: Webhook) -> tuple[str, str]:
    """Make a secret; return its name in the sealed file and itself, as receivers are given it.

    The name is met once: a number could come again from a database that was restored. The secret
    is durable before the row names it: if we die in between, one lies there unused.
    """
    name = f"webhook-{row.id}-{site.home.entropy(8).hex()}"
    return name, secret_text(site.webhook_vault.ensure(name).secret)


def _drop(session: Session, row: Webhook) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.webhook == row.id, Delivery.state == WAITING)
        .values(state=DROPPED)
    )
