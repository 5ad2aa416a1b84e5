"""Bundles that are accepted, and what a checker says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.chain.bundle import check
from ledger.chain.bundle_claims import PROVED, STATED
from ledger.chain.header import Vote
from ledger.domain.verdict import REASONS

from .proof_faults import FAULTS
from .proof_forge import (
    CASE,
    EXPIRED,
    INSIDE,
    LEAF_CASE,
    NO_RUN,
    NOBODY,
    PLAIN,
    RESERVED,
    VECTORS,
    Forge,
    good,
)
from .synthetic import address, keys, seal

NAMES = sorted(path.stem for path in (VECTORS / "good").glob("*.json"))
TRUST = (VECTORS / "trust.json").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_frozen_bundles_of_a_real_ledger_are_accepted(name: str) -> None:
    """Each frozen bundle is authentic; fresh at the time it was made unless the ledger lagged."""
    document = good(name)
    report = check((VECTORS / "good" / f"{name}.json").read_bytes(), TRUST, document["made"])
    assert report.exit_status == (3 if name == LEAF_CASE else 0)
    assert report.conclusion.outcome == document["verdict"]["outcome"]
    assert (report.sealed_by, report.validators, report.operator_alone) == (1, 1, True)
    assert set(report.conclusion.proved) <= PROVED.keys()
    assert set(report.conclusion.stated) <= STATED.keys()
    assert set(report.conclusion.reasons) <= REASONS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_forged_without_a_fault_is_accepted(name: str) -> None:
    """Taken apart and sealed anew it stands, so in a forged bundle only the fault can be found."""
    forge = Forge.of(name)
    assert check(forge.bundle(), forge.trust_file(), forge.at).exit_status == 0


def _recall(forge: Forge) -> None:
    forge.set("lots", [1], status=2)


def _void(forge: Forge) -> None:
    forge.set("runs", [1, 0], voided=1)


def _suspend(forge: Forge) -> None:
    forge.set("parties", [9506000134352], status=2)


def _no_dates(forge: Forge) -> None:
    forge.set("lots", [1], expiry=0, bestBefore=0)


def _no_batch_history(forge: Forge) -> None:
    forge.document["histories"] = forge.document["histories"][1:]
    forge.document["documents"] = {}
    forge.hide("batches", [1], "head")


def _no_names(forge: Forge) -> None:
    forge.document["stated"] |= {"lot": None, "product": None, "names": {}}
    forge.hide("lots", [1], "id")


def _four(forge: Forge) -> None:
    forge.validators = keys(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("change", "outcome", "claim"),
    [
        (_recall, "do_not_use", "LOT_RECALLED"),
        (_void, "do_not_use", "RUN_VOID"),
        (_suspend, "genuine", "BRAND_SUSPENDED"),
        (_no_dates, "genuine", "LOT_RELEASED"),
        (_no_batch_history, "genuine", "UNIT_HISTORY_COMPLETE"),
        (_no_names, "genuine", "LOT_BOUND"),
        (_four, "genuine", "IN_TRANSIT"),
    ],
)
def test_states_that_the_small_ledger_did_not_reach(
    change: Callable[[Forge], None], outcome: str, claim: str
) -> None:
    """Recalled, void, suspended, undated, nameless, no batch history: accepted, and said."""
    forge = Forge.of(CASE)
    change(forge)
    forge.agree()
    report = check(forge.bundle(), forge.trust_file(), forge.at)
    assert report.conclusion.outcome == outcome
    assert claim in report.conclusion.proved
    assert ("BATCH_HISTORY_COMPLETE" in report.conclusion.proved) is (
        change is not _no_batch_history
    )


def test_what_a_report_names() -> None:
    """Brand, holder and addressee with their keys, the lot, and each event with its signer."""
    report = check((VECTORS / "good" / f"{CASE}.json").read_bytes(), TRUST, good(CASE)["made"])
    found = report.conclusion
    assert found.code.brand == 9506000134352
    assert (found.custody.holder, found.custody.addressee) == (4006381333931, 4012345000009)
    assert report.lot == "L-1"
    units = [(e.seq, e.verb.name, e.key_mode) for e in found.events if e.kind == "unit"]
    assert units == [
        (1, "UNPACKED_FROM", 1),
        (2, "SHIP", 1),
        (1, "PACK", 3),
        (2, "SHIP", 3),
        (3, "RECEIVE_FROM", 1),
        (4, "UNPACK", 1),
    ]
    assert {party: p.key_mode for party, p in found.parties.items()} == {
        9506000134352: 3,
        4006381333931: 1,
        4012345000009: 3,
    }


def test_an_inner_unit_is_followed_to_the_one_around_it() -> None:
    """A case inside a pallet has the pallet's holder, and all three histories are there."""
    report = check((VECTORS / "good" / f"{INSIDE}.json").read_bytes(), TRUST, good(INSIDE)["made"])
    units = {event.identity for event in report.conclusion.events if event.kind == "unit"}
    assert len(units) == 3
    assert report.conclusion.custody.unit in units


