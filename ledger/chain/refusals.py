"""The contract's errors as people are told of them: name, sentence, and whose move it is."""

from __future__ import annotations

from ledger.chain.artifact import calls, decode_error
from ledger.domain.verbs import LISTS
from ledger.errors import Rejected

# Every custom error of the contract (a test compares); {0}, {1} are its arguments.
SENTENCES: dict[str, str] = {
    "BadSignature": "The signature is not a valid one (r and vs of EIP-2098, low s): sign again.",
    "WrongSigner": "That key may not sign for party {0}: sign with the party's own key.",
    "EraCancelled": "The key's earlier signatures were cancelled: sign again.",
    "DeadlinePassed": "The message's deadline has passed: sign again.",
    "StaleHead": "Something happened to it since this was signed: look at it and sign again.",
    "StaleNotProven": "A unit was called moved, but it has not moved: send the list as signed.",
    "QuorumMissing": "{0} signatures were given where {1} admins must sign: add the missing ones.",
    "SignersNotAscending": "Signers must be in rising order, each once: sort the signatures.",
    "DeviceExpired": "Party {0}'s device may sign no more: name it anew, or use the party's key.",
    "DeviceSpent": "Party {0}'s device has signed all that it may: name it anew with a new limit.",
    "DeviceNotAllowed": "Party {0}'s device may not sign this verb: use the party's key.",
    "LedgerClosed": "The ledger is sealed and takes no verb any more: go on at its successor.",
    "UnknownParty": "Party {0} is not registered: register it, or correct the number.",
    "PartyInactive": "Party {0} is suspended: it can neither act nor be sent anything.",
    "PartyExists": "Party {0} is registered already.",
    "BadPartyId": "{0} is neither a GLN with a right check digit nor the next assigned number.",
    "BadKeyMode": "Key mode {0} does not exist: use 1 (own agent), 2 (browser) or 3 (hosted).",
    "BadStatus": "The party's status is {0} already, or is none: 1 active, 2 suspended.",
    "AccountRetired": "The party had key {0} before, and gets it never again: make a new one.",
    "BadVerbs": "A device is named for one verb or more of number 16 and above.",
    "ZeroAddress": "The address is the zero address: give one that somebody holds the key of.",
    "RoleMissing": "Party {0} lacks the role for this: have it registered with that role.",
    "BadPrefix": "{0} with {1} digits is no GTIN prefix: give its 4 to 12 leading digits.",
    "PrefixTaken": "The GTIN prefix overlaps a registered one ({0}, {1} digits): check it.",
    "BadEpoch": "Key epoch {0} is not open: open it first (0 to 31).",
    "EpochExists": "Key epoch {0} is open already: use it, or open the next.",
    "BadGtin": "{0} is no GTIN (check its check digit).",
    "ForeignGtin": "GTIN {0} is not under a prefix of party {1}: use a GTIN of your own.",
    "BatchCounterSpent": "The ledger has no batch numbers left: move to a new contract.",
    "UnknownBatch": "Batch {0} does not exist: reserve it first.",
    "NotBrandOf": "Batch {0} does not belong to party {1}.",
    "AlreadyCommissioned": "Batch {0} has its root already, and a root never changes.",
    "NotCommissioned": "Batch {0} is not commissioned yet: wait until its root is on chain.",
    "BadCount": "The count {0} is not possible here: count what is there.",
    "ZeroRoot": "A root, commitment or lot id is empty: compute it first.",
    "BadRange": "{0} to {1} is no range of this batch: give from < to ≤ count.",
    "BadPredecessor": "The run before this range is another by now: send it again.",
    "RunsOverlap": "{0} to {1} cuts across ranges of different state: split it at their bounds.",
    "RunVoided": "Codes from {0} on are void, and stay so for ever.",
    "BadTime": "The time {0} is beyond what the ledger keeps: use unix seconds.",
    "UnknownLot": "Lot number {0} does not exist: bind the lot first.",
    "LotDiffers": "The lot exists with another expiry, best-before date or market: correct it.",
    "LotAlreadyBound": "Codes from {0} on belong to a lot already (number {1}).",
    "BadLotState": "The lot's state is {0} already, or is none: 1 released, 2 recalled.",
    "LotRecalled": "Lot number {0} is recalled: nothing new is packed of it.",
    "ForeignLot": "Lot number {0} is not party {1}'s to name, recall or release.",
    "UnitExists": "The unit exists already: a logistic unit is packed once, use a new SSCC.",
    "UnknownUnit": "The unit is not on the ledger: check its SSCC, or unpack it from its parent.",
    "NotHolder": "Party {1} does not hold the unit: only its holder may move it.",
    "NotAddressee": "The unit was not sent to party {1}: only its addressee may receive it.",
    "NotFrom": "The unit was not sent by party {1}: name the party that shipped it.",
    "UnitInTransit": "The unit is on its way: it must be received first.",
    "UnitNotInTransit": "The unit is not on its way: ship it first (or it was received already).",
    "UnitInside": "The unit is inside another and moves only with it: unpack it first.",
    "UnitEmpty": "Nothing is left in the unit: it never moves again.",
    "ToSelf": "Party {0} cannot send to itself.",
    "MarketRefused": "Party {0} may not hold goods of market {1}: send them elsewhere.",
    "BadChild": "A child is not described as its record says: check kind, position and count.",
    "NotInTree": "The child is not in the unit as it was packed: check the proof.",
    "NotInside": "The child has left the unit already.",
    "NotMadeBy": "Nothing shows that party {1} made it: show how its id came about.",
    "NotSuspended": "Party {0} is not suspended: only from a suspended party are units withdrawn.",
    "TotalsDiffer": "{0} were counted where {1} should be: good, damaged and short must add up.",
    "NoException": "All came as it was sent: receive it.",
    "UnknownException": "The unit has no exception reported by its event {1}.",
    "AlreadySettled": "The exception of event {1} is settled already, by all or by this side.",
    "NotConcerned": "Party {1} is neither of the two sides, nor the unit's brand.",
    "EmptyList": "The list is empty: name at least one.",
    "LengthMismatch": "The lists given do not have the same length or order.",
    "BadItemState": "The item's state is {0} already, or this verb does not set it.",
    "ItemNotActive": "The item is not active: look at its state, and undo that first if you may.",
    "ItemFinal": "The item was reported stolen or destroyed (state {1}), and stays so for ever.",
    "NotSetter": "Party {1} has not set the item's state: only who set it may undo it.",
    "UndoTooLate": "The state was set over ten days ago, and stays.",
    "IndexTooLarge": "The batch has {1} codes: there is none with index {0}.",
    "AlreadyClaimed": "The inner code of item {1} of batch {0} was uncovered before.",
    "LogShrank": "The scan log cannot shrink to {0} entries: anchor its newest state.",
    "LogForked": "The scan log is anchored with other roots at size {0}: report this.",
    "NotBatchable": "That call cannot be part of a batch.",
    "TooManyParts": "{0} parts are too many for one transaction: split them.",
    "GasFloor": "The transaction has too little gas for part {0}: give it more.",
    "EmptyRevert": "Part {0} reverted without a word: give more gas, or leave out what is no call.",
    "BadPart": "Part {0} of the group does not fit: one actor, one unit, pack only first.",
}

# The signature was good once, and no longer is: to be signed again over the new state.
NEEDS_SIGNATURE = frozenset({"StaleHead", "DeadlinePassed", "EraCancelled", "BadPredecessor"})


def refusal_of(call: bytes, reason: bytes) -> Rejected:
    """Return why the contract refused a call that it would have taken before.

    The heads of a list are no calldata: once a unit has moved, its signature is that of nobody.
    """
    told = refusal(reason) or Rejected("Unknown", reason.hex())
    if told.code == "WrongSigner" and any(calls(call, function) for function in LISTS.values()):
        return Rejected("StaleHead", SENTENCES["StaleHead"])
    return told


def refusal(data: bytes) -> Rejected | None:
    """Return the contract's refusal with its own name as the code, None if it is not one."""
    found = decode_error(data)
    if found is None:
        return None
    name, values = found
    shown = [value.hex() if isinstance(value, bytes) else value for value in values]
    return Rejected(name, SENTENCES[name].format(*shown))
