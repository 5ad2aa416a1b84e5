"""Bundles over again: storage, account, header and trust file of our own, sealed with test keys.

A real bundle is taken apart; after a change all that stands above it is hashed and sealed anew, so
that nothing but the change itself can be what a checker finds.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import rlp
from coincurve import PrivateKey
from trie import HexaryTrie

from ledger.chain import bundle_format
from ledger.chain.bundle import conclude
from ledger.chain.bundle_state import proved_words
from ledger.chain.frame import Frame
from ledger.chain.header import ExtraData, Header, quorum
from ledger.chain.storage import Layout
from ledger.chain.trust import sign
from ledger.domain.keccak import keccak

from .synthetic import address, keys, seal

VECTORS = Path(__file__).parents[1] / "vectors" / "touchstone" / "proofs"
CASE, LEAF_CASE, INSIDE, ALONE, PLAIN, GAP, NO_RUN, EXPIRED, NOBODY, RESERVED = (
    "with-the-documents-of-its-events",
    "ledger-behind",
    "seen-before-case-put-into-another-pallet",
    "item-that-travels-alone",
    "no-unit-no-lot",
    "between-two-runs",
    "no-run-at-all",
    "expired-and-seen-elsewhere",
    "code-of-nobody",
    "batch-not-commissioned",
)
Json = dict[str, Any]


def good(name: str) -> Json:
    """Return a frozen bundle."""
    document: Json = json.loads((VECTORS / "good" / f"{name}.json").read_text())
    return document


def dump(document: Any) -> bytes:
    """Return JSON as a file holds it."""
    return json.dumps(document, ensure_ascii=False).encode()


@dataclass
class Forge:
    """A bundle taken apart. Change what you like, then `bundle()` and `trust_file()`.

    document: the bundle less its proofs; words: the contract's storage; account: None for no
    contract at its address. signers: who seals, a quorum if None. after: the last changes to the
    finished bundle, which are sealed by nothing.
    """

    document: Json
    words: dict[int, int]
    shown: list[int]
    header: Header
    trust: Json
    validators: list[PrivateKey] = field(default_factory=lambda: keys(1))
    signers: Sequence[PrivateKey] | None = None
    trust_signers: Sequence[PrivateKey] | None = None
    code: bytes = b"\x60"
    deployed: bool = True
    list_validators: bool = True
    after: list[Callable[[Json], None]] = field(default_factory=list)
    after_trust: list[Callable[[Json], None]] = field(default_factory=list)
    raw: Callable[[bytes], bytes] = bytes
    raw_trust: Callable[[bytes], bytes] = bytes

    @classmethod
    def of(cls, name: str) -> Forge:
        """Take a frozen bundle apart."""
        document = good(name)
        trust = json.loads((VECTORS / "trust.json").read_text())
        return cls.around(document, bundle_format.read(dump(document)), trust)

    @classmethod
    def around(cls, document: Json, frame: Frame, trust: Json) -> Forge:
        """Take a proof file of any kind apart."""
        words = proved_words(frame)
        return cls(copy.deepcopy(document), words, list(words), frame.settled, trust)

    @property
    def at(self) -> int:
        """When the bundle is judged, unless a test says otherwise."""
        return self.header.timestamp + 20

    @property
    def case(self) -> bytes:
        """The unit that the item is packed in."""
        return bytes.fromhex(self.document["units"][0]["unit"][2:])

    def slot(self, label: str, keys: Sequence[int | bytes], member: str = "") -> int:
        """Return the slot of a member."""
        place = Layout(self.document["layout"]).place(label, *keys)
        return place.slot_of(member) if member else place.slot

    def set(self, label: str, keys: Sequence[int | bytes], **members: int) -> None:
        """Change members of a struct in storage; a slot not shown before is shown."""
        place = Layout(self.document["layout"]).place(label, *keys)
        for member in place.row["members"]:
            if member["label"] in members:
                slot = place.slot + member["slot"]
                mask = (1 << 8 * member["bytes"]) - 1 << 8 * member["offset"]
                value = members[member["label"]] << 8 * member["offset"]
                self.words[slot] = self.words.get(slot, 0) & ~mask | value
                if slot not in self.shown:
                    self.shown.append(slot)

    def hide(self, label: str, keys: Sequence[int | bytes], member: str = "") -> None:
        """Leave a slot's proof out."""
        self.shown.remove(self.slot(label, keys, member))

    def agree(self) -> Forge:
        """Let the bundle claim what follows from it as it now is."""
        bundle = bundle_format.read(dump(self._proved()))
        found = conclude(bundle, Layout(bundle.layout))
        self.document["verdict"] = {
            "outcome": found.outcome,
            "reasons": list(found.reasons),
            "proved": list(found.proved),
            "stated": list(found.stated),
        }
        return self

    def bundle(self) -> bytes:
        """Return the bundle, proved and sealed anew."""
        document = self._proved()
        for change in self.after:
            change(document)
        return self.raw(dump(document))

    def trust_file(self) -> bytes:
        """Return a trust file that names our validators, signed by them."""
        members = sorted("0x" + address(key).hex() for key in self.validators)
        document = {**self.trust, "validators": members, "signatures": []} | self.trust_changes
        for key in self.validators if self.trust_signers is None else self.trust_signers:
            document = sign(document, key.secret)
        for change in self.after_trust:
            change(document)
        return self.raw_trust(dump(document))

    trust_changes: Json = field(default_factory=dict)

    def _proved(self) -> Json:
        contract = bytes.fromhex(self.document["contract"][2:])
        storage = HexaryTrie({})
        noise = {int.from_bytes(keccak(bytes([n])), "big"): n for n in range(1, 41)}
        for slot, word in {**noise, **self.words}.items():
            if word:
                value = rlp.encode(word.to_bytes(32, "big").lstrip(b"\0"))
                storage[keccak(slot.to_bytes(32, "big"))] = value
        state = HexaryTrie({})
        for n in range(1, 30):
            state[keccak(bytes([n]) * 20)] = rlp.encode([b"", b"", bytes(32), bytes(32)])
        if self.deployed:
            account = [b"\1", b"", storage.root_hash, keccak(self.code)]
            state[keccak(contract)] = rlp.encode(account)
        document = copy.deepcopy(self.document)
        document["account_proof"] = path(state, keccak(contract))
        document["storage"] = {
            f"0x{slot:064x}": path(storage, keccak(slot.to_bytes(32, "big"))) for slot in self.shown
        }
        header = replace(self.header, state_root=state.root_hash)
        document["headers"]["settled"] = "0x" + self.sealed(header).encode().hex()
        return document

    def sealed(self, header: Header) -> Header:
        """Return the header listing our validators, proposed by the first and sealed."""
        if self.list_validators:
            members = tuple(address(key) for key in self.validators)
            extra = ExtraData(bytes(32), members, None, 0, ())
            header = replace(header, extra_data=extra.encode(), coinbase=members[0])
        signers = self.signers
        if signers is None:
            signers = self.validators[: quorum(len(self.validators))]
        return seal(header, signers)


def path(trie: HexaryTrie, key: bytes) -> list[str]:
    """Return the nodes on the way to a key, those inside their parents left out."""
    encoded = [rlp.encode(node) for node in trie.get_proof(key) if node != b""]
    return ["0x" + n.hex() for place, n in enumerate(encoded) if place == 0 or len(n) >= 32]
