"""One fault each, with the code that a checker refuses it by. Everything above a fault is hashed
and sealed anew (see proof_forge), so nothing else can be the reason.

Long because it is one table: a fault is found by reading down its part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ledger.chain import rlp
from ledger.chain.header import MIX_HASH, Header, Vote
from ledger.domain.keccak import keccak

from .proof_forge import (
    ALONE,
    CASE,
    EXPIRED,
    GAP,
    INSIDE,
    LEAF_CASE,
    NO_RUN,
    NOBODY,
    PLAIN,
    RESERVED,
    Forge,
    Json,
    good,
)
from .synthetic import address, key, keys, seal

Change = Callable[[Forge], Any]
DAY = 86_400
BRAND = 9506000134352


@dataclass(frozen=True)
class Fault:
    """A change to the bundle called `base`, and the code it is refused by."""

    name: str
    code: str
    base: str
    change: Change


def at(document: Any, path: str) -> Any:
    """Return what stands at a path such as `histories.0.events.-1`."""
    for step in path.split("."):
        document = document[int(step) if isinstance(document, list) else step]
    return document


def put(path: str, value: Any) -> Change:
    """Return the change that writes a value; a function is given the old one."""

    def change(forge: Forge) -> None:
        place, _, last = path.rpartition(".")
        node = at(forge.document, place) if place else forge.document
        name = int(last) if isinstance(node, list) else last
        node[name] = value(node[name]) if callable(value) else value

    return change


def drop(path: str) -> Change:
    """Return the change that takes something out."""

    def change(forge: Forge) -> None:
        place, _, last = path.rpartition(".")
        node = at(forge.document, place) if place else forge.document
        del node[int(last) if isinstance(node, list) else last]

    return change


def late(change: Callable[[Json], Any]) -> Change:
    """Return a change of the finished bundle."""
    return lambda forge: forge.after.append(change)


def late_put(path: str, value: Any) -> Change:
    """Return `put` on the finished bundle."""

    def change(document: Json) -> None:
        place, _, last = path.rpartition(".")
        node = at(document, place) if place else document
        name = int(last) if isinstance(node, list) else last
        node[name] = value(node[name]) if callable(value) else value

    return late(change)


def text(old: str, new: str) -> Change:
    """Return a change of the file's text."""

    def change(forge: Forge) -> None:
        def raw(data: bytes) -> bytes:
            assert old.encode() in data
            return data.replace(old.encode(), new.encode("utf-8", "surrogatepass"), 1)

        forge.raw = raw

    return change


def raw(change: Callable[[bytes], bytes]) -> Change:
    """Return a change of the file's bytes."""
    return lambda forge: setattr(forge, "raw", change)


def word(label: str, keys_: list, **members: int) -> Change:
    """Return a change of the contract's storage."""
    return lambda forge: forge.set(label, keys_, **members)


def header(**fields: Any) -> Change:
    """Return a change of the settled header, made before it is sealed."""
    return lambda forge: setattr(forge, "header", replace(forge.header, **fields))


def after_sealing(change: Callable[[Header], Header]) -> Change:
    """Return a change of the sealed header."""

    def late_change(document: Json) -> None:
        sealed = Header.decode(bytes.fromhex(document["headers"]["settled"][2:]))
        document["headers"]["settled"] = "0x" + change(sealed).encode().hex()

    return late(late_change)


def trust(**members: Any) -> Change:
    """Return a change of the trust file, made before it is signed."""
    return lambda forge: forge.trust_changes.update(members)


def trust_late(change: Callable[[Json], Any]) -> Change:
    """Return a change of the signed trust file."""
    return lambda forge: forge.after_trust.append(change)


def both(*changes: Change) -> Change:
    """Return changes in a row."""

    def change(forge: Forge) -> None:
        for part in changes:
            part(forge)

    return change


def four(*signers: int) -> Change:
    """Return the change to four validators, and who of them seals."""

    def change(forge: Forge) -> None:
        forge.validators = keys(1, 2, 3, 4)
        forge.signers = [key(number) for number in signers]

    return change


def unit(**members: int) -> Change:
    """Return a change of the item's stored unit."""
    return lambda forge: forge.set("units", [forge.case], **members)


def hide(label: str, keys_: list, member: str = "") -> Change:
    """Return the change that leaves a slot's proof out."""
    return lambda forge: forge.hide(label, keys_, member)


def hide_unit(member: str) -> Change:
    """Return the change that leaves a proof of the stored unit out."""
    return lambda forge: forge.hide("units", [forge.case], member)


def flip(hexed: str) -> str:
    """Return 0x hex with one bit of its last byte turned."""
    return hexed[:-1] + ("1" if hexed[-1] != "1" else "2")


def swap(path: str, renumber: bool) -> Change:
    """Return the change that puts the first event after the second."""

    def change(forge: Forge) -> None:
        events = at(forge.document, path)
        events[0], events[1] = events[1], events[0]
        if renumber:
            events[0]["seq"], events[1]["seq"] = 1, 2

    return change


