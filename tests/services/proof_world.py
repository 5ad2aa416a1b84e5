"""A small ledger with a code in every state that a proof can show, on a real node."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ledger.chain.account import Account
from ledger.chain.artifact import layout
from ledger.chain.rpc import HttpRpc, Rpc
from ledger.chain.storage import Layout
from ledger.chain.trust import make_trust
from ledger.db.changes import Changes
from ledger.db.engine import open_database, reading
from ledger.db.models import ChainCheckpoint, Document
from ledger.domain import code, jcs
from ledger.domain.contents import Codes
from ledger.domain.gs1 import with_check_digit
from ledger.domain.leaf import leaf
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.domain.verdict import ScanFacts
from ledger.services import claims, custody, items, lots, mint, parties, runs
from ledger.services.act import act, settled
from ledger.services.deploy import deploy
from ledger.services.following.follow import Follower
from ledger.services.goods import packing, unpacking
from ledger.services.goods.packing import Box
from ledger.services.goods.units import find_unit
from ledger.services.home import Home
from ledger.services.mint import batch_ref
from ledger.services.order import Order
from ledger.services.proving import prove
from ledger.services.site import ADMIN, RELAY, Site
from ledger.services.submit import Submitter
from tests.chain.embedded.conftest import start_node, stop_node

T0 = 1_750_000_000  # 2025-06-15, when this ledger begins
BRAND, DISTRIBUTOR, STORE = 9506000134352, 4006381333931, 4012345000009
GTIN, OTHER_GTIN = "09506000134376", "09506000134383"
DISTRIBUTOR_KEY = Account(bytes([7]) * 32)
FIRST = ScanFacts(regions=1)
ELSEWHERE = ScanFacts(
    other_devices=4, far_devices=4, far_regions=3, regions=4, first_at=T0, last_at=T0 + 9
)


@dataclass(frozen=True)
class LyingNode:
    """A node that answers as it should, but for eth_getProof: that goes through `lie`."""

    rpc: Rpc
    lie: Callable[[Any], Any]

    def call(self, method: str, *params: Any) -> Any:
        return self.batch([(method, params)])[0]

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        found = self.rpc.batch(calls)
        return [self.lie(found[0])] if calls[0][0] == "eth_getProof" else found


@dataclass
class World:
    """The ledger, and what is where. serial(batch, index) gives a code's serial."""

    site: Site
    clock_file: Path
    worker: Worker
    units: dict[str, bytes] = field(default_factory=dict)
    now: int = T0

    def serial(self, batch: int, index: int, gtin: str = GTIN) -> str:
        """Return the serial that the brand's keys make, whether or not such a batch exists."""
        keys = self.site.ring.parties()[BRAND].epochs[0]
        return code.encode_serial(keys.outer, 0, int(gtin), batch, index)

    def link(self, index: int) -> str:
        """Return the printed link of a code of the first batch."""
        return f"{self.site.link_base}/01/{GTIN}/21/{self.serial(1, index)}"

    def settle(self, *submissions: int) -> None:
        """Wait for the chain, then let a minute pass."""
        settled(self.site, submissions)
        self.now += 60
        write_clock(self.clock_file, self.now)

    def prove(self, batch: int, index: int, scans: ScanFacts = FIRST, **other: Any) -> Any:
        """Return the bundle of a code made half a minute after the newest block."""
        serial = other.pop("serial", None) or self.serial(batch, index)
        after = other.pop("after", 30)
        with reading(self.site.engine) as session:
            row = session.get(ChainCheckpoint, 1)
            return prove.build(
                self.site,
                session,
                **{"gtin": GTIN, "serial": serial, "scans": scans, "made": row.time + after}
                | other,
            )

    def trust(self) -> dict[str, Any]:
        """Return this ledger's trust file, unsigned."""
        network = self.site.network
        return make_trust(
            issued=T0,
            valid_until=T0 + 100 * 86_400,
            chain_id=network.chain_id,
            genesis_hash=bytes.fromhex(network.genesis_hash[2:]),
            validators=[bytes.fromhex(v[2:]) for v in network.validators],
            contract=network.address,
            layout_hash=Layout(layout()).hash,
            log_key=self.site.vault.account(ADMIN).address,
        )


class Worker(threading.Thread):
    """Follows, submits and mints until told to stop."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self.site, self.stopping = site, threading.Event()
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Go round until stopped; keep what went wrong."""
        site = self.site
        follower = Follower(site.engine, site.rpc, site.network)
        submitter = Submitter(site.engine, site.rpc, site.network, site.relay)
        try:
            with closing(Changes(site.engine)) as changes:
                while not self.stopping.wait(0.01):
                    if follower.catch_up(site.clock()) or changes.came():
                        submitter.step(site.clock())
                        mint.advance(site)
        except BaseException as fault:
            self.fault = fault
            raise


