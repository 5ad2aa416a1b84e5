"""Contract storage as far as a file proves it: nothing is read that was not proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.chain import trie
from ledger.chain.frame import Frame
from ledger.chain.storage import Layout
from ledger.errors import Rejected


class State:
    """Proved words of storage by slot, and which of them a rule has read."""

    def __init__(self, layout: Layout, words: Mapping[int, int]) -> None:
        self._layout = layout
        self._words = words
        self._used: set[int] = set()

    def read(self, label: str, keys: Sequence[int | bytes] = (), *members: str) -> dict[str, int]:
        """Return members of `label[key]…` by name; a plain value under its own label.

        Raises Rejected SLOT_NOT_PROVEN for a word without a proof, which is never zero.
        """
        place = self._layout.place(label, *keys)
        row = place.row
        wanted = [m for m in row["members"] or [{**row, "slot": 0}] if m["label"] in members]
        found: dict[str, int] = {}
        for member in wanted or [{**row, "slot": 0}]:
            slot = place.slot + int(member["slot"])
            if slot not in self._words:
                named = "".join(f"[{key if isinstance(key, int) else key.hex()}]" for key in keys)
                raise Rejected(
                    "SLOT_NOT_PROVEN",
                    f"The file does not prove {label}{named}.{member['label']}: ask for another.",
                )
            self._used.add(slot)
            word = self._words[slot] >> 8 * int(member["offset"])
            found[member["label"]] = word & (1 << 8 * int(member["bytes"])) - 1
        return found

    def has(self, label: str) -> bool:
        """Say whether the contract keeps this at all: older ones keep less."""
        return self._layout.has(label)

    def check_all_used(self) -> None:
        """Raise Rejected SLOT_NOT_NEEDED for a proved word that no rule has read."""
        if extra := self._words.keys() - self._used:
            raise Rejected(
                "SLOT_NOT_NEEDED",
                f"The file proves {len(extra)} slots that nothing in it is about: ask for another.",
            )


def proved_words(frame: Frame) -> dict[int, int]:
    """Return the contract's words that a file proves under its settled header's state root.

    Raises Rejected ACCOUNT_NOT_PROVED, CONTRACT_ABSENT, STORAGE_NOT_PROVED.
    """
    try:
        account = trie.account(frame.settled.state_root, frame.contract, frame.account_proof)
    except Rejected as fault:
        raise Rejected("ACCOUNT_NOT_PROVED", f"The contract's account: {fault}") from None
    if account is None or account.code_hash == trie.EMPTY_CODE:
        raise Rejected("CONTRACT_ABSENT", "There is no contract at that address in that block.")
    try:
        return {
            slot: trie.storage_word(account.storage_root, slot, proof)
            for slot, proof in frame.storage.items()
        }
    except Rejected as fault:
        raise Rejected("STORAGE_NOT_PROVED", f"A slot of the contract: {fault}") from None