def renumbered(path: str) -> Change:
    """Return the change that takes the second event out and closes the gap."""

    def change(forge: Forge) -> None:
        events = at(forge.document, path)
        del events[1]
        for number, event in enumerate(events, 1):
            event["seq"] = number

    return change


def again(path: str) -> Change:
    """Return the change that repeats the last event with the next number."""

    def change(forge: Forge) -> None:
        events = at(forge.document, path)
        events.append({**events[-1], "seq": len(events) + 1})

    return change


def foreign_history(base: str, place: int) -> Change:
    """Return the change that adds a history of another bundle."""
    return lambda f: f.document["histories"].append(good(base)["histories"][place])


def foreign_proof(document: Json) -> None:
    """Give one slot the proof of another."""
    slots = list(document["storage"])
    document["storage"][slots[0]] = document["storage"][slots[1]]


def item_slot(forge: Forge) -> None:
    """Give the item a slot of its own."""
    shown = [slot for slot in forge.shown if forge.words[slot] == 0]
    (slot,) = shown  # the only exclusion proof of this bundle is the item's
    forge.words[slot] = 1 << 224


def middle_slot(forge: Forge) -> None:
    """Give the case inside the pallet a slot of its own."""
    forge.set("units", [forge.case], state=1)


def other_contract(forge: Forge) -> None:
    """Move bundle and trust file to another address, where the same storage lies."""
    forge.document["contract"] = forge.trust["contract"] = "0x" + "c0" * 20


def other_chain(forge: Forge) -> None:
    """Move bundle and trust file to another chain id."""
    forge.document["chain_id"] = forge.trust["chain_id"] = 1337


def own_parent(forge: Forge) -> None:
    """Put the unit inside itself."""
    forge.set("units", [forge.case], state=3, parent=int.from_bytes(forge.case, "big"))


def self_appointed(forge: Forge) -> None:
    """Seal by five keys of one's own, one more than trusted, without a vote for the fifth."""
    forge.validators, forge.signers = keys(1, 2, 3, 4, 5), keys(1, 2, 3, 4)
    members = sorted("0x" + address(k).hex() for k in keys(1, 2, 3, 4))
    forge.trust_signers = keys(1, 2, 3, 4)
    forge.trust_changes = {"validators": members}


def change_of_validators(votes: int, add: int, *, drop_one: bool = False) -> Change:
    """Return the change that adds `add` validators on the word of `votes` of four."""

    def change(forge: Forge) -> None:
        self_appointed(forge)
        old = keys(1, 2, 3, 4)
        new = keys(1, 2, 3, 4, *range(5, 5 + add))
        (subject, *_) = {address(k) for k in new} - {address(k) for k in old}
        headers, parent = [], bytes(32)
        for number, proposer in enumerate(old[:votes], 100):
            forge.validators, forge.signers = old, old[:3]
            bare = forge.sealed(replace(forge.header, number=number, parent_hash=parent))
            extra = replace(bare.extra, vote=Vote(subject, True), seals=())
            fields = {"coinbase": address(proposer), "extra_data": extra.encode()}
            headers.append(seal(replace(bare, **fields), old[:3]))
            parent = headers[-1].hash
        forge.validators, forge.signers = new, new[:4]
        first = forge.sealed(replace(forge.header, number=100 + votes, parent_hash=parent))
        if drop_one:
            del headers[0]
        forge.document["headers"]["changes"] = [
            {
                "votes": ["0x" + h.encode().hex() for h in headers],
                "first": "0x" + first.encode().hex(),
            }
        ]
        forge.header = replace(forge.header, number=200)

    return change


def short_header(sealed: str) -> str:
    """Return the header less its last two fields."""
    fields = rlp.items(rlp.decode(bytes.fromhex(sealed[2:])))
    return "0x" + rlp.encode(fields[:14]).hex()


