"""`touchstone mint`: new codes under a root on the chain, and how they get onto goods."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ledger.db.models import Mint
from ledger.domain.digital_link import printed_link
from ledger.domain.gs1 import gtin14
from ledger.errors import Rejected, Unavailable
from ledger.services import export, labels
from ledger.services import mint as minting
from ledger.services.site import Site
from scripts.acting import cannot_write, idempotency, party, whole_file
from scripts.common import Data, Idempotency, Json, show, site

app = typer.Typer(add_completion=False)

POLL_S = 0.05
WAITING_FOR = {"RESERVING": "number and tree", "COMMISSIONING": "root on chain"}


class Language(StrEnum):
    """Of the words on a sheet."""

    EN = "en"
    ZH = "zh"


class LevelChoice(StrEnum):
    """Error correction of a QR code (ISO/IEC 18004)."""

    L = "L"
    M = "M"
    Q = "Q"
    H = "H"


LEVELS: dict[str, labels.Level] = {"L": "L", "M": "M", "Q": "Q", "H": "H"}


@dataclass(frozen=True)
class Output:
    """What is to be written once the root is on chain: files, and which codes go into them."""

    links: Path | None
    sheet: Path | None
    qr: Path | None
    index: int
    first: int
    to: int
    upper: bool
    with_inner: bool
    level: labels.Level
    lang: str

    @property
    def files(self) -> list[Path]:
        """The files to write."""
        return [path for path in (self.links, self.sheet, self.qr) if path is not None]


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
    sheet: Annotated[
        Path | None, typer.Option(help="File for a sheet to print (HTML, A4, to 5,000 labels).")
    ] = None,
    qr: Annotated[Path | None, typer.Option(help="File for one QR code, .svg or .png.")] = None,
    index: Annotated[int, typer.Option(help="Which code --qr draws, from 0.")] = 0,
    first: Annotated[int, typer.Option("--from", help="First code of links and sheet.")] = 0,
    to: Annotated[int | None, typer.Option("--to", help="Code after their last one [all].")] = None,
    upper: Annotated[
        bool, typer.Option("--upper", help="Links in capitals, for smaller QR codes.")
    ] = False,
    with_inner: Annotated[
        bool, typer.Option("--with-inner", help="In --links: a comma and the inner code's link.")
    ] = False,
    level: Annotated[LevelChoice, typer.Option(help="QR error correction.")] = LevelChoice.M,
    lang: Annotated[Language, typer.Option(help="Language of the sheet.")] = Language.EN,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Mint codes; no code leaves before the root over all of them is on the chain.

    With the same --id an order that was cut short goes on, and one that is done is written again.
    """
    end = count if to is None else to
    out = Output(
        links, sheet, qr, index, first, end, upper, with_inner, LEVELS[level.value], lang.value
    )
    _check(out, count, wait, inner)
    where, key = site(data), idempotency(key)
    printed_link(where.link_base, gtin14(gtin), "0", upper)  # a bad setting is told before minting
    number = minting.order_codes(where, party(brand), gtin, count, key, inner)
    made = _await(where, number, key, timeout) if wait else minting.mint_of(where, number)
    if out.files:
        _write(where, made, out)
    show(_result(made, key, out), as_json)


def _result(made: Mint, key: str, out: Output) -> dict[str, Any]:
    files = {"links": out.links, "sheet": out.sheet, "qr": out.qr}
    return {
        "id": key,
        "mint": made.id,
        "state": made.state,
        "batch": made.batch,
        "gtin": f"{made.gtin:014d}",
        "count": made.count,
        **{name: str(path) for name, path in files.items() if path is not None},
    }


def _check(out: Output, count: int, wait: bool, inner: bool) -> None:
    """Refuse, before anything is minted, what could not be written afterwards."""
    if not 1 <= count <= minting.MAX_COUNT:
        return  # the order is refused, in better words
    if out.files and not wait:
        raise Rejected("BAD_OPTION", "Codes leave when their root is on chain: use --wait.")
    if out.with_inner and not inner:
        raise Rejected("BAD_OPTION", "--with-inner writes inner codes: order them with --inner.")
    if not 0 <= out.first < out.to <= count:
        raise Rejected("BAD_RANGE", f"{out.first} to {out.to} is no range of {count} codes.")
    if out.sheet is not None and out.to - out.first > labels.MAX_LABELS:
        raise Rejected(
            "TOO_MANY_LABELS",
            f"A sheet holds {labels.MAX_LABELS} labels: give --from and --to, and make several.",
        )
    if out.qr is not None and out.qr.suffix not in (".svg", ".png"):
        raise Rejected("BAD_OPTION", f"{out.qr} must end in .svg or .png.")
    if not 0 <= out.index < count:
        raise Rejected("BAD_RANGE", f"There is no code {out.index} among {count}.")
    for path in out.files:
        if not path.parent.is_dir() or path.is_dir():
            raise cannot_write(path, "is a folder" if path.is_dir() else "no such folder")


def _await(where: Site, number: int, key: str, timeout: float) -> Mint:
    end = time.monotonic() + timeout
    with _bar() as bar:
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


def _write(where: Site, made: Mint, out: Output) -> None:
    if out.links is not None:
        with whole_file(out.links) as file, _bar() as bar:
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
    if out.sheet is not None:
        gtin = f"{made.gtin:014d}"
        shown = [
            labels.Label(link, gtin, serial)
            for serial, link in minting.links(where, made, out.first, out.to, out.upper)
        ]
        title = f"GTIN {gtin}"
        html = labels.sheet_html(
            shown, title, out.lang, level=out.level, batch=made.batch, first_index=out.first
        )
        with whole_file(out.sheet) as file:
            file.write(html.encode())
    if out.qr is not None:
        ((_, link),) = minting.links(where, made, out.index, out.index + 1, out.upper)
        svg = out.qr.suffix == ".svg"
        with whole_file(out.qr) as file:
            file.write(
                labels.qr_svg(link, out.level).encode() if svg else labels.qr_png(link, out.level)
            )


def _bar() -> Progress:
    """A bar on a terminal; nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
