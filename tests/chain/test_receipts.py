"""Receipts and transactions rebuilt from a node's JSON, against other implementations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import rlp as referee_rlp
from eth.rlp.logs import Log as RefereeLog
from eth.rlp.receipts import Receipt as RefereeReceipt
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import rlp
from ledger.chain.receipts import (
    bloom,
    encode_receipt,
    encode_transaction,
    logs_of,
    may_hold_logs_of,
    receipts_root,
    transactions_root,
)
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

from .synthetic import CONTRACT, Chain, keys, receipt

CHAIN = Path(__file__).parents[1] / "vectors" / "ethereum" / "execution-apis" / "chain.rlp"
TOPIC, OTHER = b"\x11" * 32, b"\x22" * 20
logs = st.lists(
    st.tuples(
        st.binary(min_size=20, max_size=20),
        st.lists(st.binary(min_size=32, max_size=32), max_size=4),
        st.binary(max_size=100),
    ),
    max_size=5,
)


@given(logs, st.integers(0, 4), st.booleans(), st.integers(0, 2**40))
def test_receipts_encode_as_in_py_evm(entries, kind, success, gas):
    """Every type of receipt has py-evm's bytes, its bloom computed and not believed."""
    answer = {
        **receipt(entries, gas),
        "type": hex(kind),
        "status": hex(success),
        "logsBloom": "0x" + "ff" * 256,
    }
    expected = RefereeReceipt(
        state_root=b"\x01" if success else b"",
        gas_used=gas,
        logs=[RefereeLog(a, [int.from_bytes(t, "big") for t in ts], d) for a, ts, d in entries],
    )
    prefix = bytes([kind]) if kind else b""
    assert encode_receipt(answer) == prefix + referee_rlp.encode(expected)
    assert bloom(item for a, ts, _ in entries for item in (a, *ts)) == expected.bloom


def public_blocks() -> list[list]:
    """Return [header fields, transactions, …] of each block of the public chain."""
    data, blocks = CHAIN.read_bytes(), []
    while data:
        _, _, size, start = referee_rlp.codec.consume_length_prefix(data, 0)
        blocks.append(rlp.items(rlp.decode(data[: start + size])))
        data = data[start + size :]
    return blocks


SHAPE = {
    0: "nonce gasPrice gas to value input v r s",
    1: "chainId nonce gasPrice gas to value input accessList yParity r s",
    2: "chainId nonce maxPriorityFeePerGas maxFeePerGas gas to value input accessList yParity r s",
    3: "chainId nonce maxPriorityFeePerGas maxFeePerGas gas to value input accessList "
    "maxFeePerBlobGas blobVersionedHashes yParity r s",
    4: "chainId nonce maxPriorityFeePerGas maxFeePerGas gas to value input accessList "
    "authorizationList yParity r s",
}


def to_json(item) -> dict:
    """Return the JSON that a node gives for a transaction of the public chain."""
    kind, fields = (0, item) if isinstance(item, list) else (item[0], rlp.decode(item[1:]))
    answer = {"type": hex(kind)}
    for name, value in zip(SHAPE[kind].split(), fields, strict=True):
        answer[name] = spell(name, value)
    return answer


def spell(name: str, value):
    """Spell one field as JSON-RPC does."""
    if name == "accessList":
        return [
            {"address": "0x" + a.hex(), "storageKeys": ["0x" + k.hex() for k in ks]}
            for a, ks in value
        ]
    if name == "blobVersionedHashes":
        return ["0x" + entry.hex() for entry in value]
    if name == "authorizationList":
        names = ("chainId", "address", "nonce", "yParity", "r", "s")
        return [
            {part: spell(part, x) for part, x in zip(names, entry, strict=True)} for entry in value
        ]
    if name in ("to", "input", "address"):
        return None if name == "to" and not value else "0x" + value.hex()
    return hex(int.from_bytes(value, "big"))


