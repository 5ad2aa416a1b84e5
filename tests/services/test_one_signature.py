"""What one signature may cover: verbs of one actor on one unit, and lists of which some have moved.

A group is all or nothing. Of a list whose signer lets it, what moves before it lands is skipped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from ledger.chain.account import Account
from ledger.chain.message import GroupMessage, ListMessage
from ledger.chain.rpc import HttpRpc
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainEvent, Document, Submission, UnitName
from ledger.domain import ids, jcs
from ledger.domain.contents import Codes
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import Verb
from ledger.errors import Rejected, Unavailable
from ledger.services import act, capture, custody, moved, relaying
from ledger.services.goods import packing
from ledger.services.goods.packing import Box
from ledger.services.order import Order
from tests.chain.test_rpc import answering
from tests.services.verb_world import (
    BOUND,
    BOUND_LOT,
    BRAND,
    CASE,
    DISTRIBUTOR,
    LOT,
    OWN,
    REGULATOR,
    STORE,
    World,
    check_projection,
    open_world,
)

IN_TRANSIT = 2
STRANGER = int(with_check_digit("950600000099"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One ledger for all tests here, each with goods of its own."""
    with open_world(tmp_path_factory.mktemp("home")) as opened:
        yield opened


def box(world: World, lot: str | None = LOT) -> Box:
    """Return a case of three items of a lot that are in no other."""
    world.packed += 1
    codes = Codes(world.batch, world.free[lot], world.free[lot] + CASE)
    world.free[lot] += CASE
    return Box(with_check_digit(f"0950600{world.packed:010d}"), [codes], lot)


def events(world: World, unit: bytes) -> list[ChainEvent]:
    """Return the history of a unit."""
    query = select(ChainEvent).where(ChainEvent.subject == ids.subject("unit", unit))
    with reading(world.site.engine) as session:
        return list(session.scalars(query.order_by(ChainEvent.seq)))


def state(world: World, submission: int, *states: str) -> Submission:
    """Wait until a submission is in one of these states, and waits for nobody here."""
    end = time.monotonic() + 20
    row = act.state_of(world.site, submission)
    while row.state not in states and time.monotonic() < end:
        time.sleep(0.02)
        row = act.state_of(world.site, submission)
    return row


def skipped(world: World, submission: int) -> list[bytes]:
    """Return the units that the contract skipped of a list."""
    with reading(world.site.engine) as session:
        return moved.skipped(session, act.state_of(world.site, submission))


# ---------------------------------------------------------------------------------------- groups


def test_a_unit_is_packed_and_sent_by_one_signature(world: World) -> None:
    """Two events of one transaction, each over the document whose hash it has."""
    site, case = world.site, box(world)
    unit, row = packing.pack(site, BRAND, case, "packed and sent", ship_to=DISTRIBUTOR)
    world.settle(row)
    assert world.unit(unit) == (BRAND, DISTRIBUTOR, IN_TRANSIT)
    packed, shipped = events(world, unit)
    assert [packed.verb, shipped.verb] == [Verb.PACK, Verb.SHIP]
    assert packed.transaction_hash == shipped.transaction_hash
    with reading(site.engine) as session:
        hashes = [event.event_hash for event in (packed, shipped)]
        documents = [json.loads(session.get_one(Document, each).body) for each in hashes]
    assert [jcs.event_hash(document) for document in documents] == hashes
    steps = [document["bizStep"] for document in documents]
    assert steps == ["packing", "shipping"]
    check_projection(world)


def test_the_same_group_twice_is_one(world: World) -> None:
    """Under one idempotency key; to somebody else, or to nobody, is another request."""
    site, case = world.site, box(world)
    first = packing.pack(site, BRAND, case, "twice", ship_to=STORE)
    assert packing.pack(site, BRAND, case, "twice", ship_to=STORE) == first
    world.settle(first[1])
    assert packing.pack(site, BRAND, case, "twice", ship_to=STORE) == first
    for other in (DISTRIBUTOR, None):
        world.refuses(
            "KEY_REUSED",
            lambda to=other: packing.pack(site, BRAND, case, "twice", ship_to=to),  # type: ignore[misc]
        )


