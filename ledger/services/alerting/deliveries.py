"""Delivering the feed to webhooks: at least once, each attempt a row, later and later, then dead.

    WAITING ──2xx──► DELIVERED
       └──anything else──► FAILED + the next attempt WAITING, or DEAD after the last

An attempt is recorded after its answer: if we die in between it is made again, under the same id,
by which a receiver knows it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Signer

from ledger.db.alerting import AlertChange
from ledger.db.engine import reading, transaction
from ledger.db.webhooks import Delivery, Webhook
from ledger.errors import Unavailable
from ledger.services.alerting.alerts_feed import WAITING, deliver, message
from ledger.services.alerting.outbound import Answer, send
from ledger.services.alerting.webhooks import (
    DEAD,
    DELIVERED,
    DROPPED,
    FAILED,
    disable,
    message_id,
    secret_text,
)
from ledger.services.audit import WORKER
from ledger.services.site import Site

log = logging.getLogger("touchstone.webhooks")
ATTEMPTS = 10
FIRST_S, LONGEST_S = 5.0, 86_400.0  # after the first failure, and at most
FACTOR = 4.0
AT_ONCE = 16  # calls at a time, one a webhook
GONE = 410
IDLE_S = 0.5

Jitter = Callable[[], float]
"""Returns a number from 0 to 1 (random.random outside tests)."""


def delay(attempt: int, jitter: float) -> float:
    """Return the seconds after the failure of an attempt, 1 being the first.

    Exponential, half of it by chance, so that those who failed together do not come back together:
    between 2.5 and 5 s after the first, at most a day.
    """
    longest = min(LONGEST_S, FIRST_S * FACTOR ** (attempt - 1))
    return longest * (0.5 + 0.5 * jitter)


def signatures(secrets: Sequence[str], number: str, at: int, body: str) -> str:
    """Return what `webhook-signature` says of a message (Standard Webhooks, symmetric).

    secrets: whsec_ and base64 each. number: the message's id. at: unix seconds.
    """
    when = datetime.fromtimestamp(at, UTC)
    return " ".join(Signer(secret).sign(number, when, body) for secret in secrets)


@dataclass(frozen=True)
class Parcel:
    """One delivery, ready to be sent."""

    delivery: int
    url: str
    body: bytes
    headers: dict[str, str]


class Courier:
    """Delivers what is due, one round after the other; one at a time."""

    def __init__(self, site: Site, jitter: Jitter) -> None:
        self._site = site
        self._jitter = jitter
        # One loop for all rounds: to end one waits for its name look-ups, however slow they are.
        self._runner = asyncio.Runner()

    def step(self) -> int:
        """Send what is due now; return how many attempts were made."""
        with reading(self._site.engine) as session:
            parcels = self._due(session)
        if not parcels:
            return 0
        answers = self._runner.run(self._send(parcels))
        with transaction(self._site.engine) as session:
            for parcel, answer in zip(parcels, answers, strict=True):
                self._settle(session, parcel.delivery, answer)
        return len(parcels)

    def run(self, stopping: threading.Event) -> None:
        """Deliver until told to stop. A busy database is waited for."""
        while not stopping.is_set():
            try:
                sent = self.step()
            except Unavailable as error:
                log.warning("%s: %s", error.code, error.message)
                sent = 0
            if not sent:
                stopping.wait(IDLE_S)

    async def _send(self, parcels: Sequence[Parcel]) -> list[Answer]:
        private = self._site.private_webhooks
        return await asyncio.gather(
            *(send(one.url, one.body, one.headers, private) for one in parcels)
        )

    def _due(self, session: Session) -> list[Parcel]:
        """What is due: the oldest of each webhook, so that each gets its entries in order."""
        query = (
            select(Delivery)
            .where(Delivery.state == WAITING, Delivery.due <= self._site.clock())
            .order_by(Delivery.due, Delivery.id)
            .limit(AT_ONCE * 8)
        )
        oldest: dict[int, Delivery] = {}
        for row in session.scalars(query):
            oldest.setdefault(row.webhook, row)
        return [self._parcel(session, row) for row in list(oldest.values())[:AT_ONCE]]

    def _parcel(self, session: Session, row: Delivery) -> Parcel:
        webhook, change = session.get(Webhook, row.webhook), session.get(AlertChange, row.change)
        assert webhook is not None and change is not None  # removing one drops what waits for it
        now = self._site.clock()
        body = orjson.dumps(message(change)).decode()
        number = message_id(change.id)
        secrets = [
            secret_text(self._site.webhook_vault.account(name).secret)
            for name, until in webhook.secrets
            if until is None or until > now
        ]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Touchstone-Webhooks",
            "webhook-id": number,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures(secrets, number, now, body),
        }
        return Parcel(row.id, webhook.url, body.encode(), headers)

    def _settle(self, session: Session, number: int, answer: Answer) -> None:
        row, now = session.get(Delivery, number), self._site.clock()
        assert row is not None  # attempts are never deleted
        row.sent, row.status, row.error = now, answer.status, answer.error
        webhook = session.get(Webhook, row.webhook)
        if answer.error is None:
            row.state = DELIVERED
        elif webhook is None or webhook.disabled is not None:
            row.state = DROPPED
        elif answer.status == GONE:
            row.state = DEAD
            disable(session, now, WORKER, webhook, "its receiver answered 410: gone for good")
        elif row.attempt >= ATTEMPTS:
            row.state = DEAD
        else:
            row.state = FAILED
            due = now + round(delay(row.attempt, self._jitter()))
            deliver(session, due, row.webhook, row.change, row.attempt + 1)
