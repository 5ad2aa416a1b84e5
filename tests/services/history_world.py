"""The small ledger of the proof tests, with what gives every kind of subject a history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.chain.history_proof import Subject
from ledger.chain.message import Shown
from ledger.db.engine import reading
from ledger.domain import merkle
from ledger.domain.ids import claim_id
from ledger.domain.keccak import keccak
from ledger.domain.leaf import inner_leaf, leaf
from ledger.domain.verbs import Role, Verb
from ledger.services import capture, items, lots, parties, ruling
from ledger.services.act import act
from ledger.services.order import Order
from ledger.services.proving import prove_history
from ledger.services.relaying import keep
from ledger.services.site import ADMIN
from tests.services.proof_world import BRAND, DISTRIBUTOR, GTIN, STORE, World, open_world

RELEASED, RECALLED = 1, 2
BLOCKED = 38  # index of the item in batch 1 that gets states
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
    "brand": "REGISTER_PARTY OPEN_EPOCH" + 6 * " RESERVE_BATCH",
    "distributor": "REGISTER_PARTY",
    "store": "REGISTER_PARTY SUSPEND_PARTY SUSPEND_PARTY",
    "party of nobody": "",
    "lot": "SET_LOT_STATE SET_LOT_STATE",
    "lot never recalled": "",
    "lot of nobody": "",
    "item blocked": "SET_ITEM_STATE SET_ITEM_STATE DECOMMISSION",
    "item without a state": "",
    "item of nobody": "",
    "inner code": "CLAIM_INNER",
    "inner code not claimed": "",
    "inner code under the same root": "CLAIM_INNER",
    "registry": "SET_ADMINS",
    "log": "ANCHOR_SCAN_LOG ANCHOR_SCAN_LOG",
}


@contextmanager
def open_history_world(directory: Path) -> Iterator[World]:
    """Start a node and let all that follows happen; stops everything at the end."""
    with open_world(directory) as opened:
        site = opened.site
        new = parties.NewParty(OPERATOR, "Operator", "运营方", Role.OPERATOR)
        opened.settle(parties.register(site, new, "operator")[1])
        for state in (RECALLED, RELEASED):
            order = lots.order_state(site, BRAND, GTIN, "L-1", state, f"lot-{state}")
            opened.settle(act(site, order))
        for state in ("blocked", "active", "supplied"):
            link = f"https://id.example/01/{GTIN}/21/{opened.serial(1, BLOCKED)}"
            opened.settle(act(site, items.order_state(site, BRAND, link, state, f"item-{state}")))
        for status in (ruling.SUSPENDED, ruling.ACTIVE):
            order = ruling.order_status(STORE, status, f"store-{status}")
            opened.settle(ruling.rule(site, order))
        for batch in (5, 6):
            _claim(opened, batch)
        _renew_admins(opened)
        for size in (3, 9):
            args = {"actor": OPERATOR, "size": size, "logRoot": keccak(b"l"), "mapRoot": bytes(32)}
            order = Order(Verb.ANCHOR_SCAN_LOG, OPERATOR, 0, args, f"anchor-{size}")
            opened.settle(act(site, order))
        yield opened


def _claim(world: World, batch: int) -> None:
    """One more batch, of two codes, the first of whose inner codes is uncovered.

    Each batch has the same inner root: who knows an inner code can commit to it again.
    """
    site = world.site
    args = {"actor": BRAND, "gtin": int(GTIN), "epoch": 0, "eventHash": bytes(32)}
    world.settle(act(site, Order(Verb.RESERVE_BATCH, BRAND, BRAND, args, f"reserve-{batch}")))
    code, salt = b"INNER".ljust(32, b"\0"), keccak(b"salt")
    nodes = merkle.tree([inner_leaf(index, code, salt) for index in (0, 1)])
    roots = {"actor": BRAND, "root": keccak(b"%d" % batch), "innerRoot": nodes[0], "count": 2}
    args = {**roots, "eventHash": bytes(32)}
    world.settle(act(site, Order(Verb.COMMISSION, BRAND, batch, args, f"commission-{batch}")))
    inner = {"batch": batch, "index": 0, "innerCode": code, "salt": salt}
    args = {"actor": BRAND, **inner, "eventHash": bytes(32)}
    claim, shown = claim_id(batch, 0), Shown(proofs=[merkle.proof(nodes, 0)])
    world.settle(
        act(site, Order(Verb.CLAIM_INNER, BRAND, claim, args, f"claim-{batch}", shown=shown))
    )


def _renew_admins(world: World) -> None:
    """The admin hands over to itself: what it signed and nobody relayed is void."""
    site = world.site
    admin = site.vault.account(ADMIN)
    order = ruling.order_admins([admin.address], 1, "admins")
    deadline = site.clock() + order.deadline_s
    with reading(site.engine) as session:
        message = capture.compose(
            session, site.network, order.verb, order.identity, order.signed_args(), deadline
        )
    data = ruling.signed_by(site, message, [admin], [admin])
    world.settle(keep(site, message, data, order.document, order.actor, order.key))


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
        "store": Subject("party", STORE),
        "party of nobody": Subject("party", 10**13 + 7),
        "lot": Subject("lot", 1),
        "lot never recalled": Subject("lot", 2),
        "lot of nobody": Subject("lot", 99),
        "item blocked": Subject("item", leaf(int(GTIN), BLOCKED, world.serial(1, BLOCKED))),
        "item without a state": Subject("item", world.units["item"]),
        "item of nobody": Subject("item", bytes(32)),
        "inner code": Subject("claim", claim_id(5, 0)),
        "inner code not claimed": Subject("claim", claim_id(5, 1)),
        "inner code under the same root": Subject("claim", claim_id(6, 0)),
        "registry": Subject("registry", 0),
        "log": Subject("log", 0),
    }


def build(world: World, subject: Subject) -> Any:
    """Return the history file of a subject."""
    with reading(world.site.engine) as session:
        return prove_history.build(world.site, session, subject)
