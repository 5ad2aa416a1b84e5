"""A database with goods on their way and scans of them, as follower and API would have left it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database, reading, transaction
from ledger.db.models import (
    Alert,
    ChainEvent,
    ChainLot,
    ChainParty,
    ChainRun,
    LotName,
    Product,
    Profile,
    Scan,
    UnitName,
)
from ledger.domain import ids
from ledger.domain.contents import Codes, Picked, encode
from ledger.domain.verbs import Role, Verb
from ledger.services.alerting.watch import Watcher
from ledger.services.home import Home
from ledger.services.network import Network
from ledger.services.site import Site
from ledger.services.worlds.world import DemoScan, World
from ledger.services.worlds.world_plan import PALLETS, PARTIES, DemoLot

BRAND = 9506000000015
FIRST_PARTY = 9506000000100
GTIN = 9506000134352
END = 1_760_000_000  # the world's time 0
SHIPPED = END - 57 * 86_400


@dataclass
class Clock:
    """A clock that is set."""

    now: int = END + 1

    def __call__(self) -> int:
        """The time."""
        return self.now


@dataclass
class Board:
    """The database of one installation, and what is needed to write to it as others would."""

    site: Site
    clock: Clock
    blocks: int = 0

    @property
    def engine(self) -> Engine:
        """The database."""
        return self.site.engine

    def ship(self, unit: bytes, actor: int, to: int, time: int, verb: Verb = Verb.SHIP) -> None:
        """Let the follower see a move of a unit."""
        with transaction(self.engine) as session:
            session.add(self.move(unit, actor, to, time, verb))

    def move(
        self, unit: bytes, actor: int, to: int, time: int, verb: Verb = Verb.SHIP
    ) -> ChainEvent:
        """Return a move of a unit as the follower stores it."""
        self.blocks += 1
        return ChainEvent(
            block=self.blocks,
            log_index=0,
            subject=ids.subject("unit", unit),
            kind="unit",
            identity=unit,
            seq=self.blocks,
            verb=int(verb),
            actor=actor,
            counterparty=to,
            args={},
            event_hash=b"",
            signer=b"",
            key_mode=3,
            time=time,
            transaction_hash=b"",
            head=b"",
        )

    def scan(self, lot: int, item: int, time: int, device: str, **changes: Any) -> None:
        """Let a phone scan an item."""
        with transaction(self.engine) as session:
            session.add(scan_row(lot, item, time, device, **changes))


def scan_row(lot: int, item: int, time: int, device: str, **changes: Any) -> Scan:
    """Return a scan as the API stores it. lot: number from 0, -1 for a code never issued."""
    serial = f"{lot}-{item}"
    key = hashlib.sha256(f"{serial}/{time}/{device}/{changes}".encode()).digest()
    row: dict[str, Any] = {
        "key": key.hex(),
        "brand": BRAND if lot >= 0 else 0,
        "gtin": GTIN,
        "batch": lot + 1 if lot >= 0 else None,
        "index": item if lot >= 0 else None,
        "serial": serial,
        "time": time,
        "final_at": time,
        "device": device,
        "weak": False,
        "channel": "web",
        "loc_src": "none",
        "outcome": "genuine",
        "reasons": [],
        "leaf": key,
        "code_leaf": key if lot >= 0 else None,
    }
    return Scan(**{**row, **changes})


def demo_row(scan: DemoScan) -> Scan:
    """Return a scan of a demo's world."""
    return scan_row(
        scan.lot,
        scan.item,
        int(END + scan.t),
        scan.device,
        channel=scan.channel,
        loc_src=scan.loc_src,
        lat=scan.lat,
        lon=scan.lon,
        acc_km=scan.acc_km,
        region=scan.region,
    )


def board(folder: Path) -> Board:
    """Return an empty installation: parties and a product, nothing packed."""
    clock = Clock()
    site = Site(
        home=Home(folder),
        engine=open_database(f"sqlite:///{folder / 'watched.db'}"),
        rpc=HttpRpc("http://127.0.0.1:9"),
        network=Network(1, "0x00", "0x" + "00" * 20, ()),
        clock=clock,
        link_base="http://localhost:8000",
    )
    with transaction(site.engine) as session:
        session.add(Product(gtin=GTIN, brand=BRAND, name_en="spirit", name_zh="白酒"))
        roles = {"brand": Role.BRAND, "distributor": Role.DISTRIBUTOR, "store": Role.STORE}
        for party in PARTIES:
            session.add(
                ChainParty(
                    id=party_of(party.number),
                    account=b"",
                    key_mode=3,
                    roles=int(roles[party.role]),
                    markets=b"",
                    status=1,
                    era=0,
                    seq=1,
                    head=b"",
                    ruled_seq=0,
                    ruled=b"",
                )
            )
            regions = list(party.territory)
            session.add(
                Profile(
                    party=party_of(party.number),
                    name_en=party.en,
                    name_zh=party.zh,
                    regions=regions,
                )
            )
    return Board(site, clock)


