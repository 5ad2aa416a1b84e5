"""GS1 Digital Link URIs for the keys that the ledger uses: items, logistic units and locations.

Source: GS1 Digital Link Standard: URI Syntax 1.4 (uncompressed form). The reading is strict: no
short names for Application Identifiers, no GTIN without its zeros, qualifiers in their order, every
numeric query key a data attribute in its format. The stem before the primary key is free. Keys that
the ledger does not use are MALFORMED here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from ledger.domain.gs1 import gln, gtin14, sscc
from ledger.domain.gs1_attributes import CSET82, attribute_fits, is_attribute
from ledger.errors import Rejected

_CANONICAL_BASE = "https://id.gs1.org"
# Schemes are lower case or, in an alphanumeric QR code, upper case; mixed case is refused.
_URI = re.compile(
    r"(?P<scheme>https?|HTTPS?)://(?P<host>[A-Za-z0-9.-]+(?::[0-9]{1,5})?)"
    r"(?P<path>/[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)
_URI_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_INNER_PATH = re.compile(r"/[iI]/([^/]+)")
_BASE = re.compile(r"(?:https?|HTTPS?)://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?")

# Primary key -> the sequences of qualifiers that may follow it.
_PATHS: dict[str, list[tuple[str, ...]]] = {
    "00": [()],
    "01": [("22", "10", "21"), ("235",)],
    "414": [("254",)],
}
_TEXT_LENGTHS = {"22": 20, "10": 20, "21": 20, "235": 28, "254": 20}
_KEY_CHECKS = {"00": sscc, "414": gln}


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """What a Digital Link says. `host` is lower case, with its port if one is given.

    Exactly one of gtin (14 digits), sscc (18) and gln (13) is set. `attributes` are the data
    attributes of the query, (AI, value), in their order.
    """

    host: str
    gtin: str | None = None
    cpv: str | None = None
    lot: str | None = None
    serial: str | None = None
    tpx: str | None = None
    sscc: str | None = None
    gln: str | None = None
    gln_extension: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    def canonical(self) -> str:
        """Return the canonical URI: host id.gs1.org, no stem, attributes sorted by AI."""
        path = "".join(
            f"/{ai}/{quote(value, safe='')}"
            for ai, name in _FIELDS.items()
            if (value := getattr(self, name)) is not None
        )
        query = "&".join(f"{ai}={quote(value, safe='')}" for ai, value in sorted(self.attributes))
        return _CANONICAL_BASE + path + (f"?{query}" if query else "")


_FIELDS = {
    "00": "sscc",
    "01": "gtin",
    "414": "gln",
    "22": "cpv",
    "10": "lot",
    "21": "serial",
    "235": "tpx",
    "254": "gln_extension",
}


def parse(uri: str) -> DigitalLink:
    """Return what the Digital Link `uri` says.

    Raises Rejected MALFORMED with a sentence that names the fault.
    """
    match = _URI.fullmatch(uri)
    if match is None or not _URI_CHARACTERS.fullmatch(uri):
        raise _malformed("it is not a web address of the form https://host/01/…")
    pairs = _path_pairs(match["path"])
    fields = {_FIELDS[ai]: _path_value(ai, value) for ai, value in pairs}
    attributes = _attributes(match["query"] or "", taken={ai for ai, _ in pairs})
    return DigitalLink(host=match["host"].lower(), attributes=attributes, **fields)


def printed_link(link_base: str, gtin: str, serial: str, upper: bool) -> str:
    """Return the link that is printed for an item.

    link_base: scheme and host, e.g. "https://id.brand.com" or "http://localhost:8000". With `upper`
    the whole link is in capitals, which a QR code stores in its alphanumeric mode. Raises Rejected
    BAD_LINK_BASE for a base with a path, SERIAL_NOT_UPPER for a serial that capitals would change,
    and as `gtin14`.
    """
    link = f"{_base(link_base)}/01/{gtin14(gtin)}/21/{quote(serial, safe='')}"
    if not upper:
        return link
    if serial != serial.upper():
        raise Rejected(
            "SERIAL_NOT_UPPER",
            f"Serial {serial} has lower-case letters: print this brand's links in lower case.",
        )
    return link.upper()


def inner_link(link_base: str, code: str, upper: bool) -> str:
    """Return the link that is printed for an inner code. Raises Rejected BAD_LINK_BASE."""
    link = f"{_base(link_base)}/i/{code}"
    return link.upper() if upper else link


def inner_code(uri: str) -> tuple[str, str] | None:
    """Return the host and the code of an inner code's link, None where `uri` is no such link."""
    match = _URI.fullmatch(uri)
    path = _INNER_PATH.fullmatch(match["path"]) if match is not None else None
    return None if match is None or path is None else (match["host"].lower(), path[1])


