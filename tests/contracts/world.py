"""The world most tests begin in: parties, an epoch, batches; and trees of children."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from ledger.domain import ids, merkle
from ledger.domain.keccak import keccak
from ledger.domain.verbs import KeyMode, Role, Verb
from tests.contracts.ledger_harness import ZERO, Chain, Refused, address, code_hash, key, word

BRAND, RIVAL = 4006381333931, 9501101530003  # GLNs
DISTRIBUTOR, STORE, OPERATOR = 10**13, 10**13 + 1, 10**13 + 2  # without a GLN
STRANGER = 10**13 + 99  # registered nowhere
GTIN, RIVAL_GTIN = 4006381333931, 9501101530003
COUNT = 1000
DOCUMENT = keccak(b"document")
MARKET = 7  # the distributor may hold its goods, the store not
OTHER_MARKET = 8

Child = dict[str, Any]

# The codes of the brand's batch 1, and what shows that a unit or an item is its creator's.
CODES = [(GTIN, i, f"SERIAL{i:014d}".encode().ljust(32, b"\0")) for i in range(COUNT)]
CODE_HASHES = [code_hash(*code) for code in CODES]
LEAVES = [keccak(hashed) for hashed in CODE_HASHES]
NODES = merkle.tree(LEAVES)
INDEX_OF = {leaf: index for index, leaf in enumerate(LEAVES)}
EACH_TAG = 20  # indices that the items of one tag take, but for the plain ones
_tags: dict[str, int] = {"item": 0}
_made: dict[bytes, tuple[int, bytes]] = {}  # unit -> creator, EPC hash


def register(party: int, role: int, **changes: Any) -> dict[str, Any]:
    """Arguments that register a party."""
    args = {
        "party": party,
        "account": address(key(f"party {party}")),
        "keyMode": KeyMode.OWN,
        "roles": role,
        "markets": 0,
        "prefix": 0,
        "prefixLength": 0,
        "eventHash": DOCUMENT,
    }
    return args | changes


def start(chain: Chain | None = None) -> Chain:
    """Set the world up, on a new chain unless one is given."""
    chain = chain or Chain()
    both = 1 << MARKET | 1 << OTHER_MARKET
    for args in (
        register(BRAND, Role.BRAND, prefix=4006381, prefixLength=7),
        register(RIVAL, Role.BRAND, prefix=950110153, prefixLength=9),
        register(DISTRIBUTOR, Role.DISTRIBUTOR, markets=both, keyMode=KeyMode.HOSTED),
        register(STORE, Role.STORE, keyMode=KeyMode.BROWSER),
        register(OPERATOR, Role.OPERATOR),
    ):
        chain.do(Verb.REGISTER_PARTY, args)
        chain.keys[args["party"]] = key(f"party {args['party']}")
    for party, gtin in ((BRAND, GTIN), (RIVAL, RIVAL_GTIN)):
        chain.do(Verb.OPEN_EPOCH, epoch(party))
        chain.do(Verb.RESERVE_BATCH, reserve(party, gtin=gtin))
    chain.do(Verb.COMMISSION, commission(root=NODES[0]), on=1)
    chain.do(Verb.COMMISSION, commission(RIVAL), on=2)
    return chain


@contextmanager
def undone(chain: Chain) -> Iterator[Chain]:
    """Whatever happens inside did not happen: state, heads, clock and keys."""
    kept = chain.backend.take_snapshot(), dict(chain.heads), chain.now, dict(chain.keys)
    yield chain
    snapshot, chain.heads, chain.now, chain.keys = kept
    chain.backend.revert_to_snapshot(snapshot)


@contextmanager
def refused(name: str, *arguments: Any) -> Iterator[None]:
    """What is inside must revert with just this error."""
    with pytest.raises(Refused) as caught:
        yield
    expected = tuple(
        "0x" + a.hex() if isinstance(a, bytes) and len(a) == 20 else a for a in arguments
    )
    assert (caught.value.name, caught.value.arguments) == (name, expected)


# Arguments of the verbs, right unless told otherwise.


def epoch(actor: int = BRAND, **changes: Any) -> dict[str, Any]:
    """Arguments of openEpoch."""
    args = {"actor": actor, "epoch": 0, "commitment": keccak(b"epoch"), "eventHash": DOCUMENT}
    return args | changes


def reserve(actor: int = BRAND, **changes: Any) -> dict[str, Any]:
    """Arguments of reserveBatch."""
    return {"actor": actor, "gtin": GTIN, "epoch": 0, "eventHash": DOCUMENT} | changes


def commission(actor: int = BRAND, **changes: Any) -> dict[str, Any]:
    """Arguments of commission."""
    root = keccak(b"root")
    args = {"actor": actor, "root": root, "innerRoot": ZERO, "count": COUNT, "eventHash": DOCUMENT}
    return args | changes


def activate(start: int, stop: int, **changes: Any) -> dict[str, Any]:
    """Arguments of activate."""
    args = {"actor": BRAND, "from": start, "to": stop, "activeFrom": 1, "eventHash": DOCUMENT}
    return args | changes


def bind(start: int, stop: int, lot: str = "A1", **changes: Any) -> dict[str, Any]:
    """Arguments of bindLot."""
    args = {
        "actor": BRAND,
        "from": start,
        "to": stop,
        "lot": ids.lot_id(GTIN, lot),
        "expiry": 1_900_000_000,
        "bestBefore": 0,
        "market": 0,
        "eventHash": DOCUMENT,
    }
    return args | changes


def ship(actor: int, to: int) -> dict[str, Any]:
    """Arguments of ship."""
    return {"actor": actor, "to": to, "eventHash": DOCUMENT}


def receive(actor: int, sender: int) -> dict[str, Any]:
    """Arguments of receiveFrom."""
    return {"actor": actor, "from": sender, "eventHash": DOCUMENT}


def anchor(size: int, **changes: Any) -> dict[str, Any]:
    """Arguments of anchorScanLog."""
    args = {"actor": OPERATOR, "size": size, "logRoot": keccak(b"log"), "mapRoot": keccak(b"map")}
    return args | changes


# Units and their trees.


@dataclass(frozen=True)
class Tree:
    """Children and the tree over them."""

    children: tuple[Child, ...]

    @property
    def nodes(self) -> list[bytes]:
        """The flat array."""
        return merkle.tree([merkle.children_leaf(*child.values()) for child in self.children])

    @property
    def root(self) -> bytes:
        """The children root."""
        return self.nodes[0]

    def proofs(self, *positions: int) -> list[list[bytes]]:
        """The proofs of some children."""
        nodes = self.nodes
        return [merkle.proof(nodes, position) for position in positions]

    def pick(self, *positions: int) -> list[Child]:
        """Some of the children."""
        return [self.children[position] for position in positions]


def items(count: int, tag: str = "item") -> Tree:
    """A tree of items of the brand's batch 1; other items for another tag."""
    first = _tags.setdefault(tag, COUNT - EACH_TAG * len(_tags))
    return Tree(tuple(item(i, LEAVES[first + i]) for i in range(count)))


