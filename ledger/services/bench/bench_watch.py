"""`touchstone bench watch`: what a scan costs the watch, with few scans before it and with many.

A simulated world, stored as the API and the follower would have left it, in SQLite. Processor time
of the passes over the last fifth of the scans, at each number of scans stored, and of reading the
packing of all goods when the worker starts. Beside it a yardstick: the time in which the same rows
were stored.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database, sqlite_url, transaction
from ledger.db.models import (
    ChainEvent,
    ChainLot,
    ChainRun,
    LotName,
    Profile,
    Scan,
    UnitName,
)
from ledger.detect.frame import CHANNELS, LOC_SOURCES, Lots, Scans
from ledger.domain import ids
from ledger.domain.contents import Codes, Part, encode
from ledger.domain.verbs import Verb
from ledger.services.alerting.watch import AT_ONCE, Watcher
from ledger.services.home import Home
from ledger.services.network import Network
from ledger.services.site import Site

WINDOW = 2 * AT_ONCE  # scans that are measured at each size, at least
CHUNK = 20_000  # rows stored at a time
BRAND, GTIN, CONSIGNEES = 9506000000015, 9506000134352, 9506000000100
ORIGIN = 1_700_000_000 - 1_700_000_000 % 86_400
NOW = ORIGIN + 10_000 * 86_400
FDR = 0.05


@dataclass(frozen=True)
class At:
    """Processor microseconds a scan, of watching it and of storing it, with so many before it.

    alerts: raised meanwhile, each with its evidence. longest_s: processor seconds of the longest
    pass.
    """

    stored: int
    watch_us: float
    store_us: float
    alerts: int
    longest_s: float


@dataclass(frozen=True)
class Watched:
    """What was measured at each size; how many alerts were raised in all; processor microseconds of
    reading the packing of a case, and how many cases there are."""

    sizes: tuple[At, ...]
    alerts: int
    case_us: float
    cases: int


def measure(directory: Path, scans: Scans, lots: Lots, sizes: Sequence[int]) -> Watched:
    """Store and watch a world, and measure it where so many scans are stored. sizes: ascending,
    each at least WINDOW after the one before, the last no more than the world has."""
    engine = open_database(sqlite_url(directory / "watched.db"))
    site = Site(
        home=Home(directory),
        engine=engine,
        rpc=HttpRpc("http://127.0.0.1:9"),
        network=Network(1, "0x00", "0x" + "00" * 20, ()),
        clock=lambda: NOW,
        link_base="http://localhost",
    )
    _pack(engine, lots)
    rows = _rows(scans, lots)
    watcher = Watcher(site, FDR)
    start = _store_and_watch(engine, watcher, list(islice(rows, 1)))
    measured, stored, alerts = [], 1, start.alerts
    for size in sizes:
        window = min(max(WINDOW, size // 5), size - stored)
        parts = []
        for number in _counts(size - window - stored, window):
            parts.append(_store_and_watch(engine, watcher, list(islice(rows, number))))
            alerts += parts[-1].alerts
            stored += number
        own = parts[-len(_counts(0, window)) :]
        measured.append(
            At(
                size,
                1e6 * sum(one.watch for one in own) / window,
                1e6 * sum(one.store for one in own) / window,
                sum(one.alerts for one in own),
                max(one.longest for one in own),
            )
        )
    engine.dispose()
    cases = int(lots.cases().sum())
    return Watched(tuple(measured), alerts, 1e6 * start.watch / cases, cases)


def _counts(*stretches: int) -> list[int]:
    """How many scans to store at a time, none beyond the end of a stretch."""
    return [min(CHUNK, stretch - at) for stretch in stretches for at in range(0, stretch, CHUNK)]


@dataclass(frozen=True)
class _Cost:
    """Processor seconds of storing and of watching some scans, and of the longest pass."""

    store: float
    watch: float
    longest: float
    alerts: int


def _store_and_watch(engine: Engine, watcher: Watcher, rows: list[dict[str, Any]]) -> _Cost:
    began = time.process_time()
    with transaction(engine) as session:
        session.execute(insert(Scan), rows)
    stored = at = time.process_time()
    alerts, longest = 0, 0.0
    while watcher.is_due():
        alerts += watcher.step()
        longest, at = max(longest, time.process_time() - at), time.process_time()
    return _Cost(stored - began, at - stored, longest, alerts)


def _pack(engine: Engine, lots: Lots) -> None:
    """Bind, pack and ship each consignment; a row of Lots is a lot of its own here, a batch too."""
    cases = lots.cases()
    with transaction(engine) as session:
        for number in range(len(lots)):
            party = CONSIGNEES + int(lots.distributor[number])
            regions = np.flatnonzero(lots.territory[number]).tolist()
            if session.get(Profile, party) is None and lots.restricted[number]:
                session.add(Profile(party=party, name_en="", name_zh="", regions=regions))
                session.flush()
            _lot(session, number)
            size, per_pallet = int(lots.case_size[number]), int(lots.cases_per_pallet[number])
            for case in range(int(cases[number])):
                pallet = _pallet_name(number, case // per_pallet)
                codes = Codes(number + 1, case * size, case * size + size)
                name = _case_name(number, case)
                session.add(_unit(name, f"urn/{number:09d}{case:09d}", [codes]))
                if case % per_pallet == 0:
                    last = min(case + per_pallet, int(cases[number]))
                    inside = [_case_name(number, at) for at in range(case, last)]
                    session.add(_unit(pallet, f"urn/{number:09d}p{case:08d}", inside))
                    session.add(_shipped(pallet, party, number * 100_000 + case + 1))


def _lot(session: Session, number: int) -> None:
    name = hashlib.sha256(b"lot %d" % number).digest()
    session.add(
        ChainLot(
            number=number + 1, id=name, gtin=GTIN, brand=BRAND, expiry=0, best_before=0, market=0,
            status=1, set_by=0, seq=1,
        )
    )  # fmt: skip
    session.add(LotName(id=name, brand=BRAND, gtin=GTIN, lot=f"L{number}"))
    session.add(
        ChainRun(batch=number + 1, first=0, to=1 << 30, active_from=1, lot=number + 1, voided=0)
    )


def _unit(name: bytes, epc: str, inside: Sequence[Part]) -> UnitName:
    return UnitName(
        id=name, brand=BRAND, creator=BRAND, epc=epc, hashed_epc=b"", level=1, count=len(inside),
        children_root=b"", contents=encode(inside), number=int.from_bytes(name[:7], "big"),
    )  # fmt: skip


def _shipped(unit: bytes, to: int, block: int) -> ChainEvent:
    return ChainEvent(
        block=block, log_index=0, subject=ids.subject("unit", unit), kind="unit", identity=unit,
        seq=1, verb=int(Verb.SHIP), actor=BRAND, counterparty=to, args={}, event_hash=b"",
        signer=b"", key_mode=3, time=ORIGIN - 90 * 86_400, transaction_hash=b"", head=b"",
    )  # fmt: skip


def _pallet_name(number: int, pallet: int) -> bytes:
    return hashlib.sha256(b"pallet %d/%d" % (number, pallet)).digest()


def _case_name(number: int, case: int) -> bytes:
    return hashlib.sha256(b"case %d/%d" % (number, case)).digest()


def _rows(scans: Scans, lots: Lots) -> Iterator[dict[str, Any]]:
    """Yield the scans as rows. An item's place in its case is by when it was scanned first."""
    index: dict[int, int] = {}
    used: dict[tuple[int, int], int] = {}
    columns = (scans.day, scans.unit, scans.lot, scans.case, scans.device, scans.channel,
               scans.loc_src, scans.lat, scans.lon, scans.acc_km, scans.region)  # fmt: skip
    table = zip(*(column.tolist() for column in columns), strict=True)
    for number, row in enumerate(table):
        day, unit, lot, case, device, channel, source, lat, lon, acc_km, region = row
        issued = lot >= 0 and case >= 0
        if issued and unit not in index:
            at = used[lot, case] = used.get((lot, case), -1) + 1
            index[unit] = case * int(lots.case_size[lot]) + at
        when = ORIGIN + int(day * 86_400)
        key = hashlib.sha256(b"%d" % number).digest()
        yield {
            "key": key.hex(), "brand": BRAND, "gtin": GTIN,
            "batch": lot + 1 if issued else None, "index": index[unit] if issued else None,
            "serial": f"{unit}", "time": when, "final_at": when, "device": f"d{device}",
            "weak": False, "channel": CHANNELS[channel], "loc_src": LOC_SOURCES[source],
            "lat": lat, "lon": lon, "acc_km": acc_km, "region": region if region >= 0 else None,
            "outcome": "genuine", "reasons": [], "leaf": key, "salt": None, "position": None,
            "code_leaf": hashlib.sha256(b"code %d" % unit).digest() if issued else None,
        }  # fmt: skip
