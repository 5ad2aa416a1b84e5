"""Goods for the gas bench: batches, codes, cases and pallets, and the calls that make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.chain.message import Code, Shown
from ledger.domain import abi, ids, merkle
from ledger.domain.leaf import leaf
from ledger.domain.verbs import Verb
from ledger.services.bench.bench_gas_ledger import Args, Brand, Call, GasLedger
from ledger.services.goods.units import Child, child_leaf, item_child, unit_child

CODES = 10_000_000  # in each batch: a proof has 23 siblings or 24
DEPTH = 24
CASE, PALLET = 24, 20  # items in a case, cases on a pallet
_ALPHABET = str.maketrans("ILOU", "JKMN")


@dataclass(frozen=True)
class Unit:
    """A unit that was packed here."""

    id: bytes
    epc_hash: bytes
    children: tuple[Child, ...]
    nodes: tuple[bytes, ...]

    def origin(self, creator: int) -> list[bytes]:
        """Return what shows who made it."""
        return [abi.uint(creator), self.epc_hash]


@dataclass(frozen=True)
class Coded:
    """A code of a commissioned batch: what its leaf is made of, and the way to the root."""

    batch: int
    code: Code
    proof: list[bytes]

    @property
    def leaf(self) -> bytes:
        """The item's id."""
        return leaf(self.code.gtin, self.code.index, self.code.serial)


def reserved(g: GasLedger, count: int) -> list[tuple[int, Brand]]:
    """Return batch numbers drawn by as many brands."""
    first = g.batches_drawn + 1
    g.batch(reserve(g, count))
    return list(zip(range(first, first + count), g.brands, strict=False))


def batches(g: GasLedger, count: int, root: bytes | None = None) -> list[tuple[int, Brand]]:
    """Return commissioned batches, each of another brand. root: of codes and inner codes."""
    found = reserved(g, count)
    g.batch([commission(g, number, brand, root) for number, brand in found])
    return found


def packed(g: GasLedger, count: int, level: int = 1) -> list[Unit]:
    """Return units that the shipper has packed: cases of items, or at level 2 pallets of cases."""
    units = [unit_of(g, level) for _ in range(count)]
    g.batch([pack(g, unit, level) for unit in units])
    return units


def shipped(g: GasLedger, count: int, to: int | None = None) -> list[bytes]:
    """Return units on their way to the receiver."""
    units = [unit.id for unit in packed(g, count)]
    g.batch(ship(g, units, to or g.receiver))
    return units


def received(g: GasLedger, count: int) -> list[bytes]:
    """Return units that have arrived at the receiver."""
    units = shipped(g, count)
    g.batch(receive(g, units))
    return units


def coded(g: GasLedger, count: int) -> list[Coded]:
    """Return codes of one batch of the first brand, under a root as deep as that of CODES codes."""
    brand = g.brands[0]
    codes = [
        Code(brand.gtin, index, f"{g.random.number(96):020X}"[:20].translate(_ALPHABET))
        for index in range(count)
    ]
    root, proofs = deep(g, [leaf(c.gtin, c.index, c.serial) for c in codes])
    ((number, _),) = batches(g, 1, root)
    return [Coded(number, code, proof) for code, proof in zip(codes, proofs, strict=True)]


