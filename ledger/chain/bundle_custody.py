"""Where an item is, and what happened to it: units, and histories of which nothing is missing.

What lies inside a unit is what its packer said and signed. What never moved alone has no slot, and
that is proved too, so nobody can leave out a history that there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger.chain.bundle_events import History
from ledger.chain.bundle_format import Bundle, Step
from ledger.chain.bundle_state import State
from ledger.chain.frame import Frame
from ledger.domain import merkle
from ledger.domain.verbs import Verb
from ledger.errors import Rejected

ITEM, UNIT = 1, 2
IN_TRANSIT, INSIDE, LOST = 2, 3, 4
WHERE = {IN_TRANSIT: "IN_TRANSIT", LOST: "LOST_IN_TRANSIT"}  # else it is held
MAX_LEVELS = 16

Key = tuple[str, bytes | int]  # kind and identity of a subject
Mark = tuple[int, bytes]  # a subject's seq and head, as something proved says


@dataclass(frozen=True)
class Custody:
    """Who has the item's outermost unit, which way it goes, and the heads that prove it.

    around: the units with a slot around the item, innermost first. marks: seq and head of each
    subject whose whole history must be in the bundle.
    """

    unit: bytes | None = None
    holder: int | None = None
    addressee: int | None = None
    around: tuple[bytes, ...] = ()
    marks: Mapping[Key, Mark] = field(default_factory=dict)
    proved: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()


def judge_custody(bundle: Bundle, state: State, item: bytes) -> Custody:
    """Return where the item with this leaf is. Raises Rejected HISTORY_WITHHELD, MOVED_ALONE,
    UNIT_ABSENT, UNIT_DIFFERS, NOT_IN_UNIT, SLOT_NOT_PROVEN."""
    alone = bool(_state_of(state, item))
    own = "ITEM_HAS_OWN_SLOT" if alone else "ITEM_NEVER_ALONE"
    if bundle.units is None:
        if alone:
            raise Rejected("HISTORY_WITHHELD", "The item has a history that the bundle leaves out.")
        return Custody(proved=(own,), stated=("ITEM_IN_NO_UNIT",))
    if alone and bundle.units:
        raise Rejected("MOVED_ALONE", "The item has left the unit that the bundle puts it in.")
    inner = climb(bundle.units, state, item)
    around, marks = _outermost(state, inner)
    unit = around[-1]
    words = state.read("units", [unit], "state", "holder", "addressee")
    moving = words["state"] in WHERE
    return Custody(
        unit=unit,
        holder=words["holder"],
        addressee=words["addressee"] if moving else None,
        around=around,
        marks=marks,
        proved=(own, "UNIT_HISTORY_COMPLETE", WHERE.get(words["state"], "HELD")),
        stated=("ITEM_IN_UNIT",) if bundle.units else (),
    )


def check_histories(frame: Frame, histories: Sequence[History], marks: Mapping[Key, Mark]) -> None:
    """Check that the histories of a file are whole, and that it has all that `marks` lead to.

    A unit that came out of another has that one's history up to then too, so the way is followed
    back to where it began. Raises Rejected HISTORY_MISSING, HISTORY_NOT_NEEDED, BAD_HISTORY,
    HISTORY_DIFFERS.
    """
    named = {(history.kind, history.identity): history for history in histories}
    if len(named) != len(histories):
        raise Rejected("HISTORY_NOT_NEEDED", "The file has two histories of one subject.")
    heads = {key: each.heads(frame.chain_id, frame.contract) for key, each in named.items()}
    reached: dict[Key, int] = {}
    todo = list(marks.items())
    while todo:
        key, (seq, head) = todo.pop()
        if key not in heads or len(heads[key]) <= seq:
            raise Rejected("HISTORY_MISSING", f"The history of a {key[0]} is missing or cut short.")
        if heads[key][seq] != head:
            raise Rejected("HISTORY_DIFFERS", f"The history of a {key[0]} is not what happened.")
        if key not in reached:
            todo += _origins(named[key])
        reached[key] = max(seq, reached.get(key, 0))
    if any(reached.get(key) != len(history.events) for key, history in named.items()):
        raise Rejected("HISTORY_NOT_NEEDED", "The file has events that nothing in it proves.")


def mark_of(state: State, unit: bytes) -> Mark:
    """Return a unit's seq and head as they are proved. Raises Rejected SLOT_NOT_PROVEN."""
    words = state.read("units", [unit], "seq", "head")
    return words["seq"], words["head"].to_bytes(32, "big")


def _state_of(state: State, unit: bytes) -> int:
    return state.read("units", [unit], "state")["state"]


def climb(steps: Sequence[Step], state: State, item: bytes) -> bytes:
    """Return the first unit with a slot, reached from the item through the packers' trees.

    Raises Rejected NOT_IN_UNIT, MOVED_ALONE, UNIT_ABSENT, UNIT_DIFFERS, SLOT_NOT_PROVEN.
    """
    child, root, count = check_trees(steps, item)
    for step in steps[:-1]:
        if _state_of(state, step.unit):
            raise Rejected("MOVED_ALONE", "A unit on the way has left the one it was packed in.")
    if not _state_of(state, child):
        raise Rejected("UNIT_ABSENT", "The unit that the item is said to be in is not on chain.")
    if steps:
        words = state.read("units", [child], "count", "childrenRoot")
        if (words["count"], words["childrenRoot"].to_bytes(32, "big")) != (count, root):
            raise Rejected("UNIT_DIFFERS", "The unit on chain was packed with something else.")
    return child


def check_trees(steps: Sequence[Step], item: bytes) -> tuple[bytes, bytes, int]:
    """Return the outermost unit, root and count that lead down to the item. Raises Rejected
    NOT_IN_UNIT."""
    kind, child, root, count = ITEM, item, bytes(32), 0
    for step in steps:
        child_leaf = merkle.children_leaf(kind, step.position, child, root, count)
        if not merkle.verify(
            step.children_root, step.count, step.position, child_leaf, step.siblings
        ):
            raise Rejected("NOT_IN_UNIT", "The packer's tree does not hold what it is said to.")
        kind, child, root, count = UNIT, step.unit, step.children_root, step.count
    return child, root, count


def _outermost(state: State, unit: bytes) -> tuple[tuple[bytes, ...], dict[Key, Mark]]:
    """Return the units up to the one around all others, and seq and head of each of them."""
    around: list[bytes] = []
    marks: dict[Key, Mark] = {}
    for _ in range(MAX_LEVELS):
        around.append(unit)
        marks[("unit", unit)] = mark_of(state, unit)
        if _state_of(state, unit) != INSIDE:
            return tuple(around), marks
        unit = state.read("units", [unit], "parent")["parent"].to_bytes(32, "big")
    raise Rejected("UNIT_DIFFERS", f"Units lie in each other more than {MAX_LEVELS} deep.")


def _origins(history: History) -> list[tuple[Key, Mark]]:
    return [
        (("unit", event.args["parent"]), (event.args["parentSeq"], event.args["parentHead"]))
        for event in history.events
        if event.verb is Verb.UNPACKED_FROM
    ]
