"""What each event of the contract does to the chain tables: one handler an event.

The contract decides, we only project: a history that does not add up stops the follower instead of
being repaired. Over 300 lines, so that all handlers are seen at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import select

from ledger.chain.events import Seen
from ledger.db.models import (
    ChainAnchor,
    ChainBatch,
    ChainEpoch,
    ChainFailure,
    ChainLot,
    ChainParty,
    ChainRun,
    ChainSkip,
    ChainUnit,
)
from ledger.domain import ids
from ledger.domain.history import Event
from ledger.domain.typed_json import to_json
from ledger.errors import Broken
from ledger.services.chain_rows import ChainRows
from ledger.services.network import Network

T = TypeVar("T")
HELD, IN_TRANSIT, INSIDE = 1, 2, 3
RESERVED, COMMISSIONED = 1, 2
ACTIVE = 1
RELEASED = 1


def project(rows: ChainRows, network: Network, seen: Seen) -> None:
    """Project one event of the contract. Raises Broken HISTORY_GAP, UNKNOWN_EVENT."""
    handler = HANDLERS.get(seen.name)
    if handler is None:
        raise Broken("UNKNOWN_EVENT", f"The contract emitted '{seen.name}': upgrade Touchstone.")
    rows.add_transaction(seen.transaction_hash, seen.block)
    head = _record(rows, network, seen) if seen.event is not None else b""
    handler(rows, seen, head)


def _record(rows: ChainRows, network: Network, seen: Seen) -> bytes:
    """Add the event to its subject's history and return the head after it."""
    event = seen.event
    assert event is not None
    subject = event.subject
    if event.seq == 1:
        before: bytes | None = ids.first_head(network.chain_id, network.address, subject)
    else:
        before = rows.head(subject, event.seq - 1)
    if before is None:
        raise Broken(
            "HISTORY_GAP",
            f"Event {event.seq} of a {event.kind} came without event {event.seq - 1}: "
            "run `touchstone rebuild`.",
        )
    head = event.head_after(before)
    identity = event.identity
    rows.add_event(
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
    return head


# ---------------------------------------------------------------------------------------- handlers
# Each sets what the event says; a handler that reads a row relies on an event before it.

Handler = Callable[[ChainRows, Seen, bytes], None]


def _event(seen: Seen) -> Event:
    assert seen.event is not None
    return seen.event


def _party_registered(rows: ChainRows, seen: Seen, head: bytes) -> None:
    args = seen.fields["args"]
    rows.add(
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


def _touch_party(rows: ChainRows, seen: Seen, head: bytes) -> ChainParty:
    party = _need(rows.get(ChainParty, _event(seen).actor), seen)
    party.seq, party.head = _event(seen).seq, head
    return party


def _epoch_opened(rows: ChainRows, seen: Seen, head: bytes) -> None:
    party = _touch_party(rows, seen, head)
    args = seen.fields["args"]
    rows.add(ChainEpoch(party=party.id, epoch=args["epoch"], commitment=args["commitment"]))


def _cancelled(rows: ChainRows, seen: Seen, head: bytes) -> None:
    _touch_party(rows, seen, head).era += 1


def _batch_reserved(rows: ChainRows, seen: Seen, head: bytes) -> None:
    party = _touch_party(rows, seen, head)
    args = seen.fields["args"]
    rows.add(
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


def _touch_batch(rows: ChainRows, seen: Seen, head: bytes) -> ChainBatch:
    batch = _need(rows.get(ChainBatch, seen.fields["batch"]), seen)
    batch.seq, batch.head = _event(seen).seq, head
    return batch


def _commissioned(rows: ChainRows, seen: Seen, head: bytes) -> None:
    batch = _touch_batch(rows, seen, head)
    args = seen.fields["args"]
    batch.status, batch.count, batch.root = COMMISSIONED, args["count"], args["root"]
    batch.inner_root = args["innerRoot"] if any(args["innerRoot"]) else None


def _activated(rows: ChainRows, seen: Seen, head: bytes) -> None:
    batch = _touch_batch(rows, seen, head)
    args = seen.fields["args"]
    _cut(rows, batch.number, args["from"], args["to"]).active_from = args["activeFrom"]


def _lot_opened(rows: ChainRows, seen: Seen, _head: bytes) -> None:
    # Its terms follow in the LotBound of the same transaction.
    rows.add(
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


def _lot_bound(rows: ChainRows, seen: Seen, head: bytes) -> None:
    batch = _touch_batch(rows, seen, head)
    args = seen.fields["args"]
    # Anyone may open a lot under another's id, but only for an own GTIN; 0: opened by this event.
    query = select(ChainLot).where(ChainLot.id == args["lot"], ChainLot.gtin.in_((0, batch.gtin)))
    lot = _need(rows.first(query), seen)
    lot.gtin, lot.brand, lot.market = batch.gtin, batch.brand, args["market"]
    lot.expiry, lot.best_before = args["expiry"], args["bestBefore"]
    if args["from"] != args["to"]:
        _cut(rows, batch.number, args["from"], args["to"]).lot = lot.number


def _cut(rows: ChainRows, batch: int, first: int, to: int) -> ChainRun:
    """Return the run that covers exactly [first, to), as the contract cut it."""
    query = (
        select(ChainRun)
        .where(ChainRun.batch == batch, ChainRun.first <= first)
        .order_by(ChainRun.first.desc())
        .limit(1)
    )
    whole = rows.first(query)
    if whole is None or whole.to <= first:
        return _add_run(rows, batch, first, to, 0, 0, 0)
    state = (whole.active_from, whole.lot, whole.voided)
    if to < whole.to:
        _add_run(rows, batch, to, whole.to, *state)
    if first == whole.first:
        whole.to = to
        return whole
    whole.to = first
    return _add_run(rows, batch, first, to, *state)


def _add_run(
    rows: ChainRows, batch: int, first: int, to: int, active_from: int, lot: int, voided: int
) -> ChainRun:
    run = ChainRun(batch=batch, first=first, to=to, active_from=active_from, lot=lot, voided=voided)
    rows.add(run)
    return run


def _packed(rows: ChainRows, seen: Seen, head: bytes) -> None:
    args = seen.fields["args"]
    lot = rows.get(ChainLot, args["lot"]) if args["lot"] else None
    rows.add(
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


def _touch_unit(rows: ChainRows, seen: Seen, head: bytes) -> ChainUnit:
    unit = _need(rows.get(ChainUnit, seen.fields["unit"]), seen)
    unit.seq, unit.head = _event(seen).seq, head
    return unit


def _unpacked(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(rows, seen, head)
    children = seen.fields["args"]["children"]
    unit.gone += len(children)
    for child in children:
        if rows.get(ChainUnit, child["child"]) is None:
            # Its slot begins here; the UnpackedFrom that follows gives it its head.
            rows.add(
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


def _packed_into(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(rows, seen, head)
    unit.state, unit.parent = INSIDE, seen.fields["parent"]
    parent = _need(rows.get(ChainUnit, unit.parent), seen)
    parent.market = parent.market or unit.market  # a restricted child restricts its parent


def _unpacked_from(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(rows, seen, head)
    unit.state, unit.parent, unit.holder = HELD, None, seen.fields["actor"]


def _shipped(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(rows, seen, head)
    unit.state, unit.addressee = IN_TRANSIT, seen.fields["args"]["to"]


def _received(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = _touch_unit(rows, seen, head)
    unit.state, unit.holder, unit.addressee = HELD, seen.fields["args"]["actor"], 0


def _scan_log_anchored(rows: ChainRows, seen: Seen, _head: bytes) -> None:
    args = seen.fields["args"]
    rows.add(
        ChainAnchor(
            seq=_event(seen).seq,
            size=args["size"],
            log_root=args["logRoot"],
            map_root=args["mapRoot"],
            time=_event(seen).time,
            block=seen.block,
        )
    )


def _skipped(rows: ChainRows, seen: Seen, _head: bytes) -> None:
    rows.add(
        ChainSkip(
            block=seen.block,
            log_index=seen.log_index,
            transaction_hash=seen.transaction_hash,
            unit=seen.fields["unit"],
            actor=seen.fields["actor"],
            signed_head=seen.fields["signedHead"],
        )
    )


def _part_failed(rows: ChainRows, seen: Seen, _head: bytes) -> None:
    rows.add(
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