def deep(g: GasLedger, leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """Return the root of a tree DEPTH deep with these leaves in it, and their proofs."""
    nodes = merkle.tree(leaves)
    proofs = [merkle.proof(nodes, place) for place in range(len(leaves))]
    above = [g.random(32) for _ in range(DEPTH - max(map(len, proofs)))]
    return merkle.process(nodes[0], above), [proof + above for proof in proofs]


def unit_of(g: GasLedger, level: int) -> Unit:
    """Return a unit that is not packed yet: a case of items, or at level 2 a pallet of cases."""
    children = tuple(
        item_child(place, g.random(32))
        if level == 1
        else unit_child(place, g.random(32), g.random(32), CASE)
        for place in range(CASE if level == 1 else PALLET)
    )
    nodes = tuple(merkle.tree([child_leaf(child) for child in children]))
    hashed = g.random(32)
    return Unit(ids.unit_id(g.shipper, hashed), hashed, children, nodes)


def pallet_with(g: GasLedger, *cases: bytes) -> Unit:
    """Return a pallet with these cases (EPC hashes) in front."""
    plain = unit_of(g, 2)
    own = [
        unit_child(place, ids.unit_id(g.shipper, hashed), g.random(32), CASE)
        for place, hashed in enumerate(cases)
    ]
    children = (*own, *plain.children[len(own) :])
    nodes = tuple(merkle.tree([child_leaf(child) for child in children]))
    return Unit(plain.id, plain.epc_hash, children, nodes)


def taken_out(
    g: GasLedger, unit: Unit, places: Sequence[int], origins: Sequence[Sequence[bytes]]
) -> Call:
    """Return the call that takes children out of a unit. origins: who made each."""
    proofs = [merkle.proof(unit.nodes, place) for place in places]
    args = {"actor": g.shipper, "children": [unit.children[place] for place in places]}
    shown = Shown(proofs=proofs, origins=[unit.origin(g.shipper), *origins])
    return g.call(Verb.UNPACK, unit.id, args, shown=shown)


def case_of_items(g: GasLedger, count: int) -> tuple[Unit, list[list[bytes]]]:
    """Return a packed case of items under a batch's root, and what shows who made each."""
    found = coded(g, count)
    children = tuple(item_child(place, each.leaf) for place, each in enumerate(found))
    hashed, nodes = g.random(32), tuple(merkle.tree([child_leaf(child) for child in children]))
    unit = Unit(ids.unit_id(g.shipper, hashed), hashed, children, nodes)
    g.send(pack(g, unit))
    origins = [[each.code.hash, abi.uint(each.batch), *each.proof] for each in found]
    return unit, origins


def pallet_of_cases(g: GasLedger, count: int) -> tuple[Unit, list[list[bytes]]]:
    """Return a packed pallet of as many cases, and what shows who made each."""
    cases = [g.random(32) for _ in range(count)]
    pallet = pallet_with(g, *cases)
    g.send(pack(g, pallet, 2))
    return pallet, [[hashed] for hashed in cases]


def reserve(g: GasLedger, count: int) -> list[Call]:
    """Return the calls by which as many brands draw a batch number."""
    g.batches_drawn += count
    return [
        g.call(
            Verb.RESERVE_BATCH,
            brand.party,
            {"actor": brand.party, "gtin": brand.gtin, "epoch": 0},
        )
        for brand in g.brands[:count]
    ]


def commission(g: GasLedger, number: int, brand: Brand, root: bytes | None = None) -> Call:
    """Return the call that puts a batch's roots on chain."""
    args = {"root": root or g.random(32), "innerRoot": root or g.random(32), "count": CODES}
    return g.call(Verb.COMMISSION, number, {"actor": brand.party, **args})


def pack(g: GasLedger, unit: Unit, level: int = 1) -> Call:
    """Return the call that packs a unit."""
    return g.call(Verb.PACK, unit.id, pack_args(g, unit, level))


def pack_args(g: GasLedger, unit: Unit, level: int = 1) -> Args:
    """Return what is signed of it."""
    return {
        "actor": g.shipper,
        "epcHash": unit.epc_hash,
        "childrenRoot": unit.nodes[0],
        "count": len(unit.children),
        "level": level,
        "lot": 0,
        "slotted": [],
    }


def ship(g: GasLedger, units: Sequence[bytes], to: int) -> list[Call]:
    """Return the calls that send the shipper's units on their way."""
    return [g.call(Verb.SHIP, unit, {"actor": g.shipper, "to": to}) for unit in units]


def receive(g: GasLedger, units: Sequence[bytes]) -> list[Call]:
    """Return the calls that confirm their receipt."""
    args = {"actor": g.receiver, "from": g.shipper}
    return [g.call(Verb.RECEIVE_FROM, unit, args) for unit in units]
