"""What a block holds, rebuilt from a node's JSON and judged by the roots in its header.

Nothing that a node says about a receipt or a transaction is believed: it is encoded again, the
bloom computed again, and the root compared. Source: EIP-2718 (types), 2930, 1559, 4844, 7702.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ledger.chain import rlp
from ledger.chain.header import Header
from ledger.chain.trie import ordered_root
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

Json = Mapping[str, Any]

# The signed fields of a transaction by type, in the order of the encoding; `v` is yParity from
# type 1 on, and both spellings are read.
_ACCESS = ("nonce", "gasPrice", "gas", "to", "value", "input")
_MARKET = ("nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input")
_SEAL = ("v", "r", "s")
_TRANSACTION: dict[int, tuple[str, ...]] = {
    0: (*_ACCESS, *_SEAL),
    1: ("chainId", *_ACCESS, "accessList", *_SEAL),
    2: ("chainId", *_MARKET, "accessList", *_SEAL),
    3: ("chainId", *_MARKET, "accessList", "maxFeePerBlobGas", "blobVersionedHashes", *_SEAL),
    4: ("chainId", *_MARKET, "accessList", "authorizationList", *_SEAL),
}
_AUTHORIZATION = ("chainId", "address", "nonce", "v", "r", "s")
_STRINGS = frozenset({"to", "input", "address"})


@dataclass(frozen=True)
class Log:
    """An event of a sealed block; every field follows from the block's roots.

    index: position among all logs of the block. transaction_index, transaction_hash: its origin.
    """

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    index: int
    transaction_index: int
    transaction_hash: bytes


def encode_receipt(receipt: Json) -> bytes:
    """Return the bytes of a receipt (types 0 to 4) as the receipts trie holds them."""
    return _receipt(receipt, _bloom(_logs(receipt)))


def receipts_root(receipts: Sequence[Json]) -> bytes:
    """Return the root over a whole block's receipts, in their order."""
    return ordered_root([encode_receipt(receipt) for receipt in receipts])


def encode_transaction(transaction: Json) -> bytes:
    """Return the signed bytes of a transaction (types 0 to 4); their hash is its hash."""
    kind = int(transaction.get("type", "0x0"), 16)
    body = rlp.encode([_field(transaction, name, kind) for name in _TRANSACTION[kind]])
    return bytes((kind,)) + body if kind else body


def transactions_root(transactions: Sequence[Json]) -> bytes:
    """Return the root over a whole block's transactions, in their order."""
    return ordered_root([encode_transaction(transaction) for transaction in transactions])


def bloom(addresses_and_topics: Iterable[bytes]) -> int:
    """Return the 2048-bit filter with three bits for each string (yellow paper, 4.3.1)."""
    bits = 0
    for item in addresses_and_topics:
        bits |= _bloom_bits(item)
    return bits


def may_hold_logs_of(header: Header, address: bytes) -> bool:
    """Whether the sealed bloom has all bits of `address`; False proves that it emitted nothing."""
    bits = _bloom_bits(address)
    return int.from_bytes(header.logs_bloom, "big") & bits == bits


def logs_of(
    header: Header, receipts: Sequence[Json], transactions: Sequence[Json], address: bytes
) -> tuple[Log, ...]:
    """Return the logs that `address` emitted in a block, in order, checked against its header.

    receipts, transactions: the whole block's, as a node answers them. The header must be sealed.
    Raises Rejected: RECEIPTS_DIFFER, TRANSACTIONS_DIFFER (also for what cannot be read at all).
    """
    try:
        logs = [_logs(receipt) for receipt in receipts]
        blooms = [_bloom(entries) for entries in logs]
        encoded = [_receipt(r, bits) for r, bits in zip(receipts, blooms, strict=True)]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _differ("receipts", header) from None
    if ordered_root(encoded) != header.receipts_root:
        raise _differ("receipts", header)
    try:
        hashes, root = _hashes(transactions)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _differ("transactions", header) from None
    if root != header.transactions_root or len(hashes) != len(logs):
        raise _differ("transactions", header)
    every = [(place, log) for place, entries in enumerate(logs) for log in entries]
    return tuple(
        Log(emitter, topics, data, index, place, hashes[place])
        for index, (place, (emitter, topics, data)) in enumerate(every)
        if emitter == address
    )


_Entry = tuple[bytes, tuple[bytes, ...], bytes]


def _logs(receipt: Json) -> list[_Entry]:
    return [
        (
            _bytes(log["address"]),
            tuple([_bytes(topic) for topic in log["topics"]]),
            _bytes(log["data"]),
        )
        for log in receipt["logs"]
    ]


def _receipt(receipt: Json, bits: int) -> bytes:
    """Encode with the computed bloom; before Byzantium the first field was a state root."""
    kind = int(receipt.get("type", "0x0"), 16)
    outcome = _bytes(receipt["root"]) if "root" in receipt else _number(receipt["status"])
    body = rlp.encode(
        [outcome, _number(receipt["cumulativeGasUsed"]), bits.to_bytes(256, "big"), _logs(receipt)]
    )
    return bytes((kind,)) + body if kind else body


def _bloom(logs: Iterable[_Entry]) -> int:
    return bloom(item for address, topics, _ in logs for item in (address, *topics))


@lru_cache(maxsize=4096)  # the same contract and event names all the time
def _bloom_bits(item: bytes) -> int:
    digest = keccak(item)
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits


def _hashes(transactions: Sequence[Json]) -> tuple[list[bytes], bytes]:
    encoded = [encode_transaction(transaction) for transaction in transactions]
    return [keccak(data) for data in encoded], ordered_root(encoded)


def _field(holder: Json, name: str, kind: int) -> rlp.Item:
    if name == "accessList":
        return [
            [_bytes(entry["address"]), [_bytes(key) for key in entry["storageKeys"]]]
            for entry in holder[name]
        ]
    if name == "blobVersionedHashes":
        return [_bytes(entry) for entry in holder[name]]
    if name == "authorizationList":
        return [[_field(entry, part, kind) for part in _AUTHORIZATION] for entry in holder[name]]
    if name == "v" and kind and holder.get("yParity") is not None:
        name = "yParity"
    value = holder[name]
    if name in _STRINGS:
        return b"" if value is None else _bytes(value)  # `to` of a creation is null
    return _number(value)


def _bytes(value: str) -> bytes:
    if value[:2] != "0x":
        raise ValueError(value)
    return bytes.fromhex(value[2:])


def _number(value: str) -> bytes:
    return rlp.from_uint(int(value, 16))


def _differ(what: str, header: Header) -> Rejected:
    return Rejected(
        f"{what.upper()}_DIFFER",
        f"The node's {what} of block {header.number} do not rebuild the root in its sealed header: "
        "use another node.",
    )
