"""Activation and lots: batch, range, unit; now, later, taken back; recalls wherever goods are."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import date

import pytest

from ledger.chain.bundle import Report
from ledger.chain.bundle import check as check_bundle
from ledger.db.engine import reading
from ledger.domain.contents import Codes
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verdict import ScanFacts
from ledger.services import custody, items, lots, mint, ranges, runs, trusting
from ledger.services.goods import unpacking
from ledger.services.goods.packing import Box, pack
from ledger.services.lookup import read_link, run_of
from ledger.services.proving import prove
from ledger.services.runs import LotTerms
from ledger.services.verify import check
from tests.services.verb_world import BRAND, DISTRIBUTOR, GTIN, OWN, World, open_world
from tests.support.installation import await_mint

COUNT = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The installation of the verbs."""
    with open_world(tmp_path_factory.mktemp("activation")) as made:
        yield made


class Goods:
    """A new batch of inactive codes."""

    def __init__(self, world: World, name: str, count: int = COUNT) -> None:
        self.world, self.site, self.name = world, world.site, name
        number = mint.order_codes(self.site, BRAND, GTIN, count, name, False)
        self.batch = await_mint(self.site, number)
        made = mint.mint_of(self.site, number)
        self.links = [link for _, link in mint.links(self.site, made, 0, count)]

    def activate(
        self, codes: Sequence[Codes], at: int, key: str, is_now: bool = False
    ) -> list[int]:
        sent = ranges.activate(self.site, codes, at, f"{self.name} {key}", is_now)
        self.world.settle(*sent)
        return sent

    def void(self, first: int, to: int, key: str) -> None:
        with reading(self.site.engine) as session:
            pieces = ranges.pieces_of(session, Codes(self.batch, first, to))
        for piece in pieces:
            if not piece.voided:
                own = f"{self.name} {key} {piece.first}"
                row = runs.void(self.site, self.batch, piece.first, piece.to, own)
                self.world.settle(row)

    def part(self, first: int, to: int) -> list[Codes]:
        return [Codes(self.batch, first, to)]

    def reasons(self, index: int, now: int | None = None) -> tuple[str, ...]:
        with reading(self.site.engine) as session:
            return check(self.site, session, self.links[index], now=now).verdict.reasons

    def active(self, now: int | None = None) -> list[int]:
        return [n for n in range(len(self.links)) if self.reasons(n, now) == ("FIRST_SCAN",)]

    def pack(self, number: int, *inside: Codes | Box | bytes, lot: str | None = None) -> bytes:
        unit, row = pack(self.site, BRAND, box(number, *inside, lot=lot), f"{self.name} {number}")
        self.world.settle(row)
        return unit


def box(number: int, *inside: Codes | Box | bytes, lot: str | None = None) -> Box:
    """Return a box under an SSCC of the brand's."""
    return Box(with_check_digit(f"0950600{5_000_000 + number:010d}"), list(inside), lot)


def proof(goods: Goods, index: int) -> Report:
    """Return what a checker with the installation's trust file says of a code's proof bundle."""
    site, now = goods.site, goods.site.clock()
    trusting.make(site.home, now, 86_400)
    link = read_link(goods.links[index])
    code = {"gtin": link.gtin, "serial": link.serial}
    with reading(site.engine) as session:
        bundle = prove.build(site, session, **code, scans=ScanFacts(), made=now)
    return check_bundle(json.dumps(bundle).encode(), site.home.trust.read_bytes(), now)


def test_a_batch_whose_parts_differ_is_activated_whole(world: World) -> None:
    """What is active stays as it is, what is void stays void; asked again, it does nothing."""
    goods = Goods(world, "whole")
    early = world.site.clock() - 1000
    goods.activate(goods.part(10, 20), early, "some")
    over = goods.part(18, 25)[0]
    world.refuses(
        "RunsOverlap", lambda: runs.void(world.site, over.batch, over.first, over.to, "roll")
    )
    goods.void(18, 25, "spoilt roll")
    whole, clock = ranges.in_batch(world.site, goods.batch), world.site.clock
    sent = goods.activate(whole, clock(), "all", is_now=True)
    assert goods.active() == [*range(18), *range(25, COUNT)]
    assert {goods.reasons(n) for n in range(18, 25)} == {("BLOCKED", "NOT_ACTIVATED"), ("BLOCKED",)}
    with reading(world.site.engine) as session:
        run = run_of(session, goods.batch, 12)
    assert run is not None and run.active_from == early
    assert goods.activate(whole, clock(), "all", is_now=True) == sent[-1:]
    world.refuses("KEY_REUSED", lambda: goods.activate(whole, early + 1, "all"))


