"""`touchstone header check`: judge one block header by the validators that you trust."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ledger.chain.header import Header, check_seals, quorum, signers
from ledger.domain.moments import iso
from ledger.errors import Rejected

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def header() -> None:
    """Look at block headers without a node and without a network."""


@app.command()
def check(
    rlp_hex: Annotated[str, typer.Argument(help="the RLP of the header, as hex")],
    validators: Annotated[str, typer.Option(help="trusted addresses, separated by commas")],
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Say who sealed a header; exit status 0 only if a quorum of the validators did."""
    judged = Header.decode(_hex(rlp_hex, "the header"))
    trusted = frozenset(_address(text) for text in validators.split(",") if text.strip())
    report = _report(judged, trusted)
    if as_json:
        print(json.dumps(report))
    else:
        for name, value in {**report, "sealed": "yes" if report["sealed"] else "no"}.items():
            print(f"{name:<9} {', '.join(value) if isinstance(value, list) else value}")
    if not report["sealed"]:
        raise typer.Exit(1)


def _report(judged: Header, trusted: frozenset[bytes]) -> dict[str, Any]:
    """Return what is known about the header; who signed it is shown even if that is too few."""
    report: dict[str, Any] = {
        "hash": "0x" + judged.hash.hex(),
        "number": judged.number,
        "time": iso(judged.timestamp, 0),
        "quorum": quorum(len(trusted)),
    }
    try:
        report["signers"] = sorted("0x" + signer.hex() for signer in signers(judged))
        check_seals(judged, trusted)
    except Rejected as error:
        return {**report, "sealed": False, "code": error.code, "reason": error.message}
    return {**report, "sealed": True}


def _address(text: str) -> bytes:
    address = _hex(text, "a validator")
    if len(address) != 20:
        raise Rejected("BAD_ADDRESS", f"'{text.strip()}' is not an address: give 40 hex digits.")
    return address


def _hex(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        raise Rejected("BAD_HEX", f"The text given for {what} is not hexadecimal.") from None
