"""From what a detector finds, and from scans of causes that are known, to alerts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertRule
from ledger.db.models import Alert
from ledger.detect.finding import Finding
from ledger.services.alerting import alerts
from ledger.services.alerting.alerts_again import goods_of, named
from ledger.services.alerting.alerts_evidence import Document, keep_evidence
from ledger.services.alerting.alerts_units import Packing
from ledger.services.alerting.watch_bursts import Burst
from ledger.services.alerting.watch_consignments import Consignment
from ledger.services.alerting.watch_evidence import Source
from ledger.services.alerting.watch_facts import Facts
from ledger.services.alerting.watch_frame import DAY, Names, code_of
from ledger.services.alerting.watch_goods import Goods
from ledger.services.alerting.watch_joined import is_of, join
from ledger.services.alerting.watch_packing import ssccs
from ledger.services.alerting.watch_scan import ScanRow

CHUNK = 500


def touch(facts: Facts, rows: Sequence[ScanRow], fresh: Collection[str] | None = None) -> None:
    """Count new scans towards the causes that are alerts already.

    fresh: towards these alone, which this pass has raised, the scans that came after.
    """
    session, brand, goods = facts.session, facts.brand, facts.goods
    by_key: dict[str, list[ScanRow]] = {}
    told = facts.districts(rows)
    for row in rows:
        for key in _keys(row, goods, told.get(row.id, ())):
            by_key.setdefault(f"{brand}/{key}", []).append(row)
    keys = [key for key in by_key if fresh is None or key in fresh]
    for start in range(0, len(keys), CHUNK):
        query = select(Alert).where(Alert.key.in_(keys[start : start + CHUNK]))
        for alert in session.scalars(query).all():
            own = [row for row in by_key[alert.key] if fresh is None or row.time > alert.raised]
            more = [(_adds(facts, alert, row), row.time) for row in own]
            if scans := sum(many for many, _ in more):
                last = max(time for many, time in more if many)
                alerts.count(session, facts.now, alert, scans, last)


def _keys(row: ScanRow, goods: Goods, districts: Sequence[int]) -> list[str]:
    """The causes that a scan may belong to. districts: that its location tells."""
    if row.batch is None:
        return []  # `Bursts` counts what guessers do
    keys = [f"clone/{code_of(row)}"]
    place = goods.place(row.batch, row.index)
    if place is not None:
        own = goods.consignments[place.row]
        keys += [_diversion(own, code) for code in (row.region, *districts)]
    return keys


def _diversion(consignment: Consignment, code: int | None) -> str:
    """What names the cause that goods of a consignment are sold in a region or district."""
    of = f"{consignment.lot.number}/{consignment.consignee}"
    return f"diversion/{of}/{code}{consignment.further}"


def _packing(session: Session, consignment: Consignment) -> Packing:
    return Packing(
        [case.sscc for case in consignment.cases],
        consignment.first,
        [case.pallet for case in consignment.cases],
        consignment.first_pallet,
        ssccs(session, consignment.pallets),
    )


def _adds(facts: Facts, alert: Alert, row: ScanRow) -> int:
    """How many scans a scan adds to an alert's cause. A diversion's are those of the units that it
    names, and of those that join them."""
    if alert.kind != "diversion":
        return 1
    found = facts.case_of(row)
    assert found is not None  # its key has a consignment
    return 1 if is_of(alert, found[1]) else join(facts.session, alert, row, found[1])


@dataclass(frozen=True)
class Found:
    """A finding as a cause. is_new: there was no alert of it. evidence: of what is found first, and
    of guessers that act together again when there are more of them."""

    kind: str
    cause: alerts.Cause
    is_new: bool
    evidence: Document | None = None

    def keep(self, session: Session, now: int, rule: AlertRule) -> str | None:
        """Make or update its alert; return its key if it is new."""
        alert, new = alerts.keep(session, now, rule, self.cause)
        if self.evidence is not None:
            anew = self.cause.body.get("members", 1) > 1
            keep_evidence(session, now, alert, self.evidence, anew=anew)
        return alert.key if new else None


@dataclass(frozen=True)
class Finder:
    """Makes causes of what the detectors find in one brand's scans, while its frame is the newest.

    consignments: by row of the brand's `Lots`.
    """

    session: Session
    brand: int
    names: Names
    consignments: Sequence[Consignment]
    source: Source

    def find(self, finding: Finding) -> Found:
        """Return the cause of a finding, with its evidence if it is not an alert yet."""
        consignment = self._consignment(finding)
        cause = self._cause(finding, consignment)
        if self._is_known(cause):
            return Found(finding.kind, cause, is_new=False)
        evidence = self.source.evidence(finding, consignment, cause)
        return Found(finding.kind, cause, is_new=True, evidence=evidence)

    def find_burst(self, burst: Burst, told: Collection[Finding]) -> list[Found]:
        """Return the cause of guessers that act together: as it began, if that is among what the
        detectors told now, and as it stands, with evidence anew where that shows more of them."""
        began = [self.find(burst.first)] if burst.first in told else []
        cause = self._cause(burst.first, None)
        so_far = {
            "sentence": burst.sentence(),
            "members": burst.members,
            "tries": burst.scans,
            "devices": list(burst.devices),
        }
        stands = replace(cause, last=burst.last, scans=burst.scans, body={**cause.body, **so_far})
        evidence = None
        if burst.members > burst.shown:
            burst.shown = burst.members
            evidence = self.source.of_guessers(burst.first, burst.devices)
        return [*began, Found("guess", stands, not self._is_known(cause), evidence)]

    def _is_known(self, cause: alerts.Cause) -> bool:
        query = select(Alert.id).where(Alert.key == f"{self.brand}/{cause.key}")
        return self.session.scalar(query) is not None

    def _cause(self, finding: Finding, consignment: Consignment | None) -> alerts.Cause:
        packing = _packing(self.session, consignment) if consignment is not None else None
        if packing is not None:
            finding = packing.told(finding)
        body = {**finding.line(), "calibrated": finding.e_value is not None}
        consignee = None
        if consignment is not None and packing is not None:
            district = None
            if finding.district is not None:
                body["district"] = self.source.places.districts.named(finding.district)
                district = str(body["district"]["en"])
            body["sentence"] = named(finding, consignment.name, district)
            body["evidence"] |= packing.units(finding)
            body["lot"] = consignment.name
            if finding.evidence.cases:
                consignee = body["first_consignee"] = consignment.consignee
        if finding.kind == "clone":
            batch, index = self.names.item(finding.code or "") or (0, 0)
            body["item"] = {"batch": batch, "index": index}
        raised = self._time(finding.day)
        return alerts.Cause(
            key=self._key(finding, consignment),
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

    def _key(self, finding: Finding, consignment: Consignment | None) -> str:
        """What names the cause for good: a farm by when it was first told, guessers by the device
        that was first."""
        if finding.kind == "diversion" and consignment is not None:
            return _diversion(consignment, finding.district or finding.region)
        if finding.kind == "clone":
            return f"clone/{finding.code}"
        if finding.kind == "guess":
            return f"guess/{finding.devices[0]}"
        first = finding.day if finding.update_of is None else finding.update_of
        consignee = consignment.consignee if consignment is not None else None
        return f"{finding.kind}/{finding.lot}/{consignee}/{self._time(first)}"
