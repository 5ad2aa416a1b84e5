"""What packers sign on the small ledger: falsehoods beside each other, and honest repacking."""

from __future__ import annotations

from itertools import count
from typing import Any

from ledger.chain.account import Account
from ledger.chain.bundle_format import Step
from ledger.chain.message import Shown
from ledger.db.engine import reading
from ledger.domain import ids, merkle
from ledger.domain.contents import Codes
from ledger.domain.keccak import keccak
from ledger.domain.leaf import leaf
from ledger.domain.verbs import Verb
from ledger.services.act import act
from ledger.services.goods import packing, unpacking
from ledger.services.goods.packing import Box
from ledger.services.goods.units import child_leaf, item_child, unit_child
from ledger.services.goods.ways import Way
from ledger.services.order import Order
from ledger.services.proving.prove_custody import steps_of
from tests.services.proof_world import BRAND, DISTRIBUTOR, DISTRIBUTOR_KEY, GTIN, World, _sscc

Path = tuple[Step, ...]
_numbers = count(100)


def item_of(world: World, index: int) -> bytes:
    """Return the leaf of a code of batch 1."""
    return leaf(int(GTIN), index, world.serial(1, index))


def pack(world: World, *inside: Any) -> bytes:
    """Let the brand pack, as its software does; return the unit."""
    number = next(_numbers)
    unit, submission = packing.pack(world.site, BRAND, Box(_sscc(number), inside), f"f{number}")
    world.settle(submission)
    return unit


def box(*inside: Any) -> Box:
    """Return a box that is packed together with what is around it."""
    return Box(_sscc(next(_numbers)), inside)


def codes(first: int, to: int) -> Codes:
    """Return items of batch 1."""
    return Codes(1, first, to)


def unpack(world: World, unit: bytes, position: int) -> bytes:
    """Let the brand take a child out; return it."""
    key = f"f{next(_numbers)}"
    (child,), submission = unpacking.unpack(world.site, BRAND, unit, [position], key)
    world.settle(submission)
    return child


def pack_falsely(world: World, item: bytes, levels: int) -> Path:
    """Let the distributor sign that the item is in a unit of its own, so many levels down; return
    the way to it."""
    return _pack_around(world, item, levels, DISTRIBUTOR, DISTRIBUTOR_KEY)


def pack_again(world: World, item: bytes) -> Path:
    """Let the brand pack an item that travels alone; return the way to it."""
    return _pack_around(world, item, 1, BRAND, None, slotted=True)


def _pack_around(
    world: World, item: bytes, levels: int, actor: int, key: Account | None, slotted: bool = False
) -> Path:
    others = [item_child(place, keccak(bytes([place]))) for place in range(4)]
    children = [others[0], item_child(1, item), *others[2:]]
    steps: list[Step] = []
    for level in range(levels):
        nodes = merkle.tree([child_leaf(child) for child in children])
        hashed = keccak(b"%d of %d" % (level, next(_numbers)))
        unit, root, packed = ids.unit_id(actor, hashed), nodes[0], len(children)
        position = 1 if level == 0 else 0
        proof = merkle.proof(nodes, position)
        steps.append(Step(unit, position, root, packed, tuple(proof)))
        inside, children = children, [unit_child(0, unit, root, packed), others[1]]
    args = {
        "actor": actor,
        "epcHash": hashed,
        "childrenRoot": root,
        "count": packed,
        "level": levels,
        "lot": 0,
        "slotted": inside[1:2] if slotted else [],
        "eventHash": bytes(32),
    }
    shown = Shown([proof] if slotted else [])
    key_of_order = f"around-{next(_numbers)}"
    order = Order(Verb.PACK, actor, unit, args, key_of_order, 0, None, shown)
    world.settle(act(world.site, order, key))
    return tuple(steps)


def way(world: World, *steps: tuple[bytes, int]) -> Path:
    """Return the way through units and places in them, by the trees that were packed here."""
    with reading(world.site.engine) as session:
        return steps_of(world.site, session, Way(steps, ()))
