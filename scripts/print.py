"""`touchstone print`: codes of a batch as pictures, sheets, and data files of a line's printer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from ledger.db.models import Mint
from ledger.domain.print_uses import USES, Level
from ledger.errors import Rejected
from ledger.services.press import labels, printing
from ledger.services.press.labels import Label
from ledger.services.press.pdf_sheet import Design, Heading, write_sheet
from ledger.services.press.pdf_type import Courier, Outlines, Typeface
from ledger.services.press.qr import qr_png, qr_svg, qr_version
from ledger.services.site import Site
from scripts.acting import Batch, cannot_write, whole_file
from scripts.common import Data, Json, progress_bar, show, site

app = typer.Typer(add_completion=False)

LEVELS: dict[str, Level] = {"L": "L", "M": "M", "Q": "Q", "H": "H"}
PAPERS = {"A4": (210.0, 297.0), "A3": (297.0, 420.0), "Letter": (215.9, 279.4)}
_PAPER = re.compile(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)")


class Use(StrEnum):
    """What a code is printed for, as in `USES`."""

    ITEM_LABEL = "item-label"
    BOTTLE_CAP = "bottle-cap"
    INKJET = "inkjet"
    SCRATCH_LABEL = "scratch-label"
    CASE_LABEL = "case-label"
    PALLET_LABEL = "pallet-label"


class LevelChoice(StrEnum):
    """Error correction of a QR code (ISO/IEC 18004)."""

    L = "L"
    M = "M"
    Q = "Q"
    H = "H"


class Language(StrEnum):
    """Of the words on a sheet."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True)
class Job:
    """What is printed: codes first … to − 1 of a mint, and how."""

    site: Site
    made: Mint
    first: int
    to: int
    upper: bool
    inner: bool
    language: str
    design: Design
    face: Callable[[], Typeface]

    @property
    def title(self) -> str:
        """The heading of a sheet."""
        return f"GTIN {self.made.gtin:014d}"

    def labels(self) -> Iterator[Label]:
        """Yield its labels."""
        return printing.labels(
            self.site, self.made, self.first, self.to, upper=self.upper, inner=self.inner
        )


Write = Callable[[Job, BinaryIO], Iterator[int]]
"""Writes a file and yields how many codes each piece of it had."""


