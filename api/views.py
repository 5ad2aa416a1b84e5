"""From what services return to what consumers and machines are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy.orm import Session

from api.pages import JourneyStep, ScanPage, ScanSummary
from ledger.db.models import ChainEvent, LotName, Product, Profile, Submission
from ledger.domain.digital_link import printed_link
from ledger.domain.regions import REGIONS, region_of
from ledger.domain.verbs import Verb
from ledger.domain.verdict import REASONS
from ledger.services import lots, trusting
from ledger.services.act import asks_a_person
from ledger.services.lookup import Item, history
from ledger.services.site import Site
from ledger.services.verify import Checked

Json = dict[str, Any]
TOLD_TWICE = frozenset({Verb.PACK, Verb.PACKED_INTO, Verb.UNPACK, Verb.UNPACKED_FROM})


def scan_page(
    site: Site, session: Session, checked: Checked, lang: str, token: str | None
) -> ScanPage:
    """Return what the page of a checked link shows. token: None where no scan may be stored."""
    assert checked.link is not None
    item, link = checked.item, checked.link
    product = session.get(Product, item.gtin) if item else None
    brand = session.get(Profile, item.brand) if item else None
    name = _lot_name(session, item)
    scans, point = checked.evidence.scans, checked.checkpoint
    path = f"/01/{link.gtin}/21/{quote(link.serial, safe='')}"
    return ScanPage(
        brand_name=name_of(brand, lang),
        product_name=name_of(product, lang),
        gtin=link.gtin,
        serial=link.serial,
        outcome=checked.verdict.outcome,
        reasons=checked.verdict.reasons,
        lot=name.lot if name else None,
        expires=checked.evidence.chain.expires,
        best_before=checked.evidence.chain.best_before,
        journey=_journey(site, session, item, lang) if item else (),
        scans=ScanSummary(scans.first_at, scans.last_at, scans.other_devices, scans.regions),
        block_number=point.number if point else None,
        block_time=point.time if point else None,
        validators=len(point.reigns[-1][1]) if point else 0,
        proof_url=f"{path}/proof" if point else None,
        canonical_url=printed_link(site.link_base, link.gtin, link.serial, False),
        scan_token=token,
        beacon_url=f"{path}/scan",
        pixel_url=f"{path}/scan.gif",
        checkers=trusting.checkers(site),
        zone=site.zone,
        lot_zone=lots.zone_of(site, item.lot, name) if item and item.lot else site.zone,
        imported=bool(item and item.imported),
    )


def verdict_json(site: Site, session: Session, checked: Checked) -> Json:
    """Return a verdict for machines: each reason with who vouches for it."""
    item, point, chain = checked.item, checked.checkpoint, checked.evidence.chain
    scans, name = checked.evidence.scans, _lot_name(session, item)
    return {
        "gtin": checked.link.gtin if checked.link else None,
        "serial": checked.link.serial if checked.link else None,
        "outcome": checked.verdict.outcome,
        "reasons": [
            {"code": code, "voucher": REASONS[code].voucher} for code in checked.verdict.reasons
        ],
        "detail": checked.fault or None,
        "brand": item.brand if item else None,
        "imported": bool(item and item.imported),
        "lot": name.lot if name else None,
        "expires": chain.expires,
        "best_before": chain.best_before,
        "zone": lots.zone_of(site, item.lot, name) if item and item.lot else None,
        "scans": {
            "first_at": scans.first_at,
            "last_at": scans.last_at,
            "other_devices": scans.other_devices,
        },
        "block": {"number": point.number, "time": point.time} if point else None,
        "journey": [event_json(e) for e in (history(site, session, item) if item else ())],
    }


def event_json(event: ChainEvent) -> Json:
    """Return one event of a history."""
    return {
        "verb": Verb(event.verb).name,
        "actor": event.actor,
        "counterparty": event.counterparty or None,
        "time": event.time,
        "seq": event.seq,
        "signer": "0x" + event.signer.hex(),
        "key_mode": event.key_mode,
        "event_hash": "0x" + event.event_hash.hex(),
        "block": event.block,
    }


def submission_json(row: Submission, skipped: Sequence[bytes]) -> Json:
    """Return a submission's state; what a hosted key will sign again is still queued."""
    being_signed_again = row.state == "NEEDS_SIGNATURE" and not asks_a_person(row)
    return {
        "id": row.id,
        "state": "QUEUED" if being_signed_again else row.state,
        "verb": Verb(row.verb).name,
        "actor": row.actor,
        "error": row.error,
        "detail": row.detail,
        "block": row.block,
        "deadline": row.deadline,
        "skipped": ["0x" + unit.hex() for unit in skipped],
    }


def _journey(site: Site, session: Session, item: Item, lang: str) -> tuple[JourneyStep, ...]:
    """Return the steps. What a unit and what was in it both record is told once: the item's own."""
    events = history(site, session, item)
    told: dict[tuple[int, bytes], ChainEvent] = {}
    for event in events:
        if event.verb in TOLD_TWICE:
            first = told.setdefault((event.block, event.event_hash), event)
            if event.identity == item.leaf and first.identity != item.leaf:
                told[event.block, event.event_hash] = event
    return tuple(
        _step(session, event, item, lang)
        for event in events
        if event.verb not in TOLD_TWICE or told[event.block, event.event_hash] is event
    )


def _step(session: Session, event: ChainEvent, item: Item, lang: str) -> JourneyStep:
    actor = session.get(Profile, event.actor)
    other = session.get(Profile, event.counterparty) if event.counterparty else None
    return JourneyStep(
        verb=Verb(event.verb).name,
        party_name=name_of(actor, lang) or str(event.actor),
        counterparty_name=name_of(other, lang) if event.counterparty else None,
        place=_place(actor, lang),
        time=event.time,
        key_mode=event.key_mode,
        # That this very item lies in a unit is stated by whoever packed it.
        proved=event.kind in ("batch", "lot") or event.identity == item.leaf,
    )


def _place(profile: Profile | None, lang: str) -> str | None:
    if profile is None or len(profile.regions) == 0:
        return None
    region = REGIONS[region_of(profile.regions[0])]
    return region.zh if lang == "zh" else region.en


def name_of(row: Profile | Product | None, lang: str) -> str | None:
    """Return what a party or product is called in a language, None if nobody has said."""
    if row is None:
        return None
    return row.name_zh if lang == "zh" else row.name_en


def _lot_name(session: Session, item: Item | None) -> LotName | None:
    return session.get(LotName, item.lot.id) if item and item.lot else None
