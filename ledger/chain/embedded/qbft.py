"""Headers in Besu's QBFT form, as the embedded node writes them.

A header is stored with no seals in its extraData, so that its plain hash is the QBFT block hash
(block-header mode: the hash leaves the seals out and sets the round to 0; our round is always 0,
so the digest that the validator signs is that same hash). The seal is kept beside the block and
put into extraData for readers. Source: Besu's QBFT header rules, docs/formats.md "Headers".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.chain import rlp

MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
"""The Istanbul digest: "ctical byzantine fault tolerance"."""
DIFFICULTY = 1
NONCE = b"\x00" * 8
NO_VANITY = b"\x00" * 32


def extra_data(
    validators: Sequence[bytes], vanity: bytes = NO_VANITY, seals: Sequence[bytes] = ()
) -> bytes:
    """Return extraData: RLP of [vanity, validators, vote (none), round (0), seals]."""
    return rlp.encode([vanity, validators, [], b"", seals])


def with_seals(unsealed: bytes, seals: Sequence[bytes]) -> bytes:
    """Return the extraData that readers see: `unsealed` with `seals` put in."""
    vanity, validators, vote, round_number, _ = rlp.items(rlp.decode(unsealed), 5)
    return rlp.encode([vanity, validators, vote, round_number, seals])


def validators_of(extra: bytes) -> list[bytes]:
    """Return the 20-byte addresses that `extra` lists."""
    validators = rlp.items(rlp.items(rlp.decode(extra), 5)[1])
    return [rlp.fixed(address, 20) for address in validators]


def commit_seal(key: Any, block_hash: bytes) -> bytes:
    """Return `key`'s seal over `block_hash`: 65 bytes, r ‖ s ‖ v with v 0 or 1."""
    seal: bytes = key.sign_msg_hash(block_hash).to_bytes()
    return seal
