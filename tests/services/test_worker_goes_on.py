"""What the worker meets and goes on from: refusals, changed operators."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, select

from ledger.db.engine import reading
from ledger.db.models import Submission
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.errors import Rejected
from ledger.services import act, mint, ruling, work
from ledger.services.alerting.deliveries import Courier
from ledger.services.open import open_installation
from ledger.services.order import Order
from ledger.services.site import Site
from ledger.services.work import Worker
from tests.services.hand_world import BRAND, GTIN, OTHER, OTHERS_GTIN, OWN, Hand, by_hand
from tests.support.installation import WorkerThread, await_mint


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    """Without heartbeats but the first."""
    with by_hand(tmp_path) as made:
        yield made


def reserved(site: Site, brand: int, gtin: str, hand: Hand) -> int:
    """Order codes and have their number reserved; return the mint."""
    order = mint.order_codes(site, brand, gtin, 20, f"codes {brand}")
    with reading(site.engine) as session:
        row = session.scalars(select(Submission.id).order_by(Submission.id.desc())).first()
    hand.settle(row or 0)
    return order


def test_a_refused_mint_fails_alone(hand: Hand) -> None:
    """A brand suspended while its tree is computed: its mint fails with why, another's is made."""
    site = hand.site
    refused = reserved(site, BRAND, GTIN, hand)
    made = reserved(site, OTHER, OTHERS_GTIN, hand)
    hand.rule(ruling.order_status(BRAND, ruling.SUSPENDED, "suspend"))
    hand.until(lambda: mint.mint_of(site, made).state not in ("RESERVING", "COMMISSIONING"))
    found = mint.mint_of(site, refused)
    assert (found.state, found.batch) == ("FAILED", None)
    assert found.error is not None and "suspended" in found.error
    assert mint.mint_of(site, made).state == "DONE"


def test_a_sealed_ledger_fails_what_is_being_minted(hand: Hand) -> None:
    """The ledger ends while a tree is computed: the mint says so, and the worker works on."""
    site = hand.site
    order = reserved(site, BRAND, GTIN, hand)
    hand.rule(ruling.order_seal(7, OWN.address, "seal"))
    hand.until(lambda: mint.mint_of(site, order).state == "FAILED")
    hand.meanwhile(hand.worker().step)
    assert "sealed" in str(mint.mint_of(site, order).error)


def test_a_mint_that_another_worker_has_commissioned_is_not_failed(hand: Hand) -> None:
    """Refused because somebody was faster is no refusal of the mint."""
    site = hand.site
    order = reserved(site, BRAND, GTIN, hand)
    stale = mint.mint_of(site, order)
    mint.advance(site)
    assert mint.mint_of(site, order).state == "COMMISSIONING"
    assert not mint._fail(site, stale.id, Rejected("WrongStatus", "It is commissioned."))
    assert mint.mint_of(site, order).state == "COMMISSIONING"


def anchors(site: Site) -> list[int]:
    """The submissions of anchors, in order."""
    with reading(site.engine) as session:
        query = select(Submission.id).where(Submission.verb == Verb.ANCHOR_SCAN_LOG)
        return list(session.scalars(query.order_by(Submission.id)))


def test_heartbeats_go_on_by_whoever_operates(
    hand: Hand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator loses its role, another gets it, that one's key goes elsewhere."""
    monkeypatch.setattr(work, "REFUSED_S", 0.0)
    ahead = 0  # with 100 seconds an anchor is due
    site = replace(hand.site, clock=lambda: int(time.time()) + ahead)
    worker = Worker(site, 60, 0.05)

    def beat() -> int:
        """Step until there is one more anchor, and until it is on chain; return who made it."""
        nonlocal ahead
        before, ahead = anchors(site), 100
        while anchors(site) == before:
            worker.step()
        ahead, newest = 0, anchors(site)[-1]
        while act.state_of(site, newest).state != "CONFIRMED":
            worker.step()
        return act.state_of(site, newest).actor

    def rule(order: Order) -> None:
        nonlocal ahead
        # In the step that sends it, the tables are behind the chain when an anchor is signed.
        row, ahead = ruling.rule(site, order), 100
        while act.state_of(site, row).state != "CONFIRMED":
            worker.step()
        ahead = 0

    both = Role.BRAND | Role.OPERATOR
    assert beat() == BRAND
    with caplog.at_level(logging.WARNING):
        rule(ruling.order_update(BRAND, Role.BRAND, [], "", "brand is none"))
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 1
    assert "RoleMissing" in said[0]
    rule(ruling.order_update(OTHER, both, [], "", "other is one"))
    assert beat() == OTHER
    rule(ruling.order_rotation(OTHER, OWN.address, KeyMode.OWN, "other's key"))
    rule(ruling.order_update(BRAND, both, [], "", "brand is one again"))
    assert beat() == BRAND


def test_a_worker_that_delivers_no_more_ends(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what ended the deliveries, so that whoever started it sees it."""

    def step(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(Courier, "step", step)
    end = time.monotonic() + 60
    with pytest.raises(ZeroDivisionError):
        hand.worker().run(lambda: time.monotonic() > end)


def test_a_full_disk_is_waited_for(hand: Hand, caplog: pytest.LogCaptureFixture) -> None:
    """The worker finds no room, says so, and goes on as soon as there is some."""
    site = open_installation(hand.settings)
    limits = ["PRAGMA max_page_count = 1"]  # it becomes what the file has
    event.listen(site.engine, "connect", lambda raw, _: raw.execute(limits[-1]).close())
    site.engine.dispose()
    thread = WorkerThread(site, hand.settings)
    with caplog.at_level(logging.WARNING):
        thread.start()
        orders: list[int] = []
        while not any("DATABASE_FAILED" in each.getMessage() for each in caplog.records):
            with suppress(Rejected):  # what is on chain, and not followed, makes the next one stale
                orders.append(mint.order_codes(hand.site, BRAND, GTIN, 20, f"codes {len(orders)}"))
    limits.append("PRAGMA max_page_count = 1000000")
    site.engine.dispose()
    for order in orders:
        await_mint(hand.site, order)
    thread.stop()
