"""EPCIS documents of the ledger's verbs: what is hashed into a history and given to partners.

Source: GS1 EPCIS 2.0 (section 7.4 for events and their actions) and CBV 2.0, JSON-LD binding. One
verb is one event that stands alone, with its own `@context`, as EPCIS 2.0 captures single events:
so its hash (`jcs.event_hash`) stays the same whichever document it is sent in. EPCs are canonical
GS1 Digital Links. A batch or a run of items is never a list of serials: it is a quantity of its
class, and `touchstone:runs` names the codes as [first, to) of a batch.

The functions return plain dicts without fractions. Salt, time and places are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from ledger.domain.epc import checked, class_epc
from ledger.domain.jcs import SALT_MEMBER
from ledger.errors import Rejected

Document = dict[str, Any]
PartyRole = Literal["owning_party", "possessing_party"]

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
# A name that nobody has to own, resolved by nobody: what is in it is said in this module.
NAMESPACE = "urn:uuid:96dec7f9-ba4e-416a-8661-835fcb4196e2#"

_MAX_OFFSET = 14 * 60
_LAST_SECOND = 253402300799  # of the year 9999
_OFFSET = r"(?:[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.[0-9]+)?"
    rf"(Z|{_OFFSET})"
)
# CBV 2.0, section 7.3: types of business transactions.
_TRANSACTION = re.compile(
    "bol|cert|desadv|inv|pedigree|po|poc|prodorder|recadv|rma|testprd|testres|upevt"
)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


@dataclass(frozen=True, slots=True)
class When:
    """time: unix seconds. offset: minutes east of UTC on the clock where it happened, ±840."""

    time: int
    offset: int


@dataclass(frozen=True, slots=True)
class Occasion:
    """What all events have: when, where, and the salt that keeps the hash from being guessed.

    salt: 32 lower-case hex digits, random, used once (`jcs.event_hash` checks it). read_point:
    where it happened, location: where the goods are afterwards; both as `epc.place_epc` has them.
    """

    when: When
    salt: str
    read_point: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The items [first, to) of a batch, of one GTIN (8 to 14 digits) and, where bound, one lot."""

    gtin: str
    batch: int
    first: int
    to: int
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """From whom to whom, as `epc.party_epc` gives them; in which roles (CBV 2.0, section 7.4)."""

    source: str
    destination: str
    roles: tuple[PartyRole, ...] = ("owning_party",)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A business document: its type in CBV 2.0 ("desadv", "po", …) and its URI."""

    kind: str
    uri: str


def commissioning(at: Occasion, run: Run) -> Document:
    """Return the event of a batch's codes coming into being: ObjectEvent ADD, of the class.

    Raises Rejected BAD_RUN for a run without items, BAD_EVENT_TIME, and as `epc.class_epc`.
    """
    return object_event(at, "ADD", "commissioning", "encoded") | contents([run], "quantityList")


def activation(at: Occasion, runs: Sequence[Run]) -> Document:
    """Return the event of codes becoming valid: ObjectEvent OBSERVE, disposition active.

    CBV has no business step for it, so none is stated. Raises as `commissioning`.
    """
    return object_event(at, "OBSERVE", None, "active") | contents(runs, "quantityList")


def lot_binding(
    at: Occasion, run: Run, expiry: date | None = None, best_before: date | None = None
) -> Document:
    """Return the event of codes being bound to a lot, with the lot's dates.

    ObjectEvent ADD with bizStep creating_class_instance: more of the class "GTIN and lot" exists,
    and only an ADD may carry master data (EPCIS 2.0: no ilmd with OBSERVE or DELETE). An empty run
    only opens the lot. Raises Rejected LOT_MISSING, and as `commissioning`.
    """
    if run.lot is None:
        raise Rejected("LOT_MISSING", "Name the lot that the codes are bound to.")
    dates = {"cbvmda:itemExpirationDate": expiry, "cbvmda:bestBeforeDate": best_before}
    master = {name: day.isoformat() for name, day in dates.items() if day is not None}
    event = object_event(at, "ADD", "creating_class_instance", None)
    event["ilmd"] = {"cbvmda:lotNumber": run.lot, **master}
    if run.first == run.to:
        return event | {"quantityList": [{"epcClass": class_epc(run.gtin, run.lot)}]}
    return event | contents([run], "quantityList")


def packing(
    at: Occasion, parent: str, units: Sequence[str] = (), runs: Sequence[Run] = ()
) -> Document:
    """Return the event of units and items going into a logistic unit: AggregationEvent ADD.

    parent: EPC of an SSCC. units: EPCs of units, or of items named singly; runs: all other items;
    both in the packer's order. Raises Rejected BAD_EPC (also for a unit inside itself),
    NO_CHILDREN, and as `commissioning`.
    """
    return _aggregation(at, "ADD", "packing", parent, units, runs)


def unpacking(
    at: Occasion, parent: str, units: Sequence[str] = (), runs: Sequence[Run] = ()
) -> Document:
    """Return the event of children leaving a logistic unit: AggregationEvent DELETE.

    Arguments and errors as `packing`.
    """
    return _aggregation(at, "DELETE", "unpacking", parent, units, runs)


def shipping(
    at: Occasion,
    epcs: Sequence[str],
    transfer: Transfer | None = None,
    transactions: Sequence[Transaction] = (),
) -> Document:
    """Return the event of units (or single items) being despatched: ObjectEvent OBSERVE.

    On their way goods are at no business location, so `at.location` is left out. Raises Rejected
    BAD_EPC, BAD_TRANSACTION, BAD_EVENT_TIME.
    """
    event = handoff(at, "shipping", "in_transit", epcs, transfer, transactions)
    event.pop("bizLocation", None)
    return event


def receiving(
    at: Occasion,
    epcs: Sequence[str],
    transfer: Transfer | None = None,
    transactions: Sequence[Transaction] = (),
) -> Document:
    """Return the event of units (or single items) being received: ObjectEvent OBSERVE.

    No disposition: in_progress says nothing, and whether goods may be sold is not said here.
    Raises as `shipping`.
    """
    return handoff(at, "receiving", None, epcs, transfer, transactions)


def parse_times(document: Mapping[str, Any]) -> When:
    """Return when an event says that it happened; fractions of a second are cut off.

    Raises Rejected BAD_EVENT_TIME where eventTime is no point in time with its zone (RFC 3339) or
    eventTimeZoneOffset no offset up to ±14:00.
    """
    stated, zone = document.get("eventTime"), document.get("eventTimeZoneOffset")
    match = _TIME.fullmatch(stated) if isinstance(stated, str) else None
    if match is None:
        raise _bad_time(f"eventTime is {stated!r}, not of the form 2026-03-01T09:30:00+08:00")
    if not isinstance(zone, str) or not re.fullmatch(_OFFSET, zone):
        raise _bad_time(f"eventTimeZoneOffset is {zone!r}, not of the form +08:00")
    try:
        moment = datetime.fromisoformat(match[1] + match[2])
    except ValueError:
        raise _bad_time(f"eventTime {stated} is a day that does not exist") from None
    minutes = int(zone[1:3]) * 60 + int(zone[4:])
    return When(int(moment.timestamp()), -minutes if zone[0] == "-" else minutes)


def _bad_time(fault: str) -> Rejected:
    return Rejected("BAD_EVENT_TIME", f"The event's time cannot be read: {fault}.")


def _terms() -> Document:
    # JSON-LD keeps the order of a list only where it is told so, and runs are in packing order.
    runs = {"@id": "touchstone:runs", "@container": "@list"}
    return {"touchstone": NAMESPACE, "touchstone:runs": runs}


def _event(at: Occasion, kind: str, action: str) -> Document:
    when = at.when
    if not (0 <= when.time <= _LAST_SECOND and abs(when.offset) <= _MAX_OFFSET):
        raise _bad_time(f"{when.time} s, {when.offset} min from UTC, is outside 1970 to 9999")
    sign, minutes = "-" if when.offset < 0 else "+", abs(when.offset)
    document = {
        "@context": [CONTEXT, _terms()],
        "type": kind,
        "eventTime": f"{datetime.fromtimestamp(when.time, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "eventTimeZoneOffset": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}",
        "action": action,
        SALT_MEMBER: at.salt,
    }
    places = {"readPoint": at.read_point, "bizLocation": at.location}
    return document | {name: {"id": place} for name, place in places.items() if place is not None}


def object_event(at: Occasion, action: str, step: str | None, disposition: str | None) -> Document:
    """Return an ObjectEvent that says why, and not yet of what. Raises Rejected BAD_EVENT_TIME."""
    why = {"bizStep": step, "disposition": disposition}
    stated = {name: value for name, value in why.items() if value is not None}
    return _event(at, "ObjectEvent", action) | stated


def contents(runs: Sequence[Run], member: str) -> Document:
    """Return the members that say which items: quantities by class, and the runs themselves."""
    if not runs:
        raise Rejected("BAD_RUN", "Name at least one run of items.")
    quantities: dict[str, int] = {}
    for run in runs:
        if not 0 <= run.first < run.to:
            raise Rejected("BAD_RUN", f"Items {run.first} to {run.to} are not a run of at least 1.")
        epc = class_epc(run.gtin, run.lot)
        quantities[epc] = quantities.get(epc, 0) + run.to - run.first
    return {
        member: [{"epcClass": epc, "quantity": n} for epc, n in quantities.items()],
        "touchstone:runs": [
            {"touchstone:batch": run.batch, "touchstone:first": run.first, "touchstone:to": run.to}
            for run in runs
        ],
    }


def _aggregation(
    at: Occasion, action: str, step: str, parent: str, units: Sequence[str], runs: Sequence[Run]
) -> Document:
    if not units and not runs:
        raise Rejected("NO_CHILDREN", "Name at least one unit or item that goes in or comes out.")
    if checked(parent).sscc is None or parent in units:
        raise Rejected("BAD_EPC", f"{parent} is no SSCC that these children can be inside.")
    event = _event(at, "AggregationEvent", action) | {"bizStep": step, "parentID": parent}
    if units:
        event["childEPCs"] = checked_list(units)
    return event | contents(runs, "childQuantityList") if runs else event


def handoff(
    at: Occasion,
    step: str | None,
    disposition: str | None,
    epcs: Sequence[str],
    transfer: Transfer | None,
    transactions: Sequence[Transaction] = (),
) -> Document:
    """Return the event of units or items in somebody's hands: ObjectEvent OBSERVE."""
    event = object_event(at, "OBSERVE", step, disposition)
    event["epcList"] = checked_list(epcs)
    if transactions:
        event["bizTransactionList"] = [*map(_transaction, transactions)]
    if transfer is not None:
        for end, party in (("source", transfer.source), ("destination", transfer.destination)):
            event[f"{end}List"] = [{"type": role, end: party} for role in transfer.roles]
    return event


def _transaction(transaction: Transaction) -> Document:
    if not _TRANSACTION.fullmatch(transaction.kind) or not _URI.fullmatch(transaction.uri):
        raise Rejected(
            "BAD_TRANSACTION",
            f"'{transaction.kind}' {transaction.uri} is not a CBV transaction type and a URI.",
        )
    return {"type": transaction.kind, "bizTransaction": transaction.uri}


def checked_list(epcs: Sequence[str]) -> list[str]:
    """Return the EPCs of units or items. Raises Rejected BAD_EPC."""
    for epc in epcs:
        checked(epc)
    if not epcs or len(set(epcs)) != len(epcs):
        raise Rejected("BAD_EPC", "Name each unit or item once, and at least one.")
    return list(epcs)
