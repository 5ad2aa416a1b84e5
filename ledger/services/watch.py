"""Watching: the detectors run on stored scans, and what they find becomes alerts, one a cause.

The frames are built from what the chain and the packers say: a lot's cases in the order of their
codes, the first consignee of each pallet from its first shipment. A case is named by its SSCC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import (
    Alert,
    ChainEvent,
    ChainLot,
    ChainRun,
    LotName,
    Profile,
    Scan,
    UnitChild,
    UnitName,
    UnitRun,
    WatchState,
)
from ledger.detect import detect
from ledger.detect.finding import Finding
from ledger.detect.frame import CHANNELS, LOC_SOURCES, Custody, Lots, Scans
from ledger.domain.regions import REGIONS
from ledger.domain.verbs import Verb
from ledger.services.site import Site

DAY = 86_400.0
LAST_REGION = max(REGIONS)


@dataclass(frozen=True)
class Case:
    """A case of a lot: unit, SSCC, codes, the pallet it lies on, who got that first and when."""

    unit: bytes
    sscc: str
    batch: int
    first: int
    to: int
    pallet: bytes
    consignee: int
    shipped: int


@dataclass(frozen=True)
class Consignment:
    """The cases of one lot that one first consignee got, in order of their codes.

    first: number within the lot of its first case, on a pallet's edge; with it a finding's cases
    name one consignment.
    """

    lot: ChainLot
    consignee: int
    cases: tuple[Case, ...]
    first: int


def watch(site: Site, fdr: float) -> int:
    """Run the detectors over all stored scans and keep what they raise; return new alerts."""
    with reading(site.engine) as session:
        newest = newest_scan(session)
        consignments = _consignments(session)
        rows = _scan_rows(session)
        names = {row.id: row.lot for row in session.scalars(select(LotName))}
        regions = {row.party: row.regions for row in session.scalars(select(Profile))}
    if not rows:
        return 0
    origin = rows[0].time - rows[0].time % 86_400
    lots = _lots(consignments, regions, origin)
    scans = _scans(rows, consignments, origin)
    empty = np.empty(0, dtype=np.int64)
    found = detect(scans, lots, Custody(empty, empty, empty, empty), fdr=fdr)
    new = 0
    with transaction(site.engine) as session:
        for finding in found:
            new += _keep(session, finding, consignments, names, origin)
        session.merge(WatchState(id=1, scan=newest))
    return new


def newest_scan(session: Session) -> int:
    """Return the id of the newest scan."""
    return session.scalar(select(func.max(Scan.id))) or 0


def is_due(site: Site) -> bool:
    """Say whether there are scans that the detectors have not seen."""
    with reading(site.engine) as session:
        state = session.get(WatchState, 1)
        return newest_scan(session) > (state.scan if state else 0)


def _consignments(session: Session) -> list[Consignment]:
    shipped = _first_shipments(session)
    parents = {row.child: row.unit for row in session.scalars(select(UnitChild))}
    names = {row.id: row for row in session.scalars(select(UnitName))}
    groups: dict[tuple[int, int], list[Case]] = {}
    lots = {row.number: row for row in session.scalars(select(ChainLot))}
    runs = session.scalars(select(UnitRun).order_by(UnitRun.batch, UnitRun.first))
    for run in runs:
        lot = _lot_of(session, run.batch, run.first)
        pallet = parents.get(run.unit, run.unit)
        if lot is None or pallet not in shipped:
            continue
        consignee, time = shipped[pallet]
        sscc = names[run.unit].epc.rsplit("/", 1)[-1]
        case = Case(run.unit, sscc, run.batch, run.first, run.to, pallet, consignee, time)
        groups.setdefault((lot, consignee), []).append(case)
    return _numbered(
        [(lots[lot], consignee, tuple(cases)) for (lot, consignee), cases in groups.items()]
    )


def _numbered(groups: list[tuple[ChainLot, int, tuple[Case, ...]]]) -> list[Consignment]:
    """The consignments of each lot one after the other, in order of their first codes."""
    found: list[Consignment] = []
    next_case: dict[int, int] = {}
    groups.sort(key=lambda group: (group[0].number, group[2][0].batch, group[2][0].first))
    for lot, consignee, cases in groups:
        per_pallet = _per_pallet(cases)
        first = -(-next_case.get(lot.number, 0) // per_pallet) * per_pallet
        next_case[lot.number] = first + len(cases)
        found.append(Consignment(lot, consignee, cases, first))
    return found


def _first_shipments(session: Session) -> dict[bytes, tuple[int, int]]:
    """Unit -> (first consignee, unix seconds) of its first shipment."""
    query = (
        select(ChainEvent.identity, ChainEvent.counterparty, ChainEvent.time)
        .where(ChainEvent.verb == Verb.SHIP)
        .order_by(ChainEvent.block, ChainEvent.log_index)
    )
    found: dict[bytes, tuple[int, int]] = {}
    for unit, consignee, time in session.execute(query):
        found.setdefault(unit, (consignee, time))
    return found


def _lot_of(session: Session, batch: int, index: int) -> int | None:
    query = (
        select(ChainRun.lot)
        .where(ChainRun.batch == batch, ChainRun.first <= index, ChainRun.to > index)
        .order_by(ChainRun.first.desc())
        .limit(1)
    )
    return session.scalars(query).first() or None


def _scan_rows(session: Session) -> Sequence[Scan]:
    return session.scalars(select(Scan).order_by(Scan.time, Scan.id)).all()


def _lots(consignments: Sequence[Consignment], regions: dict[int, list[Any]], origin: int) -> Lots:
    count = len(consignments)
    territory = np.zeros((count, LAST_REGION + 1), dtype=np.bool_)
    restricted = np.zeros(count, dtype=np.bool_)
    for row, consignment in enumerate(consignments):
        sold_in = regions.get(consignment.consignee, [])
        territory[row, sold_in] = True
        restricted[row] = bool(sold_in)  # without a territory it may sell anywhere
    cases = [consignment.cases for consignment in consignments]

    def column(values: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array(values, dtype=np.int64)

    return Lots(
        label=column([c.lot.number for c in consignments]),
        distributor=column([c.consignee for c in consignments]),
        territory=territory,
        ship_day=np.array([(min(c.shipped for c in part) - origin) / DAY for part in cases]),
        items=column([sum(c.to - c.first for c in part) for part in cases]),
        case_size=column([max(c.to - c.first for c in part) for part in cases]),
        cases_per_pallet=column([_per_pallet(part) for part in cases]),
        restricted=restricted,
        first_case=column([c.first for c in consignments]),
    )


def _per_pallet(cases: Sequence[Case]) -> int:
    counts: dict[bytes, int] = {}
    for case in cases:
        counts[case.pallet] = counts.get(case.pallet, 0) + 1
    return max(counts.values())


def _scans(rows: Sequence[Scan], consignments: Sequence[Consignment], origin: int) -> Scans:
    places = {
        (case.batch, index): (row, number)
        for row, consignment in enumerate(consignments)
        for number, case in enumerate(consignment.cases)
        for index in range(case.first, case.to)
    }
    codes: dict[str, int] = {}
    devices: dict[str, int] = {}
    table = np.array(
        [
            (
                codes.setdefault(f"{row.gtin:014d}/{row.serial}", len(codes)),
                *places.get((row.batch or -1, row.index or 0), (-1, -1)),
                devices.setdefault(row.device, len(devices)),
                CHANNELS.index(row.channel) if row.channel in CHANNELS else 0,
                LOC_SOURCES.index(row.loc_src) if row.loc_src in LOC_SOURCES else 0,
                row.region or 0,
            )
            for row in rows
        ],
        dtype=np.int64,
    )
    return Scans(
        day=np.array([(row.time - origin) / DAY for row in rows]),
        unit=table[:, 0],
        lot=table[:, 1],
        case=table[:, 2],
        device=table[:, 3],
        channel=table[:, 4],
        loc_src=table[:, 5],
        region=table[:, 6],
        lat=np.array([row.lat or 0.0 for row in rows]),
        lon=np.array([row.lon or 0.0 for row in rows]),
        acc_km=np.array([row.acc_km or 0.0 for row in rows]),
        codes=list(codes),
        devices=list(devices),
    )


def _keep(
    session: Session,
    finding: Finding,
    consignments: Sequence[Consignment],
    names: dict[bytes, str],
    origin: int,
) -> bool:
    body = finding.line()
    consignment = next((c for c in consignments if _is_of(c, finding)), None)
    lot = None
    if consignment is not None:
        lot = names.get(consignment.lot.id, f"number {consignment.lot.number}")
        body["evidence"]["units"] = [
            consignment.cases[number - consignment.first].sscc for number in finding.evidence.cases
        ]
        if finding.evidence.cases:
            body["first_consignee"] = consignment.consignee
    key = _key(finding, body.get("first_consignee"))
    if session.scalars(select(Alert.id).where(Alert.key == key)).first() is not None:
        return False
    session.add(
        Alert(
            key=key,
            brand=consignment.lot.brand if consignment else 0,
            kind=finding.kind,
            raised=round(origin + finding.day * DAY),
            lot=lot,
            region=finding.region,
            code=finding.code,
            body=body,
        )
    )
    return True


def _is_of(consignment: Consignment, finding: Finding) -> bool:
    if finding.lot != consignment.lot.number:
        return False
    numbers = range(consignment.first, consignment.first + len(consignment.cases))
    return all(number in numbers for number in finding.evidence.cases)


def _key(finding: Finding, consignee: int | None) -> str:
    devices = hashlib.sha256("|".join(finding.devices).encode()).hexdigest()[:16]
    names = (finding.kind, finding.lot, consignee, finding.region, finding.code)
    parts = (*names, finding.devices and devices)
    return "/".join(str(part) for part in parts if part not in (None, ()))
