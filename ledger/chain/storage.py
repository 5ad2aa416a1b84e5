"""Where the contract keeps what: slots of a layout, and words taken apart into named members.

Works on any `touchstone-layout/1` table, so that a checker reads an older contract by its own
layout. Solidity's rules: a mapping's entry is at keccak(key ‖ slot), members lie from the lowest
byte up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ledger.domain.jcs import canonical
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """A struct or value in storage: its label, its first slot, and the layout row it follows."""

    label: str
    slot: int
    row: Row

    @property
    def slots(self) -> tuple[int, ...]:
        """All slots that it covers."""
        return tuple(self.slot + i for i in range((self.row["bytes"] + 31) // 32))

    def read(self, words: Mapping[int, int]) -> dict[str, int]:
        """Return its members by name, from words by slot; a missing word is a KeyError, never 0."""
        members: Sequence[Row] = self.row["members"] or [{**self.row, "slot": 0}]
        return {
            member["label"]: (words[self.slot + member["slot"]] >> (8 * member["offset"]))
            & ((1 << (8 * member["bytes"])) - 1)
            for member in members
        }

    def slot_of(self, member: str) -> int:
        """Return the slot in which one member lies."""
        for row in self.row["members"]:
            if row["label"] == member:
                return self.slot + int(row["slot"])
        raise Rejected("BAD_LAYOUT", f"The layout of '{self.label}' has no '{member}'.")


class Layout:
    """A storage layout, by label."""

    def __init__(self, table: Sequence[Row]) -> None:
        self._table = table
        self._rows = {row["label"]: row for row in table}

    @cached_property
    def hash(self) -> bytes:
        """What a trust file pins: keccak(JCS(table))."""
        return keccak(canonical(list(self._table)))

    def has(self, label: str) -> bool:
        """Say whether the layout has such a label."""
        return label in self._rows

    def place(self, label: str, *keys: int | bytes) -> Place:
        """Return where `label[key]…` lies. keys: integers or 32-byte words.

        Raises Rejected BAD_LAYOUT when the layout has no such label.
        """
        if not self.has(label):
            raise Rejected("BAD_LAYOUT", f"The layout has no '{label}'.")
        row = self._rows[label]
        return Place(label, _entry(int(row["slot"]), keys), row)


@lru_cache(maxsize=1024)
def _entry(slot: int, keys: tuple[int | bytes, ...]) -> int:
    """Return the slot of a mapping's entry; a proof asks for one to write it and to read it."""
    for key in keys:
        word = key if isinstance(key, bytes) else key.to_bytes(32, "big")
        slot = int.from_bytes(keccak(word + slot.to_bytes(32, "big")), "big")
    return slot
