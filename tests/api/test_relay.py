"""Messages signed by a party's own key: taken from anybody, changed by nobody."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from api.limits import PER_MINUTE
from ledger.chain.account import Account
from ledger.services import relaying
from tests.api.world import BRAND, DISTRIBUTOR, KEY, RIVAL, STORE, World, asked_rows, sscc

Signed = dict[str, Any]


def pack(world: World, number: int, first: int) -> str:
    """Pack two codes; return the unit."""
    codes = {"batch": world.batch, "first": first, "to": first + 2}
    packed = world.post(
        "/v1/packs", {"actor": BRAND, "box": {"sscc": sscc(number), "inside": [codes]}}
    )
    world.settle(packed)
    return str(packed["unit"])


def pallet(world: World, number: int, first: int) -> str:
    """Pack two codes and send them to the distributor; return the unit."""
    unit = pack(world, number, first)
    world.hand("ship", BRAND, DISTRIBUTOR, unit)
    return unit


@pytest.fixture(scope="package")
def waiting(world: World) -> str:
    """A unit that the distributor could receive."""
    return pallet(world, 50, 32)


def receipt(world: World, unit: str) -> Signed:
    """Return the distributor's signed receipt of a unit."""
    body = {"verb": "receive", "actor": DISTRIBUTOR, "other": BRAND, "units": [unit]}
    signed: Signed = world.message("handoff", **body)
    return signed


def send(world: World, signed: Any, key: str = "k") -> Any:
    """Relay without any API key, as anybody may."""
    with world.phone() as client:
        return client.post("/relay", json=signed, headers={"Idempotency-Key": key})


def test_a_signed_message_is_carried_out_once(world: World) -> None:
    """Sent twice under one key it is one submission, and the unit has its new holder.

    Signed anew it is another request, and is not said to be kept.
    """
    unit = pallet(world, 51, 34)
    signed = receipt(world, unit)
    first, again = (send(world, signed, "once") for _ in range(2))
    assert (first.status_code, first.json()) == (202, again.json())
    later = {**signed["message"], "deadline": signed["message"]["deadline"] + 60}
    anew = send(world, relaying.sign(later, KEY), "once")
    assert (anew.status_code, anew.json()["title"]) == (409, "KEY_REUSED")
    world.settle(first.json())
    told = world.api.get(f"/v1/units/{unit}").json()
    assert (told["holder"], told["state"]) == (DISTRIBUTOR, 1)
    assert told["events"][-1]["signer"] == "0x" + KEY.address.hex()
    assert told["events"][-1]["key_mode"] == 1
    late = send(world, signed, "another key")
    assert (late.status_code, late.json()["title"]) == (409, "StaleHead")


def _at(path: str, value: Any) -> Callable[[Signed], None]:
    def change(signed: Signed) -> None:
        *way, last = path.split(".")
        for name in way:
            signed = signed[name]
        signed[last] = value

    return change


def _other_signer(signed: Signed) -> None:
    signed |= relaying.sign(signed["message"], Account(bytes([9]) * 32))


def _other_chain(signed: Signed) -> None:
    message = {**signed["message"], "chain_id": signed["message"]["chain_id"] + 1}
    signed |= {**relaying.sign(message, KEY), "message": signed["message"]}


def _over_an_old_head(signed: Signed) -> None:
    message = signed["message"]
    signed |= relaying.sign({**message, "head": "0x" + "ab" * 32, "seq": message["seq"] - 1}, KEY)


def _in_another_era(signed: Signed) -> None:
    signed |= relaying.sign({**signed["message"], "era": 7}, KEY)


def _too_late(signed: Signed) -> None:
    signed |= relaying.sign({**signed["message"], "deadline": 1}, KEY)