def _base(link_base: str) -> str:
    if not _BASE.fullmatch(link_base):
        raise Rejected(
            "BAD_LINK_BASE", f"link_base must be a scheme and a host only, not '{link_base}'."
        )
    return link_base.rstrip("/")


def _malformed(fault: str) -> Rejected:
    return Rejected("MALFORMED", f"This is no GS1 Digital Link of an item, unit or place: {fault}.")


def _path_pairs(path: str) -> list[tuple[str, str]]:
    """Return the (AI, value) pairs from the primary key on; the key is searched from the end."""
    segments = path[1:].split("/")
    pairs: list[tuple[str, str]] = []
    for at in range(len(segments) - 2, -1, -2):
        ai = segments[at]
        pairs.insert(0, (ai, segments[at + 1]))
        if ai in _PATHS:
            _check_order(ai, [key for key, _ in pairs[1:]])
            return pairs
        if ai not in _TEXT_LENGTHS:
            break
    raise _malformed("its path has no key 01, 00 or 414 followed only by that key's qualifiers")


def _check_order(key: str, qualifiers: list[str]) -> None:
    for sequence in _PATHS[key]:
        if qualifiers == [ai for ai in sequence if ai in qualifiers]:
            return
    raise _malformed(f"after {key} the qualifiers {', '.join(qualifiers)} are not allowed so")


def _decoded(text: str) -> str:
    # Latin-1 maps every byte to a character; what is not ASCII fails the format that follows.
    return unquote_to_bytes(text).decode("latin-1")


def _path_value(ai: str, raw: str) -> str:
    value = _decoded(raw)
    if ai in _TEXT_LENGTHS:
        if not re.fullmatch(f"{CSET82}{{1,{_TEXT_LENGTHS[ai]}}}", value):
            raise _malformed(f"the value of {ai} is not 1 to {_TEXT_LENGTHS[ai]} GS1 characters")
        return value
    try:
        if ai == "01":
            if len(value) != 14:
                raise _malformed("a GTIN in a link has all its 14 digits")
            return gtin14(value)
        return _KEY_CHECKS[ai](value)
    except Rejected as fault:
        raise Rejected("MALFORMED", fault.message) from None


def _attributes(query: str, taken: set[str]) -> tuple[tuple[str, str], ...]:
    """Return the data attributes; other parameters, which the standard leaves free, are skipped."""
    found: dict[str, str] = {}
    for parameter in query.replace("+", " ").split("&"):
        raw_key, equals, raw_value = parameter.partition("=")
        ai, value = _decoded(raw_key), _decoded(raw_value)
        if not equals or not (ai.isascii() and ai.isdigit()):
            continue
        if not is_attribute(ai):
            raise _malformed(f"{ai} is not an attribute that may stand in the query")
        if ai in taken or ai in found:
            raise _malformed(f"{ai} is given twice")
        if not attribute_fits(ai, value):
            raise _malformed(f"the value of {ai} has not the format of that attribute")
        found[ai] = value
    return tuple(found.items())
