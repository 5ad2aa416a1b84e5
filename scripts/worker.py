"""`touchstone worker`: follows the chain, submits, mints, logs scans, watches."""

from __future__ import annotations

import logging
import signal

import typer

from ledger.services.work import Worker
from scripts.common import Data, settings, site

app = typer.Typer(add_completion=False)


@app.command()
def worker(data: Data = None) -> None:
    """Work until stopped (Ctrl-C).

    Of several on one database one leads; when it ends another does.
    """
    logging.basicConfig(level=logging.WARNING, format="touchstone worker: %(message)s")
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stopping.append(received))
    with_settings = settings(data)
    work = Worker(site(data), with_settings.heartbeat_s, with_settings.fdr)
    work.run(lambda: bool(stopping))
