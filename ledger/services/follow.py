"""The follower: takes proved blocks and projects them into the chain tables.

One handler an event. What a run of blocks changes and the checkpoint are one transaction, so the
tables are always the state of exactly one block. The contract decides, we only project: a history
that does not add up stops the follower instead of being repaired. Two followers of one database do
no harm: whoever finds the checkpoint moved goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from ledger.chain.events import Seen, decode
from ledger.chain.reader import Block, BlockReader, Checkpoint
from ledger.chain.rpc import Rpc
from ledger.chain.validators import Reign, Succession
from ledger.db.engine import reading, transaction
from ledger.db.models import (
    CHAIN_TABLES,
    ChainAnchor,
    ChainBatch,
    ChainCheckpoint,
    ChainEpoch,
    ChainEvent,
    ChainFailure,
    ChainLot,
    ChainParty,
    ChainRun,
    ChainSkip,
    ChainTransaction,
    ChainUnit,
)
from ledger.domain import ids
from ledger.domain.history import Event
from ledger.domain.typed_json import to_json
from ledger.errors import Broken, Unavailable
from ledger.services.network import Network

T = TypeVar("T")
HELD, IN_TRANSIT, INSIDE = 1, 2, 3
RESERVED, COMMISSIONED = 1, 2
ACTIVE = 1
RELEASED = 1


class Follower:
    """Follows one contract into one database; the only writer of the chain tables."""

    def __init__(self, engine: Engine, rpc: Rpc, network: Network) -> None:
        self._engine = engine
        self._rpc = rpc
        self._network = network
        self._reader = self._resume()

    def step(self, now: float) -> int:
        """Take the next run of blocks and return how many; 0 when nothing is newer.

        now: unix seconds. Raises what BlockReader.next_run raises, Broken HISTORY_GAP, and
        Unavailable FOLLOWER_OVERTAKEN when another process follows into the same database.
        """
        try:
            blocks = self._reader.next_run(now)
            if blocks:
                with transaction(self._engine) as session:
                    self._store(session, blocks)
                # Before that commit we die without a trace: the same blocks are taken again.
        except Exception:
            # The reader is ahead of what is stored: go on from what is stored.
            self._reader = self._resume()
            raise
        return len(blocks)

    def catch_up(self, now: float) -> int:
        """Take all there is and return how many blocks."""
        taken = 0
        while count := self.step(now):
            taken += count
        return taken

    def rebuild(self, now: float) -> int:
        """Take every block again into emptied chain tables; return how many. Raises as `step`.

        One transaction: readers see the old tables or the new ones, never half of them, and if we
        die on the way the old ones stand. Other writers wait for it.
        """
        taken = 0
        try:
            with transaction(self._engine) as session:
                for table in CHAIN_TABLES:
                    session.execute(delete(table))
                self._reader = self._reader_from(None)
                while blocks := self._reader.next_run(now):
                    self._store(session, blocks)
                    session.flush()
                    session.expunge_all()  # a long history does not fit in memory
                    taken += len(blocks)
        except Exception:
            self._reader = self._resume()
            raise
        return taken

    def _resume(self) -> BlockReader:
        with reading(self._engine) as session:
            return self._reader_from(session.get(ChainCheckpoint, 1))

    def _reader_from(self, row: ChainCheckpoint | None) -> BlockReader:
        if row is None:
            genesis = bytes.fromhex(self._network.genesis_hash[2:])
            checkpoint = Checkpoint(0, genesis)
            validators = (bytes.fromhex(v[2:]) for v in self._network.validators)
            succession = Succession.start(validators)
        else:
            checkpoint = Checkpoint(row.number, row.hash)
            succession = Succession(tuple(_reign(since, members) for since, members in row.reigns))
        return BlockReader(
            self._rpc,
            chain_id=self._network.chain_id,
            checkpoint=checkpoint,
            succession=succession,
            contract=self._network.address,
            epoch_length=self._network.epoch_length,
        )

    def _store(self, session: Session, blocks: tuple[Block, ...]) -> None:
        row = session.get(ChainCheckpoint, 1)
        if (row.number if row else 0) != blocks[0].header.number - 1:
            raise Unavailable(
                "FOLLOWER_OVERTAKEN",
                "Another process follows the chain into this database: one worker is enough.",
            )
        for block in blocks:
            for log in block.logs:
                seen = decode(log, block.header.number, block.header.timestamp)
                if seen is not None:
                    project(session, self._network, seen)
        newest = blocks[-1].header
        if row is None:
            row = ChainCheckpoint(id=1, changes=[])
            session.add(row)
        row.number, row.hash, row.time = newest.number, newest.hash, newest.timestamp
        row.reigns = [
            [reign.since, sorted("0x" + v.hex() for v in reign.validators)]
            for reign in self._reader.succession.reigns
        ]
        row.changes = row.changes + [
            {
                "votes": ["0x" + vote.encode().hex() for vote in change.votes],
                "first": "0x" + change.first.encode().hex(),
            }
            for change in self._reader.changes
        ]
        self._reader.changes = ()


def _reign(since: int, members: list[str]) -> Reign:
    return Reign(since, frozenset(bytes.fromhex(m[2:]) for m in members))


def project(session: Session, network: Network, seen: Seen) -> None:
    """Project one event of the contract. Raises Broken HISTORY_GAP, UNKNOWN_EVENT."""
    handler = HANDLERS.get(seen.name)
    if handler is None:
        raise Broken("UNKNOWN_EVENT", f"The contract emitted '{seen.name}': upgrade Touchstone.")
    if session.get(ChainTransaction, seen.transaction_hash) is None:
        session.add(ChainTransaction(hash=seen.transaction_hash, block=seen.block))
    head = _record(session, network, seen) if seen.event is not None else b""
    handler(session, seen, head)


def _record(session: Session, network: Network, seen: Seen) -> bytes:
    """Add the event to its subject's history and return the head after it."""
    event = seen.event
    assert event is not None
    subject = event.subject
    if event.seq == 1:
        before = ids.first_head(network.chain_id, network.address, subject)
    else:
        before = _head_before(session, subject, event)
    head = event.head_after(before)
    identity = event.identity
    session.add(
        ChainEvent(
            block=seen.block,
            log_index=seen.log_index,
            subject=subject,
            kind=event.kind,
            identity=identity if isinstance(identity, bytes) else identity.to_bytes(32, "big"),
            seq=event.seq,
            verb=int(event.verb),
            actor=event.actor,
            counterparty=event.counterparty,
            args=to_json(event.args),
            event_hash=event.event_hash,
            signer=event.signer,
            key_mode=event.key_mode,
            time=event.time,
            transaction_hash=seen.transaction_hash,
            head=head,
        )
    )
    return head