@pytest.mark.parametrize(
    ("to", "lot", "code"),
    [
        (BRAND, LOT, "ToSelf"),
        (STRANGER, LOT, "UnknownParty"),
        (DISTRIBUTOR, BOUND_LOT, "MarketRefused"),
    ],
)
def test_what_cannot_be_sent_is_not_packed(world: World, to: int, lot: str, code: str) -> None:
    """By the contract's name, and the goods are free as before."""
    site, case = world.site, box(world, lot)
    world.refuses(code, lambda: packing.pack(site, BRAND, case, f"not {code}", ship_to=to))
    world.settle(packing.pack(site, BRAND, case, f"only packed {code}")[1])


def test_a_key_file_packs_and_sends_by_one_signature(world: World) -> None:
    """As a hosted key does; nobody here could sign it again."""
    site, case = world.site, box(world, None)
    unit, row = packing.pack(site, DISTRIBUTOR, case, "by key file", OWN, STORE)
    world.settle(row)
    assert world.unit(unit) == (DISTRIBUTOR, STORE, IN_TRANSIT)
    assert act.state_of(site, row).order is None
    assert [event.signer for event in events(world, unit)] == [OWN.address] * 2


def through(world: World, unit: bytes, actor: int, to: int) -> Order:
    """Return the order of receiving a unit from the brand and sending it on."""
    got = custody.order_handoff(world.site, Verb.RECEIVE_FROM, actor, BRAND, [unit], "")
    sent = custody.order_handoff(world.site, Verb.SHIP, actor, to, [unit], "")
    return replace(got, then=(sent,))


def test_a_hosted_key_signs_a_stale_group_again(world: World) -> None:
    """Sent, taken back and sent again before it lands, the unit is still received and sent on."""
    site, unit = world.site, world.sent(STORE)
    order = replace(through(world, unit, STORE, DISTRIBUTOR), key="stale group")
    deadline = site.clock() + 3600
    with reading(site.engine) as session:
        message = capture.compose_group(session, site.network, unit, order.parts(), deadline)
    row = overtaken(world, order, message, unit, lambda: to_and_fro(world, unit, STORE))
    world.settle(row)
    assert (act.state_of(site, row).signings, world.unit(unit)) == (2, (STORE, DISTRIBUTOR, 2))
    with reading(site.engine) as session:
        for one, event in zip(order.group(), events(world, unit)[-2:], strict=True):
            assert event.event_hash == one.signed_args()["eventHash"]
            assert session.get(Document, event.event_hash) is not None


def to_and_fro(world: World, unit: bytes, to: int) -> None:
    """The brand takes a unit back and sends it again."""
    for verb in (Verb.TAKE_BACK, Verb.SHIP):
        key = f"{verb.name} {unit.hex()}"
        world.settle(custody.hand(world.site, verb, BRAND, to, [unit], key))


def overtaken(
    world: World,
    order: Order,
    message: GroupMessage | ListMessage,
    unit: bytes,
    move: Callable[[], object],
    signer: Account | None = None,
    units: Sequence[bytes] = (),
) -> int:
    """Keep what was signed before `move`, as it is kept where the move comes after the answer."""
    site = world.site
    signature = act.sign(site, message, signer or site.signer(order.actor))
    move()
    again = {} if signer else order.to_json(units)
    again |= moved.kept(message, signature if signer else None)
    with transaction(site.engine) as session:
        row = capture.keep(
            session,
            key=order.key,
            brand=BRAND,
            actor=order.actor,
            verb=order.verb,
            subject=ids.subject("unit", unit),
            data=message.call([signature]),
            asked=order.asked(units),
            deadline=message.deadline,
            now=site.clock(),
            documents=[one.document for one in order.group() if one.document is not None],
            order=again or None,
        )
        return row.id


def test_a_party_signs_a_group_with_its_own_key(world: World) -> None:
    """Received and sent on by one message; sent twice it is one, later it is stale."""
    site, unit = world.site, world.sent(DISTRIBUTOR)
    message = relaying.write(site, through(world, unit, DISTRIBUTOR, STORE))
    signed = json.loads(json.dumps(relaying.sign(message, OWN)))
    row = relaying.accept(site, signed, "own group")
    assert relaying.accept(site, signed, "own group") == row
    world.settle(row)
    assert relaying.accept(site, signed, "own group") == row
    assert world.unit(unit) == (DISTRIBUTOR, STORE, IN_TRANSIT)
    got, sent = events(world, unit)[-2:]
    with reading(site.engine) as session:
        kept = [session.get(Document, event.event_hash) for event in (got, sent)]
    assert [document is not None for document in kept] == [True, True]
    assert {event.signer for event in (got, sent)} == {OWN.address}
    world.refuses("StaleHead", lambda: relaying.accept(site, signed, "own group again"))


