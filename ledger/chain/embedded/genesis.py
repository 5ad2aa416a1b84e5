"""The first block, in the shape of a Besu genesis file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
from eth.vm.forks.london.blocks import LondonBlockHeader

from ledger.chain.embedded import qbft
from ledger.chain.embedded.keyfile import Entropy
from ledger.domain.keccak import keccak

BLOCK_GAS_LIMIT = 10**8
"""Gas of a block: what one transaction may use at most. It bounds the time that all senders wait
for a block, and a reader's answer: the cheapest log is 375 gas and some 420 bytes of JSON."""


@dataclass(frozen=True)
class Genesis:
    """What makes this chain this chain.

    chain_id: 48 random bits, so that no signature replays between installations.
    validator: the 20-byte address that seals. timestamp: unix seconds.
    predecessor: {"chainId", "number", "hash"} of the chain that this one continues, or None.
    """

    chain_id: int
    validator: bytes
    timestamp: int
    predecessor: Mapping[str, Any] | None = None

    def vanity(self) -> bytes:
        """Return the 32 free bytes of the first extraData: keccak(JCS(predecessor)), or zeros."""
        if self.predecessor is None:
            return qbft.NO_VANITY
        return keccak(rfc8785.dumps(dict(self.predecessor)))

    def header(self) -> Any:
        """Return block 0: an empty state, no seals, nobody's reward address."""
        return LondonBlockHeader(
            difficulty=qbft.DIFFICULTY,
            block_number=0,
            gas_limit=BLOCK_GAS_LIMIT,
            timestamp=self.timestamp,
            extra_data=qbft.extra_data([self.validator], self.vanity()),
            mix_hash=qbft.MIX_HASH,
            nonce=qbft.NONCE,
            base_fee_per_gas=0,
        )

    def to_json(self) -> str:
        """Return the genesis file, readable by Besu and by `from_json`."""
        document: dict[str, Any] = {
            "config": {
                "chainId": self.chain_id,
                "londonBlock": 0,
                "zeroBaseFee": True,
                "qbft": {"epochlength": 30000, "blockperiodseconds": 1},
            },
            "nonce": "0x" + qbft.NONCE.hex(),
            "timestamp": hex(self.timestamp),
            "gasLimit": hex(BLOCK_GAS_LIMIT),
            "difficulty": hex(qbft.DIFFICULTY),
            "mixHash": "0x" + qbft.MIX_HASH.hex(),
            "coinbase": "0x" + "00" * 20,
            "baseFeePerGas": "0x0",
            "extraData": "0x" + self.header().extra_data.hex(),
            "alloc": {},
        }
        if self.predecessor is not None:
            document["predecessor"] = dict(self.predecessor)
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Genesis:
        """Return the genesis that `to_json` wrote."""
        document = json.loads(text)
        extra = bytes.fromhex(document["extraData"][2:])
        return cls(
            chain_id=document["config"]["chainId"],
            validator=qbft.validators_of(extra)[0],
            timestamp=int(document["timestamp"], 16),
            predecessor=document.get("predecessor"),
        )


def random_chain_id(entropy: Entropy) -> int:
    """Return a chain id of 48 random bits, above the ids in public use (at least 2**32)."""
    while (chain_id := int.from_bytes(entropy(6), "big")) < 2**32:
        pass
    return chain_id
