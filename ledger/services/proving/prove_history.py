"""Build a history file `touchstone-history/1` of one subject, as of the follower's checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.chain import history_proof
from ledger.chain.bundle_events import write_event
from ledger.chain.history_proof import MAX_BYTES, MAX_EVENTS, Subject
from ledger.db.models import ChainEvent, ChainLot
from ledger.domain import ids
from ledger.domain.gs1 import gtin14
from ledger.domain.ids import SubjectKind
from ledger.domain.leaf import leaf
from ledger.errors import Rejected
from ledger.services.codes import decode
from ledger.services.goods.units import find_unit
from ledger.services.lookup import read_link
from ledger.services.proving.prove_custody import events_of
from ledger.services.proving.prove_frame import Json, Place, frame, judged
from ledger.services.site import Site


def named(site: Site, session: Session, kind: str, words: Sequence[str]) -> Subject:
    """Return the subject that a person names: `unit SSCC|0xID`, `batch NUMBER`, `lot NUMBER`,
    `lot GTIN LOT`, `item LINK|0xLEAF`, `item GTIN SERIAL`, `claim BATCH INDEX` (of an inner code),
    `party GLN|NUMBER`, `registry`, `log`.

    Raises Rejected BAD_SUBJECT, UNKNOWN_UNIT for an SSCC that was not packed here, UNKNOWN_LOT,
    UNKNOWN_ITEM for a code that no key here decodes, MALFORMED, BAD_CHECK_DIGIT.
    """
    match kind, list(words):
        case "unit", [text]:
            unit = _unit_id(text) or find_unit(site, session, text).id
            return Subject("unit", unit)
        case "batch", [text] if _is_number(text, 31):
            return Subject("batch", int(text))
        case "party", [text]:
            return Subject("party", ids.party_id(text))
        case "lot", [gtin, lot]:
            number = int(gtin14(gtin))
            return Subject("lot", _lot_number(session, number, ids.lot_id(number, lot)))
        case "lot", [text] if _is_number(text, 32):
            return Subject("lot", int(text))
        case "item", [text]:
            return Subject("item", _unit_id(text) or _linked(site, session, text))
        case "item", [gtin, serial]:
            return Subject("item", _leaf(site, session, gtin14(gtin), serial))
        case "claim", [batch, index] if _is_number(batch, 31) and _is_number(index, 32):
            return Subject("claim", ids.claim_id(int(batch), int(index)))
        case ("registry" | "log") as alone, []:
            return Subject(cast(SubjectKind, alone), 0)
    raise Rejected(
        "BAD_SUBJECT",
        f"'{' '.join((kind, *words))}' is no subject: see `touchstone history prove --help`.",
    )


def build(site: Site, session: Session, subject: Subject) -> Json:
    """Return all events of a subject, with their proof, as JSON values; it may have none.

    Raises Rejected HISTORY_TOO_LONG, and as `prove_frame.frame` and `judged`.
    """
    name = ids.subject(subject.kind, subject.identity)
    counted = select(func.count()).select_from(ChainEvent).where(ChainEvent.subject == name)
    if (session.scalar(counted) or 0) > MAX_EVENTS:
        raise _too_long(f"over {MAX_EVENTS} events")
    document = {
        "format": history_proof.FORMAT,
        **frame(site, session, _places(subject)),
        "subject": {"kind": subject.kind, "id": subject.written},
        "events": [write_event(event) for event in events_of(session, name)],
    }
    if len(orjson.dumps(document)) > MAX_BYTES:
        raise _too_long(f"over {MAX_BYTES} bytes")
    judged(lambda data, layout: history_proof.conclude(history_proof.read(data), layout), document)
    return document


def _places(subject: Subject) -> list[Place]:
    label, keys = subject.place
    return [(label, keys, "seq"), (label, keys, "head")]


def _lot_number(session: Session, gtin: int, lot: bytes) -> int:
    query = select(ChainLot.number).where(ChainLot.id == lot, ChainLot.gtin == gtin)
    number = session.scalar(query)
    if number is None:
        raise Rejected("UNKNOWN_LOT", f"GTIN {gtin:014d} has no lot of that name on the ledger.")
    return number


def _linked(site: Site, session: Session, text: str) -> bytes:
    link = read_link(text)
    return _leaf(site, session, link.gtin, link.serial, link.canonical or link.serial)


def _leaf(site: Site, session: Session, gtin: str, *serials: str) -> bytes:
    """Return the leaf of the first of these serials that names an item."""
    for serial in serials:
        decoded = decode(site, session, int(gtin), serial)
        if decoded is not None:
            return leaf(int(gtin), decoded.index, serial)
    raise Rejected("UNKNOWN_ITEM", "No key of this installation decodes the code.")


def _is_number(text: str, bits: int) -> bool:
    return text.isdecimal() and int(text) < 1 << bits


def _unit_id(text: str) -> bytes | None:
    """Return an id as it is: a history may be asked for of a unit that was not packed here."""
    return bytes.fromhex(text[2:]) if re.fullmatch("0x[0-9a-fA-F]{64}", text) else None


def _too_long(what: str) -> Rejected:
    return Rejected("HISTORY_TOO_LONG", f"The history has {what}, which no file holds.")
