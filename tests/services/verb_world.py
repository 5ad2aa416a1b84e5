"""A running installation with a party of each role, for the tests of all verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger.chain.account import Account
from ledger.chain.artifact import layout
from ledger.chain.storage import Layout
from ledger.db.chain_states import ChainClaim, ChainDelegate, ChainException, ChainItem
from ledger.db.engine import reading
from ledger.db.models import ChainLot, ChainParty, ChainUnit
from ledger.domain.contents import Codes
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import KeyMode, Role
from ledger.errors import Rejected
from ledger.services import act, custody, mint, parties, ruling, runs
from ledger.services.device_names import Device
from ledger.services.goods import packing
from ledger.services.goods.packing import Box
from ledger.services.order import Order
from ledger.services.runs import LotTerms
from ledger.services.scan_facts import Place
from ledger.services.site import Site
from ledger.services.verify import check
from tests.support.installation import Installation, all_rows, await_mint, installation

BRAND, DISTRIBUTOR, STORE, REGULATOR, RIVAL = (
    int(with_check_digit(f"9506000{number:05d}")) for number in (1, 2, 3, 4, 5)
)
GTIN = with_check_digit("0950600013435")
OWN = Account(bytes([5]) * 32)  # the distributor's
CASE, CODES = 3, 120
LOT, BOUND_LOT = "L-1", "L-2"
BOUND = {LOT: (0, 60), BOUND_LOT: (60, 70)}  # the codes of each lot; the rest are of none
MARKET = 7  # what the second lot may be sold in

LAYOUT = Layout(layout())


@dataclass
class World:
    """The installation. links: of all codes, of which those from 100 on are in no case.

    packed: cases so far. free: by lot, the first code that is in no case yet.
    """

    made: Installation
    batch: int
    links: list[str]
    packed: int = 0
    free: dict[str | None, int] = field(default_factory=lambda: {LOT: 0, BOUND_LOT: 60, None: 70})

    @property
    def site(self) -> Site:
        """The installation's parts."""
        return self.made.site

    def case(self, lot: str | None = LOT) -> bytes:
        """Return a new case of the brand's, of three items of a lot."""
        self.packed += 1
        codes = Codes(self.batch, self.free[lot], self.free[lot] + CASE)
        self.free[lot] += CASE
        sscc = with_check_digit(f"0950600{self.packed:010d}")
        unit, row = packing.pack(self.site, BRAND, Box(sscc, [codes], lot), f"case {self.packed}")
        self.settle(row)
        return unit

    def sent(self, to: int = DISTRIBUTOR, lot: str | None = LOT) -> bytes:
        """Return a new case that the brand has sent to a party."""
        unit = self.case(lot)
        self.settle(custody.ship(self.site, BRAND, to, [unit], f"sent {self.packed}"))
        return unit

    def held(self, by: int = STORE, lot: str | None = LOT) -> bytes:
        """Return a new case that a party has received from the brand."""
        unit = self.sent(by, lot)
        signer = OWN if by == DISTRIBUTOR else None
        self.settle(custody.receive(self.site, by, BRAND, [unit], f"held {self.packed}", signer))
        return unit

    def do(self, order: Order, signer: Account | None = None) -> None:
        """Carry out an order."""
        self.settle(act.act(self.site, order, signer))

    def do_rule(self, order: Order) -> None:
        """Carry out what the installation's admin decides."""
        self.settle(ruling.rule(self.site, order))

    def parties(self) -> list[Any]:
        """Return all registered parties."""
        return list(parties.listing(self.site))

    def settle(self, *submissions: int) -> None:
        """Wait for the chain."""
        act.settled(self.site, submissions)

    def unit(self, unit: bytes) -> tuple[int, int, int]:
        """Return (holder, addressee, state) of a unit."""
        with reading(self.site.engine) as session:
            row = session.get_one(ChainUnit, unit)
        return row.holder, row.addressee, row.state

    def reasons(
        self, index: int, device: Device | None = None, place: Place | None = None
    ) -> tuple[str, ...]:
        """Return the reasons that a scan of a code is told."""
        with reading(self.site.engine) as session:
            return check(self.site, session, self.links[index], device, place).verdict.reasons

    def refuses(self, code: str, attempt: Callable[[], object]) -> None:
        """Check that an attempt is refused by this name, with a sentence, and changes nothing."""
        before = all_rows(self.site)
        with pytest.raises(Rejected) as refusal:
            attempt()
        assert refusal.value.code == code, refusal.value.message
        assert refusal.value.message.endswith(".")
        assert all_rows(self.site) == before

    def stored(self, label: str, *keys: int | bytes) -> Mapping[str, int]:
        """Return a struct of the contract's storage as of the newest block."""
        place = LAYOUT.place(label, *keys)
        words = {
            slot: int(
                self.site.rpc.call(
                    "eth_getStorageAt", self.site.network.contract, hex(slot), "latest"
                ),
                16,
            )
            for slot in place.slots
        }
        return place.read(words)


