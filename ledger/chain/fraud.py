"""The fraud file `touchstone-fraud/1`: a portable proof that somebody signed what cannot be true.

Of two kinds. *Membership*: at one state root one item is in two places at once, by trees that their
packers signed. *Headers*: a quorum of validators sealed two blocks at one height. An honest repack
is no fraud, since whatever leaves a unit gets a slot. Source: FORMATS "Fraud file", "Packing".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.chain import frame
from ledger.chain.bundle_custody import Key, Mark, check_histories, climb, mark_of
from ledger.chain.bundle_events import History, read_history
from ledger.chain.bundle_format import Step, read_steps
from ledger.chain.bundle_state import State, proved_words
from ledger.chain.frame import (
    Frame,
    Standing,
    check_frame,
    read_changes,
    read_frame,
    succession,
)
from ledger.chain.header import Header
from ledger.chain.storage import Layout
from ledger.chain.strict_json import Node, load
from ledger.chain.trust import Trust, check_trust
from ledger.domain.history import Event
from ledger.domain.verbs import Verb
from ledger.errors import Rejected

FORMAT = "touchstone-fraud/1"
MAX_BYTES = 8 << 20
MEMBERSHIP, HEADERS = "membership", "headers"

_MEMBERS: Mapping[str, Sequence[str]] = {
    MEMBERSHIP: ("format", "kind", *frame.MEMBERS, "item", "paths", "histories"),
    HEADERS: ("format", "kind", "first", "second", "changes"),
}


@dataclass(frozen=True)
class MembershipFile(Frame):
    """Two ways from one item (its code leaf) up to units with slots. histories: of those units, and
    of all that they came out of."""

    item: bytes
    paths: tuple[tuple[Step, ...], ...]
    histories: tuple[History, ...]


@dataclass(frozen=True)
class Place:
    """Where one packer says the item is. unit: with a slot. packed: the event by which its content
    was signed: who, by which key, when."""

    unit: bytes
    packed: Event


@dataclass(frozen=True)
class MembershipConflict(Standing):
    """One item in two places as of the block; one at least of both packers signed a falsehood."""

    item: bytes
    places: tuple[Place, Place]


@dataclass(frozen=True)
class HeaderConflict:
    """Two blocks at one height, sealed by quorums. hashes: of the blocks. signers: who sealed both,
    as no honest validator does."""

    number: int
    hashes: tuple[bytes, bytes]
    signers: frozenset[bytes]


def check(document: bytes, trust: bytes, at: int) -> MembershipConflict | HeaderConflict:
    """Return the fraud that a file proves, by a trust file that may be used `at` (unix seconds).

    Raises Rejected with a code of its own for each reason why it proves none: those of
    `check_trust`, strict_json, `check_frame`, `conclude`, `Succession`; ONE_BLOCK, TWO_HEIGHTS.
    """
    pinned = check_trust(trust, at)
    node = load(document, MAX_BYTES)
    if _kind(node) == HEADERS:
        return _headers(node, pinned)
    found = read_membership(node)
    standing = check_frame(found, pinned, at)
    places = conclude(found, Layout(found.layout))
    return MembershipConflict(**vars(standing), item=found.item, places=places)


def read_membership(node: Node) -> MembershipFile:
    """Return a membership file of the right form. Raises Rejected as Node and Header.decode do."""
    part = _members(node, MEMBERSHIP)
    return MembershipFile(
        **vars(read_frame(part)),
        item=part["item"].data(32),
        paths=tuple(read_steps(path) for path in part["paths"].items(2)),
        histories=tuple(read_history(history) for history in part["histories"].items(64)),
    )


def conclude(found: MembershipFile, layout: Layout) -> tuple[Place, Place]:
    """Return the two places, if the file's header is right.

    layout: the file's own, found to be the trusted one. Raises Rejected ONE_MEMBERSHIP (the same
    way twice), MOVED_ALONE (the item, or a unit on a way, has a slot: what a tree said of it is
    past), and as `climb`, `check_histories`, `proved_words`, SLOT_NOT_NEEDED.
    """
    ways = {tuple((step.unit, step.position) for step in path) for path in found.paths}
    if len(ways) != 2:
        raise Rejected("ONE_MEMBERSHIP", "The file does not show two ways to the item.")
    state = State(layout, proved_words(found))
    if state.read("units", [found.item], "state")["state"]:
        raise Rejected("MOVED_ALONE", "The item has left the units that it was packed in.")
    first, second = (climb(path, state, found.item) for path in found.paths)
    marks: dict[Key, Mark] = {("unit", unit): mark_of(state, unit) for unit in (first, second)}
    state.check_all_used()
    check_histories(found, found.histories, marks)
    events = {history.identity: history.events for history in found.histories}
    return Place(first, _packed(events, first)), Place(second, _packed(events, second))


def _packed(events: Mapping[bytes | int, Sequence[Event]], unit: bytes) -> Event:
    """Return the event that signed a unit's content: its own packing, or that of the unit whose
    tree named it. Histories are whole, so the way back ends at a packing."""
    first = events[unit][0]
    return _packed(events, first.args["parent"]) if first.verb is Verb.UNPACKED_FROM else first


def _headers(node: Node, trust: Trust) -> HeaderConflict:
    part = _members(node, HEADERS)
    first, second = (Header.decode(part[name].data()) for name in ("first", "second"))
    if first.number != second.number:
        raise Rejected("TWO_HEIGHTS", "The headers are of two heights, as all headers are.")
    if first.hash == second.hash:
        raise Rejected("ONE_BLOCK", "Both headers are of one block.")
    known = succession(trust, read_changes(part["changes"]))
    return HeaderConflict(
        number=first.number,
        hashes=(first.hash, second.hash),
        signers=known.check(first) & known.check(second),
    )


def _kind(node: Node) -> str:
    kind = node.value.get("kind") if isinstance(node.value, dict) else None
    return HEADERS if kind == HEADERS else MEMBERSHIP


def _members(node: Node, kind: str) -> dict[str, Node]:
    part = node.members(_MEMBERS[kind])
    part["format"].text(FORMAT)
    part["kind"].text(kind)
    return part
