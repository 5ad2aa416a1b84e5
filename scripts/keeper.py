"""`touchstone keeper`: decodes scans and proves codes for processes that have no code keys."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import Rejected
from ledger.services.keys.keeper import CodeKeeper
from ledger.services.keys.keeper_socket import KeeperServer
from ledger.services.open import home_of
from scripts.common import Data, settings

app = typer.Typer(add_completion=False)


@app.command()
def keeper(
    data: Data = None,
    at: Annotated[
        Path | None, typer.Option("--socket", help="Socket to make [TOUCHSTONE_KEEPER_SOCKET].")
    ] = None,
) -> None:
    """Answer at a Unix socket until stopped (Ctrl-C): what a serial says, and hashes that prove it.

    It needs the code keys and their passphrase, and neither a database nor the chain.
    """
    chosen = settings(data)
    path = at or chosen.keeper_socket
    if path is None:
        raise Rejected("BAD_OPTION", "Say where: --socket PATH, or TOUCHSTONE_KEEPER_SOCKET.")
    server = KeeperServer(path, CodeKeeper(home_of(chosen).keys()))
    for number in (signal.SIGINT, signal.SIGTERM):
        # From another thread: shutdown waits for serve_forever, which this signal interrupts.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever()
    finally:
        server.server_close()
        path.unlink(missing_ok=True)
