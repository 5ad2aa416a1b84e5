"""What the ledger says of codes: batches, runs, lots, the state of items, inner codes."""

from __future__ import annotations

from sqlalchemy import select

from ledger.chain.events import Seen
from ledger.db.chain_states import ChainClaim, ChainItem
from ledger.db.models import ChainBatch, ChainLot, ChainRun
from ledger.services.following.chain_rows import ChainRows
from ledger.services.following.project_rows import Handler, event_of, need, touch_batch, touch_party

RESERVED, COMMISSIONED = 1, 2
RELEASED, RECALLED = 1, 2


def _batch_reserved(rows: ChainRows, seen: Seen, head: bytes) -> None:
    party = touch_party(rows, seen, head)
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


def _commissioned(rows: ChainRows, seen: Seen, head: bytes) -> None:
    batch = touch_batch(rows, seen, head)
    args = seen.fields["args"]
    batch.status, batch.count, batch.root = COMMISSIONED, args["count"], args["root"]
    batch.inner_root = args["innerRoot"] if any(args["innerRoot"]) else None


def _activated(rows: ChainRows, seen: Seen, head: bytes) -> None:
    batch = touch_batch(rows, seen, head)
    args = seen.fields["args"]
    _cut(rows, batch.number, args["from"], args["to"]).active_from = args["activeFrom"]


def _voided(rows: ChainRows, seen: Seen, head: bytes) -> None:
    batch = touch_batch(rows, seen, head)
    args = seen.fields["args"]
    _cut(rows, batch.number, args["from"], args["to"]).voided = 1


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
            set_by=0,
            seq=0,
            head=None,
        )
    )


def _lot_bound(rows: ChainRows, seen: Seen, head: bytes) -> None:
    batch = touch_batch(rows, seen, head)
    args = seen.fields["args"]
    # Anyone may open a lot under another's id, but only for an own GTIN; 0: opened by this event.
    query = select(ChainLot).where(ChainLot.id == args["lot"], ChainLot.gtin.in_((0, batch.gtin)))
    lot = need(rows.first(query), seen)
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


def _lot_state_set(rows: ChainRows, seen: Seen, head: bytes) -> None:
    lot = need(rows.get(ChainLot, seen.fields["lot"]), seen)
    lot.status = seen.fields["args"]["state"]
    lot.set_by = event_of(seen).actor if lot.status == RECALLED else 0
    lot.seq, lot.head = event_of(seen).seq, head


def _item_state_set(rows: ChainRows, seen: Seen, head: bytes) -> None:
    event, args = event_of(seen), seen.fields["args"]
    item = rows.get(ChainItem, seen.fields["item"])
    if item is None:
        item = ChainItem(leaf=seen.fields["item"])
        rows.add(item)
    item.batch, item.state = args["batch"], args["state"]
    item.by, item.since = event.actor, event.time
    item.seq, item.head = event.seq, head


def _inner_claimed(rows: ChainRows, seen: Seen, head: bytes) -> None:
    event, args = event_of(seen), seen.fields["args"]
    rows.add(
        ChainClaim(
            batch=args["batch"],
            index=args["index"],
            by=event.actor,
            time=event.time,
            seq=event.seq,
            head=head,
        )
    )


HANDLERS: dict[str, Handler] = {
    "BatchReserved": _batch_reserved,
    "Commissioned": _commissioned,
    "Activated": _activated,
    "Voided": _voided,
    "LotOpened": _lot_opened,
    "LotBound": _lot_bound,
    "LotStateSet": _lot_state_set,
    "Decommissioned": _item_state_set,
    "ItemStateSet": _item_state_set,
    "InnerClaimed": _inner_claimed,
}
