"""What a bundle can say, claim by claim: what is proved by the ledger, and what somebody states.

docs/proof.md explains each (a test compares).
"""

from __future__ import annotations

PROVED: dict[str, str] = {
    "CODE_UNDER_ROOT": "this code is one of those that the brand put on the ledger",
    "CODE_IMPORTED": "the code was printed elsewhere, and may be easier to guess than the ledger's",
    "BATCH_UNKNOWN": "the ledger has no batch of that number",
    "BATCH_NOT_COMMISSIONED": "the codes of that batch are not on the ledger yet",
    "BATCH_OF_ANOTHER_GTIN": "that batch is of another product",
    "INDEX_OUTSIDE_BATCH": "that batch has fewer codes",
    "BRAND_PREFIX": "the GTIN lies under a prefix that the ledger gave to the brand",
    "BRAND_ACTIVE": "the brand may act on the ledger",
    "BRAND_SUSPENDED": "the brand is suspended",
    "RUN_ACTIVE": "the code is activated",
    "RUN_NOT_ACTIVE": "the code is not activated, or not yet",
    "RUN_VOID": "the code was made void",
    "LOT_BOUND": "the code is bound to a lot",
    "LOT_NOT_BOUND": "the code is not bound to a lot",
    "LOT_OF_UNIT": "the unit that the item lies in is of a lot",
    "LOT_NAMED": "the lot has the name given",
    "LOT_RELEASED": "the lot is not recalled",
    "LOT_RECALLED": "the lot is recalled",
    "LOT_EXPIRED": "the lot's expiry date has passed",
    "LOT_NOT_EXPIRED": "the lot's expiry date has not passed",
    "BEST_BEFORE_PASSED": "the lot's best-before date has passed",
    "BEST_BEFORE_NOT_PASSED": "the lot's best-before date has not passed",
    "ITEM_ACTIVE": "the item is neither blocked nor stolen, and its life has not ended",
    "ITEM_BLOCKED": "the item is blocked",
    "ITEM_STOLEN": "the item was reported stolen",
    "ITEM_DECOMMISSIONED": "the item was supplied, exported, used as a sample or destroyed",
    "INNER_OPENED": "the item's inner code was uncovered",
    "INNER_NOT_OPENED": "the item's inner code was not uncovered",
    "ITEM_HAS_OWN_SLOT": "the item has travelled alone",
    "ITEM_NEVER_ALONE": "the item has never left a unit by itself",
    "UNIT_HISTORY_COMPLETE": "these are all events of the unit, none left out, added or redated",
    "HELD": "the unit is held by the holder named",
    "IN_TRANSIT": "the unit is on its way from the holder to the addressee named",
    "LOST_IN_TRANSIT": "the unit was reported lost on its way to the addressee named",
    "BATCH_HISTORY_COMPLETE": "these are all events of the batch",
    "DOCUMENTS_MATCH": "each document shown is the one that its event names",
}
STATED: dict[str, str] = {
    "CODE_NOT_DECODED": "the operator says that no key of the ledger made this code",
    "CODE_DECODES_TO": "the operator says which batch and index the code stands for",
    "ITEM_IN_UNIT": "the packer says, and signed, that the item is in the unit",
    "ITEM_IN_NO_UNIT": "the operator knows of no unit that the item is in",
    "SCAN_HISTORY": "the operator says what earlier scans there were",
    "NAMES": "the operator says what product and parties are called",
    "LEDGER_AGE": "the operator says how far behind its copy of the ledger was",
}
