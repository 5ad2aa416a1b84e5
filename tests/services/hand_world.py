"""An installation whose worker is moved by hand, so that things happen between two of its steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select

from ledger.chain.account import Account
from ledger.db.engine import reading
from ledger.db.models import Mint, Submission
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import Role
from ledger.services import act, mint, parties, ruling
from ledger.services.following.follow import Follower
from ledger.services.keys.epochs import ensure_epoch
from ledger.services.open import found, open_installation
from ledger.services.order import Order
from ledger.services.settings import Settings
from ledger.services.site import Site
from ledger.services.submit import Submitter
from ledger.services.work import Worker
from tests.chain.embedded.conftest import start_node, stop_node

BRAND, OTHER = (int(with_check_digit(f"9506000{n:05d}")) for n in (1, 2))
GTIN, OTHERS_GTIN = with_check_digit("0950600013435"), with_check_digit("0950611113435")
OWN = Account(bytes([5]) * 32)
T = TypeVar("T")


@dataclass(frozen=True)
class Hand:
    """An installation whose worker is moved by hand."""

    site: Site
    settings: Settings

    def worker(self) -> Worker:
        """A worker as it is after a start."""
        return Worker(self.site, self.settings.heartbeat_s, self.settings.fdr)

    def settle(self, *submissions: int) -> None:
        """Take the outbox to the chain and follow it, and nothing else."""
        site = self.site
        follower = Follower(site.engine, site.rpc, site.network)
        submitter = Submitter(site.engine, site.rpc, site.network, site.relay)
        while any(act.state_of(site, each).state in ("QUEUED", "SENT") for each in submissions):
            submitter.step(site.clock())
            follower.catch_up(site.clock())
        act.settled(site, submissions)

    def rule(self, order: Order) -> None:
        """Carry out what the admin decides."""
        self.settle(ruling.rule(self.site, order))

    def meanwhile(self, verb: Callable[[], T]) -> T:
        """Let the worker step while something waits for it; return or raise what that does."""
        with ThreadPoolExecutor(1) as pool:
            return self._stepping(pool.submit(verb))

    def suspended_before(self, party: int, verb: Callable[[], T]) -> T:
        """Do something that the contract takes when it is asked, and refuses in its block: its
        party's suspension is before it in the outbox. In the end the party is active again."""
        ruling.rule(
            self.site, ruling.order_status(party, ruling.SUSPENDED, f"off {self.site.salt()}")
        )
        before = self.open_rows()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(verb)
            while not waiting.done() and self.open_rows() == before:
                time.sleep(0.01)
            try:
                return self._stepping(waiting)
            finally:
                self.rule(ruling.order_status(party, ruling.ACTIVE, f"on {self.site.salt()}"))

    def _stepping(self, waiting: Future[T]) -> T:
        with closing(self.worker()) as worker:
            while not waiting.done() or self.open_rows():
                worker.step()
        return waiting.result()

    def until(self, done: Callable[[], bool]) -> None:
        """Let the worker step until something is so."""
        with closing(self.worker()) as worker:
            while not done():
                worker.step()

    def minted(self, brand: int, gtin: str, count: int, key: str, inner: bool = False) -> Mint:
        """Return codes that are on the chain."""
        number = self.meanwhile(lambda: mint.order_codes(self.site, brand, gtin, count, key, inner))
        self.until(lambda: mint.mint_of(self.site, number).state == "DONE")
        return mint.mint_of(self.site, number)

    def open_rows(self) -> list[int]:
        """What is on its way to the chain."""
        with reading(self.site.engine) as session:
            query = select(Submission.id).where(Submission.state.in_(("QUEUED", "SENT")))
            return list(session.scalars(query))


@contextmanager
def by_hand(data: Path) -> Iterator[Hand]:
    """An installation with a brand that operates it and another one, each with a key epoch."""
    node = start_node(data / "node")
    try:
        settings = Settings(data=data, rpc_url=node.url, heartbeat_s=86_400)
        found(settings)
        site = open_installation(settings)
        hand = Hand(site, settings)
        operator = Role.BRAND | Role.OPERATOR
        for new in (
            parties.NewParty(BRAND, "B", "乙", operator, prefix="9506000"),
            parties.NewParty(OTHER, "O", "他", Role.BRAND, prefix="9506111"),
        ):
            hand.settle(parties.register(site, new, f"party {new.party}")[1])
        for brand, gtin in ((BRAND, GTIN), (OTHER, OTHERS_GTIN)):
            mint.add_product(site, brand, gtin, "Wine", "酒")
            hand.meanwhile(partial(ensure_epoch, site, brand))
        yield hand
    finally:
        stop_node(node)
