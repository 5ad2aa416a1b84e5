"""The `touchstone` command: a table of verbs, each a thin module, loaded only when called."""

from __future__ import annotations

import importlib
import os
import sys
import threading

import typer

from ledger.errors import TouchstoneError

# verb -> (module holding `app: typer.Typer`, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "api": ("scripts.api", "the pages and the HTTP API"),
    "backtest": ("scripts.backtest", "what the detectors say about a folder of scans"),
    "demo": ("scripts.demo", "the whole job in a simulated world, then served"),
    "header": ("scripts.header", "judge one block header by the validators that you trust"),
    "node": ("scripts.node", "the embedded chain, as a JSON-RPC server on loopback"),
    "proof": ("scripts.proof", "check a proof bundle by a trust file, without a network"),
    "up": ("scripts.up", "node, API and worker of one data directory"),
    "worker": ("scripts.worker", "follow the chain, submit, mint, log scans, watch"),
}


def main() -> None:
    """Run one verb; an expected error becomes one line on stderr and exit status 1."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in COMMANDS:
        _usage(name)
    _follow_lifeline()
    app: typer.Typer = importlib.import_module(COMMANDS[name][0]).app
    try:
        app(args=sys.argv[2:], prog_name=f"touchstone {name}")
    except TouchstoneError as error:
        sys.stderr.write(f"touchstone: {error.code}: {error.message}\n")
        raise SystemExit(1) from None


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
