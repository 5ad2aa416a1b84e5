"""Every verb beside packing and plain handoffs: what it does, refuses, and leaves in tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger.chain.account import Account
from ledger.chain.bundle import check as check_bundle
from ledger.chain.message import Shown
from ledger.db.chain_states import ChainException, ChainItem
from ledger.db.engine import open_database, reading
from ledger.db.models import ChainBatch, ChainEvent, ChainLot, ChainParty, ChainUnit, Submission
from ledger.domain import ids, merkle
from ledger.domain.gs1 import with_check_digit
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.keccak import keccak
from ledger.domain.verbs import DEVICE, KeyMode, Role, Verb
from ledger.domain.verdict import ScanFacts
from ledger.services import (
    claims,
    custody,
    devices,
    exceptions,
    items,
    lots,
    relaying,
    ruling,
    runs,
    trusting,
)
from ledger.services.device_names import Device
from ledger.services.exceptions import Counts
from ledger.services.following.follow import Follower
from ledger.services.goods import packing, unpacking
from ledger.services.goods.packing import Box
from ledger.services.goods.units import child_leaf, find_unit, item_child, unit_child
from ledger.services.keys import epochs
from ledger.services.lookup import read_link
from ledger.services.mint import batch_ref
from ledger.services.order import Order
from ledger.services.proving import prove
from ledger.services.runs import LotTerms
from ledger.services.scan_facts import Place
from ledger.services.verify import check
from tests.services.verb_world import (
    BOUND_LOT,
    BRAND,
    DISTRIBUTOR,
    GTIN,
    LOT,
    MARKET,
    OWN,
    REGULATOR,
    RIVAL,
    STORE,
    World,
    check_projection,
    open_world,
)
from tests.support.installation import chain_rows

HELD, IN_TRANSIT, LOST = 1, 2, 4
NONE = {"eventHash": NO_EVENT_HASH}
NO_DATES = {"expiry": 0, "bestBefore": 0}
RIVAL_GTIN = with_check_digit("0950611100001")
SCANNER = Account(bytes([6]) * 32)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One ledger for all tests here, each with goods of its own."""
    with open_world(tmp_path_factory.mktemp("home")) as opened:
        yield opened


# ------------------------------------------------------------------------------------- ways back


def test_a_refused_unit_is_its_shippers_as_before(world: World) -> None:
    """By the addressee alone, and it can be sent again."""
    unit, site = world.sent(), world.site
    way = (site, Verb.REFUSE)
    world.refuses("NotAddressee", lambda: custody.hand(*way, STORE, BRAND, [unit], "r0"))
    world.refuses("NotFrom", lambda: custody.hand(*way, DISTRIBUTOR, STORE, [unit], "r1", OWN))
    world.settle(custody.hand(*way, DISTRIBUTOR, BRAND, [unit], "r2", OWN))
    assert world.unit(unit) == (BRAND, 0, HELD)
    world.refuses(
        "UnitNotInTransit", lambda: custody.hand(*way, DISTRIBUTOR, BRAND, [unit], "r3", OWN)
    )
    world.settle(custody.ship(site, BRAND, STORE, [unit], "r4"))
    assert world.unit(unit) == (BRAND, STORE, IN_TRANSIT)


def test_a_lost_unit_is_taken_back_or_received_after_all(world: World) -> None:
    """Its addressee stays, nobody else finds it."""
    found, back, site = world.sent(), world.sent(), world.site
    for unit in (found, back):
        world.settle(
            custody.hand(site, Verb.REPORT_LOST, BRAND, DISTRIBUTOR, [unit], f"l{unit.hex()}")
        )
        assert world.unit(unit) == (BRAND, DISTRIBUTOR, LOST)
    lost = (site, Verb.REPORT_LOST, BRAND, DISTRIBUTOR)
    world.refuses("UnitNotInTransit", lambda: custody.hand(*lost, [found], "l1"))
    world.refuses("NotAddressee", lambda: custody.receive(site, STORE, BRAND, [found], "l2"))
    world.settle(custody.receive(site, DISTRIBUTOR, BRAND, [found], "l3", OWN))
    assert world.unit(found) == (DISTRIBUTOR, 0, HELD)
    take_back = (site, Verb.TAKE_BACK)
    world.refuses(
        "NotHolder", lambda: custody.hand(*take_back, DISTRIBUTOR, STORE, [back], "l4", OWN)
    )
    world.settle(custody.hand(*take_back, BRAND, DISTRIBUTOR, [back], "l5"))
    assert world.unit(back) == (BRAND, 0, HELD)
    world.refuses("ONE_UNIT", lambda: custody.hand(*take_back, BRAND, STORE, [back, found], "l6"))