def test_codes_become_active_at_the_very_second(world: World) -> None:
    """Not one second before T, from T on; taken back before T and after it."""
    goods = Goods(world, "later")
    later = world.site.clock() + 600  # within which the ledger is not called behind
    goods.activate(goods.part(0, COUNT), later, "at T")
    assert goods.reasons(0) == ("NOT_ACTIVATED",)
    assert goods.active(later - 1) == []
    assert goods.active(later) == list(range(COUNT))
    goods.activate(goods.part(0, 10), 0, "taken back before T")
    assert goods.active(later) == list(range(10, COUNT))
    goods.activate(goods.part(10, 20), world.site.clock(), "now")
    assert goods.active() == list(range(10, 20))
    goods.activate(goods.part(10, 20), 0, "taken back after T")
    assert goods.active() == []


def test_what_lies_in_a_pallet_is_activated_with_it(world: World) -> None:
    """Its cases' items and its own, in any order; not what has left it, nor what is beside."""
    goods = Goods(world, "pallet")
    case = goods.pack(1, Codes(goods.batch, 5, 8), Codes(goods.batch, 0, 3))
    nested = box(2, Codes(goods.batch, 20, 24))
    pallet = goods.pack(3, case, nested, Codes(goods.batch, 40, 42))
    _, row = unpacking.unpack(world.site, BRAND, pallet, [0, 2], "out of the pallet")
    world.settle(row)
    with reading(world.site.engine) as session:
        inside = ranges.in_unit(world.site, session, pallet)
        of_case = ranges.in_unit(world.site, session, case)
    assert inside == [Codes(goods.batch, 20, 24), Codes(goods.batch, 41, 42)]
    assert of_case == [Codes(goods.batch, 0, 3), Codes(goods.batch, 5, 8)]
    goods.activate(inside, world.site.clock(), "pallet")
    assert goods.active() == [20, 21, 22, 23, 41]
    goods.activate(of_case, world.site.clock(), "case")
    assert goods.active() == [0, 1, 2, 5, 6, 7, 20, 21, 22, 23, 41]


def test_too_many_pieces_are_refused_before_any_is_sent(world: World) -> None:
    """Codes of one unit in 65 ranges: nothing is activated."""
    goods = Goods(world, "scattered", 130)
    scattered = [Codes(goods.batch, n, n + 1) for n in range(0, 130, 2)]
    at = world.site.clock()
    world.refuses("TOO_SCATTERED", lambda: ranges.activate(world.site, scattered, at, "65"))
    world.refuses("BAD_RANGE", lambda: goods.activate(goods.part(0, 131), at, "long"))
    world.refuses(
        "BAD_RANGE", lambda: goods.activate([*goods.part(0, 5), *goods.part(9, 8)], at, "back")
    )


def test_a_lot_is_bound_over_ranges_of_any_state(world: World) -> None:
    """Over active and inactive codes; not over void ones, nor over those of another lot."""
    goods = Goods(world, "lots")
    goods.activate(goods.part(10, 20), world.site.clock(), "some")
    sent = ranges.bind_lot(world.site, goods.part(0, 30), LotTerms("A-1"), "a")
    world.settle(*sent)
    assert len(sent) == 3
    with reading(world.site.engine) as session:
        bound = [run_of(session, goods.batch, n) for n in (0, 10, 29)]
    assert len({run.lot for run in bound if run is not None and run.lot}) == 1
    other = LotTerms("A-2")
    world.refuses(
        "LotAlreadyBound",
        lambda: ranges.bind_lot(world.site, goods.part(25, 35), other, "b"),
    )
    goods.void(40, 42, "spoilt")
    world.refuses("RunVoided", lambda: ranges.bind_lot(world.site, goods.part(35, 45), other, "c"))
    world.do(lots.order_state(world.site, BRAND, GTIN, "A-1", lots.RECALLED, "recall A-1"))
    closed = LotTerms("A-1")
    world.refuses(
        "LotRecalled", lambda: ranges.bind_lot(world.site, goods.part(45, 50), closed, "d")
    )


