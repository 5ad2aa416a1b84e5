"""The verdict on a link: evidence gathered from chain tables and scan log, then judged.

Looking has no side effect; storing a scan is `ledger.services.scans`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import ChainCheckpoint, Scan
from ledger.domain.regions import great_circle_km
from ledger.domain.verdict import Evidence, Limits, ScanFacts, Verdict, judge
from ledger.errors import Rejected
from ledger.services.lookup import Item, Link, chain_facts, find_item, read_link
from ledger.services.site import Site

MAX_SCANS = 500  # of one code that are looked at; more say nothing new
CERTAIN = frozenset({"gps", "ip_fixed"})  # a mobile network names a wrong province too often
FAR_KM = 100.0


@dataclass(frozen=True)
class Place:
    """Where a scan was made. source: gps, ip_fixed, ip_mobile; acc_km: its stated radius."""

    source: str
    lat: float
    lon: float
    acc_km: float
    region: int | None = None


@dataclass(frozen=True)
class Checked:
    """A verdict with what it rests on. link is None for a malformed one."""

    verdict: Verdict
    evidence: Evidence
    link: Link | None = None
    item: Item | None = None
    checkpoint: ChainCheckpoint | None = None
    fault: str = field(default="")


def check(
    site: Site,
    session: Session,
    text: str,
    device: str | None = None,
    place: Place | None = None,
    now: int | None = None,
    before: int | None = None,
) -> Checked:
    """Judge a link for a device at a place. Never raises for a bad link: that is a verdict.

    before: id of a stored scan that is judged again: neither it nor a later one counts.
    """
    at = site.clock() if now is None else now
    checkpoint = session.get(ChainCheckpoint, 1)
    seen = replace(
        Evidence(at, limits=Limits(ledger_behind_s=site.behind_s)),
        ledger_reachable=checkpoint is not None,
        ledger_age_s=at - checkpoint.time if checkpoint else 0,
    )
    try:
        link = read_link(text)
    except Rejected as error:
        seen = replace(seen, malformed=True)
        return Checked(judge(seen), seen, checkpoint=checkpoint, fault=error.message)
    if not site.is_ours(link.host):
        seen = replace(seen, foreign=True)
        return Checked(judge(seen), seen, link, checkpoint=checkpoint)
    if link.canonical is not None:
        seen = replace(seen, malformed=True)
        fault = "The serial is written in another way than printed."
        return Checked(judge(seen), seen, link, checkpoint=checkpoint, fault=fault)
    item = find_item(site, session, link.gtin, link.serial)
    if item is not None:
        facts = scan_facts(session, item, device, place, at, before)
        seen = replace(seen, known=True, chain=chain_facts(item), scans=facts)
    return Checked(judge(seen), seen, link, item, checkpoint)


def scan_facts(
    session: Session,
    item: Item,
    device: str | None,
    place: Place | None,
    now: int,
    before: int | None = None,
) -> ScanFacts:
    """Return what the log says of earlier scans of an item, for a device at a place."""
    query = (
        select(Scan)
        .where(
            Scan.batch == item.batch,
            Scan.index == item.index,
            Scan.time <= now,
            Scan.channel != "script",
        )
        .order_by(Scan.time, Scan.id)
        .limit(MAX_SCANS)
    )
    if before is not None:
        query = query.where(Scan.id < before)
    rows = session.scalars(query).all()
    counted = [row for row in rows if not row.weak]
    others = [row for row in counted if row.device != device]
    certain = [row for row in others if row.loc_src in CERTAIN and row.lat is not None]
    here = place if place is not None and place.source in CERTAIN else None
    far = [row for row in certain if here is not None and _apart(row, here) > FAR_KM]
    regions = {row.region for row in certain} | ({here.region} if here else set())
    return ScanFacts(
        by_this_device=sum(row.device == device for row in counted),
        other_devices=len({row.device for row in others}),
        far_devices=len({row.device for row in far}),
        far_regions=len({row.region for row in far}),
        regions=len(regions - {None}),
        impossible_pairs=_impossible_pairs(counted),
        first_at=rows[0].time if rows else None,
        last_at=rows[-1].time if rows else None,
    )


def _apart(row: Scan, place: Place) -> float:
    """Kilometres that certainly lie between a scan and a place."""
    assert row.lat is not None and row.lon is not None  # a certain place has both
    away = great_circle_km(row.lat, row.lon, place.lat, place.lon)
    return away - (row.acc_km or 0.0) - place.acc_km


def _impossible_pairs(rows: Sequence[Scan]) -> int:
    """Consecutive scans by two phones, both placed by GPS, that no traveller could have made."""
    limits = Limits()
    placed = [row for row in rows if row.loc_src == "gps" and row.lat is not None]
    pairs = 0
    for before, after in pairwise(placed):
        assert after.lat is not None and after.lon is not None  # placed by GPS
        there = Place("gps", after.lat, after.lon, after.acc_km or 0.0)
        km = _apart(before, there)
        hours = max(after.time - before.time, 1) / 3600
        fast = km > limits.impossible_km and km / hours > limits.impossible_kmh
        pairs += before.device != after.device and fast
    return pairs