def write_clock(path: Path, now: int) -> None:
    """Set the node's clock."""
    fresh = path.with_suffix(".new")
    fresh.write_text(str(now))
    fresh.rename(path)


@contextmanager
def open_world(directory: Path) -> Iterator[World]:
    """Start a node, deploy, and let all that follows happen; stops everything at the end."""
    clock_file = directory / "clock"
    write_clock(clock_file, T0)
    node = start_node(directory / "node", "--clock", f"file:{clock_file}")
    worker = None
    try:
        home = Home(directory / "home")
        home.prepare()
        vault = home.accounts()
        relay, admin = vault.ensure(RELAY), vault.ensure(ADMIN)
        rpc = HttpRpc(node.url)
        network = deploy(rpc, relay, [admin.address], 1)
        network.save(home.network_file)
        site = Site(
            home=home,
            engine=open_database(home.database_url),
            rpc=rpc,
            network=network,
            clock=lambda: int(clock_file.read_text()),
            link_base="https://id.example",
        )
        worker = Worker(site)
        worker.start()
        world = World(site, clock_file, worker)
        _live(world)
        yield world
        assert worker.fault is None
    finally:
        if worker is not None:
            worker.stopping.set()
            worker.join()
        stop_node(node)


def _live(world: World) -> None:
    _register(world)
    _mint(world)
    _runs_and_lots(world)
    _move(world)
    _states(world)


def _register(world: World) -> None:
    new = parties.NewParty
    members = (
        new(BRAND, "Brand", "品牌", Role.BRAND, prefix="9506000134"),
        new(
            DISTRIBUTOR,
            "Distributor",
            "经销商",
            Role.DISTRIBUTOR,
            DISTRIBUTOR_KEY.address,
            KeyMode.OWN,
        ),
        new(STORE, "Store", "门店", Role.STORE),
    )
    world.settle(*(parties.register(world.site, m, f"party-{m.party}")[1] for m in members))
    mint.add_product(world.site, BRAND, GTIN, "Tea", "茶")


def _mint(world: World) -> None:
    """Batches 1 to 3 of 40, 6 and 5 codes; batch 4 is only reserved."""
    for place, count in enumerate((40, 6, 5)):
        order = mint.order_codes(world.site, BRAND, GTIN, count, f"mint-{place}")
        while mint.mint_of(world.site, order).state != "DONE":
            assert world.worker.fault is None
            world.worker.join(0.01)
    world.settle()
    args = {"actor": BRAND, "gtin": int(GTIN), "epoch": 0, "eventHash": bytes(32)}
    world.settle(act(world.site, Order(Verb.RESERVE_BATCH, BRAND, BRAND, args, "reserve")))


def _runs_and_lots(world: World) -> None:
    site, now = world.site, world.now
    world.settle(runs.activate(site, 1, 0, 32, now, "a0"))
    world.settle(runs.activate(site, 1, 34, 36, now + 10**7, "a1"))
    world.settle(runs.activate(site, 1, 37, 38, 0, "a2"))
    good = runs.LotTerms("L-1", date(2027, 1, 31), date(2026, 12, 31))
    world.settle(runs.bind_lot(site, 1, 0, 28, good, "l0"))
    world.settle(runs.activate(site, 2, 2, 6, now, "a3"))
    old = runs.LotTerms("L-2", date(2025, 6, 1), date(2025, 5, 1))
    world.settle(runs.bind_lot(site, 2, 2, 4, old, "l1"))
    stale = runs.LotTerms("L-3", date(2027, 1, 31), date(2025, 6, 1))
    world.settle(runs.bind_lot(site, 2, 4, 6, stale, "l2"))


def _states(world: World) -> None:
    """What ends the use of a code: of its run, its lot, its item; and an item lost on its way."""
    site = world.site
    world.settle(runs.bind_lot(site, 1, 28, 29, runs.LotTerms("L-4"), "l3"))
    recall = lots.order_state(site, BRAND, GTIN, "L-4", lots.RECALLED, "c0")
    world.settle(act(site, recall))
    world.settle(runs.void(site, 1, 31, 32, "v0"))
    for index, state in ((20, "blocked"), (21, "stolen"), (22, "destroyed"), (23, "blocked")):
        order = items.order_state(site, BRAND, world.link(index), state, f"i{index}")
        world.settle(act(site, order))
    world.settle(act(site, items.order_state(site, BRAND, world.link(23), "active", "i")))
    with reading(site.engine) as session:
        inner = site.minter.inner_codes(batch_ref(session, 1), 24, 25).tolist()[0].decode()
    claims.open_item(site, inner, None)
    world.settle(items.draw(site, BRAND, world.link(26), "d0"))
    with reading(site.engine) as session:
        unit = find_unit(site, session, world.link(26)).id
    world.settle(custody.ship(site, BRAND, STORE, [unit], "s4"))
    world.settle(custody.hand(site, Verb.REPORT_LOST, BRAND, STORE, [unit], "s5"))


