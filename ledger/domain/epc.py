"""EPCs in EPCIS documents: parties, places, classes of goods, and the check of single things.

All are GS1 Digital Links on id.gs1.org, except for parties without a GLN, whose numbers the ledger
assigned: their EPC is a link under the brand's host. The EPC of one item or logistic unit is made
by `ids.item_epc` and `ids.sscc_epc`.
"""

from __future__ import annotations

import re

from ledger.domain import ids
from ledger.domain.digital_link import DigitalLink, parse
from ledger.domain.gs1 import gln, gtin14
from ledger.errors import Rejected

_EPC_BASE = "https://id.gs1.org"
_EPC_HOST = "id.gs1.org"
_HOST = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?")


def party_epc(party: int, host: str) -> str:
    """Return the EPC of a party: its GLN as a party (AI 417), or without one a link under `host`.

    host: the brand's, e.g. "id.brand.com". Raises Rejected BAD_CHECK_DIGIT, BAD_HOST.
    """
    return _gln_link("417", party, host)


def place_epc(party: int, host: str) -> str:
    """Return the EPC of a party's place: its GLN as a location (AI 414), else as `party_epc`."""
    return _gln_link("414", party, host)


def class_epc(gtin: str, lot: str | None = None) -> str:
    """Return the EPC of a class of goods: a GTIN (8 to 14 digits), or a lot of it.

    Raises Rejected MALFORMED or BAD_CHECK_DIGIT for a GTIN or a lot that GS1 does not allow.
    """
    link = DigitalLink(host=_EPC_HOST, gtin=gtin14(gtin), lot=lot).canonical()
    parse(link)  # judges the lot
    return link


def checked(epc: str) -> DigitalLink:
    """Return what the EPC of one unit or item says.

    Raises Rejected BAD_EPC unless it is the canonical link of an SSCC or of a GTIN and serial.
    """
    try:
        link = parse(epc)
    except Rejected as fault:
        raise Rejected("BAD_EPC", fault.message) from None
    one = DigitalLink(host=_EPC_HOST, gtin=link.gtin, serial=link.serial, sscc=link.sscc)
    if one.canonical() != epc or (link.sscc is None and link.serial is None):
        raise Rejected("BAD_EPC", f"{epc} is not the canonical link of one unit or item.")
    return link


def _gln_link(ai: str, party: int, host: str) -> str:
    if ids.is_gln(party):
        return f"{_EPC_BASE}/{ai}/{gln(ids.party_text(party))}"
    if not _HOST.fullmatch(host):
        raise Rejected("BAD_HOST", f"'{host}' is no host name, such as id.brand.com.")
    return f"https://{host}/party/{ids.party_text(party)}"