def test_a_recall_reaches_goods_wherever_they_are(world: World) -> None:
    """Packed of a lot that their codes are not bound to: in a case in a pallet, loose in a pallet,
    out of it, received by another, sold; and drawn, where the code itself is bound."""
    goods = Goods(world, "recall")
    site = world.site
    goods.activate(goods.part(0, COUNT), site.clock(), "all")
    terms = LotTerms("R-1", expiry=date(2199, 1, 1))
    world.settle(*ranges.bind_lot(site, goods.part(0, 0), terms, "open R-1"))
    world.settle(*ranges.bind_lot(site, goods.part(50, 52), terms, "bound"))
    nested = box(11, Codes(goods.batch, 0, 4), lot="R-1")
    pallet = goods.pack(12, nested, Codes(goods.batch, 10, 14), lot="R-1")
    _, row = unpacking.unpack(site, BRAND, pallet, [1], "one leaves")
    world.settle(row)
    sent = goods.pack(13, Codes(goods.batch, 20, 24), lot="R-1")
    world.settle(custody.ship(site, BRAND, DISTRIBUTOR, [sent], "to the distributor"))
    world.settle(custody.receive(site, DISTRIBUTOR, BRAND, [sent], "there", OWN))
    world.do(items.order_state(site, BRAND, goods.links[21], "supplied", "sold"))
    world.settle(items.draw(site, BRAND, goods.links[50], "drawn"))
    elsewhere = goods.pack(14, Codes(goods.batch, 30, 32))
    assert elsewhere
    assert goods.reasons(0) == goods.reasons(10) == goods.reasons(50) == ("FIRST_SCAN",)
    world.do(lots.order_state(site, BRAND, GTIN, "R-1", lots.RECALLED, "recall R-1"))
    assert {goods.reasons(n) for n in (0, 3, 10, 11, 13, 20, 50, 51)} == {("RECALLED",)}
    assert goods.reasons(21) == ("RECALLED", "DECOMMISSIONED")
    assert {goods.reasons(n) for n in (4, 30, 40)} == {("FIRST_SCAN",)}
    for index, proved in ((0, "LOT_OF_UNIT"), (10, "LOT_OF_UNIT"), (50, "LOT_BOUND")):
        report = proof(goods, index)
        assert (report.conclusion.reasons, report.lot) == (("RECALLED",), "R-1")
        assert {proved, "LOT_RECALLED", "LOT_NAMED", "LOT_NOT_EXPIRED"} <= set(
            report.conclusion.proved
        )


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(3))
def test_no_sequence_makes_an_inactive_code_genuine(world: World, seed: int) -> None:
    """Random ranges made active, inactive, void and bound; after each, every code is told what a
    plain list of states says: genuine if and only if it is active and not void."""
    goods, chance = Goods(world, f"model {seed}", 24), random.Random(seed)
    active, void, bound = [False] * 24, [False] * 24, [False] * 24
    for step in range(25):
        first, to = sorted(chance.sample(range(25), 2))
        part, key = goods.part(first, to), f"model {seed} {step}"
        what, inside = chance.choice(["on", "on", "off", "later", "void", "lot"]), range(first, to)
        if what == "void" and not all(void[first:to]):
            goods.void(first, to, key)
            void[first:to] = [True] * (to - first)
        elif what == "lot" and not any(void[n] or bound[n] for n in inside):
            world.settle(*ranges.bind_lot(world.site, part, LotTerms(f"M-{seed}"), key))
            bound[first:to] = [True] * (to - first)
        elif what in ("on", "off", "later") and not all(void[first:to]):
            at = {"on": world.site.clock(), "off": 0, "later": world.site.clock() + 10**8}[what]
            goods.activate(part, at, key)
            for n in inside:
                active[n] = what == "on" if not void[n] else active[n]
        expected = [n for n in range(24) if active[n] and not void[n]]
        assert goods.active() == expected, (step, what, first, to)
