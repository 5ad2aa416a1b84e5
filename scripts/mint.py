"""`touchstone mint`: new codes under a root on the chain, and the file of their links."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.db.models import Mint
from ledger.domain.digital_link import printed_link
from ledger.domain.gs1 import gtin14
from ledger.errors import Rejected, Unavailable
from ledger.services import export
from ledger.services import mint as minting
from ledger.services.site import Site
from scripts.acting import cannot_write, idempotency, party, whole_file
from scripts.common import Data, Idempotency, Json, progress_bar, show, site

app = typer.Typer(add_completion=False)

POLL_S = 0.05
WAITING_FOR = {"RESERVING": "number and tree", "COMMISSIONING": "root on chain"}


@dataclass(frozen=True)
class Output:
    """What is to be written once the root is on chain: a file, and which codes go into it."""

    links: Path | None
    first: int
    to: int
    upper: bool
    with_inner: bool


@app.command()
def mint(
    brand: Annotated[str, typer.Option(help="Whose codes: the brand's GLN or number.")],
    gtin: Annotated[str, typer.Option(help="GTIN of the item, with the check digit.")],
    count: Annotated[int, typer.Option(help="How many codes, 1 to 10,000,000.")],
    inner: Annotated[
        bool, typer.Option("--inner/--no-inner", help="Each with an inner code (cap, scratch).")
    ] = True,
    key: Idempotency = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the root is on chain.")
    ] = True,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 600.0,
    links: Annotated[Path | None, typer.Option(help="File for the links, one a line.")] = None,
    first: Annotated[int, typer.Option("--from", help="First code of the links.")] = 0,
    to: Annotated[int | None, typer.Option("--to", help="Code after their last one [all].")] = None,
    upper: Annotated[
        bool, typer.Option("--upper", help="Links in capitals, for smaller QR codes.")
    ] = False,
    with_inner: Annotated[
        bool, typer.Option("--with-inner", help="In --links: a comma and the inner code's link.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Mint codes; no code leaves before the root over all of them is on the chain.

    With the same --id an order that was cut short goes on, and one that is done is written again.
    """
    end = count if to is None else to
    out = Output(links, first, end, upper, with_inner)
    _check(out, count, wait, inner)
    where, key = site(data), idempotency(key)
    printed_link(where.link_base, gtin14(gtin), "0", upper)  # a bad setting is told before minting
    number = minting.order_codes(where, party(brand), gtin, count, key, inner)
    made = _await(where, number, key, timeout) if wait else minting.mint_of(where, number)
    if out.links is not None:
        _write(where, made, out.links, out)
    show(_result(made, key, out), as_json)


def _result(made: Mint, key: str, out: Output) -> dict[str, Any]:
    written = {"links": str(out.links)} if out.links is not None else {}
    return {
        "id": key,
        "mint": made.id,
        "state": made.state,
        "batch": made.batch,
        "gtin": f"{made.gtin:014d}",
        "count": made.count,
        **written,
    }


def _check(out: Output, count: int, wait: bool, inner: bool) -> None:
    """Refuse, before anything is minted, what could not be written afterwards."""
    if not 1 <= count <= minting.MAX_COUNT:
        return  # the order is refused, in better words
    if out.links is not None and not wait:
        raise Rejected("BAD_OPTION", "Codes leave when their root is on chain: use --wait.")
    if out.with_inner and not inner:
        raise Rejected("BAD_OPTION", "--with-inner writes inner codes: order them with --inner.")
    if not 0 <= out.first < out.to <= count:
        raise Rejected("BAD_RANGE", f"{out.first} to {out.to} is no range of {count} codes.")
    if out.links is not None and (not out.links.parent.is_dir() or out.links.is_dir()):
        why = "is a folder" if out.links.is_dir() else "no such folder"
        raise cannot_write(out.links, why)


def _await(where: Site, number: int, key: str, timeout: float) -> Mint:
    end = time.monotonic() + timeout
    with progress_bar() as bar:
        task = bar.add_task("root on chain", total=None)
        while True:
            made = minting.mint_of(where, number)
            bar.update(task, description=WAITING_FOR.get(made.state, made.state))
            if made.state == "DONE":
                return made
            if made.state == "FAILED":
                fault = made.error or "The chain refused it: see its submission."
                raise Rejected("MINT_FAILED", fault)
            if time.monotonic() > end:
                raise Unavailable(
                    "NOT_SETTLED",
                    "It is kept and goes on when node and worker run: ask again with the same "
                    f"words and --id {key}.",
                )
            time.sleep(POLL_S)


def _write(where: Site, made: Mint, path: Path, out: Output) -> None:
    with whole_file(path) as file, progress_bar() as bar:
        task = bar.add_task("links", total=out.to - out.first)
        export.write_links(
            where,
            made,
            out.first,
            out.to,
            file,
            upper=out.upper,
            inner=out.with_inner,
            written=lambda lines: bar.advance(task, lines),
        )