def test_goods_of_a_market_go_back_to_their_brand(world: World) -> None:
    """A party without that market is refused, also for a return; the lot's brand is not."""
    site = world.site
    unit = world.held(STORE, BOUND_LOT)
    world.refuses("MarketRefused", lambda: custody.ship(site, STORE, DISTRIBUTOR, [unit], "m0"))
    back = (site, Verb.RETURN_TO, STORE)
    world.refuses("MarketRefused", lambda: custody.hand(*back, DISTRIBUTOR, [unit], "m1"))
    world.do_rule(ruling.order_update(BRAND, Role.BRAND | Role.OPERATOR, [], "", "m2"))
    world.settle(custody.hand(*back, BRAND, [unit], "m3"))
    assert world.unit(unit) == (STORE, BRAND, IN_TRANSIT)


def test_a_brand_takes_its_goods_from_a_suspended_holder(world: World) -> None:
    """Suspended, a party does nothing and is sent nothing; made active again it does."""
    site, unit, other, here = world.site, world.held(), world.held(lot=None), world.case()
    withdraw = (site, Verb.WITHDRAW)
    world.settle(items.draw(site, BRAND, world.links[115], "w-3"))
    alone = _unit(world, world.links[115])
    world.settle(custody.ship(site, BRAND, STORE, [alone], "w-2"))
    world.settle(custody.receive(site, STORE, BRAND, [alone], "w-1"))
    world.refuses("NotSuspended", lambda: custody.hand(*withdraw, BRAND, STORE, [unit], "w0"))
    world.do_rule(ruling.order_status(STORE, ruling.SUSPENDED, "w1"))
    world.refuses("BadStatus", lambda: ruling.rule(site, ruling.order_status(STORE, 2, "w2")))
    world.refuses("PartyInactive", lambda: custody.ship(site, STORE, BRAND, [unit], "w3"))
    world.refuses("PartyInactive", lambda: custody.ship(site, BRAND, STORE, [here], "w4"))
    world.refuses("NotConcerned", lambda: custody.hand(*withdraw, RIVAL, STORE, [unit], "w5"))
    for place, each in enumerate((unit, other, alone)):  # by its lot, who made it, and its batch
        world.settle(custody.hand(*withdraw, BRAND, STORE, [each], f"w6 {place}"))
        assert world.unit(each) == (BRAND, 0, HELD)
    world.do_rule(ruling.order_status(STORE, ruling.ACTIVE, "w7"))
    world.settle(custody.ship(site, BRAND, STORE, [unit], "w8"))


# ------------------------------------------------------------------------------------ exceptions


def test_an_exception_is_open_until_both_sides_agree(world: World) -> None:
    """The counts reconcile with what was packed; the goods have arrived meanwhile."""
    unit, site = world.sent(STORE), world.site

    def report(counts: Counts, key: str) -> Order:
        return exceptions.order_report(site, STORE, BRAND, unit, counts, key)

    world.refuses("TotalsDiffer", lambda: world.do(report(Counts(1, 1), "e0")))
    world.refuses("NoException", lambda: world.do(report(Counts(3), "e1")))
    world.do(report(Counts(1, damaged=1, short=1, wrong=4), "e2"))
    assert world.unit(unit) == (STORE, 0, HELD)
    (row,) = _exceptions(world, STORE)
    assert (row.unit, row.good, row.damaged, row.short, row.wrong) == (unit, 1, 1, 1, 4)

    def settle(by: int, key: str, report: int = row.report) -> Order:
        return exceptions.order_settle(site, by, unit, report, key)

    world.refuses("UnknownException", lambda: world.do(settle(STORE, "e3", report=1)))
    world.refuses("NotConcerned", lambda: world.do(settle(RIVAL, "e4")))
    world.do(settle(STORE, "e5"))
    world.refuses("AlreadySettled", lambda: world.do(settle(STORE, "e6")))
    assert [one.settled for one in _exceptions(world, STORE)] == [2]
    world.do(settle(BRAND, "e7"))  # the lot's brand, but here a side
    assert _exceptions(world, STORE) == []
    world.refuses("AlreadySettled", lambda: world.do(settle(BRAND, "e8")))


