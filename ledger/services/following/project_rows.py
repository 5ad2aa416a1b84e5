"""What the handlers of the contract's events share: the event, and the row it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ledger.chain.events import Seen
from ledger.db.models import ChainBatch, ChainParty, ChainUnit
from ledger.domain.history import Event
from ledger.errors import Broken
from ledger.services.following.chain_rows import ChainRows

T = TypeVar("T")
Handler = Callable[[ChainRows, Seen, bytes], None]
"""Sets what an event says: (rows, event, its subject's head after it). One that reads a row relies
on an event before it."""


def event_of(seen: Seen) -> Event:
    """Return the event of a log that records a verb."""
    assert seen.event is not None
    return seen.event


def touch_party(rows: ChainRows, seen: Seen, head: bytes) -> ChainParty:
    """Return the party that an event is about, with its seq and head moved on."""
    identity = event_of(seen).identity
    assert isinstance(identity, int)
    party = need(rows.get(ChainParty, identity), seen)
    party.seq, party.head = event_of(seen).seq, head
    return party


def touch_batch(rows: ChainRows, seen: Seen, head: bytes) -> ChainBatch:
    """Return the batch that an event is about, with its seq and head moved on."""
    batch = need(rows.get(ChainBatch, seen.fields["batch"]), seen)
    batch.seq, batch.head = event_of(seen).seq, head
    return batch


def touch_unit(rows: ChainRows, seen: Seen, head: bytes) -> ChainUnit:
    """Return the unit that an event is about, with its seq and head moved on."""
    unit = need(rows.get(ChainUnit, seen.fields["unit"]), seen)
    unit.seq, unit.head = event_of(seen).seq, head
    return unit


def need(row: T | None, seen: Seen) -> T:
    """Return a row that must be there. Raises Broken HISTORY_GAP."""
    if row is None:
        raise Broken(
            "HISTORY_GAP",
            f"'{seen.name}' in block {seen.block} is about something unknown: "
            "run `touchstone rebuild`.",
        )
    return row
