"""Which ledger this installation works with: what the follower pins, from `network.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ledger.domain.typed_data import domain_separator
from ledger.errors import Broken, Rejected
from ledger.services.keys.sealed_file import replace_file


@dataclass(frozen=True)
class Network:
    """One contract on one chain.

    genesis_hash and contract as 0x hex; validators: those that seal from block 1 on; epoch_length:
    blocks after which validator votes are forgotten.
    """

    chain_id: int
    genesis_hash: str
    contract: str
    validators: tuple[str, ...]
    epoch_length: int = 30_000

    @property
    def address(self) -> bytes:
        """The contract's 20 bytes."""
        return bytes.fromhex(self.contract[2:])

    @property
    def domain(self) -> bytes:
        """The EIP-712 domain separator of everything that is signed for this contract."""
        return domain_separator(self.chain_id, self.address)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        replace_file(path, json.dumps(asdict(self), indent=1).encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> Network:
        """Read the file. Raises Rejected NO_LEDGER, Broken NETWORK_DAMAGED."""
        if not path.exists():
            raise Rejected(
                "NO_LEDGER", f"There is no ledger in {path.parent}: run `touchstone up` first."
            )
        try:
            found: Mapping[str, Any] = json.loads(path.read_text())
            return cls(**{**found, "validators": tuple(found["validators"])})
        except (ValueError, KeyError, TypeError) as error:
            raise Broken(
                "NETWORK_DAMAGED", f"{path} cannot be read ({error}): restore it from a backup."
            ) from None
