"""Trust files: when one may be used, and when a newer one is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey

from ledger.chain.header import Vote
from ledger.chain.trust import MAX_VALIDITY_S, Trust, accept_newer, check_trust, make_trust, sign
from ledger.chain.validators import Change
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

from .synthetic import Chain, address, keys

ROWS = json.loads((Path(__file__).parents[1] / "vectors/touchstone/trust.json").read_text())["rows"]
NOW = 1_750_000_000
FOUR = keys(1, 2, 3, 4)
OTHERS = keys(6, 7, 8, 9)


def trust_of(
    validators: list[PrivateKey], signers: list[PrivateKey] | None = None, **changes: Any
) -> bytes:
    """Return a trust file that names these validators, signed by them or by others."""
    made: dict[str, Any] = {
        "issued": NOW,
        "valid_until": NOW + 100 * 86_400,
        "chain_id": 1337,
        "genesis_hash": bytes(32),
        "validators": [address(key) for key in validators],
        "contract": b"\xc0" * 20,
        "layout_hash": keccak(b"layout"),
        "log_key": b"\x11" * 20,
    }
    trust = make_trust(**{**made, **changes})
    for key in validators if signers is None else signers:
        trust = sign(trust, key.secret)
    return json.dumps(trust).encode()


def refusal(data: bytes, at: int = NOW) -> str:
    """Return the code that a trust file is refused by."""
    with pytest.raises(Rejected) as error:
        check_trust(data, at)
    return error.value.code


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_frozen_trust_files(row: dict[str, Any]) -> None:
    """Each is taken or refused, by its code, at the time given."""
    if row["code"] is None:
        trust = check_trust(row["trust"].encode(), row["at"])
        assert [v.hex() for v in sorted(trust.validators)] == row["validators"]
    else:
        assert refusal(row["trust"].encode(), row["at"]) == row["code"]


def test_it_says_what_was_put_in() -> None:
    """Every member comes back as it was made."""
    found = check_trust(
        trust_of(
            FOUR,
            witnesses=[b"\2" * 20, b"\1" * 20],
            checker_urls=["https://check.example/"],
            max_age_s=86_400,
            epoch_length=100,
        ),
        NOW,
    )
    assert found == Trust(
        issued=NOW,
        valid_until=NOW + 100 * 86_400,
        max_age_s=86_400,
        chain_id=1337,
        genesis_hash=bytes(32),
        epoch_length=100,
        validators=frozenset(map(address, FOUR)),
        contract=b"\xc0" * 20,
        layout_hash=keccak(b"layout"),
        log_key=b"\x11" * 20,
        witnesses=frozenset({b"\1" * 20, b"\2" * 20}),
        checker_urls=("https://check.example/",),
        signers=frozenset(map(address, FOUR)),
    )


@pytest.mark.parametrize(("signers", "taken"), [(1, False), (2, False), (3, True), (4, True)])
def test_a_quorum_of_its_validators_signs_it(signers: int, taken: bool) -> None:
    """Three of four are enough; another's signature beside theirs is no harm and no help."""
    for more in ([], OTHERS[:1]):
        data = trust_of(FOUR, [*FOUR[:signers], *more])
        if taken:
            assert len(check_trust(data, NOW).signers) == signers + len(more)
        else:
            assert refusal(data) == "TRUST_NOT_SIGNED"


@pytest.mark.parametrize(
    ("issued", "until", "at", "code"),
    [
        (NOW, NOW + MAX_VALIDITY_S, NOW, None),
        (NOW, NOW + MAX_VALIDITY_S, NOW + MAX_VALIDITY_S, None),
        (NOW, NOW + MAX_VALIDITY_S, NOW + MAX_VALIDITY_S + 1, "TRUST_EXPIRED"),
        (NOW, NOW + MAX_VALIDITY_S + 1, NOW, "TRUST_TOO_LONG"),
        (NOW, NOW, NOW, "TRUST_TOO_LONG"),
        (NOW, NOW + 1, NOW - 1, "TRUST_NOT_YET_VALID"),
    ],
)
def test_it_has_its_time(issued: int, until: int, at: int, code: str | None) -> None:
    """From issued to valid_until, both included, and that at most 180 days apart."""
    data = trust_of(FOUR, issued=issued, valid_until=until)
    if code is None:
        assert check_trust(data, at).issued == issued
    else:
        assert refusal(data, at) == code


