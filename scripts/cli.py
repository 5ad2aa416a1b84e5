"""The `touchstone` command: a table of verbs, each a thin module, loaded only when called."""

from __future__ import annotations

import importlib
import os
import sys
import threading

import typer

from ledger.errors import TouchstoneError
from scripts.loading import loading

# verb -> (module holding `app: typer.Typer`, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "activate": ("scripts.activate", "from when on codes may be on sale"),
    "admin": ("scripts.admin", "who decides on the ledger, and what several sign together"),
    "alerts": ("scripts.alerts", "what was raised, why, and what people make of it"),
    "api": ("scripts.api", "the pages and the HTTP API"),
    "backtest": ("scripts.backtest", "what the detectors say about a folder of scans"),
    "bench": ("scripts.bench", "what this machine does, beside the targets"),
    "demo": ("scripts.demo", "the whole job in a simulated world, then served"),
    "device": ("scripts.device", "keys that may sign some of a party's verbs"),
    "district": ("scripts.district", "cities and counties that territories may name"),
    "exception": ("scripts.exception", "receipts that were not as sent"),
    "fraud": ("scripts.fraud", "prove an item in two places, or two histories; check such a proof"),
    "header": ("scripts.header", "judge one block header by the validators that you trust"),
    "history": ("scripts.history", "prove all events of one subject, or check such a proof"),
    "import": ("scripts.importing", "codes that are printed already, from CSV or Excel"),
    "item": ("scripts.item", "single items: their states, and those that travel alone"),
    "keeper": ("scripts.keeper", "the code keys in a process of their own, behind a socket"),
    "key": ("scripts.key", "key files of parties that sign for themselves"),
    "line": ("scripts.line", "boxes that a packing line has closed, and a brand's rules"),
    "lot": ("scripts.lot", "which codes belong to which lot, and in which state it is"),
    "market": ("scripts.market", "where the goods of a market are meant to be sold"),
    "mint": ("scripts.mint", "new codes under a root on the chain"),
    "node": ("scripts.node", "the embedded chain, as a JSON-RPC server on loopback"),
    "order": ("scripts.order", "codes from the request to the press; whose a leaked list is"),
    "pack": ("scripts.pack", "what goes into logistic units: a list, a line's file, a stream"),
    "party": ("scripts.party", "who takes part: register, update, suspend, rotate, list"),
    "print": ("scripts.print", "codes of a batch as sheets, pictures and data files"),
    "product": ("scripts.product", "trade items and what they are called"),
    "proof": ("scripts.proof", "check a proof bundle by a trust file, without a network"),
    "rebuild": ("scripts.rebuild", "the chain tables anew from the chain"),
    "recall": ("scripts.recall", "a lot that nobody shall use"),
    "receive": ("scripts.receive", "confirm the receipt of units"),
    "return": ("scripts.returning", "send a unit back"),
    "rework": ("scripts.rework", "goods that leave a case again, and their codes"),
    "ship": ("scripts.ship", "send units to another party"),
    "simulate": ("scripts.simulate", "a folder of scans whose truth is known"),
    "transit": ("scripts.transit", "units refused, taken back, lost or withdrawn"),
    "trust": ("scripts.trust", "the file that checkers pin"),
    "unpack": ("scripts.unpack", "take children out of a logistic unit"),
    "up": ("scripts.up", "node, API and worker of one data directory"),
    "verify": ("scripts.verify", "the verdict on a link, without leaving a scan"),
    "void": ("scripts.void", "codes that shall never be good"),
    "webhook": ("scripts.webhook", "who is sent the feed of alerts, and what became of it"),
    "worker": ("scripts.worker", "follow the chain, submit, mint, log scans, watch"),
}


def main() -> None:
    """Run one verb; an expected error becomes one line on stderr and exit status 1."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in COMMANDS:
        _usage(name)
    os.umask(0o077)  # data directory, codes, proofs: what a command makes is its user's alone
    _follow_lifeline()
    with loading():
        app: typer.Typer = importlib.import_module(COMMANDS[name][0]).app
    app.rich_markup_mode = "markdown"  # in the other kind, words in brackets are markup and vanish
    try:
        status = app(args=sys.argv[2:], prog_name=f"touchstone {name}", standalone_mode=False)
    except TouchstoneError as error:
        sys.stderr.write(f"touchstone: {error.code}: {error.message}\n")
        raise SystemExit(1) from None
    except typer.TyperException as error:
        fault = error.format_message().rstrip(".")
        if fault:  # without one it was no word but `touchstone GROUP`, and the help is shown
            sys.stderr.write(f"touchstone: USAGE: {fault} (see `touchstone {name} --help`)\n")
        raise SystemExit(1) from None
    raise SystemExit(status or 0)


def _follow_lifeline() -> None:
    """A child of `touchstone up` ends when its parent does: the pipe between them closes."""
    lifeline = os.environ.pop("TOUCHSTONE_LIFELINE", None)
    if lifeline is None:
        return

    def watch() -> None:
        os.read(int(lifeline), 1)  # returns only when the other end is gone
        os._exit(0)  # whatever was acknowledged is durable

    threading.Thread(target=watch, daemon=True).start()


def _usage(name: str) -> None:
    out = sys.stdout if name in ("--help", "-h") else sys.stderr
    if out is sys.stderr:
        out.write(f"touchstone: there is no command '{name}'.\n\n")
    out.write("Usage: touchstone COMMAND [OPTIONS]\n\n")
    for verb, (_, text) in sorted(COMMANDS.items()):
        out.write(f"  {verb:<10} {text}\n")
    out.write("\n`touchstone COMMAND --help` explains one command.\n")
    raise SystemExit(0 if out is sys.stdout else 1)
