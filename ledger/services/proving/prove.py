"""Build a proof bundle `touchstone-proof/1` of one code, as of the follower's checkpoint.

Rows say what to ask for, the node gives the proofs, and the checker's own rules say what follows:
a bundle that would not stand is never handed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ledger.chain import bundle_format
from ledger.chain.bundle import Conclusion, conclude
from ledger.chain.bundle_events import write_history
from ledger.db.engine import plain_rows
from ledger.db.models import Product, Profile
from ledger.domain.history import Event
from ledger.domain.verdict import Outcome, ScanFacts
from ledger.services.proving.prove_code import gather
from ledger.services.proving.prove_frame import Json, frame, judged
from ledger.services.site import Site

# Built once, since every proof asks it.
_PRODUCT = select(Product.name_en, Product.name_zh).where(Product.gtin == bindparam("gtin"))
_PROFILES = select(Profile.party, Profile.name_en, Profile.name_zh).where(
    Profile.party.in_(bindparam("parties", expanding=True))
)


def build(
    site: Site,
    session: Session,
    *,
    gtin: str,
    serial: str,
    scans: ScanFacts,
    made: int,
    documents: Mapping[bytes, Json] | None = None,
) -> Json:
    """Return the bundle of a code as JSON values.

    gtin: 14 digits; serial: canonical. scans: what the operator's log says, as the verdict had it.
    made: now, in unix seconds. documents: EPCIS documents by event hash that the asker may see;
    those of events in the bundle are included.
    Raises as `prove_frame.frame` and `judged`, and Broken MINT_MISSING, UNIT_ROWS_DIFFER,
    TREE_MISMATCH.
    """
    part = gather(site, session, int(gtin), serial)
    proved = frame(site, session, part.places)
    events = [event for history in part.histories for event in history]
    shown = {event.event_hash for event in events}
    document = {
        "format": bundle_format.FORMAT,
        "made": made,
        **proved,
        "gtin": gtin,
        "serial": serial,
        "code": part.code,
        "units": part.units,
        "histories": [write_history(history) for history in part.histories],
        "documents": {
            "0x" + key.hex(): body for key, body in (documents or {}).items() if key in shown
        },
        "stated": {
            "scans": bundle_format.write_scans(scans),
            "lot": part.lot,
            **_names(session, int(gtin), part.parties, events),
        },
    }
    return {**document, "verdict": _verdict(_concluded(document))}


def _names(
    session: Session, gtin: int, parties: frozenset[int], events: Sequence[Event]
) -> dict[str, Any]:
    """Return what the product and all parties shown are called here."""
    products = plain_rows(session, _PRODUCT, gtin=gtin)
    named = parties | {event.actor for event in events} | {event.counterparty for event in events}
    profiles = plain_rows(session, _PROFILES, parties=sorted(named))
    return {
        "product": next(({"en": en, "zh": zh} for en, zh in products), None),
        "names": {str(party): {"en": en, "zh": zh} for party, en, zh in profiles},
    }


def _concluded(document: Json) -> Conclusion:
    nothing = {"outcome": Outcome.NOT_CONFIRMED, "reasons": [], "proved": [], "stated": []}
    return judged(
        lambda data, layout: conclude(bundle_format.read(data), layout),
        {**document, "verdict": nothing},
    )


def _verdict(found: Conclusion) -> Json:
    return {
        "outcome": str(found.outcome),
        "reasons": list(found.reasons),
        "proved": list(found.proved),
        "stated": list(found.stated),
    }
