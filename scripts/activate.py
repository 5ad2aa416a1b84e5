"""`touchstone activate`: from when on codes may be on sale."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.db.engine import reading
from ledger.domain.contents import Codes
from ledger.errors import Rejected
from ledger.services import ranges
from ledger.services.goods.units import find_unit
from ledger.services.site import Site
from scripts.acting import Wait, idempotency, moment, outcome
from scripts.common import Data, Idempotency, Json, show, site

app = typer.Typer(add_completion=False)


@app.command()
def activate(
    batch: Annotated[
        int | None, typer.Option(help="Number of the batch: all of it, or a range.")
    ] = None,
    first: Annotated[int, typer.Option("--from", help="Index of the first code, from 0.")] = 0,
    to: Annotated[int | None, typer.Option("--to", help="Index after the last code [all].")] = None,
    unit: Annotated[
        str | None, typer.Option(help="Instead: all items in a unit (SSCC or id), cases and all.")
    ] = None,
    at: Annotated[
        str, typer.Option(help="'now', 'never', unix seconds or ISO 8601 (UTC unless it says).")
    ] = "now",
    key: Idempotency = None,
    wait: Wait = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make codes active from a time on; 'never' makes them inactive again.

    Name a batch, a range of it, or a logistic unit. Void codes stay void; what is active already
    stays as it is when the rest becomes so now.
    """
    where, key = site(data), idempotency(key)
    active_from = moment(at, where.clock())
    codes = _codes(where, batch, first, to, unit)
    sent = ranges.activate(where, codes, active_from, key, is_now=at == "now")
    told = {"codes": sum(each.to - each.first for each in codes), "submissions": sent}
    show({"active_from": active_from, **told, **outcome(where, sent[-1], key, wait)}, as_json)


def _codes(
    where: Site, batch: int | None, first: int, to: int | None, unit: str | None
) -> list[Codes]:
    if (batch is None) == (unit is None):
        raise Rejected("BAD_OPTION", "Name a batch with --batch, or a unit with --unit.")
    if batch is not None:
        return ranges.in_batch(where, batch, first, to)
    if unit is None or first or to is not None:
        raise Rejected("BAD_OPTION", "--from and --to are of a batch: leave them out with --unit.")
    with reading(where.engine) as session:
        return ranges.in_unit(where, session, find_unit(where, session, unit).id)