def _head_before(session: Session, subject: bytes, event: Event) -> bytes:
    query = select(ChainEvent.head).where(
        ChainEvent.subject == subject, ChainEvent.seq == event.seq - 1
    )
    before = session.scalars(query).one_or_none()
    if before is None:
        raise Broken(
            "HISTORY_GAP",
            f"Event {event.seq} of a {event.kind} came without event {event.seq - 1}: "
            "run `touchstone rebuild`.",
        )
    return before


# ---------------------------------------------------------------------------------------- handlers
# Each sets what the event says; a handler that reads a row relies on an event before it.

Handler = Callable[[Session, Seen, bytes], None]


def _event(seen: Seen) -> Event:
    assert seen.event is not None
    return seen.event


def _party_registered(session: Session, seen: Seen, head: bytes) -> None:
    args = seen.fields["args"]
    session.add(
        ChainParty(
            id=args["party"],
            account=args["account"],
            key_mode=args["keyMode"],
            roles=args["roles"],
            markets=args["markets"].to_bytes(32, "big"),
            status=ACTIVE,
            era=0,
            prefix=args["prefix"],
            prefix_length=args["prefixLength"],
            seq=1,
            head=head,
        )
    )


def _touch_party(session: Session, seen: Seen, head: bytes) -> ChainParty:
    party = _need(session.get(ChainParty, _event(seen).actor), seen)
    party.seq, party.head = _event(seen).seq, head
    return party


