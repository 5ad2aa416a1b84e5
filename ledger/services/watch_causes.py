"""From what a detector finds, and from scans of causes that are known, to alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule
from ledger.db.models import Alert, Scan
from ledger.detect.finding import Finding
from ledger.detect.frame import Scans
from ledger.services import alerts
from ledger.services.alerts_evidence import Document, ids_document, keep_evidence, looks
from ledger.services.watch_frame import DAY, Columns, code_of
from ledger.services.watch_goods import Consignment, Goods

CHUNK = 500


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
    """A finding as a cause. evidence: None where the alert is there already."""

    kind: str
    cause: alerts.Cause
    evidence: Document | None = None

    def keep(self, session: Session, now: int, rule: AlertRule) -> bool:
        """Make or update its alert; return whether it is new."""
        alert, new = alerts.keep(session, now, rule, self.cause)
        if self.evidence is not None:
            keep_evidence(session, now, alert, self.evidence)
        return new


@dataclass(frozen=True)
class Finder:
    """Makes causes of what the detectors find in one brand's scans. scans: what they have read."""

    session: Session
    brand: int
    columns: Columns
    consignments: Sequence[Consignment]
    regions: Mapping[int, list[Any]]
    scans: Scans

    def find(self, finding: Finding) -> Found:
        """Return the cause of a finding, with its evidence if it is not an alert yet."""
        row = self._row(finding)
        consignment = None if row is None else self.consignments[row]
        cause = self._cause(finding, consignment)
        query = select(Alert.id).where(Alert.key == f"{self.brand}/{cause.key}")
        if self.session.scalar(query) is not None:
            return Found(finding.kind, cause)
        return Found(finding.kind, cause, self._evidence(finding, row, consignment))

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
            body["item"] = self._item(finding)
        raised = round(self.columns.origin + finding.day * DAY)
        return alerts.Cause(
            key=self._key(finding, consignee),
            brand=self.brand,
            raised=raised,
            last=raised,
            scans=finding.evidence.scans,
            goods=goods_of(finding, consignment),
            body=body,
            lot=consignment.name if consignment else None,
            region=finding.region,
            code=finding.code,
            gtin=consignment.lot.gtin if consignment else None,
            consignee=consignee,
        )

    def _row(self, finding: Finding) -> int | None:
        """The consignment that a finding is of: the one that holds all its cases."""
        if finding.lot is None:
            return None
        for row, one in enumerate(self.consignments):
            if one.lot.number == finding.lot and one.holds(finding.evidence.cases):
                return row
        return None

    def _key(self, finding: Finding, consignee: int | None) -> str:
        """What names the cause for good: a farm by its first code, a guesser by its device."""
        if finding.kind == "diversion":
            return f"diversion/{finding.lot}/{consignee}/{finding.region}"
        if finding.kind == "clone":
            return f"clone/{finding.code}"
        if finding.kind == "guess":
            return f"guess/{finding.devices[0]}"
        return f"{finding.kind}/{finding.lot}/{finding.evidence.codes[0]}"

    def _item(self, finding: Finding) -> dict[str, int]:
        """Where the code that was copied is: batch and index."""
        unit = self.columns.codes[finding.code or ""]
        at = next(i for i, numbers in enumerate(self.columns.numbers) if numbers[0] == unit)
        batch, index = self.columns.where[at]
        assert batch is not None and index is not None  # only issued codes are copied
        return {"batch": batch, "index": index}

    def _evidence(
        self, finding: Finding, row: int | None, consignment: Consignment | None
    ) -> Document:
        """Return what the alert rests on: nothing scanned after it was raised."""
        if finding.kind == "diversion":
            own = self.scans.lot == row
        elif finding.kind == "guess":
            own = self.scans.device == self.columns.devices[finding.devices[0]]
        else:
            units = [self.columns.codes[code] for code in finding.evidence.codes]
            own = np.isin(self.scans.unit, units)
        order = np.lexsort((np.array(self.columns.id), np.array(self.columns.time)))
        ids = np.array(self.columns.id)[order[own & (self.scans.day <= finding.day)]]
        terms = {"fdr": finding.fdr, "level": finding.level}
        told = ids_document(self.session, terms, ids.tolist())
        if finding.kind == "diversion" and consignment is not None:
            told["consignment"] = {
                "origin": self.columns.origin,
                "region": finding.region,
                "consignee": consignment.consignee,
                "shipped": min(case.shipped for case in consignment.cases),
                "territory": self.regions.get(consignment.consignee, []),
                "cases_per_pallet": consignment.per_pallet(),
                "cases": [
                    {
                        "sscc": case.sscc,
                        "pallet": "0x" + case.pallet.hex(),
                        "batch": case.batch,
                        "first": case.first,
                        "to": case.to,
                    }
                    for case in consignment.cases
                ],
            }
            told["looks"] = looks(told)
        return told


def named(finding: Finding, lot: str) -> str:
    """Return a finding's sentence with the lot as it is printed instead of the chain's number."""
    return finding.sentence.replace(f"lot {finding.lot} ", f"lot {lot} ")


def goods_of(finding: Finding, consignment: Consignment | None) -> tuple[int, int]:
    """How many goods are probably involved, at least and at most.

    A diversion: the items seen, and all of the cases named. A clone: a copy for each device but the
    owner's. A farm: the items scanned. A guess: none.
    """
    seen = finding.evidence.scans
    if finding.kind == "diversion" and consignment is not None:
        cases = [consignment.cases[n - consignment.first] for n in finding.evidence.cases]
        return seen, max(seen, sum(case.to - case.first for case in cases))
    if finding.kind == "clone":
        return 1, max(1, finding.evidence.scans_of - 1)
    return (seen, seen) if finding.kind == "farm" else (0, 0)
