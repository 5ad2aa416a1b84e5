"""`touchstone fraud`: portable proofs that somebody signed what cannot be true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.chain.fraud import HeaderConflict, MembershipConflict, Place, check
from ledger.domain.ids import party_text
from scripts.checking import (
    AsJson,
    At,
    Trust,
    event_json,
    event_line,
    judge,
    read,
    standing_lines,
    write_out,
)

app = typer.Typer(no_args_is_help=True, add_completion=False)

Out = Annotated[Path | None, typer.Option(help="Write the file here [standard output].")]


@app.callback()
def fraud() -> None:
    """One item in two places at once, or two sealed blocks at one height: prove it, or check it."""


@app.command(name="check")
def check_fraud(
    file: Annotated[Path, typer.Argument(help="the fraud file, as `fraud prove` writes it")],
    trust: Trust,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a file proves a fraud. Exit status 0: it does; 1: it does not.

    Nothing is asked of any server: all that counts is in the two files. That a proof is old makes
    it no weaker: it was true as of its block.
    """
    found = judge(check, file, trust, at, "proved", as_json)
    if as_json:
        print(json.dumps(_report(found)))
    else:
        print("\n".join(_lines(found)))


@app.command()
def prove(
    link: Annotated[str, typer.Argument(help="What the code says: https://…/01/GTIN/21/SERIAL.")],
    bundle: Annotated[
        list[Path] | None, typer.Option(help="A proof bundle of the same code from elsewhere.")
    ] = None,
    out: Out = None,
    data: Annotated[Path | None, typer.Option(help="Data directory [.touchstone].")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the proof that an item is in two units at once, as of the newest block followed.

    From what was packed here, and from what the bundles say; refused where there is no such thing.
    """
    # Only here: whoever checks has neither database nor node.
    from ledger.db.engine import reading
    from ledger.services.lookup import read_link
    from ledger.services.proving import prove_fraud
    from scripts.common import site

    where, code = site(data), read_link(link)
    told = [read(path) for path in bundle or ()]
    with reading(where.engine) as session:
        document = prove_fraud.build(where, session, code.gtin, code.serial, told)
    write_out(document, out, {"kind": document["kind"]}, as_json)


@app.command()
def headers(
    first: Annotated[Path, typer.Argument(help="A proof file of any kind.")],
    second: Annotated[Path, typer.Argument(help="Another, whose block has the same height.")],
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write the sealed headers of two proof files as a proof that validators sealed two histories.

    No node is asked. `fraud check` says whether it is one.
    """
    from ledger.services.proving import prove_fraud

    document = prove_fraud.headers(read(first), read(second))
    write_out(document, out, {"kind": document["kind"]}, as_json)


def _report(found: MembershipConflict | HeaderConflict) -> dict[str, Any]:
    if isinstance(found, HeaderConflict):
        return {
            "proved": True,
            "kind": "headers",
            "block": found.number,
            "hashes": ["0x" + each.hex() for each in found.hashes],
            "signers": sorted("0x" + signer.hex() for signer in found.signers),
        }
    return {
        "proved": True,
        "kind": "membership",
        "block": found.number,
        "time": found.time,
        "item": "0x" + found.item.hex(),
        "places": [_place(place) for place in found.places],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"unit": "0x" + place.unit.hex(), "packed": event_json(place.packed)}


def _lines(found: MembershipConflict | HeaderConflict) -> list[str]:
    if isinstance(found, HeaderConflict):
        return [
            f"FRAUD: two blocks {found.number}, each sealed by a quorum",
            *(f"  0x{each.hex()}" for each in found.hashes),
            "sealed by the same validators:",
            *(f"  0x{signer.hex()}" for signer in sorted(found.signers)),
        ]
    packers = sorted({party_text(place.packed.actor) for place in found.places})
    return [
        *standing_lines(found),
        f"FRAUD: item 0x{found.item.hex()} is in two places at once",
        *(line for place in found.places for line in _place_lines(place)),
        f"one signed what cannot be true: {' or '.join(packers)}",
    ]


def _place_lines(place: Place) -> list[str]:
    return [f"in unit 0x{place.unit.hex()}, by", event_line(place.packed)]
