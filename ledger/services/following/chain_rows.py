"""The rows that a run of blocks reads and changes: fetched ahead together, written together.

One query for all units of a run, one for all heads, and one statement for all events: a query or a
flush for each event would make following ten times slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Select, insert, select, tuple_
from sqlalchemy.orm import Session

from ledger.chain.events import Seen
from ledger.db.base import Base
from ledger.db.chain_states import ChainDelegate, ChainException, ChainItem, ChainRegistry
from ledger.db.models import (
    ChainBatch,
    ChainEvent,
    ChainLot,
    ChainParty,
    ChainTransaction,
    ChainUnit,
)
from ledger.domain import ids
from ledger.domain.typed_json import to_bytes
from ledger.domain.verbs import Verb

T = TypeVar("T", bound=Base)
Key = TypeVar("Key")
CHUNK = 500  # terms of one IN list
# What handlers look up by its key, and the key's columns.
_KEYS: dict[type[Base], tuple[str, ...]] = {
    ChainBatch: ("number",),
    ChainDelegate: ("party", "account", "key"),
    ChainException: ("unit", "report"),
    ChainItem: ("leaf",),
    ChainLot: ("number",),
    ChainParty: ("id",),
    ChainRegistry: ("id",),
    ChainUnit: ("id",),
}


class ChainRows:
    """The chain tables as the handlers of one run see them; written when the block ends well.

    seen: all events of the run, in order.
    """

    def __init__(self, session: Session, seen: Sequence[Seen]) -> None:
        self._session = session
        self._rows: dict[tuple[type[Base], Any], Any] = {}
        self._heads: dict[tuple[bytes, int], bytes] = {}
        self._events: list[dict[str, Any]] = []
        self._transactions: dict[bytes, int] = {}
        self._fetch_units(seen)
        self._fetch_heads(seen)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._write()

    def get(self, model: type[T], key: Any) -> T | None:
        """Return the row with that key, with what this run has changed; None if there is none."""
        place = (model, key)
        if place not in self._rows:
            self._rows[place] = self._session.get(model, key)
        found: T | None = self._rows[place]
        return found

    def first(self, query: Select[T]) -> T | None:
        """Return the first row that a query finds, with what this run has changed."""
        self._session.flush()
        return self._session.scalars(query).first()

    def add(self, row: Base) -> None:
        """Add a row."""
        self._session.add(row)
        if (columns := _KEYS.get(type(row))) is not None:
            key = tuple(getattr(row, column) for column in columns)
            self._rows[type(row), key if len(key) > 1 else key[0]] = row

    def add_event(self, **values: Any) -> None:
        """Add a ChainEvent, and its transaction if that is new."""
        self._events.append(values)
        self._heads[values["subject"], values["seq"]] = values["head"]

    def add_transaction(self, tx_hash: bytes, block: int) -> None:
        """Add a transaction; all its logs are in one block, so in one run."""
        self._transactions[tx_hash] = block

    def head(self, subject: bytes, seq: int) -> bytes | None:
        """Return the head of a subject after event `seq`, None if there is no such event."""
        return self._heads.get((subject, seq))

    def maker(self, unit: bytes) -> int | None:
        """Return who packed or drew a unit, or packed what it came out of; None if that is unknown.

        It is the brand of the batch that vouched for an item, which no event names.
        """
        while (first := self._first_event(ids.subject("unit", unit))) is not None:
            actor, verb, args = first
            if verb != Verb.UNPACKED_FROM:
                return actor
            unit = to_bytes(args["parent"])
        return None

    def _first_event(self, subject: bytes) -> tuple[int, int, Mapping[str, Any]] | None:
        for each in self._events:
            if each["subject"] == subject and each["seq"] == 1:
                return each["actor"], each["verb"], each["args"]
        query = select(ChainEvent.actor, ChainEvent.verb, ChainEvent.args)
        found = self._session.execute(query.filter_by(subject=subject, seq=1)).first()
        return found and (found.actor, found.verb, found.args)

    def _fetch_units(self, seen: Sequence[Seen]) -> None:
        named = {one.fields["unit"] for one in seen if "unit" in one.fields}
        self._rows.update(dict.fromkeys((ChainUnit, unit) for unit in named))
        for part in _chunks(named):
            for row in self._session.scalars(select(ChainUnit).where(ChainUnit.id.in_(part))):
                self._rows[ChainUnit, row.id] = row

    def _fetch_heads(self, seen: Sequence[Seen]) -> None:
        events = [one.event for one in seen if one.event is not None]
        places = [(event.subject, event.seq) for event in events]
        before = {(subject, seq - 1) for subject, seq in places if seq > 1}
        for part in _chunks(before.difference(places)):
            query = select(ChainEvent.subject, ChainEvent.seq, ChainEvent.head).where(
                tuple_(ChainEvent.subject, ChainEvent.seq).in_(part)
            )
            for subject, seq, head in self._session.execute(query):
                self._heads[subject, seq] = head

    def _write(self) -> None:
        self._session.flush()
        rows = [{"hash": tx_hash, "block": n} for tx_hash, n in self._transactions.items()]
        for model, values in ((ChainTransaction, rows), (ChainEvent, self._events)):
            if values:
                self._session.execute(insert(model), values)


def _chunks(keys: Iterable[Key]) -> Iterator[list[Key]]:
    rest = iter(keys)
    while part := list(islice(rest, CHUNK)):
        yield part
