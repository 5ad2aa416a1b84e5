"""From what a detector finds, and from scans of causes that are known, to alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule
from ledger.db.models import Alert, Scan
from ledger.detect.clones import Basis
from ledger.detect.finding import Finding
from ledger.services import alerts
from ledger.services.alerts_again import goods_of, looks, named, recompute
from ledger.services.alerts_evidence import COLUMNS, Document, document, keep_evidence, told_of
from ledger.services.watch_frame import DAY, Names, code_of
from ledger.services.watch_goods import Consignment, Goods

CHUNK = 500
MOST = 200_000  # scans that are kept with an alert
MOST_TIES, MOST_BUSY = 20, 200  # scans of a second, or of a device in a day, that are looked at
SEEN = COLUMNS.index("seen")


def touch(session: Session, now: int, brand: int, rows: Sequence[Scan], goods: Goods) -> None:
    """Count new scans towards the causes that are alerts already."""
    by_key: dict[str, list[Scan]] = {}
    for row in rows:
        for key in _keys(row, goods):
            by_key.setdefault(f"{brand}/{key}", []).append(row)
    keys = list(by_key)
    for start in range(0, len(keys), CHUNK):
        query = select(Alert).where(Alert.key.in_(keys[start : start + CHUNK]))
        for alert in session.scalars(query).all():
            own = [row for row in by_key[alert.key] if _belongs(alert, row, goods)]
            if own:
                alerts.count(session, now, alert, len(own), max(row.time for row in own))


def _keys(row: Scan, goods: Goods) -> list[str]:
    """The causes that a scan may belong to."""
    if row.batch is None:
        return [f"guess/{row.device}"]
    keys = [f"clone/{code_of(row)}"]
    place = goods.place(row.batch, row.index)
    if place is not None:
        consignment = goods.consignments[place.row]
        keys.append(f"diversion/{consignment.lot.number}/{consignment.consignee}/{row.region}")
    return keys


def _belongs(alert: Alert, row: Scan, goods: Goods) -> bool:
    """Say whether a scan is of the units that an alert names, where it names some."""
    if alert.kind != "diversion":
        return True
    place = goods.place(row.batch, row.index)
    assert place is not None  # its key has a consignment
    case = goods.consignments[place.row].cases[place.case]
    return case.sscc in alert.body["evidence"]["units"]


@dataclass(frozen=True)
class Found:
    """A finding as a cause. evidence: None where the alert was there already."""

    kind: str
    cause: alerts.Cause
    evidence: Document | None = None

    @property
    def is_new(self) -> bool:
        """Whether there was no alert of this cause."""
        return self.evidence is not None

    def keep(self, session: Session, now: int, rule: AlertRule) -> bool:
        """Make or update its alert; return whether it is new."""
        alert, new = alerts.keep(session, now, rule, self.cause)
        if self.evidence is not None:
            keep_evidence(session, now, alert, self.evidence)
        return new


@dataclass(frozen=True)
class Finder:
    """Makes causes of what the detectors find in one brand's scans, while its frame is the newest.

    consignments: by row of the brand's `Lots`. upto: the newest scan that was fed. copies: what the
    finding on a code rests on.
    """

    session: Session
    brand: int
    names: Names
    consignments: Sequence[Consignment]
    stores: Mapping[bytes, int]
    territory: Callable[[Consignment], frozenset[int]]
    copies: Callable[[str], Basis | None]
    upto: int

    def find(self, finding: Finding) -> Found:
        """Return the cause of a finding, with its evidence if it is not an alert yet."""
        consignment = self._consignment(finding)
        cause = self._cause(finding, consignment)
        query = select(Alert.id).where(Alert.key == f"{self.brand}/{cause.key}")
        if self.session.scalar(query) is not None:
            return Found(finding.kind, cause)
        return Found(finding.kind, cause, self._evidence(finding, consignment, cause))

    def _cause(self, finding: Finding, consignment: Consignment | None) -> alerts.Cause:
        body = {**finding.line(), "calibrated": finding.e_value is not None}
        consignee = None
        if consignment is not None:
            body["sentence"] = named(finding, consignment.name)
            body["evidence"]["units"] = [
                consignment.cases[number - consignment.first].sscc
                for number in finding.evidence.cases
            ]
            body["lot"] = consignment.name
            if finding.evidence.cases:
                consignee = body["first_consignee"] = consignment.consignee
        if finding.kind == "clone":
            batch, index = self.names.item(finding.code or "") or (0, 0)
            body["item"] = {"batch": batch, "index": index}
        raised = self._time(finding.day)
        return alerts.Cause(
            key=self._key(finding, consignee),
            brand=self.brand,
            raised=raised,
            last=raised,
            scans=finding.evidence.scans,
            goods=goods_of(finding),
            body=body,
            lot=consignment.name if consignment else None,
            region=finding.region,
            code=finding.code,
            gtin=consignment.lot.gtin if consignment else None,
            consignee=consignee,
        )

    def _time(self, day: float) -> int:
        return round(self.names.origin + day * DAY)

    def _consignment(self, finding: Finding) -> Consignment | None:
        """The consignment that a finding is of: the one of its lot that holds its code, or all its
        cases."""
        own = [one for one in self.consignments if one.lot.number == finding.lot]
        if finding.code is not None:
            item = self.names.item(finding.code)
            return next((one for one in own if item and one.case_of(*item)), None)
        return next((one for one in own if one.holds(finding.evidence.cases)), None)

    def _key(self, finding: Finding, consignee: int | None) -> str:
        """What names the cause for good: a farm by when it was first told, a guesser by its
        device."""
        if finding.kind == "diversion":
            return f"diversion/{finding.lot}/{consignee}/{finding.region}"
        if finding.kind == "clone":
            return f"clone/{finding.code}"
        if finding.kind == "guess":
            return f"guess/{finding.devices[0]}"
        first = finding.day if finding.update_of is None else finding.update_of
        return f"{finding.kind}/{finding.lot}/{consignee}/{self._time(first)}"

    def _evidence(
        self, finding: Finding, consignment: Consignment | None, cause: alerts.Cause
    ) -> Document:
        """Return what the alert rests on: nothing that was seen after the scan that tipped it."""
        rows = sorted(self._rows(finding, consignment, cause.raised), key=lambda row: row.id)
        told = self._document(finding, consignment, rows)
        told["complete"] = len(rows) < MOST
        alert = told_of(finding.kind, cause)
        scans = told["scans"]
        # Scans of the same second may have come after it: it rests on those before.
        for without in range(min(MOST_TIES, len(scans))):
            cut = {**told, "scans": scans[: len(scans) - without]}
            if finding.kind == "diversion":
                cut["looks"] = looks({**cut, "alert": alert})
            if recompute({**cut, "alert": alert}).holds:
                return cut
            if scans[-1 - without][SEEN] < cause.raised:
                break
        if finding.kind == "diversion":
            told["looks"] = looks({**told, "alert": alert})
        return told

    def _rows(
        self, finding: Finding, consignment: Consignment | None, until: int
    ) -> Iterable[Scan]:
        if finding.kind == "guess":
            rows = _by_ids(self.session, self.names.strange[finding.devices[0]])
        elif finding.kind == "diversion" and consignment is not None:
            rows = _in_ranges(self.session, _ranges(consignment), until)
        else:
            items = [self.names.item(code) for code in finding.evidence.codes]
            ranges = [(batch, index, index + 1) for batch, index in filter(None, items)]
            rows = _in_ranges(self.session, ranges, until)
        rows = [row for row in rows if row.id <= self.upto and self._seen(row) <= until]
        if finding.kind == "clone" and finding.code is not None and consignment is not None:
            rows += self._busy(rows, finding.code, consignment)
        return rows

    def _busy(self, rows: Sequence[Scan], code: str, of: Consignment) -> list[Scan]:
        """The scans by which devices that scanned a copied code were busy, so do not count."""
        basis = self.copies(code)
        counted = {(one.day, one.source, one.lat, one.lon) for one in basis.seen} if basis else {}
        first: dict[str, Scan] = {}
        for row in sorted(rows, key=lambda row: (self._seen(row), row.id)):
            first.setdefault(row.device, row)
        found: dict[int, Scan] = {}
        for device, row in first.items():
            day = (self._seen(row) - self.names.origin) / DAY
            if (day, row.loc_src, row.lat or 0.0, row.lon or 0.0) in counted:
                continue
            morning = self._seen(row) - self._seen(row) % 86_400
            that_day = (
                select(Scan)
                .where(Scan.time >= morning, Scan.time <= row.time, Scan.id <= row.id)
                .where(Scan.device == device, Scan.brand == self.brand)
                .order_by(Scan.time)
                .limit(MOST_BUSY)
            )
            for other in self.session.scalars(that_day):
                if code_of(other) != code and of.case_of(other.batch, other.index) is not None:
                    found[other.id] = other
        return list(found.values())

    def _seen(self, row: Scan) -> int:
        """When a scan was looked at, by the frames' clock."""
        return self.names.late.get(row.id, row.time)

    def _document(
        self, finding: Finding, consignment: Consignment | None, rows: Sequence[Scan]
    ) -> Document:
        told = document({"fdr": finding.fdr, "level": finding.level}, rows, self.names.late)
        told["origin"] = self.names.origin
        if consignment is not None:
            told["consignment"] = self._goods(consignment)
        basis = self.copies(finding.code) if finding.code is not None else None
        if basis is not None:
            told["copies"] = {
                "raised": basis.raised,
                "sold": [[one.source, one.lat, one.lon, one.region] for one in basis.sold],
            }
        return told

    def _goods(self, consignment: Consignment) -> Document:
        return {
            "lot": consignment.lot.number,
            "name": consignment.name,
            "consignee": consignment.consignee,
            "shipped": min(case.shipped for case in consignment.cases),
            "territory": sorted(self.territory(consignment)),
            "cases_per_pallet": consignment.per_pallet(),
            "first_case": consignment.first,
            "cases": [
                {
                    "sscc": case.sscc,
                    "pallet": "0x" + case.pallet.hex(),
                    "batch": case.batch,
                    "first": case.first,
                    "to": case.to,
                    "store": self.stores.get(case.unit),
                }
                for case in consignment.cases
            ],
        }


Range = tuple[int, int, int]
"""Batch, first index, index after the last."""


def _ranges(consignment: Consignment) -> list[Range]:
    """The codes of a consignment, neighbouring cases as one range."""
    found: list[Range] = []
    for case in consignment.cases:
        if found and (found[-1][0], found[-1][2]) == (case.batch, case.first):
            found[-1] = (case.batch, found[-1][1], case.to)
        else:
            found.append((case.batch, case.first, case.to))
    return found


def _in_ranges(session: Session, ranges: Sequence[Range], until: int) -> list[Scan]:
    """The scans of some codes up to a time, MOST at most: one code may have millions."""
    rows: list[Scan] = []
    for batch, first, to in ranges:
        inside = select(Scan).where(Scan.batch == batch, Scan.index.between(first, to - 1))
        rows += session.scalars(inside.where(Scan.time <= until).limit(MOST - len(rows)))
        if len(rows) >= MOST:
            break
    return rows


def _by_ids(session: Session, ids: Sequence[int]) -> list[Scan]:
    return list(session.scalars(select(Scan).where(Scan.id.in_(ids))))