def _epoch_opened(session: Session, seen: Seen, head: bytes) -> None:
    party = _touch_party(session, seen, head)
    args = seen.fields["args"]
    session.add(ChainEpoch(party=party.id, epoch=args["epoch"], commitment=args["commitment"]))


def _cancelled(session: Session, seen: Seen, head: bytes) -> None:
    _touch_party(session, seen, head).era += 1


def _batch_reserved(session: Session, seen: Seen, head: bytes) -> None:
    party = _touch_party(session, seen, head)
    args = seen.fields["args"]
    session.add(
        ChainBatch(
            number=seen.fields["batch"],
            gtin=args["gtin"],
            brand=party.id,
            epoch=args["epoch"],
            reservation=args["eventHash"],
            status=RESERVED,
            count=0,
            root=None,
            inner_root=None,
            seq=0,
            head=None,
        )
    )


def _touch_batch(session: Session, seen: Seen, head: bytes) -> ChainBatch:
    batch = _need(session.get(ChainBatch, seen.fields["batch"]), seen)
    batch.seq, batch.head = _event(seen).seq, head
    return batch


def _commissioned(session: Session, seen: Seen, head: bytes) -> None:
    batch = _touch_batch(session, seen, head)
    args = seen.fields["args"]
    batch.status, batch.count, batch.root = COMMISSIONED, args["count"], args["root"]
    batch.inner_root = args["innerRoot"] if any(args["innerRoot"]) else None


def _activated(session: Session, seen: Seen, head: bytes) -> None:
    batch = _touch_batch(session, seen, head)
    args = seen.fields["args"]
    _cut(session, batch.number, args["from"], args["to"]).active_from = args["activeFrom"]


def _lot_opened(session: Session, seen: Seen, _head: bytes) -> None:
    # Its terms follow in the LotBound of the same transaction.
    session.add(
        ChainLot(
            number=seen.fields["number"],
            id=seen.fields["lot"],
            gtin=0,
            brand=0,
            expiry=0,
            best_before=0,
            market=0,
            status=RELEASED,
        )
    )


def _lot_bound(session: Session, seen: Seen, head: bytes) -> None:
    batch = _touch_batch(session, seen, head)
    args = seen.fields["args"]
    session.flush()
    # Anyone may open a lot under another's id, but only for an own GTIN; 0: opened by this event.
    query = select(ChainLot).where(ChainLot.id == args["lot"], ChainLot.gtin.in_((0, batch.gtin)))
    lot = _need(session.scalars(query).first(), seen)
    lot.gtin, lot.brand, lot.market = batch.gtin, batch.brand, args["market"]
    lot.expiry, lot.best_before = args["expiry"], args["bestBefore"]
    if args["from"] != args["to"]:
        _cut(session, batch.number, args["from"], args["to"]).lot = lot.number


def _cut(session: Session, batch: int, first: int, to: int) -> ChainRun:
    """Return the run that covers exactly [first, to), as the contract cut it."""
    session.flush()
    query = (
        select(ChainRun)
        .where(ChainRun.batch == batch, ChainRun.first <= first)
        .order_by(ChainRun.first.desc())
        .limit(1)
    )
    whole = session.scalars(query).first()
    if whole is None or whole.to <= first:
        return _add_run(session, batch, first, to, 0, 0, 0)
    state = (whole.active_from, whole.lot, whole.voided)
    if to < whole.to:
        _add_run(session, batch, to, whole.to, *state)
    if first == whole.first:
        whole.to = to
        return whole
    whole.to = first
    return _add_run(session, batch, first, to, *state)


def _add_run(
    session: Session, batch: int, first: int, to: int, active_from: int, lot: int, voided: int
) -> ChainRun:
    run = ChainRun(batch=batch, first=first, to=to, active_from=active_from, lot=lot, voided=voided)
    session.add(run)
    return run