def test_sides_settle_goods_of_no_lot(world: World) -> None:
    """Shipper and receiver, each once; who made the goods and is no side settles them alone."""
    unit, site = world.held(lot=None), world.site
    world.settle(custody.ship(site, STORE, DISTRIBUTOR, [unit], "f0"))
    told = exceptions.order_report(site, DISTRIBUTOR, STORE, unit, Counts(2, 0, 1), "f1")
    world.do(told, OWN)
    (row,) = _exceptions(world, DISTRIBUTOR)
    world.do(exceptions.order_settle(site, DISTRIBUTOR, unit, row.report, "f2"), OWN)
    world.do(exceptions.order_settle(site, STORE, unit, row.report, "f3"))
    assert _exceptions(world, STORE) == []
    world.settle(custody.ship(site, DISTRIBUTOR, STORE, [unit], "f4", OWN))
    world.do(exceptions.order_report(site, STORE, DISTRIBUTOR, unit, Counts(3, over=1), "f5"))
    (row,) = _exceptions(world, STORE)
    world.do(exceptions.order_settle(site, BRAND, unit, row.report, "f6"))
    assert _exceptions(world, STORE) == []


def _exceptions(world: World, party: int) -> list[ChainException]:
    with reading(world.site.engine) as session:
        return list(exceptions.listing(session, party, open_only=True))


# ----------------------------------------------------------------------------------------- items


def test_an_item_travels_alone_by_its_link(world: World) -> None:
    """Drawn by its brand, shipped and received; one that was packed has its slot by unpacking."""
    site, link = world.site, world.links[100]
    world.refuses("UNKNOWN_UNIT", lambda: _unit(world, link))
    world.refuses("NotBrandOf", lambda: items.draw(site, RIVAL, link, "d0"))
    world.settle(items.draw(site, BRAND, link, "d1"))
    unit = _unit(world, link)
    assert world.unit(unit) == (BRAND, 0, HELD)
    world.refuses("UnitExists", lambda: items.draw(site, BRAND, link, "d2"))
    world.settle(custody.ship(site, BRAND, STORE, [unit], "d3"))
    world.settle(custody.receive(site, STORE, BRAND, [unit], "d4"))
    assert world.unit(unit) == (STORE, 0, HELD)
    world.do(items.order_state(site, STORE, link, "supplied", "d5"))
    world.refuses("ItemNotActive", lambda: custody.ship(site, STORE, BRAND, [unit], "d6"))


def test_an_item_that_lies_in_a_unit_is_not_drawn(world: World) -> None:
    """The contract cannot see that; who has the unit would never get the item out of it."""
    site, link = world.site, world.links[world.free[None]]
    unit = world.sent(STORE, None)
    world.refuses("TWICE_PACKED", lambda: items.draw(site, BRAND, link, "in0"))
    world.settle(custody.receive(site, STORE, BRAND, [unit], "in1"))
    (alone,), submission = unpacking.unpack(site, STORE, unit, [0], "in2")
    world.settle(submission)
    assert alone == _unit(world, link)
    world.refuses("UnitExists", lambda: items.draw(site, BRAND, link, "in3"))


def test_an_item_that_travels_alone_is_packed_again(world: World) -> None:
    """Beside a case, by who has it; it leaves as an item, and goes on alone."""
    site, link, case = world.site, world.links[116], world.held()
    world.settle(items.draw(site, BRAND, link, "p1"))
    unit = _unit(world, link)
    world.settle(custody.ship(site, BRAND, STORE, [unit], "p2"))
    world.settle(custody.receive(site, STORE, BRAND, [unit], "p3"))
    inside = Box(with_check_digit("09506009999999999"), [unit, case])
    box, submission = packing.pack(site, STORE, inside, "p4")
    world.settle(submission)
    world.refuses("UnitInside", lambda: custody.ship(site, STORE, BRAND, [unit], "p5"))
    world.settle(custody.ship(site, STORE, BRAND, [box], "p6"))
    world.settle(custody.receive(site, BRAND, STORE, [box], "p7"))
    (left,), submission = unpacking.unpack(site, BRAND, box, [0], "p8")
    world.settle(submission)
    assert left == unit
    world.settle(custody.ship(site, BRAND, STORE, [unit], "p9"))


