"""The history file `touchstone-history/1`: these events of one subject, in this order, at these
times, and no others.

The contract keeps a count of each subject's events and a hash chain over them; whoever proves both
from storage under a sealed header can neither leave an event out nor add, move, change or redate
one. No event at all is proved alike, by the absence of both. Source: FORMATS "History file".
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.chain import frame
from ledger.chain.bundle_events import History, read_events, read_subject, write_identity
from ledger.chain.bundle_state import State, proved_words
from ledger.chain.frame import Frame, Standing, check_frame, read_frame
from ledger.chain.storage import Layout
from ledger.chain.strict_json import Node, load
from ledger.chain.trust import check_trust
from ledger.domain.history import Event
from ledger.domain.ids import SubjectKind, claim_id
from ledger.errors import Rejected

FORMAT = "touchstone-history/1"
MAX_BYTES = 64 << 20
MAX_EVENTS = 100_000

# Where each kind of subject has its `seq` and `head`.
TABLES: dict[SubjectKind, str] = {
    "registry": "registry",
    "party": "parties",
    "batch": "batches",
    "lot": "lots",
    "unit": "units",
    "item": "items",
    "claim": "claims",
    "log": "scanLog",
}
_SINGLE = ("registry", "log")
_CLAIM = r"(?:0|[1-9][0-9]{0,9})/(?:0|[1-9][0-9]{0,9})"
_NO_HEAD = bytes(32)
_INDEX = (1 << 32) - 1


@dataclass(frozen=True)
class Subject:
    """Whose history it is. identity: as `ids.subject` takes it.

    A claim is that of an inner code, written as the batch and the index of its item.
    """

    kind: SubjectKind
    identity: bytes | int

    @property
    def place(self) -> tuple[str, tuple[int | bytes, ...]]:
        """Label and keys of the struct that has its `seq` and `head`."""
        keys = () if self.kind in _SINGLE else self._pair or (self.identity,)
        return TABLES[self.kind], keys

    @property
    def written(self) -> str:
        """Its identity as a file holds it."""
        return "{}/{}".format(*self._pair) if self._pair else write_identity(self.identity)

    @property
    def _pair(self) -> tuple[int, int] | None:
        if self.kind != "claim" or isinstance(self.identity, bytes):
            return None
        return self.identity >> 32, self.identity & _INDEX


@dataclass(frozen=True)
class HistoryFile(Frame):
    """A history file of the right form."""

    subject: Subject
    history: History


@dataclass(frozen=True)
class Report(Standing):
    """An authentic history: all `events` of the subject as of the block. head: None without any."""

    subject: Subject
    head: bytes | None
    events: tuple[Event, ...]


def check(document: bytes, trust: bytes, at: int) -> Report:
    """Return what an authentic history file shows, seen from `at` (unix seconds).

    Raises Rejected with a code of its own for each fault: those of `check_trust`, `read`,
    `check_frame` and `conclude`.
    """
    pinned = check_trust(trust, at)
    found = read(document)
    standing = check_frame(found, pinned, at)
    head = conclude(found, Layout(found.layout))
    return Report(**vars(standing), subject=found.subject, head=head, events=found.history.events)


def read(data: bytes) -> HistoryFile:
    """Return the history file in `data`. Raises Rejected: what `strict_json` and `Header.decode`
    raise, BAD_EVENT."""
    part = load(data, MAX_BYTES).members(("format", *frame.MEMBERS, "subject", "events"))
    part["format"].text(FORMAT)
    subject = _subject(part["subject"])
    events = read_events(part["events"], subject.kind, subject.identity, MAX_EVENTS)
    history = History(subject.kind, subject.identity, events)
    return HistoryFile(**vars(read_frame(part)), subject=subject, history=history)


def conclude(found: HistoryFile, layout: Layout) -> bytes | None:
    """Return the subject's head, None if it has no event, if the file's header is right.

    layout: the file's own, found to be the trusted one. Raises Rejected as `proved_words`,
    SLOT_NOT_PROVEN, SLOT_NOT_NEEDED, BAD_HISTORY, HISTORY_MISSING (fewer events than there were),
    HISTORY_NOT_NEEDED (more), HISTORY_DIFFERS.
    """
    state = State(layout, proved_words(found))
    words = state.read(*found.subject.place, "seq", "head")
    seq, head = words["seq"], words["head"].to_bytes(32, "big")
    state.check_all_used()
    heads = found.history.heads(found.chain_id, found.contract)
    given = len(heads) - 1
    if given < seq:
        raise Rejected("HISTORY_MISSING", f"The file has {given} of the subject's {seq} events.")
    if given > seq:
        raise Rejected("HISTORY_NOT_NEEDED", f"The file has {given} events; there were {seq}.")
    if (heads[-1] if seq else _NO_HEAD) != head:
        raise Rejected("HISTORY_DIFFERS", f"The history of a {found.subject.kind} is another.")
    return head if seq else None


def _subject(node: Node) -> Subject:
    part = node.members(("kind", "id"))
    if part["kind"].value == "claim":
        batch, index = map(int, part["id"].text(_CLAIM, 21).split("/"))
        if batch >> 31 or index >> 32:
            raise part["id"].bad("a batch of 31 bits and an index of 32")
        return Subject("claim", claim_id(batch, index))
    kinds = [kind for kind in TABLES if kind != "claim"]
    return Subject(*read_subject(part["kind"], part["id"], kinds))
