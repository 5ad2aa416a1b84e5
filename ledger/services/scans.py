"""Storing scans: judged and kept in one go, with a signed receipt.

A scan is acknowledged once its row is durable; the worker's sequencer gives it its place in the log
within a minute and anchors the log's root on chain.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from ledger.db.engine import transaction
from ledger.db.models import Scan
from ledger.domain import scan_log
from ledger.domain.regions import REGIONS
from ledger.errors import Rejected
from ledger.services.capture import same_request
from ledger.services.device_names import Device
from ledger.services.scan_facts import Place, kept_of
from ledger.services.site import LOG, Site
from ledger.services.verify import Checked, check

TOKEN_LIFE_S = 900
PAGE_WAIT_S = 30  # for a place to be added by the page
CHANNELS = ("web", "wechat", "app", "script")
OFFLINE_S = 7 * 86_400


@dataclass(frozen=True)
class ScanIn:
    """A scan as it arrives. weak: the device has no lasting cookie, but a stand-in of today's. key:
    the sender's idempotency key."""

    link: str
    key: str
    device: Device
    weak: bool = False
    channel: str = "web"
    place: Place | None = None
    wait_s: int = 0  # seconds in which a place may still be added
    at: int | None = None  # when it was made, if not now: stored offline, at most a week ago


@dataclass(frozen=True)
class Receipt:
    """The log key's promise that a scan will be in the log. signature: r ‖ s ‖ v."""

    leaf: bytes
    time: int
    signature: bytes


@dataclass(frozen=True)
class Stored:
    """A stored scan: what it was told, and its receipt."""

    id: int
    checked: Checked
    receipt: Receipt


def store(site: Site, scan: ScanIn) -> Stored:
    """Judge a scan and keep it, durably before this returns; the same key gives the same row.

    Of its place no more is looked at or kept than `kept_of`.

    Raises Rejected MALFORMED and FOREIGN_LINK: such links are not ours to log; BAD_CHANNEL,
    BAD_SCAN_TIME, BAD_PLACE; KEY_REUSED when the key came with a scan of another code.
    """
    if scan.channel not in CHANNELS:
        raise Rejected("BAD_CHANNEL", f"A channel is one of {', '.join(CHANNELS)}.")
    if scan.place is not None and scan.place.region not in (None, *REGIONS):
        raise Rejected(
            "BAD_PLACE", f"{scan.place.region} is no region: give two digits of GB/T 2260, as 31."
        )
    if scan.place is not None:  # judged by what is kept, so that anybody can judge it again
        scan = replace(scan, place=kept_of(scan.place))
    now = site.clock()
    made = now if scan.at is None else scan.at
    if not now - OFFLINE_S <= made <= now:
        raise Rejected("BAD_SCAN_TIME", "A scan is from the last week: correct the device's clock.")
    with transaction(site.engine) as session:
        found = session.scalars(select(Scan).where(Scan.key == scan.key)).one_or_none()
        if found is not None:
            made = found.time
        before = found.id if found else None
        counts = not scan.weak and scan.channel != "script"
        checked = check(site, session, scan.link, scan.device, scan.place, made, before, counts)
        if checked.link is None or checked.evidence.malformed or checked.evidence.foreign:
            code = checked.verdict.reasons[0]
            raise Rejected(code, checked.fault or "The link's host is not one of ours.")
        link = checked.link
        if found is not None:
            same_request((found.gtin, found.serial), (int(link.gtin), link.serial))
        row = found or _row(site, scan, checked, made)
        if found is None:
            session.add(row)
            session.flush()
        return Stored(row.id, checked, _receipt(site, row))


def page_token(site: Site, gtin: str, serial: str) -> str:
    """Return a one-time right to store a scan of a code from its page, good for 15 minutes.

    It is only signed, not kept: looking at a page changes nothing.
    """
    nonce, expires = site.home.entropy(12), site.clock() + TOKEN_LIFE_S
    signed = nonce + expires.to_bytes(8, "big")
    return urlsafe_b64encode(signed + _token_mac(site, signed, gtin, serial)).decode()


def token_key(site: Site, token: str, gtin: str, serial: str) -> str:
    """Return the idempotency key that a page's token stands for.

    Raises Rejected BAD_TOKEN, TOKEN_EXPIRED.
    """
    try:
        data = urlsafe_b64decode(token)
    except ValueError:
        data = b""
    signed, mac = data[:20], data[20:]
    if len(data) != 36 or not hmac.compare_digest(mac, _token_mac(site, signed, gtin, serial)):
        raise Rejected("BAD_TOKEN", "The page's token is not for this code: open its link again.")
    if int.from_bytes(signed[12:], "big") < site.clock():
        raise Rejected("TOKEN_EXPIRED", "The page is older than 15 minutes: open the link again.")
    return "page-" + signed[:12].hex()


def add_place(site: Site, key: str, place: Place) -> bool:
    """Add the place that a person has consented to; return whether it was still possible."""
    with transaction(site.engine) as session:
        query = select(Scan).where(Scan.key == key).with_for_update()  # `merge` waits, or has it
        row = session.scalars(query).one_or_none()
        if row is None or row.position is not None or row.lat is not None or row.salt is None:
            return False
        place = kept_of(place)
        row.loc_src, row.lat, row.lon = place.source, place.lat, place.lon
        row.acc_km, row.region = place.acc_km, place.region
        row.leaf = scan_log.leaf_hash(row.salt, document(row))
        return True


def _token_mac(site: Site, signed: bytes, gtin: str, serial: str) -> bytes:
    text = b"page" + signed + f"{gtin}/{serial}".encode()
    return hmac.digest(site.device_key, text, "sha256")[:16]


def _row(site: Site, scan: ScanIn, checked: Checked, now: int) -> Scan:
    item, link, place = checked.item, checked.link, scan.place
    assert link is not None
    salt = site.home.entropy(32)
    row = Scan(
        key=scan.key,
        brand=item.brand if item else 0,
        gtin=int(link.gtin),
        batch=item.batch if item else None,
        index=item.index if item else None,
        serial=link.serial,
        time=now,
        final_at=site.clock() + scan.wait_s,
        device=checked.device,
        weak=scan.weak,
        channel=scan.channel,
        loc_src=place.source if place else "none",
        lat=place.lat if place else None,
        lon=place.lon if place else None,
        acc_km=place.acc_km if place else None,
        region=place.region if place else None,
        outcome=str(checked.verdict.outcome),
        reasons=list(checked.verdict.reasons),
        salt=salt,
        code_leaf=item.leaf if item else None,
        leaf=b"",
    )
    row.leaf = scan_log.leaf_hash(salt, document(row))
    return row


def document(row: Scan) -> dict[str, Any]:
    """Return what a log leaf commits to: no fractions, places in microdegrees and metres."""
    return {
        "format": "touchstone-scan/1",
        "gtin": f"{row.gtin:014d}",
        "serial": row.serial,
        "time": row.time,
        "device": row.device,
        "weak": row.weak,
        "channel": row.channel,
        "source": row.loc_src,
        "latE6": None if row.lat is None else round(row.lat * 1e6),
        "lonE6": None if row.lon is None else round(row.lon * 1e6),
        "radiusM": None if row.acc_km is None else round(row.acc_km * 1000),
        "region": row.region,
        "outcome": row.outcome,
    }


def _receipt(site: Site, row: Scan) -> Receipt:
    digest = scan_log.receipt_digest(site.network.domain, row.leaf, row.time)
    return Receipt(row.leaf, row.time, site.vault.account(LOG).sign_rsv(digest))
