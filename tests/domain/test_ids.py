"""Ids, subjects and heads, against eth_abi and frozen vectors."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import ids
from ledger.domain.keccak import keccak
from ledger.errors import Rejected
from tests.domain.frozen import load, raw, rows

HASHES = st.binary(min_size=32, max_size=32)
UINT64 = st.integers(0, 2**64 - 1)
EVENT_TYPES = ["bytes32", "uint64", "uint8", "uint64", "uint64"]
EVENT_TYPES += ["bytes32", "bytes32", "address", "uint8", "uint64"]


@pytest.mark.parametrize("row", rows("touchstone/ids"), ids=lambda row: row["epc"])
def test_frozen_units(row: dict) -> None:
    """EPC, salt, EPC hash and unit id are the frozen ones."""
    epc = ids.sscc_epc(row["sscc"]) if "sscc" in row else ids.item_epc(row["gtin"], row["serial"])
    assert epc == row["epc"]
    salt = ids.unit_salt(raw(row["unitKey"]), epc)
    assert salt == raw(row["salt"])
    assert ids.epc_hash(salt, epc) == raw(row["epcHash"])
    words = encode(["uint64", "bytes32"], [int(row["creator"]), raw(row["epcHash"])])
    assert raw(row["unitId"]) == keccak(words)
    assert ids.unit_id(int(row["creator"]), raw(row["epcHash"])) == raw(row["unitId"])


@pytest.mark.parametrize("row", load("touchstone/ids")["lots"], ids=lambda row: row["lot"])
def test_frozen_lots(row: dict) -> None:
    """Lot ids are the frozen ones, for lots of no, one and two words."""
    assert ids.lot_id(int(row["gtin"]), row["lot"]) == raw(row["lotId"])
    assert keccak(encode(["uint64", "string"], [int(row["gtin"]), row["lot"]])) == raw(row["lotId"])


@pytest.mark.parametrize("row", rows("touchstone/subjects"), ids=lambda row: row["kind"])
def test_frozen_subjects(row: dict) -> None:
    """Subjects are the frozen ones, from bytes or from a number."""
    assert ids.subject(row["kind"], raw(row["id"])) == raw(row["subject"])
    assert keccak(encode(["string", "bytes32"], [row["kind"], raw(row["id"])])) == raw(
        row["subject"]
    )
    if "number" in row:
        assert ids.subject(row["kind"], int(row["number"])) == raw(row["subject"])


@pytest.mark.parametrize("row", rows("touchstone/head"), ids=lambda row: row["subject"][:10])
def test_frozen_heads(row: dict) -> None:
    """Each history's heads are the frozen ones, from its first on."""
    head = ids.first_head(int(row["chainId"]), raw(row["contract"]), raw(row["subject"]))
    assert head == raw(row["head0"])
    for event in row["events"]:
        head = ids.next_head(
            head,
            seq=int(event["seq"]),
            verb=int(event["verb"]),
            actor=int(event["actor"]),
            counterparty=int(event["counterparty"]),
            args_hash=raw(event["argsHash"]),
            event_hash=raw(event["eventHash"]),
            signer=raw(event["signer"]),
            key_mode=int(event["keyMode"]),
            time=int(event["time"]),
        )
        assert head == raw(event["head"])


@given(HASHES, UINT64, st.integers(0, 255), UINT64, UINT64, HASHES, HASHES, st.integers(0, 255))
def test_heads_are_eth_abis_encoding(
    head: bytes, seq: int, verb: int, actor: int, other: int, args: bytes, event: bytes, mode: int
) -> None:
    """Any event's head is keccak of abi.encode of its ten fields."""
    signer = args[:20]
    fields = [head, seq, verb, actor, other, args, event, signer, mode, 1_790_000_000]
    assert ids.next_head(*fields) == keccak(encode(EVENT_TYPES, fields))


@given(st.integers(0, 2**256 - 1), st.binary(min_size=20, max_size=20), HASHES)
def test_first_heads_are_eth_abis_encoding(chain_id: int, contract: bytes, subject: bytes) -> None:
    """Any subject's first head is keccak of abi.encode of tag, chain, contract and subject."""
    types = ["string", "uint256", "address", "bytes32"]
    words = encode(types, ["touchstone-head/1", chain_id, contract, subject])
    assert ids.first_head(chain_id, contract, subject) == keccak(words)


@pytest.mark.parametrize(
    ("text", "party", "gln"),
    [
        ("9506000134352", 9506000134352, True),
        ("0614141000012", 614141000012, True),
        ("10000000000000", 10**13, False),
        (str(2**64 - 1), 2**64 - 1, False),
    ],
)
def test_parties_are_glns_or_assigned_numbers(text: str, party: int, gln: bool) -> None:
    """A party is read, written back and told apart."""
    assert ids.party_id(text) == party
    assert ids.party_text(party) == text
    assert ids.is_gln(party) == gln


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9506000134353",
        "950600013435",
        "09506000134352",
        str(2**64),
        "1e13000000000000",
        "²" * 14,
    ],
)
def test_what_is_no_party_is_refused(text: str) -> None:
    """A wrong check digit, other lengths, GTIN-14s and numbers over 64 bits are no parties."""
    with pytest.raises(Rejected) as refusal:
        ids.party_id(text)
    assert refusal.value.code in ("MALFORMED", "BAD_CHECK_DIGIT")
