"""What each rule says of one scan, given what is known of its goods; and what many say together.

The same functions judge a scan when it comes (`watch_rules`, over the database) and when its alert
is computed again (`alerts_again`, over what was kept with it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger.domain.regions import REGIONS
from ledger.domain.thresholds import DAY_S, counted
from ledger.services.alerting.alerts_rules import AHEAD, OUTSIDE, RECALLED, SKIPPED
from ledger.services.alerting.markets import is_outside
from ledger.services.alerting.watch_consignments import Case, Consignment
from ledger.services.alerting.watch_frame import code_of
from ledger.services.alerting.watch_scan import ScanRow

UNCALIBRATED = "a rule with thresholds, not a calibrated test"
Terms = Mapping[str, Any]
MOST_CODES = 100  # that an alert names


@dataclass(frozen=True)
class Move:
    """What a unit's custody is from a time on: sent by a party to another, or held by one.

    sent: on its way from `party` to `to`; else `party` holds it, 0 where it is lost.
    """

    time: int
    sent: bool
    party: int
    to: int
    unit: bytes


class Known(Protocol):
    """What a rule may ask of a scan's goods."""

    def case_of(self, row: ScanRow) -> tuple[Consignment, Case] | None:
        """The consignment and case of a scan's code."""

    def last_move(self, row: ScanRow, case: Case) -> Move | None:
        """The newest move before a scan: of the item if it travels alone, its case, or its
        pallet."""

    def confirms(self, party: int) -> float:
        """Share of the shipments to a party that it has confirmed."""

    def sells(self, party: int) -> bool:
        """Say whether a party sells to consumers, as far as its roles on the ledger go."""

    def recalled_at(self, consignment: Consignment) -> int | None:
        """When a lot was recalled (unix seconds), None if it is not."""

    def scanned_before(self, row: ScanRow) -> bool:
        """Say whether an earlier scan of the same code is in the log."""

    def market(self, number: int) -> frozenset[int] | None:
        """The regions of a market outside which resale is prohibited, None where none is."""


@dataclass(frozen=True)
class Hit:
    """What a rule says of a scan. cause: within the rule. sentence: after '7 devices '.

    goods: how many may be involved, at most; 0: as many as were scanned. named: what else the
    sentence names.
    """

    cause: str
    sentence: str
    lot: str | None = None
    region: int | None = None
    consignee: int | None = None
    goods: int = 0
    named: Mapping[str, str | int] = field(default_factory=dict)


Look = Callable[[Known, Terms, ScanRow], Hit | None]


def _ahead(known: Known, terms: Terms, row: ScanRow) -> Hit | None:
    """A consumer's scan of goods that are on their way and not received."""
    found = known.case_of(row)
    move = known.last_move(row, found[1]) if found else None
    if found is None or move is None or not move.sent:
        return None
    if known.confirms(move.to) < terms["confirms"]:
        return None  # whoever confirms late or never says nothing by it
    consignment, case = found
    inside = [c for c in consignment.cases if move.unit in (c.unit, c.pallet)] or [case]
    return Hit(
        f"{move.unit.hex()}/{move.time}",
        f"scanned goods of lot {consignment.name} (case {case.sscc}) that {move.party} shipped to"
        f" {move.to} and that were not received yet",
        consignment.name,
        consignee=move.to,
        goods=sum(len(c.codes) for c in inside),
        named={"case": case.sscc, "sender": move.party},
    )


def _skipped(known: Known, terms: Terms, row: ScanRow) -> Hit | None:
    """A consumer's scan of goods that a party holds which sells to no consumer."""
    found = known.case_of(row)
    move = known.last_move(row, found[1]) if found else None
    if found is None or move is None or move.sent or known.sells(move.party):
        return None
    if known.confirms(move.party) < terms["confirms"]:
        return None
    consignment = found[0]
    return Hit(
        f"{consignment.lot.number}/{move.party}",
        f"scanned goods of lot {consignment.name} that are still held by {move.party}, who sells to"
        " no consumer",
        consignment.name,
        consignee=move.party,
    )


def _recalled(known: Known, terms: Terms, row: ScanRow) -> Hit | None:
    """The first scan of an item, a while after its lot was recalled."""
    found = known.case_of(row)
    at = known.recalled_at(found[0]) if found else None
    if found is None or at is None or row.time <= at + terms["grace_days"] * DAY_S:
        return None
    if known.scanned_before(row):
        return None  # an owner who asks about the recall
    name, place = found[0].name, _region(row.region)
    return Hit(
        f"{found[0].lot.number}/{row.region}",
        f"scanned items of the recalled lot {name} for the first time in {place}, more than"
        f" {counted(terms['grace_days'], 'day')} after the recall",
        name,
        row.region,
    )


def _outside(known: Known, terms: Terms, row: ScanRow) -> Hit | None:
    """A scan of goods of a market outside its regions."""
    del terms
    found = known.case_of(row)
    if found is None or not found[0].lot.market:
        return None
    market = found[0].lot.market
    if not is_outside(known.market(market), row.loc_src, row.region):
        return None
    name = found[0].name
    return Hit(
        f"{found[0].lot.number}/{row.region}",
        f"scanned goods of lot {name}, which is for market {market}, in {_region(row.region)}",
        name,
        row.region,
        named={"market": market},
    )


LOOKS: Mapping[str, Look] = {
    AHEAD: _ahead,
    SKIPPED: _skipped,
    RECALLED: _recalled,
    OUTSIDE: _outside,
}


@dataclass(frozen=True)
class Sum:
    """What the hits of one cause are together: an alert's words, its goods, and its evidence."""

    sentence: str
    goods: tuple[int, int]
    evidence: dict[str, Any]


def summed(terms: Terms, hit: Hit, rows: Sequence[ScanRow]) -> Sum | None:
    """Return what the scans of one cause say together, None for too few devices within the days
    before the newest hit. hit: of that one, the last of `rows`."""
    since = rows[-1].time - terms["days"] * DAY_S
    if any(not since < row.time <= rows[-1].time for row in rows):
        return None
    devices = len({row.device for row in rows})
    if devices < terms["n"]:
        return None
    codes = sorted({code_of(row) for row in rows})
    return Sum(
        f"{counted(devices, 'device')} {hit.sentence}; {UNCALIBRATED}",
        (len(codes), max(hit.goods, len(codes))),
        {"scans": len(rows), "scans_of": devices, "codes": codes[:MOST_CODES], **hit.named},
    )


def _region(code: int | None) -> str:
    return REGIONS[code].en if code is not None and code in REGIONS else "an unknown region"
