"""The verbs of the ledger: their frozen numbers, and how each is signed (formats "Signing").

One table for all verbs of the design, also those that the contract does not carry out yet: a number
goes into every head, so it can never be given to another verb.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ledger.domain.ids import SubjectKind


class Verb(IntEnum):
    """Verb numbers, frozen. Gaps are free for verbs nobody has thought of."""

    REGISTER_PARTY = 1
    UPDATE_PARTY = 2
    SUSPEND_PARTY = 3
    ROTATE_ACCOUNT = 4
    DELEGATE = 5
    OPEN_EPOCH = 6
    CANCEL = 7
    SET_ADMINS = 8
    SEAL_LEDGER = 9
    RESERVE_BATCH = 16
    COMMISSION = 17
    ACTIVATE = 18
    VOID = 19
    BIND_LOT = 20
    SET_LOT_STATE = 21
    PACK = 32
    UNPACK = 33
    SHIP = 34
    RECEIVE_FROM = 35
    REPORT_EXCEPTION = 36
    RETURN_TO = 37
    PACKED_INTO = 38
    UNPACKED_FROM = 39
    REFUSE = 40
    TAKE_BACK = 41
    WITHDRAW = 42
    REPORT_LOST = 43
    SETTLE_EXCEPTION = 44
    DECOMMISSION = 48
    SET_ITEM_STATE = 49
    CLAIM_INNER = 50
    ANCHOR_SCAN_LOG = 64


class KeyMode(IntEnum):
    """How a party's key is held, as recorded on chain and shown to everyone."""

    OWN = 1  # the party's own agent: the operator cannot sign with it
    BROWSER = 2
    HOSTED = 3  # "signed by the operator for X"


class Role(IntEnum):
    """What a party may do, as bits of its roles."""

    BRAND = 1
    DISTRIBUTOR = 2
    STORE = 4
    CARRIER = 8
    INSPECTOR = 16
    REGULATOR = 32
    OPERATOR = 64  # anchors the scan log


@dataclass(frozen=True)
class Signing:
    """How one verb is signed and called.

    name: the message's EIP-712 name, its arguments are `{name}Args`. function: the contract's.
    kind: what its subject is. event: the contract's event that records it.
    """

    name: str
    function: str
    kind: SubjectKind
    event: str


# The verbs that the contract carries out today.
SIGNINGS: dict[Verb, Signing] = {
    Verb.REGISTER_PARTY: Signing("RegisterParty", "registerParty", "party", "PartyRegistered"),
    Verb.OPEN_EPOCH: Signing("OpenEpoch", "openEpoch", "party", "EpochOpened"),
    Verb.CANCEL: Signing("Cancel", "cancel", "party", "Cancelled"),
    Verb.RESERVE_BATCH: Signing("ReserveBatch", "reserveBatch", "party", "BatchReserved"),
    Verb.COMMISSION: Signing("Commission", "commission", "batch", "Commissioned"),
    Verb.ACTIVATE: Signing("Activate", "activate", "batch", "Activated"),
    Verb.BIND_LOT: Signing("BindLot", "bindLot", "batch", "LotBound"),
    Verb.PACK: Signing("Pack", "pack", "unit", "Packed"),
    Verb.UNPACK: Signing("Unpack", "unpack", "unit", "Unpacked"),
    Verb.SHIP: Signing("Ship", "ship", "unit", "Shipped"),
    Verb.RECEIVE_FROM: Signing("ReceiveFrom", "receiveFrom", "unit", "Received"),
    Verb.ANCHOR_SCAN_LOG: Signing("AnchorScanLog", "anchorScanLog", "log", "ScanLogAnchored"),
}

LISTS: dict[Verb, str] = {Verb.SHIP: "shipList", Verb.RECEIVE_FROM: "receiveList"}
