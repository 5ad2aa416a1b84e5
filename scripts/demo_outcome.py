"""What came of the demo: counts, five verdicts, a proof that was checked, the alerts."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, func, select

from ledger.db.engine import open_database, reading
from ledger.db.models import (
    Alert,
    ChainBatch,
    ChainCheckpoint,
    ChainEvent,
    Scan,
    ScanLogState,
    WatchState,
)
from ledger.domain.code import ALPHABET
from ledger.domain.verbs import Verb
from ledger.errors import Unavailable
from ledger.services.home import Home
from ledger.services.keys.sealed_file import replace_file
from ledger.services.worlds.world import World
from scripts.demo_client import Client
from scripts.demo_play import GTIN, Play

Json = dict[str, Any]
PATIENCE_S = 60.0
RECENT_S = 300
BEIJING = {"source": "gps", "lat": 39.90, "lon": 116.40, "acc_km": 0.1, "region": 11}
SAID = {0: "authentic and fresh", 3: "authentic but stale"}


def outcome(data: Path, play: Play, client: Client) -> Json:
    """Return the demo's result, and leave `proof.json` in its directory."""
    engine = open_database(Home(data).database_url)
    _until(partial(_is_followed, engine), client.alive)
    verdicts = _verdicts(play, client)
    path = urlsplit(verdicts["first_scan"]["link"]).path
    replace_file(data / "proof.json", client.get(f"{path}/proof").content)
    _until(partial(_is_watched, engine), client.alive)
    with reading(engine) as session:
        batches = session.scalars(select(ChainBatch)).all()
        handoffs = session.scalar(
            select(func.count()).select_from(ChainEvent).where(ChainEvent.verb == Verb.RECEIVE_FROM)
        )
        scans = session.scalar(select(func.count()).select_from(Scan))
        alerts = [_alert(row) for row in session.scalars(select(Alert).order_by(Alert.raised))]
    engine.dispose()
    return {
        "codes_minted": sum(batch.count for batch in batches),
        "batches_on_chain": len(batches),
        "handoffs_confirmed": handoffs,
        "scans": scans,
        "verdicts": verdicts,
        "proof": _checked(data),
        "alerts": alerts,
    }


def _verdicts(play: Play, client: Client) -> Json:
    world = play.world
    untouched = _never_scanned(world)
    spare = world.lots[0].items
    chosen = {
        "first_scan": (play.link(*untouched), True),
        "not_activated": (play.link(0, spare), False),
        "unknown": (_like(play.link(*untouched), "0" + ALPHABET[:19]), False),
        "malformed": (_like(play.link(*untouched), "NOT-A-CODE"), False),
    }
    if world.cloned is not None:
        cloned = play.link(world.cloned.lot, world.cloned.item)
        chosen = {**chosen, "seen_elsewhere": (cloned, True)}
    return {label: _ask(client, label, *asked) for label, asked in chosen.items()}


def _ask(client: Client, label: str, link: str, store: bool) -> Json:
    """A consumer in Beijing scans a code (which stores the scan), or only looks at it."""
    if store:
        body = {"link": link, "device": f"consumer {label}", "channel": "web", "place": BEIJING}
        told = client.post("/v1/scans", body, f"verdict-{label}")
    else:
        told = client.verdict(urlsplit(link).path)
    reasons = [reason["code"] for reason in told["reasons"]]
    return {"link": link, "outcome": told["outcome"], "reasons": reasons}


def _never_scanned(world: World) -> tuple[int, int]:
    """The first item of a lot that nobody has scanned and nobody has diverted."""
    scanned = {(scan.lot, scan.item) for scan in world.scans}
    lot = 0 if world.diverted is None else 1 - world.diverted.lot
    return next((lot, i) for i in range(world.lots[lot].items) if (lot, i) not in scanned)


def _like(link: str, serial: str) -> str:
    return f"{link.split('/01/')[0]}/01/{GTIN}/21/{serial}"


def _is_followed(engine: Engine) -> bool:
    """Say whether the newest block is of now: the eight weeks are over."""
    with reading(engine) as session:
        point = session.get(ChainCheckpoint, 1)
    return point is not None and point.time > time.time() - RECENT_S


def _is_watched(engine: Engine) -> bool:
    """Say whether every scan has its place in the log, and the detectors have seen it."""
    with reading(engine) as session:
        newest = session.scalar(select(func.max(Scan.id))) or 0
        watched, logged = session.get(WatchState, 1), session.get(ScanLogState, 1)
        scans = session.scalar(select(func.count()).select_from(Scan))
    return bool(watched and watched.scan >= newest and logged and logged.size == scans)


def _until(done: Callable[[], bool], alive: Callable[[], None]) -> None:
    """Wait for the worker. Raises Unavailable NOT_WATCHED."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        alive()
        if time.monotonic() > end:
            raise Unavailable("NOT_WATCHED", "The worker does not keep up: see its messages above.")
        time.sleep(0.05)


def _checked(data: Path) -> Json:
    """The proof as a stranger checks it: another process, with bundle and trust file alone."""
    command = [sys.executable, "-m", "scripts.main", "proof", "check"]
    files = [str(data / "proof.json"), "--trust", str(data / "trust.json")]
    done = subprocess.run(  # noqa: S603 (our own command, no shell)
        [*command, *files], capture_output=True, text=True, check=False
    )
    said = SAID.get(done.returncode, f"not authentic: {done.stderr.strip()}")
    return {"path": files[0], "exit": done.returncode, "said": said}


def _alert(row: Alert) -> Json:
    body = row.body
    return {
        "kind": row.kind,
        "raised": row.raised,
        "lot": row.lot,
        "region": row.region,
        "code": row.code,
        "evidence": body["evidence"],
        "e_value": body.get("e_value"),
        "sentence": body["sentence"],
    }
