"""`touchstone alerts`: what the detectors have raised."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from sqlalchemy import select

from ledger.db.engine import reading
from ledger.db.models import Alert
from ledger.detect.finding import KINDS
from ledger.errors import Rejected
from scripts.acting import iso
from scripts.common import Data, Json, site

app = typer.Typer(add_completion=False)


@app.command()
def alerts(
    kind: Annotated[str | None, typer.Option(help=f"Only one of {', '.join(KINDS)}.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the alerts, the oldest first. An alert is a potential suspect, never an accusation."""
    if kind is not None and kind not in KINDS:
        raise Rejected("BAD_OPTION", f"'{kind}' is no kind of alert: use {', '.join(KINDS)}.")
    where = site(data)
    query = select(Alert).order_by(Alert.raised, Alert.id)
    with reading(where.engine) as session:
        rows = session.scalars(query if kind is None else query.where(Alert.kind == kind)).all()
    if as_json:
        print(json.dumps({"alerts": [_row(row) for row in rows]}, ensure_ascii=False))
        return
    for row in rows:
        print(f"{iso(row.raised, where.zone)}  {row.kind:<9}  {row.body['sentence']}")
    print(f"{len(rows)} alerts")


def _row(row: Alert) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "raised": row.raised,
        "lot": row.lot,
        "region": row.region,
        "code": row.code,
        "sentence": row.body["sentence"],
        "evidence": row.body["evidence"],
    }
