"""Delivering the feed to webhooks: at least once, each attempt a row, later and later, then dead.

    WAITING ──2xx──► DELIVERED
       └──anything else──► FAILED + the next attempt WAITING, or DEAD after the last

An attempt is recorded after its answer: if we die in between it is made again, under the same id,
by which a receiver knows it. What cannot be sent for a trouble of ours goes on waiting.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook as Signer

from ledger.db.alerting import AlertChange
from ledger.db.engine import reading, transaction
from ledger.db.lease import Lease
from ledger.db.webhooks import Delivery, Webhook
from ledger.errors import Broken, Rejected, Unavailable
from ledger.services.alerting.alerts_feed import WAITING, deliver_again, message
from ledger.services.alerting.outbound import Answer, send
from ledger.services.alerting.webhooks import (
    DEAD,
    DELIVERED,
    DROPPED,
    FAILED,
    disable,
    secret_text,
)
from ledger.services.audit import WORKER
from ledger.services.site import Site

log = logging.getLogger("touchstone.webhooks")
ATTEMPTS = 10
FIRST_S, LONGEST_S = 5.0, 86_400.0  # after the first failure, and at most
FACTOR = 4.0
AT_ONCE = 64  # calls at a time, one a webhook
DOUBTED = AT_ONCE // 2  # of them to webhooks whose last call failed
GONE = 410
IDLE_S = 0.5
PAUSE_S = 3  # after which a webhook's secret that could not be read is read again

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
    """One delivery, ready to be sent. fault: why it cannot be, as its secret is missing here."""

    delivery: int
    webhook: int
    url: str
    body: bytes
    headers: dict[str, str]
    fault: str | None = None


class Courier:
    """Delivers what is due: each webhook its own, one call at a time, and nobody waits for another.

    Webhooks take turns. One whose last call failed shares half of the places with its like: however
    many of them are silent, the other half is free for those that answer.
    """

    def __init__(self, site: Site, jitter: Jitter) -> None:
        self._site = site
        self._jitter = jitter
        self._runner = asyncio.Runner()  # calls go on from one step to the next
        self._calls: dict[asyncio.Task[Answer], Parcel] = {}
        self._answers: list[tuple[Parcel, Answer]] = []  # that are not settled
        self._doubted: set[int] = set()
        self._paused: dict[int, int] = {}  # webhook -> until when
        self._turns: dict[int, int] = {}  # webhook -> when it had its last turn, counted
        self._turn = 0

    def step(self, wait: float | None = None) -> int:
        """Call where something is due; settle what is answered, and return how much that was.

        wait: seconds to wait for an answer at most, None = until there is one.
        """
        return self._runner.run(self._step(wait))

    def run(self, stopping: threading.Event) -> None:
        """Deliver until told to stop, unless another worker does. What passes is waited for: a busy
        database, a machine that can open no file. All else ends it."""
        with closing(self), closing(Lease(self._site.engine, "courier")) as lease:
            while not stopping.is_set():
                try:
                    idle = not (lease.is_held() and self.step(IDLE_S)) and not self._calls
                except (Unavailable, OSError) as error:
                    log.warning("%s: %s", getattr(error, "code", type(error).__name__), error)
                    idle = True
                if idle:
                    stopping.wait(IDLE_S)

    def close(self) -> None:
        """Break off the calls under way: they are made again."""
        self._runner.close()

    async def _step(self, wait: float | None) -> int:
        # Of a step before whose answers no database took: nobody is called again for that.
        settled = await self._settle_all()
        # The database may be waited for: in a thread, so that no call's time runs out meanwhile.
        for parcel in await asyncio.to_thread(self._due):
            self._calls[asyncio.create_task(self._call(parcel))] = parcel
        if not self._calls:
            return settled
        done, _ = await asyncio.wait(self._calls, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        self._answers += [(self._calls.pop(call), call.result()) for call in done]
        for parcel, answer in self._answers:
            (self._doubted.discard if answer.error is None else self._doubted.add)(parcel.webhook)
        return settled + await self._settle_all()

    async def _settle_all(self) -> int:
        if not self._answers:
            return 0
        await asyncio.to_thread(self._record, self._answers)
        settled, self._answers = len(self._answers), []
        return settled

    def _due(self) -> list[Parcel]:
        """What is due and may be sent now: the oldest of each webhook, so that each gets its
        entries in order."""
        oldest = (
            select(Delivery.id)
            .where(Delivery.webhook == Webhook.id, Delivery.brand == Webhook.brand)
            .where(Delivery.state == WAITING, Delivery.due <= self._site.clock())
            .order_by(Delivery.due, Delivery.id)
            .limit(1)
            .correlate(Webhook)
            .scalar_subquery()
        )
        busy = {parcel.webhook for parcel in self._calls.values()}
        places, doubted = AT_ONCE - len(busy), DOUBTED - len(busy & self._doubted)
        with reading(self._site.engine) as session:
            rows = session.execute(select(Webhook.id, oldest.label("delivery"))).all()
            now = self._site.clock()
            not_now = busy | {webhook for webhook, until in self._paused.items() if until > now}
            due = {
                webhook: row for webhook, row in rows if row is not None and webhook not in not_now
            }
            turns = sorted(due, key=lambda webhook: (self._turns.get(webhook, 0), webhook))
            others = [webhook for webhook in turns if webhook in self._doubted]
            late = set(others[max(0, doubted) :])
            taken = [webhook for webhook in turns if webhook not in late][:places]
            parcels = [
                parcel
                for webhook in taken
                if (parcel := self._parcel(session, session.get_one(Delivery, due[webhook])))
            ]
        for webhook in taken:
            self._turn += 1
            self._turns[webhook] = self._turn
        return parcels

    async def _call(self, parcel: Parcel) -> Answer:
        if parcel.fault is not None:
            return Answer(None, parcel.fault)
        private = self._site.private_webhooks
        try:
            return await send(parcel.url, parcel.body, parcel.headers, private)
        except Exception as error:  # no address or answer of others ends the deliveries of all
            log.exception("A call to webhook %d", parcel.webhook)
            return Answer(None, f"{type(error).__name__}: {error}"[:200])

    def _parcel(self, session: Session, row: Delivery) -> Parcel | None:
        """A delivery ready to be sent; None while its secret cannot be read here."""
        webhook, change = session.get(Webhook, row.webhook), session.get(AlertChange, row.change)
        assert webhook is not None and change is not None  # removing one drops what waits for it
        now = self._site.clock()
        body = orjson.dumps(message(change)).decode()
        try:
            secrets = [
                secret_text(self._site.webhook_vault.account(name).secret)
                for name, until in webhook.secrets
                if until is None or until > now
            ]
        except Rejected as error:  # of a database without its files: the others go on
            return Parcel(row.id, webhook.id, webhook.url, b"", {}, error.message)
        except (OSError, Broken) as error:  # until somebody mends it: no fault of the receiver's
            log.warning("Webhook %d waits: %s", webhook.id, error)
            self._paused[webhook.id] = now + PAUSE_S
            return None
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Touchstone-Webhooks",
            "webhook-id": row.message,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures(secrets, row.message, now, body),
        }
        return Parcel(row.id, webhook.id, webhook.url, body.encode(), headers)

    def _record(self, answers: Sequence[tuple[Parcel, Answer]]) -> None:
        with transaction(self._site.engine) as session:
            for parcel, answer in answers:
                self._settle(session, parcel.delivery, answer)

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
            deliver_again(session, due, row, row.attempt + 1)