def party_of(number: int) -> int:
    """Return the party number of one of the demo's people."""
    return BRAND if number == 0 else FIRST_PARTY + number


def lot_name(lot: int) -> str:
    """Return a lot's name as printed."""
    return f"DEMO-{lot + 1}"


def pallet_of(lot: int, pallet: int) -> bytes:
    """Return a pallet's unit."""
    return hashlib.sha256(f"pallet {lot}/{pallet}".encode()).digest()


def case_of(lot: int, case: int) -> bytes:
    """Return a case's unit."""
    return hashlib.sha256(f"case {lot}/{case}".encode()).digest()


Packing = Callable[[DemoLot], Sequence[Sequence[Codes | Picked]]]
"""The cases of a lot, by pallet."""


def alike(lot: DemoLot) -> list[list[Codes | Picked]]:
    """Return a lot packed in order, in cases of one size."""
    batch, size, many = lot.number + 1, lot.case_size, lot.cases_per_pallet
    return [
        [
            Codes(batch, case * size, case * size + size)
            for case in range(at * many, (at + 1) * many)
        ]
        for at in range(PALLETS)
    ]


def pack(at: Board, world: World, lots: Sequence[int] = (0, 1), packed: Packing = alike) -> None:
    """Bind, pack and ship all lots of a world: each pallet to its distributor."""
    for lot in (world.lots[number] for number in lots):
        with transaction(at.engine) as session:
            name = hashlib.sha256(lot_name(lot.number).encode()).digest()
            session.add(
                ChainLot(
                    number=lot.number + 7,
                    id=name,
                    gtin=GTIN,
                    brand=BRAND,
                    expiry=0,
                    best_before=0,
                    market=3,
                    status=1,
                    set_by=0,
                    seq=1,
                )
            )
            session.add(LotName(id=name, brand=BRAND, gtin=GTIN, lot=lot_name(lot.number)))
            batch = lot.number + 1
            session.add(
                ChainRun(
                    batch=batch, first=0, to=lot.items, active_from=1, lot=lot.number + 7, voided=0
                )
            )
            number = 0
            for pallet, cases in enumerate(packed(lot)):
                units = []
                for part in cases:
                    unit = case_of(lot.number, number)
                    session.add(named(unit, f"urn/{sscc(lot.number, number)}", encode([part])))
                    units.append(unit)
                    number += 1
                owner = party_of(lot.distributor_of(pallet))
                unit = pallet_of(lot.number, pallet)
                session.add(named(unit, f"urn/pallet {lot.number}-{pallet}", encode(units)))
                session.add(at.move(unit, BRAND, owner, SHIPPED))
                session.add(at.move(unit, owner, BRAND, SHIPPED + 3600, Verb.RECEIVE_FROM))


def pack_and_store(at: Board, world: World) -> None:
    """Pack the goods of a demo's world, and store its scans, which nobody has looked at."""
    pack(at, world)
    with transaction(at.engine) as session:
        session.add_all([demo_row(scan) for scan in world.scans])


def watch(at: Board, watcher: Watcher | None = None) -> Watcher:
    """Let a watcher, if not said otherwise one that has just started, look at all that is there."""
    watcher = watcher or Watcher(at.site, 0.05)
    while watcher.is_due():
        watcher.step()
    return watcher


def named(unit: bytes, epc: str, contents: bytes) -> UnitName:
    """Return a unit as its packer stores it."""
    return UnitName(
        id=unit,
        number=int.from_bytes(unit[:7], "big"),
        brand=BRAND,
        creator=BRAND,
        epc=epc,
        hashed_epc=b"",
        level=1,
        count=1,
        children_root=b"",
        contents=contents,
    )


def sscc(lot: int, case: int) -> str:
    """Return a case's SSCC."""
    return f"{lot:02d}{case:016d}"


def raised(at: Board) -> dict[str, Alert]:
    """Return the alerts by kind; there is one of each."""
    with reading(at.engine) as session:
        rows = session.scalars(select(Alert)).all()
    assert len({row.kind for row in rows}) == len(rows)
    return {row.kind: row for row in rows}