@pytest.mark.parametrize("name", [NOBODY, RESERVED])
def test_an_unknown_code_says_what_only_the_operator_says(name: str) -> None:
    """That no key made a code is stated; that its batch is not on the ledger is proved."""
    forge = Forge.of(name)
    found = check(forge.bundle(), forge.trust_file(), forge.at).conclusion
    assert found.reasons == ("UNKNOWN_CODE",)
    assert found.proved == (() if name == NOBODY else ("BATCH_NOT_COMMISSIONED",))
    assert found.stated[0] == ("CODE_NOT_DECODED" if name == NOBODY else "CODE_DECODES_TO")


@pytest.mark.parametrize(
    ("later", "status"), [(-16, 3), (-15, 0), (0, 0), (300, 0), (301, 3), (10**6, 3)]
)
def test_fresh_and_stale_are_told_apart_from_authentic(later: int, status: int) -> None:
    """Fresh up to max_age_s after the block and 15 s before it, by a clock that is a little off."""
    forge = Forge.of(PLAIN)
    at = forge.header.timestamp + later
    report = check(forge.bundle(), forge.trust_file(), at)
    assert (report.exit_status, report.age_s) == (status, later)


def test_a_header_after_a_change_of_validators_needs_the_votes() -> None:
    """With the headers that prove the change the trusted set's successor is believed."""
    forge, old, new = Forge.of(NO_RUN), keys(1, 2, 3, 4), keys(1, 2, 3, 4, 5)
    trust = replace_validators(forge, old)
    votes, first = change_of(forge, old, new)
    forge.document["headers"]["changes"] = [
        {"votes": [hexed(v) for v in votes], "first": hexed(first)}
    ]
    forge.validators = new
    forge.header = replace(forge.header, number=first.number + 5)
    report = check(forge.bundle(), trust, forge.at)
    assert (report.sealed_by, report.validators, report.operator_alone) == (4, 5, False)
    # A newer trust file knows the change already, and the same bundle serves.
    assert check(forge.bundle(), forge.trust_file(), forge.at).validators == 5


def test_a_file_that_only_looks_different_says_the_same() -> None:
    """White space and the order of members are not facts."""
    forge = Forge.of(EXPIRED)
    shuffled = json.loads(forge.bundle())
    text = json.dumps(dict(reversed(shuffled.items())), indent=3).encode()
    assert check(text, forge.trust_file(), forge.at) == check(
        forge.bundle(), forge.trust_file(), forge.at
    )


def replace_validators(forge: Forge, validators: list) -> bytes:
    """Return the trust file that names these."""
    mine, forge.validators = forge.validators, validators
    trust = forge.trust_file()
    forge.validators = mine
    return trust


def change_of(forge: Forge, old: list, new: list) -> tuple[list, object]:
    """Return three headers voting for the fifth validator, and the first that lists it."""
    (fifth,) = {address(k) for k in new} - {address(k) for k in old}
    votes, parent = [], bytes(32)
    for number, proposer in enumerate(old[:3], 100):
        forge.validators = old
        header = replace(
            forge.sealed(replace(forge.header, number=number, parent_hash=parent)),
            coinbase=address(proposer),
        )
        extra = replace(header.extra, vote=Vote(fifth, True), seals=())
        votes.append(seal(replace(header, extra_data=extra.encode()), old[:3]))
        parent = votes[-1].hash
    forge.validators = new
    return votes, forge.sealed(replace(forge.header, number=103, parent_hash=parent))


def hexed(header: object) -> str:
    """Return a header as a bundle holds it."""
    return "0x" + header.encode().hex()


PAGE = (VECTORS.parents[3] / "docs" / "proof.md").read_text()


def test_the_page_explains_every_claim_and_every_member() -> None:
    """docs/proof.md has a row for each claim, in the checker's order, and for each member."""
    rows = re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted([*PROVED, *STATED])
    shown = [row for row in rows if row in PROVED]
    for name in NAMES:
        proved = good(name)["verdict"]["proved"]
        assert sorted(proved, key=shown.index) == proved
    members = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert good(CASE).keys() | json.loads(TRUST).keys() <= members


def test_the_page_names_every_code_that_a_fault_is_refused_by() -> None:
    """So that another checker's author can give the same codes."""
    codes = set(re.findall(r"`([A-Z_]+)`", PAGE.partition("## Codes of refusal")[2]))
    raised = {fault.code for fault in FAULTS}
    assert raised <= codes
    assert codes - raised == {"TRUST_OTHER_LEDGER", "TRUST_NOT_NEWER", "TRUST_NOT_SUCCEEDED"}
