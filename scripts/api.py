"""`touchstone api`: the pages and the HTTP API."""

from __future__ import annotations

import importlib
import os
import socket
from typing import Annotated, Any

import typer
import uvicorn

from ledger.errors import Rejected
from ledger.serving import Server
from scripts.common import Data
from scripts.loading import loading

app = typer.Typer(add_completion=False)


@app.command()
def api(
    data: Data = None,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve until stopped (Ctrl-C)."""
    if data is not None:
        os.environ["TOUCHSTONE_DATA"] = str(data)
    listener = bind(host, port)
    config = uvicorn.Config(
        _application,
        factory=True,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,  # a stream of events would go on for minutes
    )
    Server(config).run(sockets=[listener])


def _application() -> Any:
    """The application; loaded by its name, and late: `touchstone up` needs `bind` alone."""
    with loading():
        return importlib.import_module("api.app").create_app()


def bind(host: str, port: int) -> socket.socket:
    """Bind a port. Raises Rejected PORT_BUSY."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Rejected(
            "PORT_BUSY",
            f"Port {port} cannot be used ({error.strerror}): stop what uses it or choose another "
            "--port.",
        ) from None
    return listener