@app.command(name="print")
def print_codes(
    batch: Batch,
    out: Annotated[
        Path, typer.Option(help="File: .pdf or .html a sheet, .csv a data file, .svg or .png one.")
    ],
    first: Annotated[int, typer.Option("--from", help="Index of the first code, from 0.")] = 0,
    to: Annotated[int | None, typer.Option("--to", help="Index after the last code [all].")] = None,
    use: Annotated[
        Use, typer.Option(help="What for: sets level and module; see docs/printing.md.")
    ] = Use.ITEM_LABEL,
    level: Annotated[LevelChoice | None, typer.Option(help="QR level [the use's].")] = None,
    module: Annotated[float | None, typer.Option(help="Module, in mm [the use's].")] = None,
    dpi: Annotated[
        int, typer.Option(min=0, max=20_000, help="Printer's dots an inch: whole dots a module.")
    ] = 0,
    inner: Annotated[
        bool, typer.Option("--inner", help="Inner codes instead; in a .csv beside the outer ones.")
    ] = False,
    upper: Annotated[
        bool, typer.Option("--upper/--lower", help="Links in capitals, for smaller symbols.")
    ] = True,
    lang: Annotated[Language, typer.Option(help="Language of a sheet.")] = Language.EN,
    font: Annotated[
        Path | None, typer.Option(help="Font of a .pdf; Chinese needs one [Courier].")
    ] = None,
    paper: Annotated[str, typer.Option(help="A4, A3, Letter, or WIDTHxHEIGHT in mm.")] = "A4",
    margin: Annotated[float, typer.Option(help="Free on each side of the paper, in mm.")] = 10.0,
    crop: Annotated[bool, typer.Option("--crop/--no-crop", help="Crop marks in a .pdf.")] = True,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print codes of a batch whose root is on the chain.

    Sizes hold in a .pdf; a .html is printed from a browser; a .svg or .png is of one code (--from).
    """
    writer = WRITERS.get(out.suffix)
    if writer is None:
        raise Rejected("BAD_OPTION", f"{out} must end in {', '.join(WRITERS)}.")
    if not out.parent.is_dir() or out.is_dir():
        raise cannot_write(out, "is a folder" if out.is_dir() else "no such folder")
    chosen = USES[use.value]
    design = Design(
        LEVELS[level.value] if level else chosen.level,
        chosen.module if module is None else module,
        dpi,
        _paper(paper),
        margin,
        crop,
    )
    printed_module = design.printed_module  # a bad size is told before anything is opened
    where = site(data)
    made = printing.mint_of_batch(where, batch)
    end = to if to is not None else first + 1 if out.suffix in SINGLE else made.count
    if not 0 <= first < end <= made.count:
        raise Rejected("BAD_RANGE", f"{first} to {end} is no range of {made.count} codes.")
    language = lang.value

    def face() -> Typeface:
        return Courier() if font is None else Outlines(font, language)

    job = Job(where, made, first, end, upper, inner, language, design, face)
    with whole_file(out) as file, progress_bar() as bar:
        task = bar.add_task("codes", total=end - first)
        for done in writer(job, file):
            bar.advance(task, done)
    show(_result(job, out, printed_module), as_json)


def _result(job: Job, out: Path, module: float) -> dict[str, Any]:
    found = {"batch": job.made.batch, "codes": job.to - job.first, "file": str(out)}
    if out.suffix == ".csv":
        return found
    version = qr_version(next(job.labels()).link, job.design.level)
    size = {"module_mm": round(module, 4), "symbol_mm": round(module * (4 * version + 17), 2)}
    symbol = {"level": job.design.level, "version": version}
    return {**found, **symbol, **(size if out.suffix == ".pdf" else {})}


def _pdf(job: Job, file: BinaryIO) -> Iterator[int]:
    heading = Heading(job.title, job.language, job.to - job.first, job.made.batch, job.first)
    yield from write_sheet(job.labels(), job.design, heading, job.face(), file)


def _html(job: Job, file: BinaryIO) -> Iterator[int]:
    if job.to - job.first > labels.MAX_LABELS:
        raise Rejected(
            "TOO_MANY_LABELS",
            f"A .html holds {labels.MAX_LABELS} labels: give --from and --to, or print a .pdf.",
        )
    level, batch = job.design.level, job.made.batch
    shown = list(job.labels())
    text = labels.sheet_html(
        shown, job.title, job.language, level=level, batch=batch, first_index=job.first
    )
    file.write(text.encode())
    yield len(shown)


def _csv(job: Job, file: BinaryIO) -> Iterator[int]:
    yield from printing.write_table(
        job.site, job.made, job.first, job.to, file, upper=job.upper, inner=job.inner
    )


def _svg(job: Job, file: BinaryIO) -> Iterator[int]:
    file.write(qr_svg(_only(job).link, job.design.level).encode())
    yield 1


def _png(job: Job, file: BinaryIO) -> Iterator[int]:
    file.write(qr_png(_only(job).link, job.design.level))
    yield 1


def _only(job: Job) -> Label:
    if job.to - job.first != 1:
        raise Rejected("BAD_OPTION", "A .svg or .png is of one code: leave --to out.")
    return next(job.labels())


def _paper(text: str) -> tuple[float, float]:
    found = _PAPER.fullmatch(text)
    if text not in PAPERS and found is None:
        raise Rejected("BAD_OPTION", f"'{text}' is no paper: give {', '.join(PAPERS)} or 100x150.")
    return PAPERS[text] if found is None else (float(found[1]), float(found[2]))


SINGLE = (".svg", ".png")
WRITERS: dict[str, Write] = {
    ".pdf": _pdf,
    ".html": _html,
    ".csv": _csv,
    ".svg": _svg,
    ".png": _png,
}
