"""The verbs of the ledger: their frozen numbers, and how each is signed (formats "Signing").

A number goes into every head, so it can never be given to another verb.
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
    DRAW_ITEM = 45
    DECOMMISSION = 48
    SET_ITEM_STATE = 49
    CLAIM_INNER = 50
    ANCHOR_SCAN_LOG = 64


class KeyMode(IntEnum):
    """How a party's key is held, as recorded on chain and shown to everyone."""

    OWN = 1  # the party's own agent: the operator cannot sign with it
    BROWSER = 2
    HOSTED = 3  # "signed by the operator for X"


DEVICE = 16
"""Added to an event's key mode where a device of the party signed it (`delegate`)."""
DEVICE_ERAS = 1 << 32
"""Added to a device's era in what it signs: no message of a device is ever one of an account."""


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


SIGNINGS: dict[Verb, Signing] = {
    Verb.REGISTER_PARTY: Signing("RegisterParty", "registerParty", "party", "PartyRegistered"),
    Verb.UPDATE_PARTY: Signing("UpdateParty", "updateParty", "party", "PartyUpdated"),
    Verb.SUSPEND_PARTY: Signing("SuspendParty", "suspendParty", "party", "PartyStatusSet"),
    Verb.ROTATE_ACCOUNT: Signing("RotateAccount", "rotateAccount", "party", "AccountRotated"),
    Verb.DELEGATE: Signing("Delegate", "delegate", "party", "Delegated"),
    Verb.OPEN_EPOCH: Signing("OpenEpoch", "openEpoch", "party", "EpochOpened"),
    Verb.CANCEL: Signing("Cancel", "cancel", "party", "Cancelled"),
    Verb.SET_ADMINS: Signing("SetAdmins", "setAdmins", "registry", "AdminsSet"),
    Verb.SEAL_LEDGER: Signing("SealLedger", "sealLedger", "registry", "LedgerSealed"),
    Verb.RESERVE_BATCH: Signing("ReserveBatch", "reserveBatch", "party", "BatchReserved"),
    Verb.COMMISSION: Signing("Commission", "commission", "batch", "Commissioned"),
    Verb.ACTIVATE: Signing("Activate", "activate", "batch", "Activated"),
    Verb.VOID: Signing("Void", "voidCodes", "batch", "Voided"),
    Verb.BIND_LOT: Signing("BindLot", "bindLot", "batch", "LotBound"),
    Verb.SET_LOT_STATE: Signing("SetLotState", "setLotState", "lot", "LotStateSet"),
    Verb.PACK: Signing("Pack", "pack", "unit", "Packed"),
    Verb.UNPACK: Signing("Unpack", "unpack", "unit", "Unpacked"),
    Verb.SHIP: Signing("Ship", "ship", "unit", "Shipped"),
    Verb.RECEIVE_FROM: Signing("ReceiveFrom", "receiveFrom", "unit", "Received"),
    Verb.REPORT_EXCEPTION: Signing(
        "ReportException", "reportException", "unit", "ExceptionReported"
    ),
    Verb.RETURN_TO: Signing("ReturnTo", "returnTo", "unit", "Returned"),
    Verb.REFUSE: Signing("Refuse", "refuse", "unit", "ReceiptRefused"),
    Verb.TAKE_BACK: Signing("TakeBack", "takeBack", "unit", "TakenBack"),
    Verb.WITHDRAW: Signing("Withdraw", "withdraw", "unit", "Withdrawn"),
    Verb.REPORT_LOST: Signing("ReportLost", "reportLost", "unit", "LostReported"),
    Verb.SETTLE_EXCEPTION: Signing(
        "SettleException", "settleException", "unit", "ExceptionSettled"
    ),
    Verb.DRAW_ITEM: Signing("DrawItem", "drawItem", "unit", "ItemDrawn"),
    Verb.DECOMMISSION: Signing("Decommission", "decommission", "item", "Decommissioned"),
    Verb.SET_ITEM_STATE: Signing("SetItemState", "setItemState", "item", "ItemStateSet"),
    Verb.CLAIM_INNER: Signing("ClaimInner", "claimInner", "claim", "InnerClaimed"),
    Verb.ANCHOR_SCAN_LOG: Signing("AnchorScanLog", "anchorScanLog", "log", "ScanLogAnchored"),
}

# The verbs of which several, one after the other on one unit, may be one message.
GROUPED = frozenset({Verb.PACK, Verb.UNPACK, Verb.SHIP, Verb.RECEIVE_FROM})
LISTS: dict[Verb, str] = {Verb.SHIP: "shipList", Verb.RECEIVE_FROM: "receiveList"}

RULINGS = frozenset(
    {Verb.REGISTER_PARTY, Verb.UPDATE_PARTY, Verb.SUSPEND_PARTY, Verb.ROTATE_ACCOUNT}
)
"""What a quorum of the admins decides on a party: signed over the party's `ruled`."""
BY_QUORUM = RULINGS | {Verb.SET_ADMINS, Verb.SEAL_LEDGER}
HEADLESS = frozenset({Verb.CANCEL, Verb.DELEGATE})
"""Signed over head 0: nobody makes them stale by moving the party's head."""