def test_a_brand_takes_an_item_back_from_who_squatted_on_it(world: World) -> None:
    """A rival that has seen the code's hash commits to it, draws it first and sells it on."""
    site, index = world.site, 118
    link = world.links[index]
    world.refuses("UNKNOWN_UNIT", lambda: items.reclaim(site, BRAND, link, "q0"))
    draw = items.order_draw(site, BRAND, link, "never")
    number = _rivals_batch(world, draw.identity, "q")
    terms = {
        "lot": ids.lot_id(int(RIVAL_GTIN), "R"),
        "expiry": 0,
        "bestBefore": 0,
        "market": MARKET,
    }
    args = {"actor": RIVAL, "from": 0, "to": 1, **terms}
    world.do(Order(Verb.BIND_LOT, RIVAL, number, args | NONE, "q3"))
    with reading(site.engine) as session:
        lot = session.scalars(select(ChainLot.number).where(ChainLot.brand == RIVAL)).one()
    args = {"actor": RIVAL, "batch": number, "lot": lot}
    shown = Shown([[]], code=draw.shown.code)
    world.do(Order(Verb.DRAW_ITEM, RIVAL, draw.identity, args | NONE, "q4", shown=shown))
    world.refuses("UnitExists", lambda: items.draw(site, BRAND, link, "q5"))
    world.refuses("NotSuspended", lambda: items.reclaim(site, RIVAL, link, "q6"))
    taken = items.reclaim(site, BRAND, link, "q7")
    world.settle(taken)
    assert items.reclaim(site, BRAND, link, "q7") == taken  # from whom is not what was asked
    unit = _unit(world, link)
    assert world.unit(unit) == (BRAND, 0, HELD)
    with reading(site.engine) as session:
        row = session.get_one(ChainUnit, unit)
        assert (row.lot, row.market) == (0, 0)
    world.settle(custody.ship(site, BRAND, STORE, [unit], "q8"))


def test_an_item_taken_back_keeps_no_market_of_what_lay_beside_it(world: World) -> None:
    """A rival's box of no lot has the market of a case in it, and gives it to what leaves it."""
    site, link = world.site, world.links[119]
    draw = items.order_draw(site, BRAND, link, "never")
    number = _rivals_batch(world, draw.identity, "b")
    terms = {"lot": ids.lot_id(int(RIVAL_GTIN), "B"), "market": 1} | NO_DATES
    args = {"actor": RIVAL, "from": 0, "to": 1, **terms}
    world.do(Order(Verb.BIND_LOT, RIVAL, number, args | NONE, "b3"))
    with reading(site.engine) as session:
        lot = session.scalars(select(ChainLot.number).where(ChainLot.market == 1)).one()
    case_root = merkle.tree([child_leaf(item_child(0, bytes([1]) * 32))])[0]
    case = _packed_by_rival(world, "b4", [], case_root, 1, lot, [])
    inside = [unit_child(0, case, case_root, 1), item_child(1, draw.identity)]
    nodes = merkle.tree([child_leaf(child) for child in inside])
    proofs = [merkle.proof(nodes, place) for place in range(2)]
    box = _packed_by_rival(world, "b5", inside[:1], nodes[0], 2, 0, proofs[:1])
    args = {"actor": RIVAL, "children": inside[1:]}
    made = [_word(RIVAL), keccak(b"b5")], [draw.shown.code, _word(number)]
    shown = Shown(proofs[1:], made)
    world.do(Order(Verb.UNPACK, RIVAL, box, args | NONE, "b6", shown=shown))
    markets = [world.stored("units", unit)["market"] for unit in (box, draw.identity)]
    world.settle(items.reclaim(site, BRAND, link, "b7"))
    markets.append(world.stored("units", draw.identity)["market"])
    assert markets == [1, 1, 0]
    with reading(site.engine) as session:
        assert [session.get_one(ChainUnit, one).market for one in (box, draw.identity)] == [1, 0]


def _rivals_batch(world: World, leaf: bytes, key: str) -> int:
    """Let the rival commit to an item's leaf that it has seen; return its batch."""
    epochs.ensure_epoch(world.site, RIVAL)
    args = {"actor": RIVAL, "gtin": int(RIVAL_GTIN), "epoch": 0}
    world.do(Order(Verb.RESERVE_BATCH, RIVAL, RIVAL, args | NONE, f"{key}1"))
    with reading(world.site.engine) as session:
        batches = select(ChainBatch.number).where(ChainBatch.brand == RIVAL)
        number = max(session.scalars(batches))
    roots = {"actor": RIVAL, "root": leaf, "innerRoot": bytes(32), "count": 1}
    world.do(Order(Verb.COMMISSION, RIVAL, number, roots | NONE, f"{key}2"))
    return number


def _packed_by_rival(
    world: World,
    name: str,
    slotted: list[dict[str, Any]],
    root: bytes,
    count: int,
    lot: int,
    proofs: list[list[bytes]],
) -> bytes:
    hashed = keccak(name.encode())
    tree = {"epcHash": hashed, "childrenRoot": root, "count": count, "level": 1, "lot": lot}
    args = {"actor": RIVAL, **tree, "slotted": slotted} | NONE
    unit = ids.unit_id(RIVAL, hashed)
    world.do(Order(Verb.PACK, RIVAL, unit, args, name, shown=Shown(proofs)))
    return unit


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _unit(world: World, text: str) -> bytes:
    with reading(world.site.engine) as session:
        return find_unit(world.site, session, text).id


