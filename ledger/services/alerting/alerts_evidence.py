"""What an alert rests on, kept with it: enough to compute it again without the database.

Form `touchstone-alert-evidence/1`, JSON: the alert as it was raised, the rule's terms, the scans,
and what the rule knew of them (docs/alerts.md). Devices are numbers here: pseudonyms stay inside.
`leaf` and `position` tie each scan to the anchored log. `alerts_again` computes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from ledger.db.alerting import AlertEvidence
from ledger.db.models import Alert
from ledger.errors import Broken, Rejected
from ledger.services.alerting.alerts import Cause
from ledger.services.alerting.watch_frame import code_of
from ledger.services.alerting.watch_scan import ScanRow

FORMAT = "touchstone-alert-evidence/1"
COLUMNS = (
    "scan", "time", "seen", "code", "batch", "index", "device", "channel", "source", "lat", "lon",
    "radius_km", "region", "position", "leaf",
)  # fmt: skip
Document = dict[str, Any]


def document(
    terms: Mapping[str, Any], rows: Iterable[ScanRow], late: Mapping[int, int] | None = None
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


def told_of(kind: str, about: Alert | Cause) -> Document:
    """Return an alert as it is kept in its evidence, when it is raised."""
    goods = about.goods if isinstance(about, Cause) else (about.goods_low, about.goods_high)
    finding = {name: value for name, value in about.body.items() if name != "devices"}
    told: Document = {
        "kind": kind,
        "brand": about.brand,
        "raised": about.raised,
        "lot": about.lot,
        "region": about.region,
        "code": about.code,
        "consignee": about.consignee,
        "goods": goods,
        "finding": finding,
    }
    as_kept: Document = json.loads(json.dumps(told))
    return as_kept


def keep_evidence(
    session: Session, now: int, alert: Alert, told: Document, *, anew: bool = False
) -> None:
    """Keep the evidence of an alert. anew: instead of what is kept; else the first stays."""
    row = session.get(AlertEvidence, alert.id)
    if row is not None and not anew:
        return
    whole = {**told, "alert": {"id": alert.id, **told_of(alert.kind, alert)}}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    body, digest = gzip.compress(text, mtime=0), hashlib.sha256(text).digest()
    session.merge(AlertEvidence(alert=alert.id, made=now, sha256=digest, body=body))


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
