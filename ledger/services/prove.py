"""Build a proof bundle `touchstone-proof/1` of one code, as of the follower's checkpoint.

Rows say what to ask for, the node gives the proofs, and the checker's own rules say what follows:
a bundle that would not stand is never handed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain import artifact, bundle_format
from ledger.chain.bundle import Conclusion, conclude
from ledger.chain.bundle_events import write_event
from ledger.chain.reader import fetch_headers
from ledger.chain.rpc import Rpc
from ledger.chain.storage import Layout
from ledger.db.models import ChainCheckpoint, Product, Profile
from ledger.domain.history import Event
from ledger.domain.verdict import Outcome, ScanFacts
from ledger.errors import Broken, Rejected, Unavailable
from ledger.services.prove_code import Place, gather
from ledger.services.site import Site

Json = dict[str, Any]


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
    Raises Unavailable LEDGER_BEHIND (nothing followed yet) or what the node raises; Broken
    CHAIN_FORKED, MINT_MISSING, UNIT_ROWS_DIFFER, TREE_MISMATCH, or PROOF_REFUSED when the node's
    proofs do not hold.
    """
    checkpoint = session.get(ChainCheckpoint, 1)
    if checkpoint is None:
        raise Unavailable("LEDGER_BEHIND", "No block was followed yet: try again in a moment.")
    part = gather(site, session, int(gtin), serial)
    (header,) = fetch_headers(site.rpc, range(checkpoint.number, checkpoint.number + 1))
    if header.hash != checkpoint.hash:
        raise Broken("CHAIN_FORKED", f"The node's block {checkpoint.number} is not the one taken.")
    proof = _prove(site.rpc, site.network.contract, part.places, checkpoint.number)
    events = [event for history in part.histories for event in history]
    shown = {event.event_hash for event in events}
    document = {
        "format": bundle_format.FORMAT,
        "made": made,
        "chain_id": site.network.chain_id,
        "contract": site.network.contract,
        "layout": artifact.layout(),
        "gtin": gtin,
        "serial": serial,
        "headers": {"settled": "0x" + header.encode().hex(), "changes": checkpoint.changes},
        **proof,
        "code": part.code,
        "units": part.units,
        "histories": [_history(history) for history in part.histories],
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


def _prove(rpc: Rpc, contract: str, places: Sequence[Place], number: int) -> Json:
    """Return `account_proof` and `storage` of a bundle; what the node answers is checked later."""
    layout = _layout()
    slots = sorted({_slot(layout, place) for place in places})
    asked = [f"0x{slot:064x}" for slot in slots]
    answer = rpc.call("eth_getProof", contract, asked, hex(number))
    try:
        return {
            "account_proof": answer["accountProof"],
            "storage": {
                slot: part["proof"]
                for slot, part in zip(asked, answer["storageProof"], strict=True)
            },
        }
    except (KeyError, TypeError, ValueError):
        raise _refused("its answer has another form") from None


@cache
def _layout() -> Layout:
    return Layout(artifact.layout())


def _slot(layout: Layout, place: Place) -> int:
    label, keys, member = place
    found = layout.place(label, *keys)
    return found.slot_of(member) if member else found.slot


def _history(events: Sequence[Event]) -> Json:
    identity = events[0].identity
    return {
        "kind": events[0].kind,
        "id": str(identity) if isinstance(identity, int) else "0x" + identity.hex(),
        "events": [write_event(event) for event in events],
    }


def _names(
    session: Session, gtin: int, parties: frozenset[int], events: Sequence[Event]
) -> dict[str, Any]:
    """Return what the product and all parties shown are called here."""
    product = session.get(Product, gtin)
    named = parties | {event.actor for event in events} | {event.counterparty for event in events}
    profiles = session.scalars(select(Profile).where(Profile.party.in_(named)))
    return {
        "product": {"en": product.name_en, "zh": product.name_zh} if product else None,
        "names": {str(p.party): {"en": p.name_en, "zh": p.name_zh} for p in profiles},
    }


def _concluded(document: Json) -> Conclusion:
    nothing = {"outcome": Outcome.NOT_CONFIRMED, "reasons": [], "proved": [], "stated": []}
    try:
        bundle = bundle_format.read(orjson.dumps({**document, "verdict": nothing}))
        return conclude(bundle, _layout())
    except Rejected as fault:
        raise _refused(f"{fault.code}: {fault.message}") from None


def _verdict(found: Conclusion) -> Json:
    return {
        "outcome": str(found.outcome),
        "reasons": list(found.reasons),
        "proved": list(found.proved),
        "stated": list(found.stated),
    }


def _refused(why: str) -> Broken:
    return Broken(
        "PROOF_REFUSED", f"The node's proofs do not show what was followed ({why}): check the node."
    )
