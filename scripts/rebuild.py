"""`touchstone rebuild`: the chain tables anew from the chain."""

from __future__ import annotations

import time

import typer

from ledger.services.following.follow import Follower
from scripts.common import Data, Json, show, site

app = typer.Typer(add_completion=False)


@app.command()
def rebuild(data: Data = None, as_json: Json = False) -> None:
    """Empty the tables that mirror the chain and fill them again from its proved blocks.

    One transaction: what reads meanwhile sees the old tables, and if it is cut short those stand.
    Other writers wait for it; on a long chain (over some 30 seconds) stop the worker first. What
    only this installation knows (names, keys, scans, alerts) is not touched.
    """
    where = site(data)
    began = time.monotonic()
    blocks = Follower(where.engine, where.rpc, where.network).rebuild(time.time())
    show({"blocks": blocks, "seconds": round(time.monotonic() - began, 3)}, as_json)