def _packed(session: Session, seen: Seen, head: bytes) -> None:
    args = seen.fields["args"]
    lot = session.get(ChainLot, args["lot"]) if args["lot"] else None
    session.add(
        ChainUnit(
            id=seen.fields["unit"],
            holder=args["actor"],
            addressee=0,
            state=HELD,
            parent=None,
            count=args["count"],
            gone=0,
            level=args["level"],
            lot=args["lot"],
            market=lot.market if lot else 0,
            children_root=args["childrenRoot"],
            seq=1,
            head=head,
        )
    )


def _touch_unit(session: Session, seen: Seen, head: bytes) -> ChainUnit:
    unit = _need(session.get(ChainUnit, seen.fields["unit"]), seen)
    unit.seq, unit.head = _event(seen).seq, head
    return unit


def _unpacked(session: Session, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(session, seen, head)
    children = seen.fields["args"]["children"]
    unit.gone += len(children)
    for child in children:
        if session.get(ChainUnit, child["child"]) is None:
            # Its slot begins here; the UnpackedFrom that follows gives it its head.
            session.add(
                ChainUnit(
                    id=child["child"],
                    holder=unit.holder,
                    addressee=0,
                    state=HELD,
                    parent=None,
                    count=child["count"],
                    gone=0,
                    level=max(unit.level - 1, 0) if child["kind"] == 2 else 0,
                    lot=unit.lot,
                    market=unit.market,
                    children_root=child["childrenRoot"],
                    seq=0,
                    head=b"",
                )
            )


def _packed_into(session: Session, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(session, seen, head)
    unit.state, unit.parent = INSIDE, seen.fields["parent"]
    parent = _need(session.get(ChainUnit, unit.parent), seen)
    parent.market = parent.market or unit.market  # a restricted child restricts its parent


def _unpacked_from(session: Session, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(session, seen, head)
    unit.state, unit.parent, unit.holder = HELD, None, seen.fields["actor"]


def _shipped(session: Session, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(session, seen, head)
    unit.state, unit.addressee = IN_TRANSIT, seen.fields["args"]["to"]


def _received(session: Session, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(session, seen, head)
    unit.state, unit.holder, unit.addressee = HELD, seen.fields["args"]["actor"], 0


def _scan_log_anchored(session: Session, seen: Seen, _head: bytes) -> None:
    args = seen.fields["args"]
    session.add(
        ChainAnchor(
            seq=_event(seen).seq,
            size=args["size"],
            log_root=args["logRoot"],
            map_root=args["mapRoot"],
            time=_event(seen).time,
            block=seen.block,
        )
    )


def _skipped(session: Session, seen: Seen, _head: bytes) -> None:
    session.add(
        ChainSkip(
            block=seen.block,
            log_index=seen.log_index,
            transaction_hash=seen.transaction_hash,
            unit=seen.fields["unit"],
            actor=seen.fields["actor"],
            signed_head=seen.fields["signedHead"],
        )
    )


def _part_failed(session: Session, seen: Seen, _head: bytes) -> None:
    session.add(
        ChainFailure(
            transaction_hash=seen.transaction_hash,
            part=seen.fields["part"],
            block=seen.block,
            reason=seen.fields["reason"],
        )
    )


def _need(row: T | None, seen: Seen) -> T:
    if row is None:
        raise Broken(
            "HISTORY_GAP",
            f"'{seen.name}' in block {seen.block} is about something unknown: "
            "run `touchstone rebuild`.",
        )
    return row


HANDLERS: dict[str, Handler] = {
    "PartyRegistered": _party_registered,
    "EpochOpened": _epoch_opened,
    "Cancelled": _cancelled,
    "BatchReserved": _batch_reserved,
    "Commissioned": _commissioned,
    "Activated": _activated,
    "LotOpened": _lot_opened,
    "LotBound": _lot_bound,
    "Packed": _packed,
    "Unpacked": _unpacked,
    "PackedInto": _packed_into,
    "UnpackedFrom": _unpacked_from,
    "Shipped": _shipped,
    "Received": _received,
    "ScanLogAnchored": _scan_log_anchored,
    "Skipped": _skipped,
    "PartFailed": _part_failed,
}