STEPS: tuple[tuple[int, str, str | None, tuple[str, ...]], ...] = (
    (STORE, "blocked", "RoleMissing", ("FIRST_SCAN",)),
    (REGULATOR, "supplied", "RoleMissing", ("FIRST_SCAN",)),
    (RIVAL, "stolen", "RoleMissing", ("FIRST_SCAN",)),
    (STORE, "active", "BadItemState", ("FIRST_SCAN",)),
    (REGULATOR, "blocked", None, ("BLOCKED",)),
    (STORE, "stolen", "ItemNotActive", ("BLOCKED",)),
    (BRAND, "active", "NotSetter", ("BLOCKED",)),
    (REGULATOR, "active", None, ("FIRST_SCAN",)),
    (STORE, "supplied", None, ("DECOMMISSIONED",)),
    (STORE, "active", None, ("FIRST_SCAN",)),
    (STORE, "stolen", None, ("STOLEN",)),
    (STORE, "active", "ItemFinal", ("STOLEN",)),
    (STORE, "destroyed", "ItemNotActive", ("STOLEN",)),
)


def test_who_may_set_an_items_state_and_who_may_undo_it(world: World) -> None:
    """The model of medicines: by role, back by who set it, never from stolen."""
    site, index = world.site, 101
    for place, (actor, state, refused, reasons) in enumerate(STEPS):
        order = items.order_state(site, actor, world.links[index], state, f"i{place}")
        if refused is None:
            world.do(order)
        else:
            world.refuses(refused, lambda order=order: world.do(order))
        assert world.reasons(index) == reasons, place
    world.refuses(
        "BAD_ITEM_STATE", lambda: items.order_state(site, STORE, world.links[index], "sold", "i")
    )
    world.refuses(
        "UNKNOWN_ITEM",
        lambda: items.order_state(site, STORE, world.links[index][:-20] + "0" * 20, "stolen", "i"),
    )
    with reading(site.engine) as session:
        rows = list(session.scalars(select(ChainItem).where(ChainItem.by == STORE)))
    assert 3 in {row.state for row in rows}


# ---------------------------------------------------------------------------------- codes and lots


def test_void_codes_are_blocked_for_ever(world: World) -> None:
    """They can neither be activated again nor made void twice."""
    site = world.site
    world.settle(runs.void(site, world.batch, 111, 113, "v0"))
    assert [world.reasons(index) for index in (110, 111, 112, 113)] == [
        ("FIRST_SCAN",),
        ("BLOCKED",),
        ("BLOCKED",),
        ("FIRST_SCAN",),
    ]
    now = site.clock()
    world.refuses("RunVoided", lambda: runs.activate(site, world.batch, 111, 113, now, "v1"))
    world.refuses("RunVoided", lambda: runs.void(site, world.batch, 111, 113, "v2"))


def test_a_day_ends_in_the_zone_of_its_market(world: World) -> None:
    """At 24:00 there: the last minute is good, and at the zone's midnight the lot has expired."""
    site, index, day = world.site, 107, date(2030, 1, 31)
    terms = LotTerms("L-Z", expiry=day, best_before=day, zone=-300)
    world.settle(runs.bind_lot(site, world.batch, index, index + 1, terms, "z"))
    midnight = int(datetime(2030, 2, 1, 5, tzinfo=UTC).timestamp())
    link = world.links[index]
    with reading(site.engine) as session:
        found = {
            second: check(site, session, link, now=midnight + second).verdict.reasons[0]
            for second in (-1, 0)
        }
        after = check(site, session, link, now=midnight).verdict.reasons
    assert found == {-1: "LEDGER_BEHIND", 0: "EXPIRED"}
    assert "BEST_BEFORE_PASSED" in after


def test_a_lots_days_stay_in_the_zone_that_it_was_opened_in(world: World) -> None:
    """31 January ends at UTC-11 when 1 February ends at UTC+13: bound again with that, it is the
    same lot, whose day is the first that was said. Where nothing was kept, the dates tell."""
    site, index, usual = world.site, 108, world.site.zone
    for last, zone in ((date(2030, 1, 31), -660), (date(2030, 2, 1), 780)):
        terms = LotTerms("L-Y", expiry=last, zone=zone)
        world.settle(runs.bind_lot(site, world.batch, index, index + 1, terms, f"y{zone}"))
        index += 1
    with reading(site.engine) as session:
        rows = {name.lot: (lot, name) for lot, name in lots.listing(session, GTIN) if name}
    lot, name = rows["L-Y"]
    assert (name.zone, lots.zone_of(site, lot, name)) == (-660, -660)
    assert lots.zone_of(site, rows["L-Z"][0], None) == -300
    assert lots.zone_of(site, rows[BOUND_LOT][0], None) == usual