def _sscc(number: int) -> str:
    return with_check_digit(f"0950600013{number:07d}")


def _move(world: World) -> None:
    """Pallet 1 goes to the distributor, who sends one of its cases on. Of pallet 2, taken apart at
    home, one case goes into pallet 3 and an item of the other travels alone."""
    site, units = world.site, world.units
    case = [Box(_sscc(n + 1), [Codes(1, 4 * n, 4 * n + 4)]) for n in range(4)]
    for place, inside in ((1, case[:2]), (2, case[2:])):
        pallet = Box(_sscc(10 + place), inside, "L-1")
        units[f"pallet {place}"], submission = packing.pack(site, BRAND, pallet, f"p{place}")
        world.settle(submission)
    world.settle(custody.ship(site, BRAND, DISTRIBUTOR, [units["pallet 1"]], "s1"))
    key = DISTRIBUTOR_KEY
    world.settle(custody.receive(site, DISTRIBUTOR, BRAND, [units["pallet 1"]], "r1", key))
    (units["case 1"],), submission = unpacking.unpack(
        site, DISTRIBUTOR, units["pallet 1"], [0], "u1", key
    )
    world.settle(submission)
    world.settle(custody.ship(site, DISTRIBUTOR, STORE, [units["case 1"]], "s2", key))
    inside, submission = unpacking.unpack(site, BRAND, units["pallet 2"], [0, 1], "u2")
    units["case 3"], units["case 4"] = inside
    world.settle(submission)
    units["pallet 3"], submission = packing.pack(
        site, BRAND, Box(_sscc(13), [units["case 4"], Codes(1, 16, 18)]), "p3"
    )
    world.settle(submission)
    (units["item"],), submission = unpacking.unpack(site, BRAND, units["case 3"], [2], "u3")
    world.settle(submission)
    args = {"actor": BRAND, "to": STORE, "eventHash": bytes(32)}
    world.settle(act(site, Order(Verb.SHIP, BRAND, units["item"], args, "s3", BRAND)))
    assert units["item"] == leaf(int(GTIN), 10, world.serial(1, 10))


def good_bundles(world: World) -> dict[str, Any]:
    """Return a bundle of each outcome and of each way a code can be, by name."""
    seen = ScanFacts(other_devices=1, regions=1, first_at=T0, last_at=T0)
    mine = ScanFacts(by_this_device=2, regions=1, first_at=T0, last_at=T0)
    many = ScanFacts(other_devices=30, regions=6)
    travel = ScanFacts(other_devices=2, regions=3, impossible_pairs=2)
    foreign = code.encode_serial(bytes(32), 0, int(GTIN), 1, 1)
    return {
        "first scan, case on its way": world.prove(1, 1),
        "seen by you, case inside a held pallet": world.prove(1, 5, mine),
        "seen before, case put into another pallet": world.prove(1, 14, seen),
        "item that travels alone": world.prove(1, 10),
        "item beside the one that left": world.prove(1, 9),
        "item packed loose beside a case": world.prove(1, 17),
        "no unit, no lot": world.prove(1, 30),
        "no unit, lot": world.prove(1, 25),
        "with the documents of its events": world.prove(1, 1, documents=_documents(world)),
        "before the first run": world.prove(2, 0),
        "between two runs": world.prove(1, 33),
        "after the last run": world.prove(1, 39),
        "no run at all": world.prove(3, 4),
        "active later": world.prove(1, 35),
        "made inactive": world.prove(1, 37),
        "best before passed": world.prove(2, 5),
        "impossible travel": world.prove(1, 2, travel),
        "seen elsewhere": world.prove(1, 3, ELSEWHERE),
        "many devices": world.prove(1, 6, many),
        "expired": world.prove(2, 2),
        "expired and seen elsewhere": world.prove(2, 3, ELSEWHERE),
        "code of nobody": world.prove(1, 1, serial=foreign),
        "batch that is not there": world.prove(999, 1),
        "batch not commissioned": world.prove(4, 1),
        "index outside": world.prove(3, 5),
        "batch of another product": world.prove(
            1, 1, gtin=OTHER_GTIN, serial=world.serial(1, 1, OTHER_GTIN)
        ),
        "recalled": world.prove(1, 28),
        "void": world.prove(1, 31),
        "blocked": world.prove(1, 20),
        "stolen": world.prove(1, 21),
        "destroyed": world.prove(1, 22),
        "opened": world.prove(1, 24),
        "blocked once": world.prove(1, 23),
        "item that was lost on its way": world.prove(1, 26),
        "ledger behind": world.prove(1, 7, after=901),
    }


def _documents(world: World) -> dict[bytes, Any]:
    with reading(world.site.engine) as session:
        rows = session.scalars(select(Document)).all()
    documents = [json.loads(row.body) for row in rows]
    return {jcs.event_hash(document): document for document in documents}
