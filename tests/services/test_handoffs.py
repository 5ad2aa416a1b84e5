"""Handoffs that must not be: the contract refuses each by name, and nothing is half-written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select

from ledger.chain.account import Account
from ledger.chain.message import Message
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainEvent, ChainUnit, Document, Submission
from ledger.domain import ids
from ledger.domain.contents import Codes
from ledger.domain.gs1 import with_check_digit
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.errors import Rejected
from ledger.services import act, capture, custody, mint, parties
from ledger.services.goods import packing
from ledger.services.goods.packing import Box
from ledger.services.goods.units import find_unit
from ledger.services.order import Order
from ledger.services.site import Site
from tests.support.installation import all_rows, await_mint, installation

BRAND, DISTRIBUTOR, STORE, STRANGER = (
    int(with_check_digit(f"9506000{number:05d}")) for number in (1, 2, 3, 99)
)
GTIN = with_check_digit("0950600013435")
OWN = Account(bytes([5]) * 32)  # the distributor's
CASE = 12  # items


@dataclass(frozen=True)
class World:
    """An installation, and units of the brand by name."""

    site: Site
    units: Mapping[str, bytes]

    def message(self, verb: Verb, unit: str, args: Mapping[str, Any], **changes: Any) -> Message:
        """Return the message of a handoff over the unit's newest head, or with `changes`."""
        site, given = self.site, {**args, "eventHash": NO_EVENT_HASH}
        with reading(site.engine) as session:
            right = capture.compose(
                session, site.network, verb, self.units[unit], given, site.clock() + 3600
            )
        return replace(right, **changes)

    def ask(self, message: Message, signer: Account) -> None:
        """Ask the contract about a message."""
        data = message.call([act.sign(self.site, message, signer)])
        capture.ask(self.site.rpc, self.site.network, self.site.relay.address, data)