def test_a_recall_is_ended_by_who_made_it_last(world: World) -> None:
    """A regulator takes a brand's recall over; every scan of the lot says so meanwhile."""
    site, index = world.site, 68

    def state(actor: int, number: int, key: str, lot: str = BOUND_LOT) -> Order:
        return lots.order_state(site, actor, GTIN, lot, number, key)

    world.refuses("UNKNOWN_LOT", lambda: state(BRAND, lots.RECALLED, "c0", "L-9"))
    world.refuses("BadLotState", lambda: world.do(state(BRAND, lots.RELEASED, "c1")))
    world.refuses("ForeignLot", lambda: world.do(state(RIVAL, lots.RECALLED, "c2")))
    world.do(state(BRAND, lots.RECALLED, "c3"))
    assert world.reasons(index) == ("RECALLED",)
    world.refuses("BadLotState", lambda: world.do(state(BRAND, lots.RECALLED, "c4")))
    world.do(state(REGULATOR, lots.RECALLED, "c5"))
    world.refuses("ForeignLot", lambda: world.do(state(BRAND, lots.RELEASED, "c6")))
    with reading(site.engine) as session:
        row = lots.find(session, GTIN, BOUND_LOT)
        names = [(lot.number, name.lot) for lot, name in lots.listing(session, GTIN) if name]
        events = session.scalars(
            select(ChainEvent).where(ChainEvent.subject == ids.subject("lot", row.number))
        ).all()
    assert (row.status, row.set_by, [event.seq for event in events]) == (2, REGULATOR, [1, 2])
    assert names[:2] == [(1, LOT), (2, BOUND_LOT)]
    world.do(state(REGULATOR, lots.RELEASED, "c7"))
    assert world.reasons(index) == ("FIRST_SCAN",)


def test_an_inner_code_is_uncovered_once(world: World) -> None:
    """Whoever did it is told so, and everybody else that the item was opened before."""
    site, index = world.site, 105
    me, another = (Device(name, site.device_key) for name in ("me", "another"))
    here, soon = Place("gps", 31.23, 121.47, 1.0), Place("gps", 31.235, 121.47, 1.0)
    with reading(site.engine) as session:
        ref = batch_ref(session, world.batch)
    text = site.minter.inner_codes(ref, index, index + 1).tolist()[0].decode()
    world.refuses("UNKNOWN_INNER", lambda: claims.open_item(site, "0" * 20, me))
    world.refuses("UNKNOWN_INNER", lambda: claims.open_item(site, "no code", me))
    first = claims.open_item(site, text, me, here)
    assert (first.now, first.by_you) == (True, True)
    again = claims.open_item(site, text.lower(), another)
    assert (again.now, again.by_you, again.at) == (False, False, first.at)
    with reading(site.engine) as session:
        sent = session.scalars(
            select(Submission.id).where(Submission.verb == Verb.CLAIM_INNER)
        ).all()
    world.settle(*sent)
    assert len(sent) == 1
    assert world.reasons(index) == ("ALREADY_OPENED",)
    assert world.reasons(index, me) == ("OPENED_BY_YOU",)
    years = site.clock() + 700 * 86_400
    with reading(site.engine) as session:
        found = claims.opened(session, world.batch, index, me, None, years)
    assert found is not None and found.by_you
    assert world.reasons(index, another, soon) == ("OPENED_BY_YOU",)
    assert world.reasons(index, another, Place("gps", 31.3, 121.47, 1.0)) == ("ALREADY_OPENED",)
    assert world.reasons(index + 1) == ("FIRST_SCAN",)


# --------------------------------------------------------------------------------- keys and admins