def test_every_transaction_of_the_public_chain_comes_back_from_its_json():
    """249 transactions of types 0 to 4 encode to their bytes, and each block to its root."""
    kinds = set()
    for header, transactions, *_ in public_blocks():
        answers = [to_json(item) for item in transactions]
        kinds |= {answer["type"] for answer in answers}
        for item, answer in zip(transactions, answers, strict=True):
            expected = item if isinstance(item, bytes) else rlp.encode(item)
            assert encode_transaction(answer) == expected
        assert transactions_root(answers) == header[4]
    assert kinds == {"0x0", "0x1", "0x2", "0x3", "0x4"}


def block():
    """Return a sealed block of three transactions and what a node says about it."""
    chain = Chain(keys(1))
    header = chain.add(
        logs=[
            [(CONTRACT, [TOPIC], b"one"), (OTHER, [TOPIC], b"two")],
            [],
            [(OTHER, [], b"three"), (CONTRACT, [], b"four")],
        ]
    )
    return header, chain.receipts[1], chain.transactions[1]


def test_logs_come_with_their_place_and_transaction():
    """Only our contract's logs, each with its index in the block and its transaction's hash."""
    header, receipts, transactions = block()
    first, second = logs_of(header, receipts, transactions, CONTRACT)
    assert (first.data, first.topics, first.index, first.transaction_index) == (
        b"one",
        (TOPIC,),
        0,
        0,
    )
    assert (second.data, second.topics, second.index, second.transaction_index) == (
        b"four",
        (),
        3,
        2,
    )
    assert second.transaction_hash == keccak(encode_transaction(transactions[2]))
    assert receipts_root(receipts) == header.receipts_root


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("RECEIPTS_DIFFER", lambda r, t: (r[:-1], t)),
        ("RECEIPTS_DIFFER", lambda r, t: (r[::-1], t)),
        ("RECEIPTS_DIFFER", lambda r, t: ([{**r[0], "logs": r[0]["logs"][1:]}, *r[1:]], t)),
        ("RECEIPTS_DIFFER", lambda r, t: ([{**r[0], "status": "0x0"}, *r[1:]], t)),
        ("RECEIPTS_DIFFER", lambda r, t: ([{**r[0], "type": "0x1"}, *r[1:]], t)),
        ("RECEIPTS_DIFFER", lambda r, t: ([{"logs": 5}, *r[1:]], t)),
        ("RECEIPTS_DIFFER", lambda r, t: ([None, *r[1:]], t)),
        ("RECEIPTS_DIFFER", lambda r, t: (5, t)),
        ("TRANSACTIONS_DIFFER", lambda r, t: (r, t[::-1])),
        ("TRANSACTIONS_DIFFER", lambda r, t: (r, [{**t[0], "nonce": "0x9"}, *t[1:]])),
        ("TRANSACTIONS_DIFFER", lambda r, t: (r, [{**t[0], "type": "0x7f"}, *t[1:]])),
        ("TRANSACTIONS_DIFFER", lambda r, t: (r, ["0x" + "00" * 32] * 3)),
        ("TRANSACTIONS_DIFFER", lambda r, t: (r, None)),
    ],
)
def test_what_does_not_rebuild_the_roots_is_refused(code, spoil):
    """A receipt or transaction altered, dropped, moved or unreadable."""
    header, receipts, transactions = block()
    with pytest.raises(Rejected) as caught:
        logs_of(header, *spoil(receipts, transactions), CONTRACT)
    assert caught.value.code == code


def test_a_block_with_fewer_transactions_than_receipts_is_refused():
    """Both roots may be sealed and still not belong together."""
    header, receipts, transactions = block()
    odd = replace(header, transactions_root=transactions_root(transactions[:2]))
    with pytest.raises(Rejected) as caught:
        logs_of(odd, receipts, transactions[:2], CONTRACT)
    assert caught.value.code == "TRANSACTIONS_DIFFER"


def test_the_bloom_says_where_there_is_nothing():
    """A header whose bloom lacks a bit of our address holds no log of ours."""
    header, _, _ = block()
    assert may_hold_logs_of(header, CONTRACT)
    assert not may_hold_logs_of(header, b"\x33" * 20)
    assert not may_hold_logs_of(replace(header, logs_bloom=bytes(256)), CONTRACT)
