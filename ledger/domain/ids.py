"""Identity on chain: parties, EPCs, units, lots, subjects, and the head that chains a history.

Formats "Identity on chain" and "History". Party ids are uint64: the value of a GLN, or a number
that the ledger assigned from 10¹³ up.
"""

from __future__ import annotations

import hmac
from typing import Literal
from urllib.parse import quote

from ledger.domain import abi
from ledger.domain.gs1 import gln, gtin14, sscc
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

FIRST_ASSIGNED_PARTY = 10**13
SubjectKind = Literal["unit", "batch", "lot", "item", "claim", "party", "registry", "log"]

_MAX_UINT64 = (1 << 64) - 1
_EPC_BASE = "https://id.gs1.org"
_HEAD_TAG = "touchstone-head/1"


def party_id(text: str) -> int:
    """Return the party that `text` names: a GLN of 13 digits, or an assigned number from 10¹³ up.

    Raises Rejected MALFORMED or BAD_CHECK_DIGIT.
    """
    if len(text) <= 13:
        return int(gln(text))
    if not (text.isascii() and text.isdigit() and text[0] != "0" and int(text) <= _MAX_UINT64):
        raise Rejected("MALFORMED", f"A party is a GLN or a number from 10^13 up, not '{text}'.")
    return int(text)


def party_text(party: int) -> str:
    """Return how a party is written: the 13 digits of its GLN, or its assigned number."""
    return f"{party:013d}"


def is_gln(party: int) -> bool:
    """Say whether the party is known by a GLN (and not by a number that the ledger assigned)."""
    return party < FIRST_ASSIGNED_PARTY


def item_epc(gtin: str, serial: str) -> str:
    """Return the canonical EPC of an item; gtin of 8 to 14 digits, raises as `gtin14`."""
    return f"{_EPC_BASE}/01/{gtin14(gtin)}/21/{quote(serial, safe='')}"


def sscc_epc(text: str) -> str:
    """Return the canonical EPC of a logistic unit; raises as `gs1.sscc`."""
    return f"{_EPC_BASE}/00/{sscc(text)}"


def unit_salt(unit_key: bytes, epc: str) -> bytes:
    """Return the salt of a unit: HMAC-SHA-256(the creator's 32-byte unit key, EPC)."""
    return hmac.digest(unit_key, epc.encode("ascii"), "sha256")


def epc_hash(salt: bytes, epc: str) -> bytes:
    """Return keccak(salt32 ‖ EPC as ASCII), what the chain sees of an EPC."""
    return keccak(abi.bytes32(salt) + epc.encode("ascii"))


def unit_id(creator: int, hashed_epc: bytes) -> bytes:
    """Return keccak(abi(uint64 creator, bytes32 hashed_epc)), hashed_epc as `epc_hash` gives it."""
    return keccak(abi.encode(abi.uint(creator, 64), abi.bytes32(hashed_epc)))


def lot_id(gtin: int, lot: str) -> bytes:
    """Return keccak(abi(uint64 gtin, string lot))."""
    return keccak(abi.encode(abi.uint(gtin, 64), lot))


def claim_id(batch: int, index: int) -> int:
    """Return the number of an inner code's claim: batch (31 bits) · 2³² + index (32 bits)."""
    return batch << 32 | index


def subject(kind: SubjectKind, identity: bytes | int) -> bytes:
    """Return keccak(abi(string kind, bytes32 id)): what a history belongs to.

    identity: unit id or leaf (32 bytes); batch or lot number, `claim_id` or party id; 0 for
    registry and log.
    """
    word = abi.uint(identity) if isinstance(identity, int) else abi.bytes32(identity)
    return keccak(abi.encode(kind, word))


def first_head(chain_id: int, contract: bytes, subject_id: bytes) -> bytes:
    """Return head₀ of a subject, before its first event. contract: 20 bytes.

    keccak(abi(string "touchstone-head/1", uint256 chainId, address contract, bytes32 subject)).
    """
    return keccak(
        abi.encode(_HEAD_TAG, abi.uint(chain_id), abi.address(contract), abi.bytes32(subject_id))
    )


def next_head(
    head: bytes,
    seq: int,
    verb: int,
    actor: int,
    counterparty: int,
    args_hash: bytes,
    event_hash: bytes,
    signer: bytes,
    key_mode: int,
    time: int,
) -> bytes:
    """Return the head after one more event, each field in a word of its own.

    seq counts from 1; actor and counterparty are party ids; args_hash is the EIP-712 hashStruct of
    the verb's arguments; signer has 20 bytes; time is the block's, in unix seconds.
    """
    return keccak(
        abi.encode(
            abi.bytes32(head),
            abi.uint(seq, 64),
            abi.uint(verb, 8),
            abi.uint(actor, 64),
            abi.uint(counterparty, 64),
            abi.bytes32(args_hash),
            abi.bytes32(event_hash),
            abi.address(signer),
            abi.uint(key_mode, 8),
            abi.uint(time, 64),
        )
    )
