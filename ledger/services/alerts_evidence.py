"""What an alert rests on, kept with it: enough to compute it again without the database.

Form `touchstone-alert-evidence/1`, JSON: the alert as it was raised, the rule's terms, and the
scans (a diversion: all scans of the consignment up to the one that tipped it, in its territory and
out of it, with packing, territory and every look of the test). Devices are numbers here: pseudonyms
stay inside. `leaf` and `position` tie each scan to the anchored log.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ledger.db.alerting import AlertEvidence
from ledger.db.models import Alert, Scan
from ledger.detect import diversion
from ledger.detect.frame import CHANNELS, LOC_SOURCES, Lots, Scans
from ledger.errors import Broken, Rejected
from ledger.services.watch_frame import code_of

FORMAT = "touchstone-alert-evidence/1"
COLUMNS = (
    "scan", "time", "seen", "code", "batch", "index", "device", "channel", "source", "lat", "lon",
    "radius_km", "region", "position", "leaf",
)  # fmt: skip
Document = dict[str, Any]


def scans_document(
    session: Session, terms: Mapping[str, Any], where: ColumnElement[bool]
) -> Document:
    """Return the evidence that some scans are, as they are."""
    return document(terms, session.scalars(select(Scan).where(where).order_by(Scan.id)))


def document(
    terms: Mapping[str, Any], rows: Iterable[Scan], late: Mapping[int, int] | None = None
) -> Document:
    """Return evidence from rows of the scan log; `keep_evidence` adds whose it is.

    late: when scans were seen that came after newer ones, unix seconds by id.
    """
    devices: dict[str, int] = {}
    return {
        "format": FORMAT,
        "terms": dict(terms),
        "columns": list(COLUMNS),
        "scans": [
            [
                row.id,
                row.time,
                (late or {}).get(row.id, row.time),
                code_of(row),
                row.batch,
                row.index,
                devices.setdefault(row.device, len(devices) + 1),
                row.channel,
                row.loc_src,
                row.lat,
                row.lon,
                row.acc_km,
                row.region,
                row.position,
                "0x" + row.leaf.hex(),
            ]
            for row in rows
        ],
    }


def keep_evidence(session: Session, now: int, alert: Alert, told: Document) -> None:
    """Keep the evidence of an alert; the first stays."""
    if session.get(AlertEvidence, alert.id) is not None:
        return
    whose = {
        "id": alert.id,
        "kind": alert.kind,
        "brand": alert.brand,
        "raised": alert.raised,
        "lot": alert.lot,
        "region": alert.region,
        "code": alert.code,
        "consignee": alert.consignee,
        "finding": alert.body,
    }
    whole = {**told, "alert": whose}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    body, digest = gzip.compress(text, mtime=0), hashlib.sha256(text).digest()
    session.add(AlertEvidence(alert=alert.id, made=now, sha256=digest, body=body))


def evidence_of(session: Session, alert: int) -> Document:
    """Return the evidence kept with an alert.

    Raises Rejected NO_EVIDENCE, Broken EVIDENCE_DAMAGED.
    """
    row = session.get(AlertEvidence, alert)
    if row is None:
        raise Rejected("NO_EVIDENCE", f"No evidence was kept with alert {alert}.")
    try:
        text = gzip.decompress(row.body)
    except (OSError, EOFError):
        text = b""
    if hashlib.sha256(text).digest() != row.sha256:
        raise Broken(
            "EVIDENCE_DAMAGED", f"The evidence of alert {alert} was altered: restore a backup."
        )
    found: Document = json.loads(text)
    return found


def frames(told: Document) -> tuple[Scans, Lots]:
    """Return a diversion's evidence as detectors read it: one consignment and its scans."""
    goods = told["consignment"]
    cases = [(case["batch"], case["first"], case["to"]) for case in goods["cases"]]
    number = {
        (batch, index): at
        for at, (batch, first, to) in enumerate(cases)
        for index in range(first, to)
    }
    rows = [dict(zip(told["columns"], row, strict=True)) for row in told["scans"]]
    codes, devices = _numbered(r["code"] for r in rows), _numbered(r["device"] for r in rows)
    count = len(rows)

    def ints(values: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.fromiter(values, dtype=np.int64)

    def floats(values: Iterable[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.fromiter(values, dtype=np.float64)

    scans = Scans(
        day=(floats(r["seen"] for r in rows) - goods["origin"]) / 86_400,
        unit=ints(codes[r["code"]] for r in rows),
        lot=np.zeros(count, dtype=np.int64),
        case=ints(number[r["batch"], r["index"]] for r in rows),
        device=ints(devices[r["device"]] for r in rows),
        channel=ints(_at(CHANNELS, r["channel"]) for r in rows),
        loc_src=ints(_at(LOC_SOURCES, r["source"]) for r in rows),
        region=ints(-1 if r["region"] is None else r["region"] for r in rows),
        lat=floats(r["lat"] or 0.0 for r in rows),
        lon=floats(r["lon"] or 0.0 for r in rows),
        acc_km=floats(r["radius_km"] or 0.0 for r in rows),
        codes=list(codes),
        devices=[str(name) for name in devices],
    )
    territory = np.zeros((1, max([*goods["territory"], goods["region"]]) + 1), dtype=np.bool_)
    territory[0, goods["territory"]] = True
    lots = Lots(
        label=ints([0]),
        distributor=ints([goods["consignee"]]),
        territory=territory,
        ship_day=floats([(goods["shipped"] - goods["origin"]) / 86_400]),
        items=ints([sum(to - first for _, first, to in cases)]),
        case_size=ints([max(to - first for _, first, to in cases)]),
        cases_per_pallet=ints([goods["cases_per_pallet"]]),
        restricted=np.array([True]),
        first_case=ints([0]),
    )
    return scans, lots


def looks(told: Document) -> list[list[float]]:
    """Compute a diversion's test again: every look as [scan id, e-value], and the last scan.

    e-values have four significant digits, as those of findings; that of a finding is less by the
    price of entry (`ledger.detect.stream`).
    """
    scans, lots = frames(told)
    return [
        [told["scans"][row][0], float(f"{math.exp(min(log_e, 690.0)):.4g}")]
        for row, log_e in diversion.looks(scans, lots, 0, told["consignment"]["region"])
    ]


def _numbered(names: Iterable[Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for name in names:
        found.setdefault(name, len(found))
    return found


def _at(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else 0
