"""EPCIS documents of the verbs beside packing and handing over: ways back, exceptions, states.

Source: as `ledger.domain.epcis`; business steps and dispositions are those of CBV 2.0 (sections
7.1 and 7.2). Where CBV has none that fits, none is stated, and a member of our own says it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.domain.epc import class_epc
from ledger.domain.epcis import (
    Document,
    Occasion,
    Run,
    Transfer,
    checked_list,
    contents,
    handoff,
    object_event,
)
from ledger.domain.verbs import Verb

# Of each way that units take other than ship and receive: business step and disposition.
WAYS: dict[Verb, tuple[str | None, str | None]] = {
    Verb.RETURN_TO: ("shipping", "returned"),
    Verb.REFUSE: (None, "returned"),
    Verb.TAKE_BACK: ("void_shipping", None),
    Verb.REPORT_LOST: (None, "unknown"),
    Verb.WITHDRAW: ("holding", None),
}
# Of each state of an item: action, business step and disposition.
_ITEM_STATES: dict[int, tuple[str, str | None, str]] = {
    1: ("OBSERVE", None, "active"),
    2: ("OBSERVE", "holding", "non_sellable_other"),
    3: ("OBSERVE", None, "stolen"),
    4: ("OBSERVE", "dispensing", "dispensed"),
    5: ("OBSERVE", "decommissioning", "inactive"),
    6: ("OBSERVE", "sampling", "unavailable"),
    7: ("DELETE", "destroying", "destroyed"),
}
_RECALLED = 2


def way(at: Occasion, verb: Verb, epcs: Sequence[str], transfer: Transfer) -> Document:
    """Return the event of a verb in `WAYS`. Raises Rejected BAD_EPC, BAD_EVENT_TIME."""
    event = handoff(at, *WAYS[verb], epcs, transfer)
    event.pop("bizLocation", None)  # where the goods are is not where this is said
    return event


def mismatch(at: Occasion, epc: str, counts: Mapping[str, int], transfer: Transfer) -> Document:
    """Return the event of a receipt that was not as sent.

    counts: good, damaged, short, over, wrong. The disposition names the gravest. Raises as `way`.
    """
    if counts["wrong"]:
        disposition = "mismatch_class"
    else:
        disposition = "mismatch_quantity" if counts["short"] or counts["over"] else "damaged"
    event = handoff(at, "receiving", disposition, [epc], transfer)
    return event | {f"touchstone:{name}": number for name, number in counts.items()}


def settlement(at: Occasion, epc: str, report: int) -> Document:
    """Return the event of agreeing on an exception. report: its number in the unit's history."""
    event = object_event(at, "OBSERVE", None, None)
    return event | {"epcList": checked_list([epc]), "touchstone:settles": report}


def item_state(at: Occasion, epc: str, state: int) -> Document:
    """Return the event of one item being in another state, 1 to 7. Raises as `way`."""
    return object_event(at, *_ITEM_STATES[state]) | {"epcList": checked_list([epc])}


def drawing(at: Occasion, epc: str) -> Document:
    """Return the event of an item being taken to travel alone. Raises as `way`."""
    return object_event(at, "OBSERVE", "picking", None) | {"epcList": checked_list([epc])}


def lot_state(at: Occasion, gtin: str, lot: str, state: int) -> Document:
    """Return the event of a lot being recalled (2) or released (1). Raises as `epc.class_epc`."""
    why = ("holding", "recalled") if state == _RECALLED else (None, "active")
    return object_event(at, "OBSERVE", *why) | {
        "quantityList": [{"epcClass": class_epc(gtin, lot)}],
    }


def voiding(at: Occasion, runs: Sequence[Run]) -> Document:
    """Return the event of codes becoming void. Raises Rejected BAD_RUN, BAD_EVENT_TIME."""
    return object_event(at, "OBSERVE", None, "inactive") | contents(runs, "quantityList")