def _other_document(signed: Signed) -> None:
    signed["message"]["document"]["bizStep"] = "destroying"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_other_signer, "WrongSigner"),
        (_other_chain, "WrongSigner"),
        (_at("r", "0x" + "11" * 32), "BadSignature"),
        (_at("message.deadline", 2_000_000_000), "WrongSigner"),
        (_at("message.args.from", RIVAL), "WrongSigner"),
        (_at("message.args.actor", STORE), "WrongSigner"),
        (_at("message.args.actor", 1), "UnknownParty"),
        (_at("vs", "0x" + "00" * 32), "BadSignature"),
        (_over_an_old_head, "StaleHead"),
        (_in_another_era, "EraCancelled"),
        (_too_late, "DeadlinePassed"),
        (_other_document, "BAD_MESSAGE"),
        (_at("r", "0x11"), "BAD_MESSAGE"),
        (_at("r", "x"), "BAD_MESSAGE"),
        (_at("message.verb", 1), "BAD_MESSAGE"),
        (_at("message.verb", "SHIP"), "BAD_MESSAGE"),
        (_at("message.format", "touchstone-message/2"), "BAD_MESSAGE"),
        (_at("message.units", []), "BAD_MESSAGE"),
        (_at("message.identity", "0x00"), "BAD_MESSAGE"),
        (_at("message.identity", 1), "BAD_MESSAGE"),
        (_at("message.head", None), "BAD_MESSAGE"),
        (_at("message.seq", 2**64), "BAD_MESSAGE"),
        (_at("message.seq", -1), "BAD_MESSAGE"),
        (_at("message.deadline", 2**63), "BAD_MESSAGE"),
        (_at("message.shown.proofs", [["0x00"]]), "BAD_MESSAGE"),
        (_at("message.shown.origins", 1), "BAD_MESSAGE"),
        (_at("message.shown.code", "x"), "BAD_MESSAGE"),
        (_at("message.args", {}), "BAD_MESSAGE"),
        (_at("message.args.from", 2**64), "BAD_MESSAGE"),
        (_at("message.args.actor", -1), "BAD_MESSAGE"),
        (_at("message.document", None), "BAD_MESSAGE"),
        (_at("message", {}), "BAD_MESSAGE"),
        (_at("message", []), "INVALID_REQUEST"),
    ],
)
def test_a_changed_message_is_refused(
    world: World, waiting: str, change: Callable[[Signed], None], code: str
) -> None:
    """By the contract's name where the contract sees it; nothing is kept of it."""
    signed = copy.deepcopy(receipt(world, waiting))
    change(signed)
    before = asked_rows(world.site)
    answer = send(world, signed)
    assert (answer.json()["title"], answer.status_code) == (
        code,
        409 if code == "StaleHead" else 422,
    )
    assert asked_rows(world.site) == before


def test_a_document_that_is_too_deep_is_refused(world: World, waiting: str) -> None:
    """Nesting does not break the reader."""
    signed = receipt(world, waiting)
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    signed["message"]["document"] = {"deep": deep}
    assert send(world, signed).json()["title"] == "BAD_MESSAGE"


def test_what_no_transaction_can_carry_is_refused(world: World) -> None:
    """A proof is not signed, and an undo needs none: stuffed, the call would hold up all others."""
    item = {"actor": DISTRIBUTOR, "link": world.links[44]}
    world.settle(send(world, world.message("item", **item, state="exported"), "exported").json())
    found = world.message("item", **item, state="active")
    stuffed = copy.deepcopy(found)
    stuffed["message"]["shown"]["proofs"] = [["0x" + "ab" * 32] * 4_000]
    answer = send(world, stuffed, "stuffed")
    assert (answer.status_code, answer.json()["title"]) == (422, "CALL_TOO_LARGE")
    stuffed["message"]["shown"]["proofs"] = [["0x" + "ab" * 32] * 3_900]
    largest = send(world, stuffed, "largest")
    assert largest.status_code == 202, largest.text
    world.settle(largest.json())


def test_nobody_takes_the_place_of_a_message_to_come(world: World) -> None:
    """The same key by another party, or over something else, is no hindrance."""
    units = [pallet(world, number, 2 * number - 68) for number in (52, 53)]
    with_key = receipt(world, units[0])
    assert send(world, with_key, "Tuesday").status_code == 202
    handed = world.key(BRAND, "custody") | {"Idempotency-Key": "Tuesday"}
    own = pack(world, 54, 46)
    body = {"verb": "ship", "actor": BRAND, "other": STORE, "units": [own]}
    with world.phone() as client:
        assert client.post("/v1/handoffs", json=body, headers=handed).status_code == 202
    reused = send(world, receipt(world, units[1]), "Tuesday")
    assert (reused.status_code, reused.json()["title"]) == (409, "KEY_REUSED")
    assert send(world, receipt(world, units[1]), "Wednesday").status_code == 202


def test_the_relay_is_rationed(world: World) -> None:
    """So many messages a minute from one address, then 429."""
    with world.phone() as client:
        codes = [
            client.post("/relay", json={}, headers={"Idempotency-Key": "x"}).status_code
            for _ in range(PER_MINUTE["relay"] + 1)
        ]
    assert codes == [422] * PER_MINUTE["relay"] + [429]