def test_a_device_signs_a_group_in_its_own_era(world: World) -> None:
    """The message is written for the key that will sign it."""
    site, unit = world.site, world.sent(DISTRIBUTOR)
    order, scanner = through(world, unit, DISTRIBUTOR, STORE), Account(bytes([6]) * 32)
    written = relaying.write(site, order, signer=scanner.address)
    world.refuses(
        "WrongSigner", lambda: relaying.accept(site, relaying.sign(written, scanner), "no device")
    )
    args = {"actor": DISTRIBUTOR, "key": scanner.address, "keyMode": 1}
    verbs = 1 << Verb.RECEIVE_FROM | 1 << Verb.SHIP
    term = {"verbs": verbs, "expiry": site.clock() + 3600, "limit": 2, "deviceEra": 0}
    named = {**args, **term, "eventHash": bytes(32)}
    world.do(Order(Verb.DELEGATE, DISTRIBUTOR, DISTRIBUTOR, named, "scanner"), OWN)
    written = relaying.write(site, order, signer=scanner.address)
    world.settle(relaying.accept(site, relaying.sign(written, scanner), "device"))
    assert world.unit(unit) == (DISTRIBUTOR, STORE, IN_TRANSIT)


Json = dict[str, Any]


def _part(at: int, **changes: Any) -> Callable[[Json], None]:
    return lambda message: message["parts"][at].update(changes)


def _args(at: int, **changes: Any) -> Callable[[Json], None]:
    return lambda message: message["parts"][at]["args"].update(changes)


WRONG: dict[str, tuple[str, Callable[[Json], None]]] = {
    "no part": ("BAD_MESSAGE", lambda message: message.update(parts=[])),
    "too many": ("TooManyParts", lambda message: message.update(parts=message["parts"] * 5)),
    "in another order": ("NotHolder", lambda message: message["parts"].reverse()),
    "of two actors": ("BadPart", _args(1, actor=STORE)),
    "to itself": ("ToSelf", _args(1, to=DISTRIBUTOR)),
    "of an unknown addressee": ("UnknownParty", _args(1, to=STRANGER)),
    "of a verb for one alone": ("BAD_MESSAGE", _part(1, verb=int(Verb.RETURN_TO))),
    "with another document": ("BAD_MESSAGE", _part(1, document=None)),
    "over another head": ("WrongSigner", lambda message: message.update(head="0x" + "ab" * 32)),
    "over an older event": ("StaleHead", lambda message: message.update(seq=message["seq"] - 1)),
    "too late": ("DeadlinePassed", lambda message: message.update(deadline=1)),
}


@pytest.fixture(scope="module")
def written(world: World) -> Json:
    """A message by which the distributor could receive a unit and send it on."""
    unit = world.sent(DISTRIBUTOR)
    return relaying.write(world.site, through(world, unit, DISTRIBUTOR, STORE))