def test_a_device_signs_what_it_was_named_for(world: World) -> None:
    """So many verbs, until a time, and not after it was cut off; proofs show that it was one."""
    site = world.site
    units = [world.sent() for _ in range(3)]
    until = site.clock() + 3600

    def receive(unit: bytes, key: str) -> int:
        return custody.receive(site, DISTRIBUTOR, BRAND, [unit], key, SCANNER)

    def named(verbs: list[str], limit: int, key: str, expiry: int = until) -> Order:
        mode, device = KeyMode.BROWSER, SCANNER.address
        return devices.order_naming(site, DISTRIBUTOR, device, mode, verbs, expiry, limit, key)

    world.refuses("WrongSigner", lambda: receive(units[0], "s0"))
    world.refuses("BAD_VERBS", lambda: named(["cancel"], 1, "s1"))
    world.refuses("UNKNOWN_DEVICE", lambda: devices.order_end(site, STORE, SCANNER.address, "s"))
    world.do(named(["ship"], 5, "s2"), OWN)
    world.refuses("DeviceNotAllowed", lambda: receive(units[0], "s3"))
    world.do(named(["receive-from", "ship"], 1, "s4"), OWN)
    world.settle(receive(units[0], "s5"))
    world.refuses("DeviceSpent", lambda: receive(units[1], "s6"))
    with reading(site.engine) as session:
        (row,) = devices.listing(session, DISTRIBUTOR)
        event = session.scalars(
            select(ChainEvent).where(
                ChainEvent.subject == ids.subject("unit", units[0]), ChainEvent.seq == 3
            )
        ).one()
    assert (row.left, row.era, devices.verbs_of(row)) == (0, 2, ["ship", "receive-from"])
    # The device's key is in a browser, the party's own is not: the weaker of the two is told.
    assert (event.signer, event.key_mode) == (SCANNER.address, DEVICE + KeyMode.BROWSER)
    world.do(devices.order_end(site, DISTRIBUTOR, SCANNER.address, "s7"), OWN)
    world.refuses("DeviceExpired", lambda: receive(units[1], "s8"))
    # Nothing that was signed here names an era beyond the next. What names the last one ends that.
    naming = named(["receive-from"], 1, "s9")
    assert naming.args["deviceEra"] == row.era + 2
    late = {"deviceEra": devices.LAST_ERA - 1}
    world.do(replace(naming, args=naming.args | late), OWN)
    end = devices.order_end(site, DISTRIBUTOR, SCANNER.address, "s10")
    assert end.args["deviceEra"] == devices.LAST_ERA
    world.do(replace(end, args=end.args | {"expiry": until, "limit": 1}), OWN)
    for attempt in (
        lambda: named(["ship"], 1, "s11"),
        lambda: devices.order_end(site, DISTRIBUTOR, SCANNER.address, "s12"),
    ):
        world.refuses("LAST_ERA", attempt)
    world.settle(receive(units[1], "s13"))


def test_a_device_signs_a_message_that_is_relayed(world: World) -> None:
    """Written for its key, since each key has an era of its own."""
    site, unit = world.site, world.sent()
    until = site.clock() + 3600
    device = Account(bytes([8]) * 32)
    args = (device.address, KeyMode.OWN, ["receive-from"], until, 9, "t0")
    world.do(devices.order_naming(site, DISTRIBUTOR, *args), OWN)
    order = custody.order_handoff(site, Verb.RECEIVE_FROM, DISTRIBUTOR, BRAND, [unit], "")
    message = relaying.write(site, order, signer=device.address)
    world.settle(relaying.accept(site, relaying.sign(message, device), "t1"))
    assert world.unit(unit) == (DISTRIBUTOR, 0, HELD)


def test_a_party_gets_another_key(world: World) -> None:
    """The old one signs nothing any more and never comes back; what it did stays."""
    site = world.site
    unit, new = world.sent(), Account(bytes([9]) * 32)
    old = {"actor": DISTRIBUTOR, "sender": BRAND, "units": [unit], "signer": OWN}
    rotation = ruling.order_rotation(DISTRIBUTOR, new.address, KeyMode.BROWSER, "k0")
    world.do_rule(rotation)
    world.refuses("WrongSigner", lambda: custody.receive(site, **old, key="k1"))
    again = ruling.order_rotation(DISTRIBUTOR, OWN.address, KeyMode.OWN, "k2")
    world.refuses("AccountRetired", lambda: ruling.rule(site, again))
    world.settle(custody.receive(site, DISTRIBUTOR, BRAND, [unit], "k3", new))
    with reading(site.engine) as session:
        party = session.get_one(ChainParty, DISTRIBUTOR)
        assert devices.listing(session, DISTRIBUTOR) == []
    assert (party.account, party.key_mode, party.ruled_seq) == (new.address, 2, party.seq)


def test_a_brand_gets_one_more_prefix(world: World) -> None:
    """Not one that overlaps another's."""
    site = world.site
    roles = Role.BRAND

    def update(prefix: str, key: str) -> Order:
        return ruling.order_update(RIVAL, roles, [], prefix, key)

    world.refuses("PrefixTaken", lambda: ruling.rule(site, update("95060001", "p0")))
    world.refuses("BAD_PARTY", lambda: update("95x", "p1"))
    world.do_rule(update("9506222", "p2"))
    (_, _, prefixes) = next(known for known in world.parties() if known[0].id == RIVAL)
    assert prefixes == ["9506111", "9506222"]