@contextmanager
def open_world(data: Path) -> Iterator[World]:
    """Make the installation with its parties and a batch of active codes."""
    with installation(data) as made:
        site = made.site
        own = {"account": OWN.address, "key_mode": KeyMode.OWN}
        operator = Role.BRAND | Role.OPERATOR
        new = (
            parties.NewParty(BRAND, "B", "乙", operator, markets=[MARKET], prefix="9506000"),
            parties.NewParty(DISTRIBUTOR, "D", "丁", Role.DISTRIBUTOR, **own),
            parties.NewParty(STORE, "S", "店", Role.STORE, markets=[MARKET]),
            parties.NewParty(REGULATOR, "R", "局", Role.REGULATOR),
            parties.NewParty(RIVAL, "V", "敌", Role.BRAND, prefix="9506111"),
        )
        act.settled(site, [parties.register(site, each, f"party {each.party}")[1] for each in new])
        number = mint.order_codes(site, BRAND, GTIN, CODES, "codes")
        batch = await_mint(site, number)
        links = [link for _, link in mint.links(site, mint.mint_of(site, number), 0, CODES)]
        world = World(made, batch, links)
        world.settle(runs.activate(site, batch, 0, CODES, site.clock(), "active"))
        for terms in (LotTerms(LOT), LotTerms(BOUND_LOT, market=MARKET)):
            world.settle(runs.bind_lot(site, batch, *BOUND[terms.lot], terms, terms.lot))
        yield world


def check_projection(world: World) -> dict[str, int]:
    """Compare every row that the verbs change with storage; return how many there are of each."""
    found: dict[str, list[Any]] = {}
    with reading(world.site.engine) as session:
        for model in (ChainParty, ChainDelegate, ChainLot, ChainUnit, ChainException, ChainItem):
            found[model.__tablename__] = list(session.scalars(select(model)))
        found["chain_claim"] = list(session.scalars(select(ChainClaim)))
    for row in found["chain_party"]:
        kept = world.stored("parties", row.id)
        assert kept == {
            "account": int.from_bytes(row.account, "big"),
            "era": row.era,
            "roles": row.roles,
            "keyMode": row.key_mode,
            "status": row.status,
            "seq": row.seq,
            "head": int.from_bytes(row.head, "big"),
            "markets": int.from_bytes(row.markets, "big"),
            "ruled": int.from_bytes(row.ruled, "big"),
            "ruledSeq": row.ruled_seq,
        }
    for row in found["chain_delegate"]:
        words = (part.rjust(32, b"\0") for part in (row.account, row.key))
        kept = world.stored("delegates", row.party, *words)
        verbs = int.from_bytes(row.verbs, "big")
        assert (kept["verbs"], kept["expiry"], kept["left"]) == (verbs, row.expiry, row.left)
        assert (kept["era"], kept["keyMode"]) == (row.era, row.key_mode)
    for row in found["chain_lot"]:
        kept = world.stored("lots", row.number)
        assert (kept["status"], kept["setBy"], kept["seq"]) == (row.status, row.set_by, row.seq)
        assert kept["head"].to_bytes(32, "big") == (row.head or bytes(32))
    for row in found["chain_unit"]:
        kept = world.stored("units", row.id)
        for name in ("holder", "addressee", "lot", "seq", "count", "state", "market"):
            assert kept[name] == getattr(row, name), name
        assert kept["gone"] == (row.gone if row.count else world.batch)
        assert kept["head"].to_bytes(32, "big") == row.head
        assert kept["childrenRoot"].to_bytes(32, "big") == row.children_root
    for row in found["chain_exception"]:
        kept = world.stored("exceptions", row.unit, row.report)
        assert (kept["from"], kept["by"]) == (row.shipper, row.receiver)
        for name in ("damaged", "short", "over", "wrong", "settled"):
            assert kept[name] == getattr(row, name), name
    for row in found["chain_item"]:
        kept = world.stored("items", row.leaf)
        for name in ("batch", "by", "since", "seq", "state"):
            assert kept[name] == getattr(row, name), name
        assert kept["head"].to_bytes(32, "big") == row.head
    for row in found["chain_claim"]:
        kept = world.stored("claims", row.batch, row.index)
        assert (kept["by"], kept["time"], kept["seq"]) == (row.by, row.time, row.seq)
        assert kept["head"].to_bytes(32, "big") == row.head
    return {name: len(rows) for name, rows in found.items()}