@pytest.mark.parametrize(("code", "change"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_group_is_refused(
    world: World, written: Json, code: str, change: Callable[[Json], None]
) -> None:
    """By the contract's name where the contract sees it; nothing is kept of it."""
    message = json.loads(json.dumps(written))
    change(message)
    if message["head"] != written["head"]:  # a relayer may write what it likes: nobody signed it
        signed = {**relaying.sign(message, OWN), "message": written}
    else:
        signed = None

    def attempt() -> None:
        relaying.accept(world.site, signed or relaying.sign(message, OWN), f"wrong {code}")

    world.refuses(code, attempt)


def test_a_box_is_packed_by_its_packers_own_key(world: World) -> None:
    """What was signed is compared with the box, whose content is known from then on."""
    site, case, other = world.site, box(world, None), box(world, None)
    order = packing.order_pack(site, DISTRIBUTOR, case, STORE)
    signed = relaying.sign(relaying.write(site, order), OWN)

    def pack(what: Box, to: int | None) -> tuple[bytes, int]:
        return packing.pack_signed(site, DISTRIBUTOR, what, signed, "own box", to)

    for what, to in ((other, STORE), (case, BRAND), (case, None)):
        world.refuses("BAD_MESSAGE", lambda what=what, to=to: pack(what, to))  # type: ignore[misc]
    unit, row = pack(case, STORE)
    assert pack(case, STORE) == (unit, row)
    world.settle(row)
    assert world.unit(unit) == (DISTRIBUTOR, STORE, IN_TRANSIT)
    with reading(site.engine) as session:
        assert session.get_one(UnitName, unit).count == CASE
    again = replace(case, sscc=with_check_digit("0950600" + "7" * 10))
    world.refuses("TWICE_PACKED", lambda: packing.order_pack(site, DISTRIBUTOR, again))


# ----------------------------------------------------------------------------------------- lists


def cases(world: World, holder: int, count: int) -> list[bytes]:
    """Return new cases that a party holds."""
    found = []
    for _ in range(count):
        lot = LOT if world.free[LOT] + CASE <= BOUND[LOT][1] else None
        found.append(world.case(lot) if holder == BRAND else world.held(holder, lot))
    return found


def listed(
    world: World, units: Sequence[bytes], key: str, actor: int = BRAND, *, skip: bool = True
) -> tuple[Order, ListMessage]:
    """Return the order of a shipment of several units to the store, and its message."""
    site, verb, to = world.site, Verb.SHIP, STORE
    order = custody.order_handoff(site, verb, actor, to, units, key, skip)
    args, deadline = order.signed_args(), site.clock() + 3600
    with reading(site.engine) as session:
        message = capture.compose_list(session, site.network, verb, units, args, deadline, skip)
    return order, message


def elsewhere(world: World, unit: bytes, actor: int = BRAND) -> None:
    """Somebody sends a unit to the regulator."""
    signer = OWN if actor == DISTRIBUTOR else None
    key = f"elsewhere {unit.hex()}"
    world.settle(custody.ship(world.site, actor, REGULATOR, [unit], key, signer))


def test_a_unit_that_moved_before_it_is_relayed_is_skipped(world: World) -> None:
    """The others go, and the contract says which one it skipped."""
    site = world.site
    units = cases(world, DISTRIBUTOR, 3)
    order = custody.order_handoff(site, Verb.SHIP, DISTRIBUTOR, STORE, units, "", True)
    signed = relaying.sign(relaying.write(site, order, units), OWN)
    elsewhere(world, units[1], DISTRIBUTOR)
    row = relaying.accept(site, signed, "two of three")
    world.settle(row)
    assert [world.unit(unit)[1] for unit in units] == [STORE, REGULATOR, STORE]
    assert skipped(world, row) == [units[1]]
    assert relaying.accept(site, signed, "two of three") == row  # though all have moved by now
    world.refuses("StaleHead", lambda: relaying.accept(site, signed, "none of three"))


def test_a_list_that_no_transaction_carries_is_refused(world: World) -> None:
    """By its size alone, before a node is asked of all its units."""
    site, units = world.site, [n.to_bytes(32, "big") for n in range(5_000)]
    args = {"actor": DISTRIBUTOR, "to": STORE, "eventHash": bytes(32)}
    message = ListMessage(Verb.SHIP, units, units, True, 0, site.clock() + 60, args)
    world.refuses("CALL_TOO_LARGE", lambda: moved.taken(site, message, (bytes(32), bytes(32))))


def test_a_node_without_the_contract_is_asked_again(world: World) -> None:
    """One that has yet to catch up says nothing of a list."""
    units = cases(world, BRAND, 2)
    with answering(b'{"id": 0, "result": "0x"}') as url:
        behind = replace(world.site, rpc=HttpRpc(url))
        with pytest.raises(Unavailable) as caught:
            custody.ship(behind, BRAND, STORE, units, "behind")
    assert caught.value.code == "LEDGER_REFUSED"


def test_nobody_turns_skipping_on_for_the_signer(world: World) -> None:
    """A list that was signed without it is refused by name once a unit of it has moved."""
    site, units = world.site, cases(world, DISTRIBUTOR, 2)
    order = custody.order_handoff(site, Verb.SHIP, DISTRIBUTOR, STORE, units, "")
    signed = relaying.sign(relaying.write(site, order, units), OWN)
    elsewhere(world, units[0], DISTRIBUTOR)
    world.refuses("StaleHead", lambda: relaying.accept(site, signed, "all or nothing"))
    lax = {**signed, "message": {**signed["message"], "skip_stale": True}}
    world.refuses("WrongSigner", lambda: relaying.accept(site, lax, "turned on"))
    odd = {**signed, "message": {**signed["message"], "skip_stale": 1}}
    world.refuses("BAD_MESSAGE", lambda: relaying.accept(site, odd, "neither"))


def test_skipping_is_part_of_what_is_asked(world: World) -> None:
    """With it and without it are two requests; a hosted list of fresh units skips none."""
    site, units = world.site, cases(world, BRAND, 2)

    def ship(skip: bool) -> int:
        return custody.hand(site, Verb.SHIP, BRAND, STORE, units, "lenient", None, skip)

    row = ship(True)
    assert ship(True) == row
    world.settle(row)
    assert skipped(world, row) == []
    world.refuses("KEY_REUSED", lambda: ship(False))


@pytest.mark.parametrize("own", [False, True], ids=["hosted", "own key"])
def test_a_unit_that_moves_on_the_way_is_skipped(world: World, own: bool) -> None:
    """Nobody needs to sign again, also for a party whose key is not here."""
    actor, signer = (DISTRIBUTOR, OWN) if own else (BRAND, None)
    units = cases(world, actor, 3)
    order, message = listed(world, units, f"on the way {own}", actor)
    row = overtaken(
        world,
        order,
        message,
        units[0],
        lambda: elsewhere(world, units[2], actor),
        signer,
        units,
    )
    world.settle(row)
    assert act.state_of(world.site, row).signings == 2
    assert [world.unit(unit)[1] for unit in units] == [STORE, STORE, REGULATOR]
    assert skipped(world, row) == [units[2]]


def test_a_list_with_nothing_left_to_move_is_refused(world: World) -> None:
    """One fresh unit at least must remain."""
    units = cases(world, BRAND, 2)
    order, message = listed(world, units, "nothing left")

    def move() -> None:
        for unit in units:
            elsewhere(world, unit)

    row = overtaken(world, order, message, units[0], move, None, units)
    found = state(world, row, "REJECTED")
    assert (found.state, found.error) == ("REJECTED", "StaleHead")


@pytest.mark.parametrize("own", [False, True], ids=["hosted", "own key"])
def test_a_list_that_skips_nothing_goes_stale(world: World, own: bool) -> None:
    """A hosted key signs it again over the newer heads; a party with its own is asked."""
    actor, signer = (DISTRIBUTOR, OWN) if own else (BRAND, None)
    units = cases(world, actor, 2)
    order, message = listed(world, units, f"strict {own}", actor, skip=False)

    def move() -> None:
        elsewhere(world, units[1], actor)
        key = f"back {units[1].hex()}"
        row = custody.hand(world.site, Verb.TAKE_BACK, actor, REGULATOR, units[1:], key, signer)
        world.settle(row)

    row = overtaken(world, order, message, units[0], move, signer, units)
    found = state(world, row, "CONFIRMED") if not own else state(world, row, "NEEDS_SIGNATURE")
    if own:
        assert (found.error, act.asks_a_person(found)) == ("StaleHead", True)
    else:
        assert (found.signings, [world.unit(unit)[1] for unit in units]) == (2, [STORE, STORE])


def test_a_signature_that_has_expired_is_asked_for(world: World) -> None:
    """A list that may skip units is told anew of them, but not beyond its signer's deadline."""
    units = cases(world, DISTRIBUTOR, 2)
    order, message = listed(world, units, "expired", DISTRIBUTOR)
    late = replace(message, deadline=world.site.clock() - 60)
    row = overtaken(world, order, late, units[0], lambda: None, OWN, units)
    found = state(world, row, "NEEDS_SIGNATURE")
    assert (found.error, act.asks_a_person(found)) == ("DeadlinePassed", True)
    with pytest.raises(Rejected) as refusal:
        world.settle(row)
    assert refusal.value.code == "DeadlinePassed"
