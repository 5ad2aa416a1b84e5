"""Wrong inner codes: after five within an hour whoever tries is refused until an hour has passed.

Counted in the database, so a restart or another process forgets nothing. A device that was here for
an hour counts by itself alone: neither its neighbours behind the same address nor a cookie thrown
away by one of them touch it. What is new counts also as its browser at its address, so throwing the
cookie away begins no new hour. A script that changes both is slowed by the calls a minute of an
address only; that a guess hits once in 2⁶² is what stops it.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ledger.db.engine import transaction
from ledger.db.inner_tries import InnerTry
from ledger.errors import Rejected
from ledger.services.site import Site

MOST, WITHIN_S = 5, 3_600


@dataclass(frozen=True)
class Trier:
    """Who tries an inner code, by names that tell nothing: all that this try counts for."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, key: bytes, cookie: str | None, settled: bool, browser: str) -> Trier:
        """Return who tries. key: the installation's. cookie: None for none of ours. settled: it was
        given an hour ago or more. browser: its address and what it calls itself."""
        device = [] if cookie is None else [_name(key, f"inner-try/{cookie}")]
        return cls(tuple(device if settled else [*device, _name(key, f"inner-browser/{browser}")]))


def wait_s(session: Session, trier: Trier, now: int) -> int:
    """Return for how many seconds a trier is refused, 0 for not at all. now: unix seconds."""
    return max(_wait(session, name, now) for name in trier.names)


def wrong(site: Site, trier: Trier) -> int:
    """Keep that a wrong code was tried; return as `wait_s` if it had no try left, and keep nothing.

    Durable when it returns, and counted one after the other: of many at once five are told.
    """
    now = site.clock()
    with transaction(site.engine) as session:
        session.execute(delete(InnerTry).where(InnerTry.time <= now - WITHIN_S))
        wait = wait_s(session, trier, now)
        if not wait:
            session.add_all(InnerTry(who=name, time=now) for name in trier.names)
    return wait


def refusal(wait: int) -> Rejected:
    """Return what a trier is told that is refused for so many seconds."""
    minutes = -(-wait // 60)
    return Rejected(
        "TOO_MANY_TRIES",
        f"{MOST} codes from under a cap were wrong within an hour: try again in {minutes} minutes.",
    )


def _wait(session: Session, name: str, now: int) -> int:
    query = (
        select(InnerTry.time)
        .where(InnerTry.who == name, InnerTry.time > now - WITHIN_S)
        .order_by(InnerTry.time.desc())
        .limit(MOST)
    )
    times: Sequence[int] = session.scalars(query).all()
    return times[-1] + WITHIN_S - now if len(times) == MOST else 0


def _name(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()[:22]