# ------------------------------------------------------------------------------- all of it, at last


def test_the_tables_are_what_storage_says(world: World) -> None:
    """Every party, device, lot, unit, exception and item, member by member."""
    counted = check_projection(world)
    assert {name for name, count in counted.items() if count} >= {
        *("chain_party", "chain_delegate", "chain_lot", "chain_unit", "chain_exception"),
        *("chain_item", "chain_claim"),
    }


def test_followed_in_one_go_the_tables_are_the_same(world: World, tmp_path: Path) -> None:
    """Into an empty database: what every verb left, row by row."""
    site = world.site
    engine = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    other = replace(site, engine=engine)
    Follower(engine, site.rpc, site.network).catch_up(site.clock())
    ours, theirs = chain_rows(site), chain_rows(other)
    ours.pop("chain_checkpoint"), theirs.pop("chain_checkpoint")
    assert theirs == ours


@pytest.fixture(scope="module")
def early(world: World) -> tuple[bytes, bytes]:
    """A trust file and the proof bundle of a packed code, from before what the tests below do."""
    site, link = world.site, read_link(world.links[0])
    trusting.make(site.home, site.clock(), 86_400)
    code = {"gtin": link.gtin, "serial": link.serial}
    with reading(site.engine) as session:
        bundle = prove.build(site, session, **code, scans=ScanFacts(), made=site.clock())
    return site.home.trust.read_bytes(), json.dumps(bundle).encode()


def _still_proves(world: World, early: tuple[bytes, bytes]) -> bool:
    trust, bundle = early
    found = check_bundle(bundle, trust, world.site.clock())
    return {"CODE_UNDER_ROOT", "UNIT_HISTORY_COMPLETE"} <= set(found.conclusion.proved)


def test_several_admins_decide_together(world: World, early: tuple[bytes, bytes]) -> None:
    """Two of three, each with a key of its own; one alone decides nothing any more. What was
    proved under the admins before stays proved."""
    site = world.site
    admins = [Account(bytes([20 + n]) * 32) for n in range(3)]
    order = ruling.order_admins([admin.address for admin in admins], 2, "a0")
    message = relaying.write(site, order)
    first = site.vault.account("admin")
    ours = [relaying.sign(message, first)]
    theirs = [relaying.sign(message, admin) for admin in admins]
    world.refuses("QuorumMissing", lambda: relaying.accept_ruling(site, ours, "a1", theirs[:1]))
    world.refuses("WrongSigner", lambda: relaying.accept_ruling(site, theirs, "a2", theirs))
    world.settle(relaying.accept_ruling(site, ours, "a3", theirs))
    kept = ruling.registry(site)
    assert kept is not None
    assert (kept.era, kept.threshold) == (1, 2)
    suspend = ruling.order_status(RIVAL, ruling.SUSPENDED, "a4")
    world.refuses("QuorumMissing", lambda: ruling.rule(site, suspend))
    message = relaying.write(site, suspend)
    signed = [relaying.sign(message, admin) for admin in admins]
    world.refuses("QuorumMissing", lambda: relaying.accept_ruling(site, signed[:1], "a5"))
    other = relaying.sign(relaying.write(site, ruling.order_status(STORE, 2, "")), admins[1])
    world.refuses("BAD_MESSAGE", lambda: relaying.accept_ruling(site, [signed[0], other], "a6"))
    world.refuses("BAD_MESSAGE", lambda: relaying.accept(site, signed[0], "a7"))
    world.settle(relaying.accept_ruling(site, signed[1:], "a8"))
    with reading(site.engine) as session:
        assert session.get_one(ChainParty, RIVAL).status == ruling.SUSPENDED
    assert _still_proves(world, early)


def test_a_sealed_ledger_takes_no_verb(world: World, early: tuple[bytes, bytes]) -> None:
    """It says where it goes on, and its old proofs hold; last, since nothing comes after it."""
    site, unit = world.site, world.case()
    admins = [Account(bytes([20 + n]) * 32) for n in range(2)]
    order = ruling.order_seal(4242, bytes([7]) * 20, "z0")
    message = relaying.write(site, order)
    signed = [relaying.sign(message, admin) for admin in admins]
    world.settle(relaying.accept_ruling(site, signed, "z1"))
    world.refuses("LedgerClosed", lambda: custody.ship(site, BRAND, STORE, [unit], "z2"))
    kept = ruling.registry(site)
    assert kept is not None
    assert (kept.open, kept.successor, kept.successor_chain) == (0, bytes([7]) * 20, hex(4242))
    assert _still_proves(world, early)
