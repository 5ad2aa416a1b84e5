"""What the ledger says of units: what is in them, who has them, and what did not arrive as sent."""

from __future__ import annotations

from ledger.chain.events import Seen
from ledger.db.chain_states import ChainException
from ledger.db.models import ChainLot, ChainUnit
from ledger.services.following.chain_rows import ChainRows
from ledger.services.following.project_rows import Handler, event_of, need, touch_unit

HELD, IN_TRANSIT, INSIDE, LOST = 1, 2, 3, 4
UNIT = 2  # kind of a child
BY_SHIPPER, BY_RECEIVER, BY_BRAND = 1, 2, 4


def _packed(rows: ChainRows, seen: Seen, head: bytes) -> None:
    args = seen.fields["args"]
    _made(rows, seen, head, args["count"], args["level"], args["childrenRoot"])


def _item_drawn(rows: ChainRows, seen: Seen, head: bytes) -> None:
    _made(rows, seen, head, 0, 0, bytes(32))


def _made(
    rows: ChainRows, seen: Seen, head: bytes, count: int, level: int, children_root: bytes
) -> None:
    """Add a unit that is its actor's, with the lot that the event names."""
    args = seen.fields["args"]
    lot = rows.get(ChainLot, args["lot"]) if args["lot"] else None
    rows.add(
        ChainUnit(
            id=seen.fields["unit"],
            holder=args["actor"],
            addressee=0,
            state=HELD,
            parent=None,
            count=count,
            gone=0,
            level=level,
            lot=args["lot"],
            market=lot.market if lot else 0,
            children_root=children_root,
            seq=1,
            head=head,
        )
    )


def _unpacked(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = touch_unit(rows, seen, head)
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
                    level=max(unit.level - 1, 0) if child["kind"] == UNIT else 0,
                    lot=unit.lot,
                    market=unit.market,
                    children_root=child["childrenRoot"],
                    seq=0,
                    head=b"",
                )
            )


def _packed_into(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = touch_unit(rows, seen, head)
    unit.state, unit.parent = INSIDE, seen.fields["parent"]
    parent = need(rows.get(ChainUnit, unit.parent), seen)
    parent.market = parent.market or unit.market  # a restricted child restricts its parent


def _unpacked_from(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = touch_unit(rows, seen, head)
    unit.state, unit.parent, unit.holder = HELD, None, seen.fields["actor"]


def _sent(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = touch_unit(rows, seen, head)
    unit.state, unit.addressee = IN_TRANSIT, seen.fields["args"]["to"]


def _received(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit = touch_unit(rows, seen, head)
    unit.state, unit.holder, unit.addressee = HELD, event_of(seen).actor, 0


def _withdrawn(rows: ChainRows, seen: Seen, head: bytes) -> None:
    """An item that another brand's batch had vouched for leaves its unit, lot and market."""
    _received(rows, seen, head)
    unit = need(rows.get(ChainUnit, seen.fields["unit"]), seen)
    unit.parent = None
    if not unit.count and need(rows.maker(unit.id), seen) != unit.holder:
        unit.lot = unit.market = 0


def _stays(rows: ChainRows, seen: Seen, head: bytes) -> None:
    """Refused, or taken back: its holder has it as before."""
    unit = touch_unit(rows, seen, head)
    unit.state, unit.addressee = HELD, 0


def _lost(rows: ChainRows, seen: Seen, head: bytes) -> None:
    touch_unit(rows, seen, head).state = LOST


def _exception_reported(rows: ChainRows, seen: Seen, head: bytes) -> None:
    _received(rows, seen, head)
    event, args = event_of(seen), seen.fields["args"]
    rows.add(
        ChainException(
            unit=seen.fields["unit"],
            report=event.seq,
            shipper=args["from"],
            receiver=args["actor"],
            **{name: args[name] for name in ("good", "damaged", "short", "over", "wrong")},
            settled=0,
            time=event.time,
        )
    )


def _exception_settled(rows: ChainRows, seen: Seen, head: bytes) -> None:
    unit, actor = touch_unit(rows, seen, head), event_of(seen).actor
    report = need(rows.get(ChainException, (unit.id, seen.fields["args"]["report"])), seen)
    sides = {report.shipper: BY_SHIPPER, report.receiver: BY_RECEIVER}
    report.settled |= sides.get(actor, BY_BRAND)


HANDLERS: dict[str, Handler] = {
    "Packed": _packed,
    "ItemDrawn": _item_drawn,
    "Unpacked": _unpacked,
    "PackedInto": _packed_into,
    "UnpackedFrom": _unpacked_from,
    "Shipped": _sent,
    "Returned": _sent,
    "Received": _received,
    "Withdrawn": _withdrawn,
    "ReceiptRefused": _stays,
    "TakenBack": _stays,
    "LostReported": _lost,
    "ExceptionReported": _exception_reported,
    "ExceptionSettled": _exception_settled,
}
