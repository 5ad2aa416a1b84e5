"""Every event of the contract is known in four places: interface, verbs, decoder, follower."""

from __future__ import annotations

import re
from typing import Any

import pytest
from eth_abi.abi import encode

from ledger.chain.artifact import artifact, event_names
from ledger.chain.events import decode
from ledger.chain.receipts import Log
from ledger.domain.history import verb_of_event
from ledger.domain.keccak import keccak
from ledger.domain.verbs import SIGNINGS
from ledger.services.following.project import HANDLERS

from .repository import read

# Events that record no verb: a lot's number, a unit passed over, a part that failed.
NO_VERB = {"LotOpened", "Skipped", "PartFailed"}
EVENTS = {entry["name"]: entry for entry in artifact()["abi"] if entry["type"] == "event"}


def test_every_event_has_its_four_places() -> None:
    """The manual declares it, a verb claims it or none does, and the follower has a handler."""
    declared = set(re.findall(r"^    event (\w+)\(", read("contracts/src/ILedger.sol"), re.M))
    assert declared == event_names()
    assert {name for name in declared if verb_of_event(name) is None} == NO_VERB
    assert {signing.event for signing in SIGNINGS.values()} <= declared
    assert set(HANDLERS) == declared


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_is_decoded(name: str) -> None:
    """From a log of zeros: with the verb that it records, and number and signer as in `by`."""
    inputs = EVENTS[name]["inputs"]
    by = 7 << 168 | 2 << 160 | 0xABCDEF
    plain = [item for item in inputs if not item["indexed"]]
    values = [by if item["name"] == "by" else _zero(item) for item in plain]
    data = encode([_type(item) for item in plain], values)
    signature = f"{name}({','.join(_type(item) for item in inputs)})"
    topics = [keccak(signature.encode()), *(bytes(32) for item in inputs if item["indexed"])]
    seen = decode(Log(bytes(20), tuple(topics), data, 3, 0, bytes(32)), 5, 1_750_000_000)
    assert seen is not None
    assert (seen.name, seen.block, seen.log_index) == (name, 5, 3)
    if name in NO_VERB:
        assert seen.event is None
        return
    assert seen.event is not None
    event = seen.event
    assert (event.verb, event.seq, event.key_mode) == (verb_of_event(name), 7, 2)
    assert (event.signer, event.time) == (bytes.fromhex("abcdef".rjust(40, "0")), 1_750_000_000)
    assert len(event.head_after(bytes(32))) == 32


def _type(item: dict[str, Any]) -> str:
    kind: str = item["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(_type, item['components']))}){kind.removeprefix('tuple')}"


def _zero(item: dict[str, Any]) -> Any:
    kind: str = item["type"]
    if kind.endswith("[]"):
        return []
    if kind == "tuple":
        return tuple(_zero(part) for part in item["components"])
    if kind == "address":
        return "0x" + "00" * 20
    if kind.startswith("bytes"):
        return bytes(int(kind.removeprefix("bytes") or 0))
    return 0
