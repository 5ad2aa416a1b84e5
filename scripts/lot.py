"""`touchstone lot`: which codes belong to which lot."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

import typer

from ledger.db.engine import reading
from ledger.db.models import ChainLot, LotName
from ledger.domain.contents import Codes
from ledger.domain.ids import party_text
from ledger.domain.moments import day
from ledger.errors import Rejected
from ledger.services import lots, ranges
from ledger.services.runs import LotTerms
from ledger.services.site import Site
from scripts.acting import (
    Actor,
    Batch,
    First,
    To,
    Wait,
    carry_out,
    idempotency,
    outcome,
    party,
)
from scripts.common import Data, Idempotency, Json, KeyFile, show, site
from scripts.recall import Gtin, Lot

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Lots: what was made together, with its dates and its market."""


@app.command()
def bind(
    batch: Batch,
    first: First,
    to: To,
    lot: Annotated[str, typer.Option(help="Lot number as printed, 1 to 20 characters.")],
    expiry: Annotated[str | None, typer.Option(help="Last day of use (AI 17), YYYY-MM-DD.")] = None,
    best_before: Annotated[
        str | None, typer.Option(help="Best-before day (AI 15), YYYY-MM-DD.")
    ] = None,
    market: Annotated[int, typer.Option(help="The only market it is for; 0 = any.")] = 0,
    zone: Annotated[
        int | None,
        typer.Option(
            min=-840, max=840, help="Where its days end, minutes east of UTC [the installation's]."
        ),
    ] = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bind codes of a batch to a lot; the first time opens the lot, and its terms stay.

    An empty range (--from 0 --to 0) only opens it, for units that are packed of it.
    """
    terms = LotTerms(lot, _day(expiry), _day(best_before), market, zone)
    where, key = site(data), idempotency(key)
    sent = ranges.bind_lot(where, [Codes(batch, first, to)], terms, key)
    show({"lot": lot, "submissions": sent, **outcome(where, sent[-1], key, wait)}, as_json)


@app.command()
def release(
    gtin: Gtin,
    lot: Lot,
    actor: Actor,
    key_file: KeyFile = None,
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """End a lot's recall, as the party that recalled it last."""
    carry_out(
        lambda where, key: lots.order_state(where, party(actor), gtin, lot, lots.RELEASED, key),
        key_file,
        key,
        wait,
        data,
        as_json,
    )


@app.command(name="list")
def listing(
    gtin: Annotated[str | None, typer.Option(help="Only lots of this trade item.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List lots with their dates, market and state."""
    where = site(data)
    with reading(where.engine) as session:
        rows = [_row(where, lot, name) for lot, name in lots.listing(session, gtin)]
    if as_json:
        print(json.dumps({"lots": rows}, ensure_ascii=False))
        return
    for row in rows:
        state = "RECALLED" if row["recalled_by"] else "released"
        ends = {"expires": row["expiry"], "best before": row["best_before"]}
        days = "".join(f"  {said} {day(end, row['zone'])}" for said, end in ends.items() if end)
        print(f"{row['number']}  {row['gtin']}  {row['lot'] or '?'}  {state}{days}")


def _row(site: Site, lot: ChainLot, name: LotName | None) -> dict[str, Any]:
    return {
        "number": lot.number,
        "gtin": f"{lot.gtin:014d}",
        "lot": name.lot if name else None,
        "expiry": lot.expiry or None,
        "best_before": lot.best_before or None,
        "zone": lots.zone_of(site, lot, name),
        "market": lot.market,
        "recalled_by": party_text(lot.set_by) if lot.set_by else None,
    }


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Rejected("BAD_DATE", f"'{text}' is no day: give it as 2028-01-31.") from None
