"""History files built on a real ledger: of every kind of subject, and every lie about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ledger.chain.history_proof import TABLES, Report, Subject, check
from ledger.chain.trust import sign
from ledger.db.engine import reading
from ledger.domain import ids
from ledger.domain.verbs import Verb
from ledger.errors import Rejected, TouchstoneError
from ledger.services.act import act
from ledger.services.order import Order
from ledger.services.proving import prove_history
from tests.chain.history_lies import changes
from tests.services.history_world import (
    EXPECTED,
    OPERATOR,
    build,
    open_history_world,
    subjects,
)
from tests.services.proof_world import BRAND, GTIN, LyingNode, World

NO_FORM = ("BAD_EVENT", "BAD_VALUE", "MISSING_MEMBER", "UNKNOWN_MEMBER")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The small ledger of the proof tests, and a scan log that was anchored twice."""
    with open_history_world(tmp_path_factory.mktemp("ledger")) as opened:
        yield opened


@pytest.fixture(scope="module")
def trust(world: World) -> bytes:
    """The ledger's trust file."""
    key = bytes.fromhex((world.clock_file.parent / "node" / "validator.key").read_text())
    return json.dumps(sign(world.trust(), key)).encode()


def judge(world: World, document: Any, trust: bytes) -> Report:
    """Return what the checker says of it a minute later."""
    return check(json.dumps(document).encode(), trust, world.now + 60)


def test_the_history_of_every_kind_of_subject_is_proved(world: World, trust: bytes) -> None:
    """All events in order with their times, also that there are none at all."""
    found = {name: judge(world, build(world, s), trust) for name, s in subjects(world).items()}
    verbs = {name: " ".join(e.verb.name for e in r.events) for name, r in found.items()}
    assert verbs == EXPECTED
    assert {subject.kind for subject in subjects(world).values()} == set(TABLES)
    for report in found.values():
        times = [event.time for event in report.events]
        assert times == sorted(times)
        assert (report.head is None) is not bool(report.events)


def test_every_single_change_of_a_lying_server_is_caught(world: World, trust: bytes) -> None:
    """Events dropped, added, moved, edited in each field or redated, of every subject."""
    stranger = build(world, Subject("unit", world.units["pallet 2"]))["events"][0]
    tried = 0
    for name, subject in subjects(world).items():
        honest = build(world, subject)
        for what, lie in changes(honest, stranger):
            tried += 1
            with pytest.raises(Rejected) as refusal:
                judge(world, lie, trust)
            code = refusal.value.code
            assert code in NO_FORM or "HISTORY" in code, f"{name}: {what}"
    assert tried > 900


def test_a_history_of_one_subject_is_of_no_other(world: World, trust: bytes) -> None:
    """A whole history under another's name lacks the other's slots, with them it is another's."""
    mine, other = (build(world, Subject("unit", world.units[f"case {n}"])) for n in (1, 4))
    with pytest.raises(Rejected) as refusal:
        judge(world, {**mine, "subject": other["subject"]}, trust)
    assert refusal.value.code == "SLOT_NOT_PROVEN"
    with pytest.raises(Rejected) as refusal:
        judge(world, {**other, "events": mine["events"]}, trust)
    assert refusal.value.code == "HISTORY_DIFFERS"


def test_an_earlier_history_does_not_pass_for_the_newest(world: World, trust: bytes) -> None:
    """What was whole at one block is refused under a later header, and stale under its own."""
    subject = Subject("party", OPERATOR)
    before = build(world, subject)
    args = {"actor": OPERATOR}
    world.settle(act(world.site, Order(Verb.CANCEL, OPERATOR, OPERATOR, args, "cancel")))
    after = build(world, subject)
    assert len(after["events"]) == len(before["events"]) + 1
    for name, code in (("headers", "ACCOUNT_NOT_PROVED"), ("storage", "STORAGE_NOT_PROVED")):
        with pytest.raises(Rejected) as refusal:
            judge(world, {**before, name: after[name]}, trust)
        assert refusal.value.code == code
    newer = {name: after[name] for name in ("headers", "account_proof", "storage")}
    with pytest.raises(Rejected) as refusal:
        judge(world, {**before, **newer}, trust)
    assert refusal.value.code == "HISTORY_MISSING"


def test_nothing_is_not_believed_without_its_proof(world: World, trust: bytes) -> None:
    """A history is called empty neither without the slots nor by another's empty ones."""
    honest = build(world, Subject("unit", world.units["case 1"]))
    empty = build(world, Subject("unit", bytes(32)))
    hidden = {**honest, "events": [], "storage": {}}
    moved = dict(zip(honest["storage"], empty["storage"].values(), strict=True))
    codes = []
    for lie in (hidden, {**hidden, "storage": empty["storage"]}, {**hidden, "storage": moved}):
        with pytest.raises(Rejected) as refusal:
            judge(world, lie, trust)
        codes.append(refusal.value.code)
    assert codes == ["SLOT_NOT_PROVEN", "SLOT_NOT_PROVEN", "STORAGE_NOT_PROVED"]


def test_a_history_beyond_what_a_file_holds_is_not_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many events, or too many bytes: said, and nothing is cut off."""
    subject = Subject("batch", 1)
    for limit in ("MAX_EVENTS", "MAX_BYTES"):
        with monkeypatch.context() as patch, pytest.raises(Rejected) as refusal:
            patch.setattr(prove_history, limit, 3)
            build(world, subject)
        assert refusal.value.code == "HISTORY_TOO_LONG"


def test_a_node_that_lies_makes_no_history(world: World) -> None:
    """Two slots swap their proofs: what the checker would refuse is not handed out."""
    lying = LyingNode(
        world.site.rpc, lambda answer: {**answer, "storageProof": answer["storageProof"][::-1]}
    )
    site = replace(world.site, rpc=lying)
    with pytest.raises(TouchstoneError) as error, reading(site.engine) as session:
        prove_history.build(site, session, Subject("unit", world.units["case 1"]))
    assert error.value.code == "PROOF_REFUSED"


def test_a_subject_is_named_by_people(world: World) -> None:
    """As on the command line; what is no subject is refused."""
    cases: dict[str, Subject] = {
        "batch 1": Subject("batch", 1),
        f"party {BRAND}": Subject("party", BRAND),
        f"lot {GTIN} L-1": Subject("lot", 1),
        "lot 7": Subject("lot", 7),
        f"item https://id.example/01/{GTIN}/21/{world.serial(1, 10)}": Subject(
            "item", world.units["item"]
        ),
        f"item {GTIN} {world.serial(1, 10)}": Subject("item", world.units["item"]),
        "item 0x" + "ab" * 32: Subject("item", b"\xab" * 32),
        "claim 5 1": Subject("claim", ids.claim_id(5, 1)),
        "registry": Subject("registry", 0),
        "log": Subject("log", 0),
        "unit 0x" + "ab" * 32: Subject("unit", b"\xab" * 32),
    }
    with reading(world.site.engine) as session:
        for text, subject in cases.items():
            kind, *words = text.split()
            assert prove_history.named(world.site, session, kind, words) == subject
        for text in (
            "pallet 1",
            "unit",
            "batch x",
            "batch 2147483648",
            "log 0",
            "lot x",
            "claim 5",
        ):
            kind, *words = text.split()
            with pytest.raises(Rejected) as refusal:
                prove_history.named(world.site, session, kind, words)
            assert refusal.value.code == "BAD_SUBJECT", text
        with pytest.raises(Rejected) as refusal:
            prove_history.named(world.site, session, "lot", (GTIN, "L-9"))
        assert refusal.value.code == "UNKNOWN_LOT"