OLD = check_trust(trust_of(FOUR), NOW)
LATER = NOW + 86_400


def successor(
    validators: list[PrivateKey], signers: list[PrivateKey] | None = None, **changes: Any
) -> bytes:
    """Return a trust file issued a day later."""
    return trust_of(
        validators, signers, **{"issued": LATER, "valid_until": LATER + 86_400, **changes}
    )


def test_a_newer_file_is_taken_on_the_word_of_the_old_quorum() -> None:
    """Both quorums have signed it; then it may name anyone."""
    newer = successor(OTHERS, [*OTHERS, *FOUR[:3]])
    assert accept_newer(OLD, newer, (), LATER).validators == frozenset(map(address, OTHERS))


def test_a_newer_file_with_the_same_validators_is_taken() -> None:
    """The usual renewal, here with another age."""
    assert accept_newer(OLD, successor(FOUR[:4], max_age_s=60), (), LATER).max_age_s == 60


def test_a_newer_file_is_taken_after_a_proved_change_of_validators() -> None:
    """The sealed votes lead from the old set to the new one, whose quorum signed the file."""
    two, three = keys(1, 2), keys(1, 2, 3)
    (third,) = {address(k) for k in three} - {address(k) for k in two}
    chain = Chain(list(two))
    votes = tuple(chain.add(proposer=key, vote=Vote(third, True)) for key in two)
    chain.validators = three
    change = Change(votes, chain.add())
    old = check_trust(trust_of(two), NOW)
    newer = successor(three, keys(2, 3))  # one of the old two only
    assert accept_newer(old, newer, [change], LATER).validators == {address(k) for k in three}
    for changes, code in (
        ([], "TRUST_NOT_SUCCEEDED"),
        ([Change(votes[1:], change.first)], "NOT_ENOUGH_VOTES"),
    ):
        with pytest.raises(Rejected) as error:
            accept_newer(old, newer, changes, LATER)
        assert error.value.code == code


@pytest.mark.parametrize(
    ("newer", "at", "code"),
    [
        (successor(OTHERS), LATER, "TRUST_NOT_SUCCEEDED"),
        (successor(OTHERS, [*OTHERS, *FOUR[:2]]), LATER, "TRUST_NOT_SUCCEEDED"),
        (successor(OTHERS, FOUR), LATER, "TRUST_NOT_SIGNED"),
        (trust_of(FOUR), NOW, "TRUST_NOT_NEWER"),
        (successor(FOUR, chain_id=1), LATER, "TRUST_OTHER_LEDGER"),
        (successor(FOUR, contract=b"\xc1" * 20), LATER, "TRUST_OTHER_LEDGER"),
        (successor(FOUR, genesis_hash=b"\1" * 32), LATER, "TRUST_OTHER_LEDGER"),
        (successor(FOUR, layout_hash=b"\1" * 32), LATER, "TRUST_OTHER_LEDGER"),
        (successor(FOUR, epoch_length=7), LATER, "TRUST_OTHER_LEDGER"),
        (successor(FOUR), OLD.valid_until + 1, "TRUST_EXPIRED"),
        (successor(FOUR), NOW, "TRUST_NOT_YET_VALID"),
    ],
    ids=str,
)
def test_a_newer_file_that_the_old_validators_do_not_stand_behind(
    newer: bytes, at: int, code: str
) -> None:
    """Self-appointed, half signed, not newer, of another ledger, or by a pin that has expired."""
    with pytest.raises(Rejected) as error:
        accept_newer(OLD, newer, (), at)
    assert error.value.code == code
