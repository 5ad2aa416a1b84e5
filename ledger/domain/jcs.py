"""Canonical JSON (RFC 8785) and the hash that binds an event's document to the chain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import rfc8785

from ledger.domain.keccak import keccak
from ledger.errors import Rejected

SALT_MEMBER = "touchstone:salt"
_SALT = re.compile(r"[0-9a-f]{32}")


def canonical(value: object) -> bytes:
    """Return `value` (dict, list, str, int, bool, None) as canonical JSON, UTF-8.

    Our documents hold no fractions: a float is refused, since two languages need not write it
    alike; so are integers beyond ±(2⁵³ − 1). Raises Rejected NOT_CANONICAL.
    """
    try:
        if _has_float(value):
            raise Rejected(
                "NOT_CANONICAL", "The document has a fractional number: write it as a string."
            )
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # judged while it is written
    except (rfc8785.CanonicalizationError, RecursionError) as fault:
        raise Rejected("NOT_CANONICAL", f"The document has no canonical JSON: {fault}.") from None


def event_hash(document: Mapping[str, Any]) -> bytes:
    """Return keccak(JCS(document without recordTime)) of a salted EPCIS document.

    The document is one EPCIS event, or an EPCISDocument with its events in epcisBody.eventList;
    recordTime, which a repository adds on receipt, is left out of the document and of those events,
    and nowhere else. Raises Rejected SALT_MISSING unless the member `touchstone:salt` is 32
    lower-case hex digits, and as `canonical`.
    """
    salt = document.get(SALT_MEMBER)
    if not isinstance(salt, str) or not _SALT.fullmatch(salt):
        raise Rejected(
            "SALT_MISSING", f"The document needs a member {SALT_MEMBER} of 32 hex digits."
        )
    return keccak(canonical(_without_record_times(document)))


def _without_record_times(document: Mapping[str, Any]) -> dict[str, Any]:
    bare: dict[str, Any] = _without_record_time(document)
    body = bare.get("epcisBody")
    if isinstance(body, Mapping) and isinstance(body.get("eventList"), list):
        bare["epcisBody"] = {**body, "eventList": [*map(_without_record_time, body["eventList"])]}
    return bare


def _without_record_time(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: member for name, member in value.items() if name != "recordTime"}


def _has_float(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_float, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_float, value))
    return isinstance(value, float)
