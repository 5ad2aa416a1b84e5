"""The small ledger of the proof tests, its scan log anchored twice, and its subjects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.chain.history_proof import Subject
from ledger.db.engine import reading
from ledger.domain.keccak import keccak
from ledger.domain.leaf import leaf
from ledger.domain.verbs import Role, Verb
from ledger.services import parties, prove_history
from ledger.services.act import Order, act
from tests.services.proof_world import BRAND, DISTRIBUTOR, GTIN, World, open_world

OPERATOR = 9501101530003
# name of a subject -> the verbs of its events
EXPECTED: dict[str, str] = {
    "pallet 1": "PACK SHIP RECEIVE_FROM UNPACK",
    "pallet 2": "PACK UNPACK",
    "case 1": "UNPACKED_FROM SHIP",
    "case 4": "UNPACKED_FROM PACKED_INTO",
    "item": "UNPACKED_FROM SHIP",
    "unit of nobody": "",
    "batch": "COMMISSION ACTIVATE ACTIVATE ACTIVATE BIND_LOT BIND_LOT VOID",
    "batch reserved": "",
    "batch of nobody": "",
    "brand": "REGISTER_PARTY OPEN_EPOCH" + 4 * " RESERVE_BATCH",
    "distributor": "REGISTER_PARTY",
    "party of nobody": "",
    "item once blocked": "SET_ITEM_STATE SET_ITEM_STATE",
    "item of nobody": "",
    "lot": "",
    "lot recalled": "SET_LOT_STATE",
    "lot of nobody": "",
    "registry": "",
    "log": "ANCHOR_SCAN_LOG ANCHOR_SCAN_LOG",
}


@contextmanager
def open_history_world(directory: Path) -> Iterator[World]:
    """Start a node and let all that follows happen; stops everything at the end."""
    with open_world(directory) as opened:
        new = parties.NewParty(OPERATOR, "Operator", "运营方", Role.OPERATOR)
        opened.settle(parties.register(opened.site, new, "operator")[1])
        for size in (3, 9):
            args = {"actor": OPERATOR, "size": size, "logRoot": keccak(b"l"), "mapRoot": bytes(32)}
            order = Order(Verb.ANCHOR_SCAN_LOG, OPERATOR, 0, args, f"anchor-{size}")
            opened.settle(act(opened.site, order))
        yield opened


def subjects(world: World) -> dict[str, Subject]:
    """Return each subject by its name in EXPECTED."""
    return {
        **{name: Subject("unit", unit) for name, unit in world.units.items() if name in EXPECTED},
        "unit of nobody": Subject("unit", bytes(32)),
        "batch": Subject("batch", 1),
        "batch reserved": Subject("batch", 4),
        "batch of nobody": Subject("batch", 99),
        "brand": Subject("party", BRAND),
        "distributor": Subject("party", DISTRIBUTOR),
        "party of nobody": Subject("party", 10**13 + 7),
        "item once blocked": Subject("item", leaf(int(GTIN), 23, world.serial(1, 23))),
        "item of nobody": Subject("item", bytes(32)),
        "lot": Subject("lot", 1),
        "lot recalled": Subject("lot", 4),
        "lot of nobody": Subject("lot", 99),
        "registry": Subject("registry", 0),
        "log": Subject("log", 0),
    }


def build(world: World, subject: Subject) -> Any:
    """Return the history file of a subject."""
    with reading(world.site.engine) as session:
        return prove_history.build(world.site, session, subject)