def item(position: int, leaf: bytes) -> Child:
    """An item in its parent's tree."""
    return {"kind": 1, "position": position, "child": leaf, "childrenRoot": ZERO, "count": 0}


def inner(position: int, unit: bytes, tree: Tree) -> Child:
    """A unit in its parent's tree."""
    count = len(tree.children)
    return {
        "kind": 2,
        "position": position,
        "child": unit,
        "childrenRoot": tree.root,
        "count": count,
    }


def pack(
    actor: int, name: str, tree: Tree, slotted: Sequence[int] = (), **changes: Any
) -> dict[str, Any]:
    """Arguments of pack. slotted: positions of the children that have a slot."""
    args = {
        "actor": actor,
        "epcHash": keccak(name.encode()),
        "childrenRoot": tree.root,
        "count": len(tree.children),
        "level": 1,
        "lot": 0,
        "slotted": tree.pick(*slotted),
        "eventHash": DOCUMENT,
    }
    return args | changes


def unpack(actor: int, tree: Tree, *positions: int) -> dict[str, Any]:
    """Arguments of unpack."""
    return {"actor": actor, "children": tree.pick(*positions), "eventHash": DOCUMENT}


def named(actor: int, name: str) -> bytes:
    """The id of the unit that `pack(actor, name, …)` makes."""
    unit = ids.unit_id(actor, keccak(name.encode()))
    _made[unit] = actor, keccak(name.encode())
    return unit


