"""What GS1 EPCIS 2.0 asks of a single event in JSON, written out from the standard.

Only the members that a supply-chain event without sensors may have (EPCIS 2.0, sections 7.3 and
7.4; CBV 2.0, section 7). `faults` gives a sentence for each rule that is broken.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

OFFICIAL_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
ALWAYS = {"@context", "type", "eventTime", "eventTimeZoneOffset", "action"}
WHY_AND_WHERE = {
    *("recordTime", "eventID", "bizStep", "disposition", "readPoint", "bizLocation"),
    *("bizTransactionList", "sourceList", "destinationList"),
}
WHAT = {
    "ObjectEvent": {"epcList", "quantityList", "ilmd"},
    "AggregationEvent": {"parentID", "childEPCs", "childQuantityList"},
}
BIZ_STEPS = {
    *("commissioning", "creating_class_instance", "packing", "unpacking", "shipping", "receiving"),
    *("void_shipping", "holding", "picking", "dispensing", "decommissioning", "sampling"),
    *("destroying",),
}
DISPOSITIONS = {
    *("active", "encoded", "in_transit", "in_progress", "inactive", "returned", "unknown"),
    *("mismatch_quantity", "mismatch_class", "damaged", "recalled", "non_sellable_other"),
    *("stolen", "dispensed", "unavailable", "destroyed"),
}
TRANSACTIONS = {
    *("bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma"),
    *("testprd", "testres", "upevt"),
}
ROLES = {"owning_party", "possessing_party", "location"}
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
OFFSET = re.compile(r"[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)")


def faults(event: Mapping[str, Any]) -> list[str]:
    """Return the rules that `event` breaks, none for a well-formed one."""
    return [*_frame(event), *_names(event), *_what(event), *_why(event), *_parties(event)]


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and URI.fullmatch(value) is not None


def _prefixes(event: Mapping[str, Any]) -> set[str]:
    own = [part for part in event["@context"] if isinstance(part, dict)]
    return {"cbvmda"} | {name for part in own for name in part if ":" not in name}


def _frame(event: Mapping[str, Any]) -> Iterator[str]:
    if missing := ALWAYS - event.keys():
        yield f"missing {missing}"
    if OFFICIAL_CONTEXT not in event["@context"]:
        yield "the context is not the standard's"
    for part in event["@context"]:
        for name, meaning in part.items() if isinstance(part, dict) else ():
            # JSON-LD 1.1: only a term whose name ends so can be a prefix.
            if isinstance(meaning, str) and not (_is_uri(meaning) and meaning[-1] in ":/?#[]@"):
                yield f"{name} cannot be a prefix"
    if event["type"] not in WHAT:
        yield f"type {event['type']}"
    if event["action"] not in {"ADD", "OBSERVE", "DELETE"}:
        yield f"action {event['action']}"
    if datetime.fromisoformat(event["eventTime"]).tzinfo is None:
        yield "eventTime has no zone"
    if not OFFSET.fullmatch(event["eventTimeZoneOffset"]):
        yield "eventTimeZoneOffset"


def _names(event: Mapping[str, Any]) -> Iterator[str]:
    known = ALWAYS | WHY_AND_WHERE | WHAT[event["type"]]
    prefixes = _prefixes(event)

    def extended(name: str) -> bool:
        prefix, colon, rest = name.partition(":")
        return bool(colon and rest) and prefix in prefixes

    for name, value in event.items():
        if name not in known and not extended(name):
            yield f"member {name}"
        if name not in known and isinstance(value, list):
            inner = {key for part in value if isinstance(part, dict) for key in part}
            yield from (f"member {key} in {name}" for key in inner if not extended(key))
    yield from (f"ilmd member {name}" for name in event.get("ilmd", {}) if not extended(name))
    if "ilmd" in event and event["action"] != "ADD":
        yield "ilmd is for ADD alone"


def _what(event: Mapping[str, Any]) -> Iterator[str]:
    lists = ("epcList", "childEPCs")
    classes = ("quantityList", "childQuantityList")
    if not any(event.get(name) for name in (*lists, *classes)) and event["action"] != "DELETE":
        yield "nothing that it is about"
    for name in lists:
        epcs = event.get(name, ["a:b"])
        if not epcs or not all(map(_is_uri, epcs)) or len(set(epcs)) != len(epcs):
            yield name
    for name in classes:
        for element in event.get(name, []):
            if not element.keys() <= {"epcClass", "quantity", "uom"}:
                yield f"{name} has other members"
            if not _is_uri(element.get("epcClass")) or element.get("quantity", 1) <= 0:
                yield f"{name} element"
    if event["type"] == "AggregationEvent" and not _is_uri(event.get("parentID")):
        yield "parentID"


def _why(event: Mapping[str, Any]) -> Iterator[str]:
    if event.get("bizStep", "packing") not in BIZ_STEPS:
        yield "bizStep"
    if event.get("disposition", "active") not in DISPOSITIONS:
        yield "disposition"
    for name in ("readPoint", "bizLocation"):
        place = event.get(name, {"id": "a:b"})
        if not isinstance(place, dict) or place.keys() != {"id"} or not _is_uri(place["id"]):
            yield name


def _parties(event: Mapping[str, Any]) -> Iterator[str]:
    lists = {
        "bizTransactionList": ("bizTransaction", TRANSACTIONS),
        "sourceList": ("source", ROLES),
        "destinationList": ("destination", ROLES),
    }
    for name, (member, types) in lists.items():
        for element in event.get(name, []):
            if element.keys() != {"type", member} or element["type"] not in types:
                yield f"{name} element"
            elif not _is_uri(element[member]):
                yield f"{name} URI"
