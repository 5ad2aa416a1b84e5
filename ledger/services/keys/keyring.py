"""The code keys of all brands: one wrapped file, one number series of key epochs for each brand.

Whoever holds an outer key can list every unscanned code of its epoch. So services get a
`CodeKeeper` or a `Minter` (`ledger.services.keys.keeper`) and never the ring itself.

An epoch is bound for ever to the (chain id, contract) it was opened for: a copied or restored
ledger has another chain id, finds no epoch of its own and must open one, so that no serial is made
twice.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ledger.domain import abi, code, ids
from ledger.errors import Broken, Rejected
from ledger.services.keys.sealed_file import (
    Entropy,
    Seal,
    locked,
    new_seal,
    read_sealed,
    write_sealed,
)

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class EpochKeys:
    """The keys of one brand's epoch and the ledger they are bound to. contract: 20 bytes."""

    number: int
    chain_id: int
    contract: bytes
    outer: bytes = field(repr=False)
    inner: bytes = field(repr=False)

    def commitment(self) -> bytes:
        """Return what `openEpoch` puts on chain.

        HMAC-SHA-256(outer key, "touchstone-epoch/1" ‖ uint256 chainId ‖ contract's 20 bytes).
        """
        bound = b"touchstone-epoch/1" + abi.uint(self.chain_id) + self.contract
        return hmac.digest(self.outer, bound, "sha256")

    def bound_to(self, chain_id: int, contract: bytes) -> bool:
        """Say whether the epoch belongs to this ledger."""
        return (self.chain_id, self.contract) == (chain_id, contract)


@dataclass(frozen=True, slots=True)
class PartyKeys:
    """A party's unit key and, for a brand, its epochs: the one with number n at place n."""

    unit_key: bytes = field(repr=False)
    epochs: tuple[EpochKeys, ...] = ()


class KeyRing:
    """The keys in one file, read at the start and again when another process has changed it."""

    def __init__(
        self, path: Path, passphrase: str, entropy: Entropy, seal: Seal | None = None
    ) -> None:
        """Open the key file; errors as `read_sealed`. seal: spares deriving it again."""
        self._path = path
        self._passphrase = passphrase
        self._entropy = entropy
        self._seal = seal
        self._load()

    @classmethod
    def create(cls, path: Path, passphrase: str, entropy: Entropy) -> KeyRing:
        """Write an empty key file and open it. Raises Rejected KEYS_EXIST."""
        with locked(path):
            if path.exists():
                raise Rejected("KEYS_EXIST", f"There is a key file {path} already: use that one.")
            seal = new_seal(passphrase, entropy)
            write_sealed(path, seal, _dump({}), entropy)
        return cls(path, passphrase, entropy, seal)

    def parties(self) -> Mapping[int, PartyKeys]:
        """Return the keys by party id."""
        return self._parties

    def refresh(self) -> bool:
        """Read the file again if another process has replaced it, and say whether that was so."""
        try:
            changed = _identity(self._path) != self._read
        except FileNotFoundError:
            return False  # what is in memory still decodes; the next start says what is missing
        if changed:
            self._load()
        return changed

    def add_party(self, party: int) -> None:
        """Make a unit key for a party that creates logistic units; nothing if it has one."""
        with self._changing() as parties:
            parties.setdefault(party, PartyKeys(self._entropy(_KEY_BYTES)))

    def unit_salt(self, party: int, epc: str) -> bytes:
        """Return the salt of a unit that `party` creates. Raises Rejected NO_UNIT_KEY."""
        return ids.unit_salt(self.unit_key(party), epc)

    def unit_key(self, party: int) -> bytes:
        """Return the unit key of a party. Raises Rejected NO_UNIT_KEY."""
        if party not in self._parties and not (self.refresh() and party in self._parties):
            raise Rejected("NO_UNIT_KEY", f"Party {party} has no unit key here: add the party.")
        return self._parties[party].unit_key

    def open_epoch(self, brand: int, chain_id: int, contract: bytes) -> tuple[int, bytes]:
        """Make the keys of a brand's next epoch; return its number (0 to 30) and commitment.

        The keys are durable before the commitment leaves this function. If we die before the chain
        has it, the epoch is there and unannounced: `announced_as` gives the same pair again.
        Raises Rejected EPOCHS_EXHAUSTED.
        """
        with self._changing() as parties:
            keys = parties.get(brand) or PartyKeys(self._entropy(_KEY_BYTES))
            number = len(keys.epochs)
            if number >= code.IMPORTED_EPOCH:
                raise Rejected("EPOCHS_EXHAUSTED", f"Brand {brand} has opened all 31 key epochs.")
            outer, inner = self._entropy(_KEY_BYTES), self._entropy(_KEY_BYTES)
            opened = EpochKeys(number, chain_id, contract, outer, inner)
            parties[brand] = replace(keys, epochs=(*keys.epochs, opened))
        return number, opened.commitment()

    def announced_as(self, brand: int, chain_id: int, contract: bytes) -> list[tuple[int, bytes]]:
        """Return (number, commitment) of the brand's epochs that are bound to this ledger."""
        self.refresh()
        keys = self._parties.get(brand)
        return [
            (epoch.number, epoch.commitment())
            for epoch in (keys.epochs if keys else ())
            if epoch.bound_to(chain_id, contract)
        ]

    def _load(self) -> None:
        # The identity first: a file replaced in between is then read once more, not missed.
        identity = _identity(self._path) if self._path.exists() else None
        self._seal, content = read_sealed(self._path, self._passphrase, self._seal)
        self._parties = _parse(content, self._path)
        self._read = identity

    @contextmanager
    def _changing(self) -> Iterator[dict[int, PartyKeys]]:
        """Yield the newest keys to change, one process at a time; written if nothing is raised."""
        with locked(self._path):
            self._load()
            assert self._seal is not None  # set by _load
            parties = dict(self._parties)
            yield parties
            write_sealed(self._path, self._seal, _dump(parties), self._entropy)
            self._load()


def _identity(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _dump(parties: Mapping[int, PartyKeys]) -> bytes:
    document = {
        str(party): {
            "unit_key": keys.unit_key.hex(),
            "epochs": [
                {
                    "chain_id": str(epoch.chain_id),
                    "contract": epoch.contract.hex(),
                    "outer": epoch.outer.hex(),
                    "inner": epoch.inner.hex(),
                }
                for epoch in keys.epochs
            ],
        }
        for party, keys in parties.items()
    }
    return json.dumps(document).encode()


def _parse(content: bytes, path: Path) -> dict[int, PartyKeys]:
    try:
        return {
            int(party): PartyKeys(
                bytes.fromhex(keys["unit_key"]),
                tuple(
                    EpochKeys(
                        number,
                        int(epoch["chain_id"]),
                        bytes.fromhex(epoch["contract"]),
                        bytes.fromhex(epoch["outer"]),
                        bytes.fromhex(epoch["inner"]),
                    )
                    for number, epoch in enumerate(keys["epochs"])
                ),
            )
            for party, keys in json.loads(content).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Broken(
            "KEYS_DAMAGED", f"The key file {path} opens but holds no keys: restore your backup."
        ) from None