def origin(child: bytes) -> list[bytes]:
    """What shows that a unit or an item of batch 1 is its creator's; nothing for any other."""
    if child in INDEX_OF:
        return [CODE_HASHES[INDEX_OF[child]], *placed(child)]
    return [_made[child][1]] if child in _made else []


def placed(leaf: bytes) -> list[bytes]:
    """Batch 1 and the proof from one of its leaves."""
    return [word(1), *merkle.proof(NODES, INDEX_OF[leaf])]


def brands(unit: bytes) -> list[bytes]:
    """What shows its brand's right to a unit, or with its whole code to an item of batch 1."""
    if unit not in INDEX_OF:
        return origin(unit)
    gtin, index, serial = CODES[INDEX_OF[unit]]
    return [word(gtin), word(index), serial, *placed(unit)]


def origins(unit: bytes, children: Sequence[Child]) -> list[list[bytes]]:
    """What an unpack shows of who made the unit and its children."""
    creator, hashed = _made.get(unit, (0, ZERO))
    return [[word(creator), hashed], *(origin(child["child"]) for child in children)]


def do_pack(
    chain: Chain, actor: int, name: str, tree: Tree, *slotted: int, **changes: Any
) -> bytes:
    """Pack and return the unit's id."""
    args = pack(actor, name, tree, slotted, **changes)
    chain.do(Verb.PACK, args, proofs=tree.proofs(*slotted))
    return named(actor, name)


def call_unpack(
    chain: Chain, unit: bytes, actor: int, tree: Tree, *positions: int, **options: Any
) -> bytes:
    """A signed unpack; options as `call` takes them, to show otherwise than right."""
    args = unpack(actor, tree, *positions)
    shown = {"proofs": tree.proofs(*positions), "origins": origins(unit, args["children"])}
    return chain.call(Verb.UNPACK, args, on=unit, **shown | options)


def opening(unit: bytes, actor: int, tree: Tree, *positions: int) -> tuple[Any, ...]:
    """An unpack as a part of a group: verb, arguments, proofs, origins."""
    args = unpack(actor, tree, *positions)
    return Verb.UNPACK, args, tree.proofs(*positions), origins(unit, args["children"])


def do_unpack(
    chain: Chain, unit: bytes, actor: int, tree: Tree, *positions: int, **options: Any
) -> Any:
    """Unpack and return the outcome."""
    return chain.send(call_unpack(chain, unit, actor, tree, *positions, **options))


def suspend(chain: Chain, party: int, status: int = 2) -> None:
    """Suspend a party, or make it active again."""
    args = {"party": party, "status": status, "eventHash": DOCUMENT}
    chain.do(Verb.SUSPEND_PARTY, args)


def recall(chain: Chain, lot: int, state: int = 2, actor: int = BRAND) -> None:
    """Recall a lot, or release it."""
    args = {"actor": actor, "state": state, "eventHash": DOCUMENT}
    chain.do(Verb.SET_LOT_STATE, args, on=lot)


def hand_over(chain: Chain, unit: bytes, sender: int, to: int) -> None:
    """Ship and receive."""
    chain.do(Verb.SHIP, ship(sender, to), on=unit)
    chain.do(Verb.RECEIVE_FROM, receive(to, sender), on=unit)
