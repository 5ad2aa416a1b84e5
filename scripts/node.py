"""`touchstone node`: the embedded chain as a JSON-RPC server on loopback."""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.clock import parse_clock
from ledger.chain.embedded.server import announce, listen, serve

app = typer.Typer(add_completion=False)


@app.command()
def node(
    data: Annotated[Path, typer.Option(help="Directory of the chain; made at the first start.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 picks a free one.")] = 0,
    clock: Annotated[
        str, typer.Option(help="'wall', or 'file:PATH' with unix seconds in it.")
    ] = "wall",
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as JSON.")] = False,
) -> None:
    """Run the embedded chain of one validator until stopped (Ctrl-C).

    It prints its address, and writes it to DIR/node.json while it runs.
    """
    # The server raises the signal that ended it once more; both mean an orderly end, status 0.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))
    logging.basicConfig(level=logging.WARNING, format="touchstone node: %(message)s")
    chain = EmbeddedChain(data, parse_clock(clock))
    try:
        endpoint = listen(port)
        said = announce(data, endpoint.url, chain.chain_id)
        text = f"Chain {chain.chain_id} at {endpoint.url} (pid {said['pid']}). Ctrl-C stops it."
        print(json.dumps(said) if as_json else text, flush=True)
        serve(chain, endpoint)
    finally:
        (data / "node.json").unlink(missing_ok=True)
        chain.close()