def seals_changed(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Return a change of the list of seals."""

    def with_seals(sealed: Header) -> Header:
        extra = replace(sealed.extra, seals=tuple(change(list(sealed.extra.seals))))
        return replace(sealed, extra_data=extra.encode())

    return after_sealing(with_seals)


BATCH, UNIT, ORIGIN = "histories.0.events", "histories.1.events", "histories.2.events"

_FORM = [
    ("a member twice", "DUPLICATE_KEY", PLAIN, text('"made":', '"made": 1, "made":')),
    ("a slot twice", "DUPLICATE_KEY", NOBODY, text('"storage": {', '"storage": {"a":1,"a":1')),
    ("a fraction", "BAD_JSON", NOBODY, late_put("made", 1.5)),
    ("a whole number written 1.0", "BAD_JSON", NOBODY, late_put("made", 1.0)),
    ("a number written 1e3", "BAD_JSON", NOBODY, text('"made": ', '"made": 1e')),
    ("NaN", "BAD_JSON", NOBODY, late_put("made", float("nan"))),
    ("a number over 2^53", "BAD_JSON", NOBODY, late_put("made", 1 << 53)),
    ("minus zero", "BAD_JSON", NOBODY, text('"made": ', '"made": -0, "x": ')),
    ("a negative time", "BAD_VALUE", NOBODY, late_put("made", -1)),
    ("true for a number", "BAD_VALUE", NOBODY, late_put("made", True)),
    ("a string for a number", "BAD_VALUE", NOBODY, late_put("made", str)),
    ("text after the end", "BAD_JSON", NOBODY, raw(lambda data: data + b"{}")),
    ("cut short", "BAD_JSON", NOBODY, raw(lambda data: data[:-9])),
    ("empty", "BAD_JSON", NOBODY, raw(lambda data: b"")),
    ("a byte order mark", "BAD_JSON", NOBODY, raw(lambda data: b"\xef\xbb\xbf" + data)),
    ("no UTF-8", "BAD_JSON", NOBODY, raw(lambda data: data.replace(b"Tea", b"\xffea"))),
    ("half a surrogate pair", "BAD_JSON", NOBODY, text("Tea", "\\ud800")),
    ("nested too deep", "BAD_JSON", NOBODY, raw(lambda data: b"[" * 200_000)),
    ("too large", "TOO_LARGE", NOBODY, raw(lambda data: data + b" " * (8 << 20))),
    ("a list", "BAD_VALUE", NOBODY, raw(lambda data: b"[" + data + b"]")),
    ("another format", "BAD_VALUE", NOBODY, late_put("format", "touchstone-proof/2")),
    ("an unknown member", "UNKNOWN_MEMBER", NOBODY, late_put("comment", "")),
    ("an unknown member inside", "UNKNOWN_MEMBER", PLAIN, late_put("code.leaf", "0x")),
    ("an unknown argument", "UNKNOWN_MEMBER", PLAIN, late_put(f"{BATCH}.0.args.x", 1)),
    ("a member missing", "MISSING_MEMBER", NOBODY, late(lambda d: d.pop("stated"))),
    ("a count missing", "MISSING_MEMBER", NOBODY, late(lambda d: d["stated"]["scans"].popitem())),
    ("upper-case hex", "BAD_HEX", NOBODY, late_put("contract", str.upper)),
    ("hex without 0x", "BAD_HEX", NOBODY, late_put("contract", lambda c: c[2:])),
    ("half a byte", "BAD_HEX", NOBODY, late_put("contract", lambda c: c[:-1])),
    ("an address of 19 bytes", "BAD_VALUE", NOBODY, late_put("contract", lambda c: c[:-2])),
    ("a party as a number", "BAD_VALUE", PLAIN, late_put(f"{BATCH}.0.actor", int)),
    ("a party with zeros", "BAD_VALUE", PLAIN, late_put(f"{BATCH}.0.actor", lambda a: "0" + a)),
    ("a wrong check digit", "BAD_CHECK_DIGIT", NOBODY, late_put("gtin", "09506000134377")),
    ("a GTIN of 13 digits", "BAD_VALUE", NOBODY, late_put("gtin", "9506000134376")),
    ("a space in the serial", "BAD_VALUE", NOBODY, late_put("serial", lambda s: s[:-1] + " ")),
    ("a name that moves the cursor", "BAD_VALUE", NOBODY, text("Tea", "\\u001b[2J")),
    ("a name written backwards", "BAD_VALUE", NOBODY, text("Tea", "\\u202eaeT")),
    ("a verb that is none", "BAD_EVENT", PLAIN, late_put(f"{BATCH}.0.verb", 99)),
    ("a unit's verb in a batch", "BAD_EVENT", PLAIN, late_put(f"{BATCH}.0.verb", 34)),
    ("an outcome that is none", "BAD_VALUE", NOBODY, late_put("verdict.outcome", "proved")),
]
_TRUST = [
    ("trust expired", "TRUST_EXPIRED", NOBODY, lambda f: expire(f, -1)),
    ("trust of the future", "TRUST_NOT_YET_VALID", NOBODY, lambda f: issue(f, 1)),
    ("trust for over 180 days", "TRUST_TOO_LONG", NOBODY, lambda f: expire(f, 181 * DAY)),
    ("trust that ends before it begins", "TRUST_TOO_LONG", NOBODY, trust(valid_until=1)),
    ("trust unsigned", "TRUST_NOT_SIGNED", NOBODY, lambda f: setattr(f, "trust_signers", [])),
    ("trust signed by two of four", "TRUST_NOT_SIGNED", NOBODY, lambda f: sign_by(f, 1, 2)),
    ("trust signed by strangers", "TRUST_NOT_SIGNED", NOBODY, lambda f: sign_by(f, 1, 2, 8, 9)),
    (
        "trust changed since",
        "TRUST_NOT_SIGNED",
        NOBODY,
        trust_late(lambda t: t.update(max_age_s=9)),
    ),
    (
        "trust signed twice by one",
        "BAD_TRUST_SIGNATURE",
        NOBODY,
        trust_late(lambda t: t["signatures"].extend(t["signatures"])),
    ),
    (
        "trust with a signature that is none",
        "BAD_TRUST_SIGNATURE",
        NOBODY,
        trust_late(lambda t: t["signatures"].append("0x" + "00" * 64 + "09")),
    ),
    ("trust in nobody", "BAD_VALUE", NOBODY, trust(validators=[])),
    (
        "trust in one validator twice",
        "BAD_VALUE",
        NOBODY,
        trust(validators=["0x" + address(key(1)).hex()] * 2),
    ),
    ("trust in another engine", "BAD_VALUE", NOBODY, trust(engine="clique")),
    ("trust with an unknown member", "UNKNOWN_MEMBER", NOBODY, trust(note="")),
    ("trust in old blocks without end", "BAD_VALUE", NOBODY, trust(max_age_s=0)),
    ("trust with a checker that is a script", "BAD_VALUE", NOBODY, trust(checker_urls=["js:1"])),
    (
        "trust with a member twice",
        "DUPLICATE_KEY",
        NOBODY,
        lambda f: setattr(f, "raw_trust", lambda data: b'{"issued":1,' + data[1:]),
    ),
]
_LEDGER = [
    ("another chain", "WRONG_CHAIN", PLAIN, put("chain_id", 1)),
    ("another chain, trusted", "HISTORY_DIFFERS", PLAIN, other_chain),
    ("another contract", "WRONG_CONTRACT", PLAIN, put("contract", "0x" + "c0" * 20)),
    ("another contract, trusted", "HISTORY_DIFFERS", PLAIN, other_contract),
    (
        "another place in the layout",
        "WRONG_LAYOUT",
        PLAIN,
        late_put("layout.5.slot", lambda s: s + 1),
    ),
    ("another order of the layout", "WRONG_LAYOUT", PLAIN, late_put("layout", lambda t: t[::-1])),
    ("another layout trusted", "WRONG_LAYOUT", PLAIN, trust(layout_hash="0x" + "11" * 32)),
]
_HEADER = [
    ("difficulty 2", "BAD_DIFFICULTY", NOBODY, header(difficulty=2)),
    ("another mix hash", "BAD_MIX_HASH", NOBODY, header(mix_hash=MIX_HASH[::-1])),
    ("a nonce", "BAD_NONCE", NOBODY, header(nonce=b"\1" * 8)),
    ("ommers", "BAD_OMMERS", NOBODY, header(ommers_hash=bytes(32))),
    ("no seal", "NOT_ENOUGH_SEALS", NOBODY, lambda f: setattr(f, "signers", [])),
    ("two seals of four", "NOT_ENOUGH_SEALS", NOBODY, four(1, 2)),
    ("one seal twice", "DUPLICATE_SEAL", NOBODY, four(1, 2, 2)),
    ("a stranger's seal", "SEAL_NOT_FROM_VALIDATOR", NOBODY, four(1, 2, 9)),
    ("a seal that is none", "BAD_SEAL", NOBODY, seals_changed(lambda s: [s[0][:64] + b"\x1b"])),
    (
        "state changed since",
        "SEAL_NOT_FROM_VALIDATOR",
        NOBODY,
        after_sealing(lambda h: replace(h, state_root=bytes(32))),
    ),
    (
        "redated",
        "SEAL_NOT_FROM_VALIDATOR",
        NOBODY,
        after_sealing(lambda h: replace(h, timestamp=h.timestamp + 9)),
    ),
    (
        "renumbered",
        "SEAL_NOT_FROM_VALIDATOR",
        NOBODY,
        after_sealing(lambda h: replace(h, number=h.number + 1)),
    ),
    (
        "proposed by a stranger",
        "BAD_PROPOSER",
        NOBODY,
        after_sealing(lambda h: seal(replace(h, coinbase=b"\1" * 20), [key(1)])),
    ),
    ("self-appointed validators", "VALIDATORS_DIFFER", NOBODY, self_appointed),
    ("a header cut short", "BAD_HEADER", NOBODY, late_put("headers.settled", lambda h: h[:-2])),
    ("a header of 14 fields", "BAD_HEADER", NOBODY, late_put("headers.settled", short_header)),
    (
        "extraData that is none",
        "BAD_EXTRA_DATA",
        NOBODY,
        after_sealing(lambda h: replace(h, extra_data=b"\xc0")),
    ),
    ("a change with two votes of four", "NOT_ENOUGH_VOTES", NOBODY, change_of_validators(2, 1)),
    (
        "a change with a vote left out",
        "NOT_ENOUGH_VOTES",
        NOBODY,
        change_of_validators(3, 1, drop_one=True),
    ),
    ("a change by two at once", "BAD_CHANGE", NOBODY, change_of_validators(3, 2)),
    (
        "a change that its parent did not vote for",
        "BAD_EVIDENCE",
        NOBODY,
        both(
            change_of_validators(3, 1), lambda f: f.document["headers"]["changes"][0]["votes"].pop()
        ),
    ),
]
_PROOFS = [
    ("no account proof", "ACCOUNT_NOT_PROVED", PLAIN, late_put("account_proof", [])),
    (
        "an account node missing",
        "ACCOUNT_NOT_PROVED",
        PLAIN,
        late_put("account_proof", lambda p: p[:-1]),
    ),
    (
        "an account node too many",
        "ACCOUNT_NOT_PROVED",
        PLAIN,
        late_put("account_proof", lambda p: p + p[-1:]),
    ),
    ("an account node altered", "ACCOUNT_NOT_PROVED", PLAIN, late_put("account_proof.-1", flip)),
    ("no contract there", "CONTRACT_ABSENT", PLAIN, lambda f: setattr(f, "deployed", False)),
    ("an account without code", "CONTRACT_ABSENT", PLAIN, lambda f: setattr(f, "code", b"")),
    (
        "a storage node altered",
        "STORAGE_NOT_PROVED",
        PLAIN,
        late(
            lambda d: d["storage"].update(
                {k: [*p[:-1], flip(p[-1])] for k, p in list(d["storage"].items())[:1]}
            )
        ),
    ),
    (
        "a storage node missing",
        "STORAGE_NOT_PROVED",
        PLAIN,
        late(lambda d: d["storage"].update({k: p[1:] for k, p in d["storage"].items()})),
    ),
    ("the proof of another slot", "STORAGE_NOT_PROVED", PLAIN, late(foreign_proof)),
    (
        "zero without a proof",
        "STORAGE_NOT_PROVED",
        PLAIN,
        late(lambda d: d["storage"].update({slot: [] for slot in d["storage"]})),
    ),
    ("no proof of the batch", "SLOT_NOT_PROVEN", CASE, hide("batches", [1], "status")),
    ("no proof of the root", "SLOT_NOT_PROVEN", CASE, hide("batches", [1], "root")),
    ("no proof of the batch's head", "SLOT_NOT_PROVEN", CASE, hide("batches", [1], "head")),
    ("no proof of the prefix", "SLOT_NOT_PROVEN", CASE, hide("prefixes", [10 << 64 | 9506000134])),
    ("no proof of the brand", "SLOT_NOT_PROVEN", CASE, hide("parties", [BRAND], "status")),
    ("no proof of the run", "SLOT_NOT_PROVEN", CASE, hide("runs", [1, 0], "to")),
    ("no proof of the lot", "SLOT_NOT_PROVEN", CASE, hide("lots", [1], "expiry")),
    ("no proof of the lot's id", "SLOT_NOT_PROVEN", CASE, hide("lots", [1], "id")),
    (
        "no proof that the item has no slot",
        "SLOT_NOT_PROVEN",
        CASE,
        lambda f: f.shown.remove(next(s for s in f.shown if not f.words[s])),
    ),
    ("no proof of the unit", "SLOT_NOT_PROVEN", CASE, hide_unit("state")),
    ("no proof of the unit's head", "SLOT_NOT_PROVEN", CASE, hide_unit("head")),
    ("no proof of the unit's children", "SLOT_NOT_PROVEN", CASE, hide_unit("childrenRoot")),
    ("no proof of the holder", "SLOT_NOT_PROVEN", CASE, hide("parties", [4006381333931], "status")),
    ("no proof of the unit around", "SLOT_NOT_PROVEN", INSIDE, hide_unit("parent")),
    ("no proof that the case has no slot", "SLOT_NOT_PROVEN", LEAF_CASE, hide_unit("state")),
    (
        "no proof of the batch that is not there",
        "SLOT_NOT_PROVEN",
        RESERVED,
        hide("batches", [4], "status"),
    ),
    ("a proof that nothing needs", "SLOT_NOT_NEEDED", PLAIN, word("lots", [2], status=1)),
    ("a proof that is of nobody's code", "SLOT_NOT_NEEDED", NOBODY, word("batches", [1], status=2)),
]
_CODE = [
    (
        "another code's siblings",
        "CODE_NOT_UNDER_ROOT",
        PLAIN,
        put("code.siblings", lambda s: good(CASE)["code"]["siblings"]),
    ),
    ("a sibling altered", "CODE_NOT_UNDER_ROOT", PLAIN, put("code.siblings.0", flip)),
    ("a sibling left out", "CODE_NOT_UNDER_ROOT", PLAIN, drop("code.siblings.0")),
    (
        "a sibling too many",
        "CODE_NOT_UNDER_ROOT",
        PLAIN,
        put("code.siblings", lambda s: [*s, s[-1]]),
    ),
    ("no siblings", "CODE_NOT_UNDER_ROOT", PLAIN, put("code.siblings", [])),
    ("another index", "CODE_NOT_UNDER_ROOT", PLAIN, put("code.index", lambda i: i + 1)),
    ("another serial", "CODE_NOT_UNDER_ROOT", PLAIN, put("serial", lambda s: good(CASE)["serial"])),
    ("another root", "CODE_NOT_UNDER_ROOT", PLAIN, word("batches", [1], root=5)),
    ("another count", "CODE_NOT_UNDER_ROOT", PLAIN, word("batches", [1], count=200)),
    ("another batch", "SLOT_NOT_PROVEN", PLAIN, put("code.batch", 2)),
    ("an index past the count", "CODE_NOT_PLAIN", PLAIN, word("batches", [1], count=30)),
    ("a batch not commissioned", "CODE_NOT_PLAIN", PLAIN, word("batches", [1], status=1)),
    (
        "a batch of another product",
        "CODE_NOT_PLAIN",
        PLAIN,
        word("batches", [1], gtin=9506000134383),
    ),
    ("an unknown code in a unit", "CODE_NOT_PLAIN", NOBODY, put("units", [])),
    ("an unknown code of a lot", "CODE_NOT_PLAIN", RESERVED, put("stated.lot", "L-1")),
    ("no prefix", "PREFIX_NOT_OF_BRAND", PLAIN, put("code.prefix_length", None)),
    (
        "a shorter prefix than there can be",
        "PREFIX_NOT_OF_BRAND",
        PLAIN,
        put("code.prefix_length", 3),
    ),
    (
        "a prefix of another",
        "PREFIX_NOT_OF_BRAND",
        PLAIN,
        lambda f: f.words.update({f.slot("prefixes", [10 << 64 | 9506000134]): 7}),
    ),
    (
        "a brand that has no such prefix",
        "PREFIX_NOT_OF_BRAND",
        PLAIN,
        word("batches", [1], brand=4006381333931),
    ),
    ("the run hidden", "RUN_NOT_SHOWN", PLAIN, put("code.run", None)),
    ("a run after the code", "SLOT_NOT_PROVEN", PLAIN, put("code.run", 31)),
    (
        "a run that starts after the code",
        "RUN_NOT_SHOWN",
        PLAIN,
        both(put("code.run", 31), word("runs", [1, 31], to=32)),
    ),
    (
        "a run that is not there",
        "RUN_NOT_SHOWN",
        PLAIN,
        both(
            put("code.run", 3),
            lambda f: (
                f.words.update({f.slot("runs", [1, 3], "to"): 0}),
                f.shown.append(f.slot("runs", [1, 3], "to")),
            ),
        ),
    ),
    (
        "a run before the one that holds it",
        "RUN_NOT_SHOWN",
        PLAIN,
        both(put("code.run", 3), word("runs", [1, 3], to=9, next=29)),
    ),
    (
        "a run of another batch",
        "SLOT_NOT_PROVEN",
        PLAIN,
        both(
            lambda f: f.shown.remove(f.slot("runs", [1, 28], "to")),
            word("runs", [2, 28], to=32, activeFrom=1),
        ),
    ),
    ("not activated, called genuine", "VERDICT_DIFFERS", CASE, word("runs", [1, 0], activeFrom=0)),
    (
        "active later, called genuine",
        "VERDICT_DIFFERS",
        CASE,
        word("runs", [1, 0], activeFrom=1 << 60),
    ),
    (
        "active, called not activated",
        "VERDICT_DIFFERS",
        GAP,
        word("runs", [1, 28], to=40, activeFrom=1),
    ),
    ("void, called genuine", "VERDICT_DIFFERS", CASE, word("runs", [1, 0], voided=1)),
    ("recalled, called genuine", "VERDICT_DIFFERS", CASE, word("lots", [1], status=2)),
    ("expired, called genuine", "VERDICT_DIFFERS", CASE, word("lots", [1], expiry=1)),
    ("not expired, called expired", "VERDICT_DIFFERS", EXPIRED, word("lots", [2], expiry=0)),
    ("best before passed, not said", "VERDICT_DIFFERS", CASE, word("lots", [1], bestBefore=1)),
    ("no expiry, called not expired", "CLAIMS_DIFFER", CASE, word("lots", [1], expiry=0)),
    ("another lot's name", "LOT_NAME_DIFFERS", CASE, put("stated.lot", "L-2")),
    ("another lot's id", "LOT_NAME_DIFFERS", CASE, word("lots", [1], id=9)),
    ("a lot that is not bound", "LOT_NAME_DIFFERS", PLAIN, put("stated.lot", "L-1")),
    ("a brand suspended, called active", "CLAIMS_DIFFER", CASE, word("parties", [BRAND], status=2)),
]
_CUSTODY = [
    ("another position", "NOT_IN_UNIT", CASE, put("units.0.position", 3)),
    ("a packer's sibling altered", "NOT_IN_UNIT", CASE, put("units.0.siblings.0", flip)),
    ("a packer's sibling left out", "NOT_IN_UNIT", CASE, drop("units.0.siblings.0")),
    ("another children root", "NOT_IN_UNIT", CASE, put("units.0.children_root", flip)),
    ("a position past the count", "NOT_IN_UNIT", CASE, put("units.0.count", 1)),
    ("the case's count altered", "NOT_IN_UNIT", LEAF_CASE, put("units.0.count", 3)),
    ("another case in the pallet", "NOT_IN_UNIT", LEAF_CASE, put("units.1.position", 0)),
    ("a unit packed with something else", "UNIT_DIFFERS", CASE, unit(childrenRoot=7)),
    ("a unit packed with more", "UNIT_DIFFERS", CASE, unit(count=5)),
    ("a unit that is not on chain", "UNIT_ABSENT", CASE, unit(state=0)),
    ("another unit", "SLOT_NOT_PROVEN", CASE, put("units.0.unit", "0x" + "12" * 32)),
    ("an item that has left", "MOVED_ALONE", CASE, item_slot),
    ("a case that has left the pallet", "MOVED_ALONE", LEAF_CASE, middle_slot),
    ("an item's own history hidden", "HISTORY_WITHHELD", ALONE, put("units", None)),
    ("an item without a slot called alone", "UNIT_ABSENT", PLAIN, put("units", [])),
    ("a case that travels, said to be inside", "SLOT_NOT_PROVEN", CASE, unit(state=3)),
    ("units in a ring", "UNIT_DIFFERS", CASE, own_parent),
    ("another holder", "SLOT_NOT_PROVEN", CASE, unit(holder=77)),
    ("held, called in transit", "SLOT_NOT_NEEDED", CASE, unit(state=1)),
    (
        "in transit, called held",
        "SLOT_NOT_PROVEN",
        LEAF_CASE,
        lambda f: f.set(
            "units", [bytes.fromhex(f.document["units"][1]["unit"][2:])], state=2, addressee=5
        ),
    ),
]
_HISTORY = [
    ("the last event dropped", "HISTORY_MISSING", CASE, drop(f"{UNIT}.-1")),
    ("the first event dropped", "BAD_HISTORY", CASE, drop(f"{UNIT}.0")),
    ("an event dropped between", "BAD_HISTORY", CASE, drop(f"{ORIGIN}.1")),
    ("an event dropped, the rest renumbered", "HISTORY_MISSING", CASE, renumbered(ORIGIN)),
    ("an event added", "HISTORY_NOT_NEEDED", CASE, again(UNIT)),
    ("an event added where it began", "HISTORY_NOT_NEEDED", CASE, again(ORIGIN)),
    ("an event numbered twice", "BAD_HISTORY", CASE, put(f"{UNIT}.1.seq", 1)),
    ("events swapped", "BAD_HISTORY", CASE, swap(ORIGIN, False)),
    ("events swapped and renumbered", "HISTORY_DIFFERS", CASE, swap(ORIGIN, True)),
    ("an event redated", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.-1.time", lambda t: t - 1)),
    ("another actor", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.-1.actor", "7")),
    ("another receiver", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.-1.args.to", "7")),
    ("another verb", "HISTORY_DIFFERS", CASE, lambda f: ship_to_receive(f)),
    ("another signer", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.-1.signer", flip)),
    ("another key mode", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.-1.key_mode", 3)),
    ("another document", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.-1.event_hash", flip)),
    (
        "an origin's child altered",
        "HISTORY_DIFFERS",
        CASE,
        put(f"{ORIGIN}.-1.args.children.0.count", 9),
    ),
    ("another origin", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.0.args.parent", flip)),
    ("an origin's earlier head", "HISTORY_DIFFERS", CASE, put(f"{UNIT}.0.args.parentHead", flip)),
    (
        "an origin earlier than it was",
        "HISTORY_DIFFERS",
        CASE,
        put(f"{UNIT}.0.args.parentSeq", "3"),
    ),
    ("an origin's history left out", "HISTORY_MISSING", CASE, drop("histories.2")),
    ("a unit's history left out", "HISTORY_MISSING", CASE, drop("histories.1")),
    (
        "a unit's history twice",
        "HISTORY_NOT_NEEDED",
        CASE,
        lambda f: f.document["histories"].append(f.document["histories"][1]),
    ),
    ("a stranger's history", "HISTORY_NOT_NEEDED", CASE, foreign_history(INSIDE, 1)),
    ("another batch's history", "HISTORY_NOT_NEEDED", CASE, foreign_history(EXPIRED, 0)),
    ("a history of nobody's code", "HISTORY_NOT_NEEDED", NOBODY, foreign_history(EXPIRED, 0)),
    ("a batch's event altered", "HISTORY_DIFFERS", CASE, put(f"{BATCH}.1.args.activeFrom", "5")),
    ("a batch's event dropped", "HISTORY_MISSING", CASE, drop(f"{BATCH}.-1")),
    ("a batch's count altered", "HISTORY_DIFFERS", CASE, put(f"{BATCH}.0.args.count", 39)),
    ("seq raised on chain", "HISTORY_MISSING", CASE, unit(seq=3)),
    ("seq lowered on chain", "HISTORY_DIFFERS", CASE, unit(seq=1)),
    (
        "head altered on chain",
        "HISTORY_DIFFERS",
        CASE,
        unit(head=int.from_bytes(keccak(b""), "big")),
    ),
    ("the batch's head altered on chain", "HISTORY_DIFFERS", CASE, word("batches", [1], head=3)),
    ("the batch's history left out, still claimed", "SLOT_NOT_NEEDED", PLAIN, drop("histories.0")),
]
_CLAIMS = [
    (
        "a document altered",
        "DOCUMENT_DIFFERS",
        CASE,
        lambda f: first_document(f).update({"note": "x"}),
    ),
    (
        "a document of no event",
        "DOCUMENT_NOT_NEEDED",
        CASE,
        lambda f: f.document["documents"].update({"0x" + "11" * 32: {}}),
    ),
    (
        "a document without salt",
        "SALT_MISSING",
        CASE,
        lambda f: first_document(f).pop("touchstone:salt"),
    ),
    (
        "a document with a fraction",
        "BAD_JSON",
        CASE,
        lambda f: first_document(f).update({"note": 0.5}),
    ),
    ("caution called genuine", "VERDICT_DIFFERS", GAP, put("verdict.outcome", "genuine")),
    ("a reason left out", "VERDICT_DIFFERS", EXPIRED, drop("verdict.reasons.0")),
    ("a reason added", "VERDICT_DIFFERS", CASE, put("verdict.reasons", lambda r: [*r, "EXPIRED"])),
    (
        "reasons in another order",
        "VERDICT_DIFFERS",
        EXPIRED,
        put("verdict.reasons", lambda r: r[::-1]),
    ),
    ("scans that say otherwise", "VERDICT_DIFFERS", CASE, put("stated.scans.impossible_pairs", 9)),
    ("made later, the lag unsaid", "VERDICT_DIFFERS", CASE, put("made", lambda m: m + 1000)),
    ("made earlier, a lag claimed", "VERDICT_DIFFERS", LEAF_CASE, put("made", lambda m: m - 900)),
    ("a proved claim left out", "CLAIMS_DIFFER", CASE, drop("verdict.proved.0")),
    ("a claim not proved", "CLAIMS_DIFFER", PLAIN, put("verdict.proved", lambda p: [*p, "HELD"])),
    (
        "a statement called proved",
        "CLAIMS_DIFFER",
        PLAIN,
        both(drop("verdict.stated.0"), put("verdict.proved", lambda p: [*p, "ITEM_IN_NO_UNIT"])),
    ),
    ("a statement left out", "CLAIMS_DIFFER", PLAIN, drop("verdict.stated.0")),
    ("claims in another order", "CLAIMS_DIFFER", PLAIN, put("verdict.proved", lambda p: p[::-1])),
    (
        "not decoded, called unknown by the chain",
        "CLAIMS_DIFFER",
        NOBODY,
        put("verdict.proved", ["BATCH_UNKNOWN"]),
    ),
    ("no runs, called in no unit and lot-free", "CLAIMS_DIFFER", NO_RUN, drop("verdict.proved.4")),
]


def expire(forge: Forge, seconds: int) -> None:
    """Let the trust file end so many seconds after the bundle is judged."""
    forge.trust_changes.update(issued=forge.at - DAY, valid_until=forge.at + seconds)


def issue(forge: Forge, seconds: int) -> None:
    """Let the trust file begin so many seconds after the bundle is judged."""
    forge.trust_changes.update(issued=forge.at + seconds, valid_until=forge.at + DAY)


def sign_by(forge: Forge, *numbers: int) -> None:
    """Let four validators be trusted, and these keys sign the trust file."""
    forge.validators = keys(1, 2, 3, 4)
    forge.trust_signers = [key(number) for number in numbers]


def ship_to_receive(forge: Forge) -> None:
    """Call a shipment a receipt."""
    event = at(forge.document, f"{UNIT}.-1")
    event["verb"] = 35
    event["args"] = {"from": event["args"]["to"]}


def first_document(forge: Forge) -> Json:
    """Return one of the bundle's documents."""
    document: Json = next(iter(forge.document["documents"].values()))
    return document


FAULTS = [
    Fault(*row)
    for row in (
        *_FORM,
        *_TRUST,
        *_LEDGER,
        *_HEADER,
        *_PROOFS,
        *_CODE,
        *_CUSTODY,
        *_HISTORY,
        *_CLAIMS,
    )
]
