"""What a finding rests on, gathered from the stored scans while the detectors remember them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from ledger.db.models import Scan
from ledger.detect.clones import Basis
from ledger.detect.finding import Finding
from ledger.detect.guessers import UNKNOWN
from ledger.domain import contents
from ledger.domain.regions import depth_of
from ledger.services.alerting import alerts
from ledger.services.alerting.alerts_again import looks, recompute
from ledger.services.alerting.alerts_evidence import COLUMNS, Document, document, told_of
from ledger.services.alerting.alerts_frames import frames
from ledger.services.alerting.watch_consignments import Consignment
from ledger.services.alerting.watch_frame import DAY, Names, code_of
from ledger.services.alerting.watch_packing import ssccs
from ledger.services.alerting.watch_places import Places
from ledger.services.alerting.watch_scan import ScanRow, all_scans, of_ids, read
from ledger.services.goods.places import by_batch, spans

MOST = 200_000  # scans that are kept with an alert
MOST_TIES, MOST_BUSY = 20, 200  # scans of a second, or of a device in a day, that are looked at
SEEN = COLUMNS.index("seen")


@dataclass(frozen=True)
class Source:
    """Where evidence comes from: one brand's stored scans, and what its detectors were told.

    upto: the newest scan that was fed. copies: what the finding on a code rests on.
    """

    session: Session
    brand: int
    names: Names
    stores: Mapping[bytes, int]
    places: Places
    copies: Callable[[str], Basis | None]
    upto: int

    def evidence(
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

    def of_guessers(self, first: Finding, devices: Sequence[str]) -> Document:
        """Return what guessers that act together rest on: of each the scans that named it."""
        rows = [row for device in devices for row in self._guesses(device)]
        told = self._document(first, None, sorted(rows, key=lambda row: row.id))
        return {**told, "complete": True}

    def _guesses(self, device: str) -> list[ScanRow]:
        """A device's scans of codes that were never issued, up to the one that named it."""
        rows = sorted(of_ids(self.session, self.names.strange[device]), key=lambda row: row.id)
        codes: set[str] = set()
        for at, row in enumerate(rows, 1):
            codes.add(code_of(row))
            if len(codes) == UNKNOWN:
                return rows[:at]
        return rows

    def _rows(
        self, finding: Finding, consignment: Consignment | None, until: int
    ) -> Iterable[ScanRow]:
        if finding.kind == "guess":
            rows = of_ids(self.session, self.names.strange[finding.devices[0]])
        elif finding.kind == "diversion" and consignment is not None:
            rows = _in_ranges(self.session, _ranges(consignment), until)
        else:
            items = [self.names.item(code) for code in finding.evidence.codes]
            ranges = [(batch, index, index + 1) for batch, index in filter(None, items)]
            rows = _in_ranges(self.session, ranges, until)
        rows = [row for row in rows if self._is_fed(row) and self._seen(row) <= until]
        if finding.kind == "clone" and finding.code is not None and consignment is not None:
            rows += self._busy(rows, finding.code, consignment)
        return rows

    def _busy(self, rows: Sequence[ScanRow], code: str, of: Consignment) -> list[ScanRow]:
        """The scans by which devices that scanned a copied code were busy, so do not count."""
        basis = self.copies(code)
        counted = {(one.day, one.source, one.lat, one.lon) for one in basis.seen} if basis else {}
        first: dict[str, ScanRow] = {}
        for row in sorted(rows, key=lambda row: (self._seen(row), row.id)):
            first.setdefault(row.device, row)
        found: dict[int, ScanRow] = {}
        for device, row in first.items():
            day = (self._seen(row) - self.names.origin) / DAY
            if (day, row.loc_src, row.lat or 0.0, row.lon or 0.0) in counted:
                continue
            morning = self._seen(row) - self._seen(row) % 86_400
            that_day = (
                all_scans()
                .where(Scan.time >= morning, Scan.time <= row.time, Scan.id <= row.id)
                .where(Scan.device == device, Scan.brand == self.brand)
                .order_by(Scan.time)
                .limit(MOST_BUSY)
            )
            for other in read(self.session, that_day):
                if (
                    code_of(other) != code
                    and self._is_fed(other)
                    and of.case_of(other.batch, other.index) is not None
                ):
                    found[other.id] = other
        return list(found.values())

    def _is_fed(self, row: ScanRow) -> bool:
        """Say whether the detectors were given a scan (`Names.wanted`)."""
        last = self.names.full.get(code_of(row), self.upto)
        return row.id <= min(last, self.upto) and not (row.weak and row.batch is not None)

    def _seen(self, row: ScanRow) -> int:
        """When a scan was looked at, by the frames' clock."""
        return self.names.late.get(row.id, row.time)

    def _document(
        self, finding: Finding, consignment: Consignment | None, rows: Sequence[ScanRow]
    ) -> Document:
        terms = {"fdr": finding.fdr, "level": finding.level}
        if finding.kind == "guess":
            terms["unknown"] = UNKNOWN
        told = document(terms, rows, self.names.late)
        told["origin"] = self.names.origin
        if consignment is not None:
            told["consignment"] = self._goods(consignment)
        if finding.district is not None:
            told["districts"] = self._districts(finding.district, told)
        basis = self.copies(finding.code) if finding.code is not None else None
        if basis is not None:
            told["copies"] = {
                "others": basis.others,
                "sold": [[one.source, one.lat, one.lon, one.region] for one in basis.sold],
            }
        return told

    def _districts(self, code: int, told: Document) -> Document:
        """Which district each scan tells, by its id. code: of one of their level."""
        level = depth_of(code) - 1
        labels = self.places.labels[level]
        told_by = self.places.centres[level].of(frames(told)[0])
        return {
            str(row[0]): labels[place]
            for row, place in zip(told["scans"], told_by.tolist(), strict=True)
            if place >= 0
        }

    def _goods(self, consignment: Consignment) -> Document:
        return {
            "lot": consignment.lot.number,
            "name": consignment.name,
            "consignee": consignment.consignee,
            "shipped": consignment.shipped,
            "territory": sorted(self.places.of(consignment)),
            "items_per_case": consignment.per_case,
            "cases_per_pallet": consignment.per_pallet,
            "first_case": consignment.first,
            "first_pallet": consignment.first_pallet,
            "pallets": ssccs(self.session, consignment.pallets),
            "cases": [
                {
                    "sscc": case.sscc,
                    "pallet": "0x" + case.pallet.hex(),
                    **contents.to_json(case.codes),
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
    for batch, indices in by_batch(case.codes for case in consignment.cases).items():
        found += [(batch, first, to) for first, to in spans(indices)]
    return found


def _in_ranges(session: Session, ranges: Sequence[Range], until: int) -> list[ScanRow]:
    """The scans of some codes up to a time, MOST at most: one code may have millions."""
    rows: list[ScanRow] = []
    for batch, first, to in ranges:
        inside = all_scans().where(Scan.batch == batch, Scan.index.between(first, to - 1))
        rows += read(session, inside.where(Scan.time <= until).limit(MOST - len(rows)))
        if len(rows) >= MOST:
            break
    return rows
