"""The verdict on a link: evidence gathered from chain tables and scan log, then judged.

Looking has no side effect; storing a scan is `ledger.services.scans`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ledger.db.models import ChainCheckpoint, Scan
from ledger.domain.verdict import Evidence, Limits, Verdict, judge
from ledger.errors import Rejected
from ledger.services import claims
from ledger.services.alerting import blacklist, markets
from ledger.services.codes import brand_of
from ledger.services.device_names import Device
from ledger.services.lookup import Item, Link, chain_facts, find_item, read_link
from ledger.services.scan_facts import MAX_LOOKS, Look, Place, copy_factor, scan_facts, went_round
from ledger.services.site import Site

# Built once and of columns, not of rows as objects: a tenth of the time of a query, for every scan.
_SCAN = Scan.__table__.c
_LOOKS = (
    select(_SCAN.time, _SCAN.device, _SCAN.weak, _SCAN.loc_src, _SCAN.lat, _SCAN.lon, _SCAN.acc_km,
           _SCAN.region)
    .where(
        _SCAN.batch == bindparam("batch"),
        _SCAN.index == bindparam("index"),
        _SCAN.time <= bindparam("until"),
        _SCAN.channel != "script",
    )
    .order_by(_SCAN.time, _SCAN.id)
    .limit(MAX_LOOKS)
)  # fmt: skip
_LOOKS_BEFORE = _LOOKS.where(_SCAN.id < bindparam("before"))


@dataclass(frozen=True)
class Checked:
    """A verdict with what it rests on. link is None for a malformed one.

    device: the name of whoever asked, for this code; empty for nobody.
    """

    verdict: Verdict
    evidence: Evidence
    link: Link | None = None
    item: Item | None = None
    checkpoint: ChainCheckpoint | None = None
    fault: str = field(default="")
    device: str = ""


def check(
    site: Site,
    session: Session,
    text: str,
    device: Device | None = None,
    place: Place | None = None,
    now: int | None = None,
    before: int | None = None,
    counts: bool = True,
) -> Checked:
    """Judge a link for a device at a place. Never raises for a bad link: that is a verdict.

    before: id of a stored scan that is judged again: neither it nor a later one counts. counts:
    whether the asking device may be evidence itself: it has a lasting name and is no script.
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
        no_code = not link.ours and link.canonical is None
        seen = replace(seen, malformed=no_code, foreign=not no_code)
        fault = (link.fault or "") if no_code else ""
        return Checked(judge(seen), seen, link, checkpoint=checkpoint, fault=fault)
    item, name = find_item(site, session, link.gtin, link.serial), ""
    if item is None and link.fault is not None:
        seen = replace(seen, malformed=True)
        return Checked(judge(seen), seen, link, checkpoint=checkpoint, fault=link.fault)
    if item is None and device is not None:
        name = device.name(brand_of(session, int(link.gtin)), at)
    if item is not None:
        looks = looks_of(session, item, at, before)
        name = _name(device, item.brand, looks, at) if device is not None else ""
        asking = Look(at, name, False, place) if device is not None and counts else None
        factor = copy_factor(looks, asking)
        seen = replace(
            seen,
            known=True,
            chain=chain_facts(item),
            scans=scan_facts(looks, name, place),
            copy_factor=factor,
            photo=went_round(looks, factor),
            opened_by_you=_opened_by(session, item, device, place, at),
            listed=blacklist.level(session, item.batch, item.index),
            outside=_outside(session, item, place),
        )
    return Checked(judge(seen), seen, link, item, checkpoint, device=name)


def _name(device: Device, brand: int, looks: Sequence[Look], at: int) -> str:
    """The device's name, its last one where the item knows it by that."""
    former = device.former(brand, at)
    known = former is not None and any(not look.weak and look.device == former for look in looks)
    return former if former is not None and known else device.name(brand, at)


def _opened_by(
    session: Session, item: Item, device: Device | None, place: Place | None, now: int
) -> bool:
    if item.opened is None:
        return False
    found = claims.opened(session, item.batch, item.index, device, place, now)
    return found is not None and found.by_you


def _outside(session: Session, item: Item, place: Place | None) -> bool:
    market = item.lot.market if item.lot is not None else 0
    return markets.tells(session, item.brand, market, place)


def looks_of(session: Session, item: Item, until: int, before: int | None = None) -> list[Look]:
    """Return the first scans of an item up to a time, none by scripts, in order of time.

    before: only those with a lower id.
    """
    terms = {"batch": item.batch, "index": item.index, "until": until}
    if before is None:
        return [_look(*row) for row in session.execute(_LOOKS, terms)]
    return [_look(*row) for row in session.execute(_LOOKS_BEFORE, {**terms, "before": before})]


def _look(
    time: int, device: str, weak: bool, source: str, lat: float | None, lon: float | None,
    acc_km: float | None, region: int | None,
) -> Look:  # fmt: skip
    if lat is None or lon is None:
        return Look(time, device, weak, None)
    return Look(time, device, weak, Place(source, lat, lon, acc_km or 0.0, region))