def sscc(number: int) -> str:
    return with_check_digit(f"0950600{number:010d}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with installation(tmp_path_factory.mktemp("home")) as made:
        _register(made.site)
        yield World(made.site, _units(made.site))


def _register(site: Site) -> None:
    own = {"account": OWN.address, "key_mode": KeyMode.OWN}
    new = (
        parties.NewParty(BRAND, "B", "乙", Role.BRAND | Role.OPERATOR, prefix="9506000"),
        parties.NewParty(DISTRIBUTOR, "D", "丁", Role.DISTRIBUTOR, **own),
        parties.NewParty(STORE, "S", "店", Role.STORE),
    )
    act.settled(site, [parties.register(site, party, f"party {party.party}")[1] for party in new])
    # The store has cancelled what it had signed in its first era.
    args = {"actor": STORE, "eventHash": NO_EVENT_HASH}
    act.settled(site, [act.act(site, Order(Verb.CANCEL, STORE, STORE, args, "cancel"))])


def _units(site: Site) -> dict[str, bytes]:
    """One unit for each state that a handoff can meet."""
    batch = await_mint(site, mint.order_codes(site, BRAND, GTIN, 5 * CASE, "codes"))
    units: dict[str, bytes] = {}

    def pack(name: str, number: int, *inside: Codes | Box | bytes) -> int:
        units[name], row = packing.pack(site, BRAND, Box(sscc(number), inside), f"pack {name}")
        return row

    cases = [Codes(batch, place * CASE, (place + 1) * CASE) for place in range(5)]
    alone = ("here", "on its way", "arrived", "inside")
    act.settled(site, [pack(name, place, cases[place]) for place, name in enumerate(alone)])
    nested = Box(sscc(4), [cases[4]])
    act.settled(site, [pack("pallet", 50, units["inside"], nested)])
    with reading(site.engine) as session:
        units["never alone"] = find_unit(site, session, sscc(4)).id
    away = [units["on its way"], units["arrived"]]
    act.settled(site, [custody.ship(site, BRAND, DISTRIBUTOR, away, "ship two")])
    got = custody.receive(site, DISTRIBUTOR, BRAND, [units["arrived"]], "receive one", OWN)
    act.settled(site, [got])
    return units


Attempt = Callable[[World], object]


def ship(actor: int, to: int, unit: str, signer: Account | None = None) -> Attempt:
    """A shipment through the service."""
    return lambda world: custody.ship(world.site, actor, to, [world.units[unit]], "attempt", signer)


def receive(actor: int, sender: int, unit: str, signer: Account | None = None) -> Attempt:
    """A receipt through the service."""
    return lambda world: custody.receive(
        world.site, actor, sender, [world.units[unit]], "attempt", signer
    )


def late(world: World) -> None:
    """Signed in time, relayed after its deadline."""
    args = {"actor": BRAND, "to": STORE}
    message = world.message(Verb.SHIP, "here", args, deadline=world.site.clock() - 60)
    world.ask(message, world.site.signer(BRAND))


def over_an_old_head(world: World) -> None:
    """Signed by the distributor before the unit was shipped to it."""
    unit = world.units["arrived"]
    with reading(world.site.engine) as session:
        packed = session.scalars(
            select(ChainEvent).where(
                ChainEvent.subject == ids.subject("unit", unit), ChainEvent.seq == 1
            )
        ).one()
    args = {"actor": DISTRIBUTOR, "to": STORE}
    world.ask(world.message(Verb.SHIP, "arrived", args, head=packed.head, seq=1), OWN)


def of_a_cancelled_era(world: World) -> None:
    """Signed by the store before it cancelled what it had signed."""
    args = {"actor": STORE, "from": BRAND}
    message = world.message(Verb.RECEIVE_FROM, "on its way", args, era=0)
    world.ask(message, world.site.signer(STORE))


def two_of_which_one_has_gone(world: World) -> None:
    """A despatch advice is all or nothing."""
    both = [world.units["here"], world.units["on its way"]]
    custody.ship(world.site, BRAND, STORE, both, "attempt")


ATTEMPTS: dict[str, tuple[str, Attempt]] = {
    "under another party's key": ("WrongSigner", ship(BRAND, STORE, "here", OWN)),
    "by who does not hold it": ("NotHolder", ship(DISTRIBUTOR, STORE, "here", OWN)),
    "of what it has not received yet": (
        "NotHolder",
        ship(DISTRIBUTOR, STORE, "on its way", OWN),
    ),
    "to an unregistered party": ("UnknownParty", ship(BRAND, STRANGER, "here")),
    "by an unregistered party": ("UnknownParty", ship(STRANGER, STORE, "here", OWN)),
    "to itself": ("ToSelf", ship(BRAND, BRAND, "here")),
    "shipped twice": ("UnitInTransit", ship(BRAND, STORE, "on its way")),
    "received twice": ("UnitNotInTransit", receive(DISTRIBUTOR, BRAND, "arrived", OWN)),
    "received before it was shipped": (
        "UnitNotInTransit",
        receive(DISTRIBUTOR, BRAND, "here", OWN),
    ),
    "received by another": ("NotAddressee", receive(STORE, BRAND, "on its way")),
    "received from another": ("NotFrom", receive(DISTRIBUTOR, STORE, "on its way", OWN)),
    "of a unit inside another": ("UnitInside", ship(BRAND, STORE, "inside")),
    "of a unit that was never alone": ("UNKNOWN_UNIT", ship(BRAND, STORE, "never alone")),
    "of several, one gone": ("UnitInTransit", two_of_which_one_has_gone),
    "after its deadline": ("DeadlinePassed", late),
    "over an old head": ("StaleHead", over_an_old_head),
    "of a cancelled era": ("EraCancelled", of_a_cancelled_era),
}


@pytest.mark.parametrize(("name", "attempt"), ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_a_bad_handoff_is_refused_by_name(world: World, name: str, attempt: Attempt) -> None:
    """With a sentence for people, and every table as it was."""
    before = all_rows(world.site)
    with pytest.raises(Rejected) as refusal:
        attempt(world)
    assert refusal.value.code == name
    assert refusal.value.message.endswith(".")
    assert all_rows(world.site) == before


def test_a_handoff_overtaken_on_its_way_is_refused_too(world: World) -> None:
    """One that was good when it was kept: the unit stays, and the party is to sign again."""
    site, unit = world.site, world.units["here"]
    args = {"actor": BRAND, "to": STORE}
    late = world.message(Verb.SHIP, "here", args, deadline=site.clock() - 60)
    data = late.call([act.sign(site, late, site.signer(BRAND))])
    before = _unit(site, unit)
    with transaction(site.engine) as session:
        kept = capture.keep(
            session,
            key="overtaken",
            brand=BRAND,
            actor=BRAND,
            verb=Verb.SHIP,
            subject=ids.subject("unit", unit),
            data=data,
            asked=capture.asked_of(Verb.SHIP, args),
            deadline=site.clock() - 60,
            now=site.clock(),
        )
    with pytest.raises(Rejected) as refusal:
        act.settled(site, [kept.id])
    row = act.state_of(site, kept.id)
    assert refusal.value.code == row.error == "DeadlinePassed"
    assert row.state == "NEEDS_SIGNATURE"
    assert _unit(site, unit) == before


def _unit(site: Site, unit: bytes) -> tuple[object, ...]:
    with reading(site.engine) as session:
        row = session.get(ChainUnit, unit)
        assert row is not None
        return (row.holder, row.addressee, row.state, row.seq, row.head)


def test_the_same_request_twice_is_one(world: World) -> None:
    """Under one idempotency key the second answer is the first; another request is refused."""
    site, pallet = world.site, [world.units["pallet"]]
    first = custody.ship(site, BRAND, DISTRIBUTOR, pallet, "ship pallet")
    act.settled(site, [first])
    with reading(site.engine) as session:
        documents = len(session.scalars(select(Document)).all())
    assert custody.ship(site, BRAND, DISTRIBUTOR, pallet, "ship pallet") == first
    with pytest.raises(Rejected) as refusal:
        custody.receive(site, DISTRIBUTOR, BRAND, pallet, "ship pallet", OWN)
    assert refusal.value.code == "KEY_REUSED"
    with reading(site.engine) as session:
        keys = select(Submission).where(Submission.key == "ship pallet")
        assert len(session.scalars(keys).all()) == 1
        assert len(session.scalars(select(Document)).all()) == documents


def test_requests_by_a_partys_own_key_are_told_apart_too(world: World) -> None:
    """Under one idempotency key: to somebody else, or with another unit, is another request."""
    site, units = world.site, [world.units["arrived"]]
    first = custody.ship(site, DISTRIBUTOR, STORE, units, "onward", OWN)
    assert custody.ship(site, DISTRIBUTOR, STORE, units, "onward", OWN) == first
    act.settled(site, [first])
    assert custody.ship(site, DISTRIBUTOR, STORE, units, "onward", OWN) == first
    before = all_rows(site)
    for to, sent in ((BRAND, units), (STORE, [*units, world.units["here"]])):
        with pytest.raises(Rejected) as refusal:
            custody.ship(site, DISTRIBUTOR, to, sent, "onward", OWN)
        assert refusal.value.code == "KEY_REUSED"
    assert all_rows(site) == before
