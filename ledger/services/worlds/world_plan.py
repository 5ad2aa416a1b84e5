"""Who is who in the demo's world, and who sends what to whom when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DAY = 86_400.0
SPAN = 56 * DAY
PALLETS = 10
CASES_PER_PALLET = 20


@dataclass(frozen=True)
class Party:
    """A company of the demo. number: its place in PARTIES. role: brand, distributor or store.

    region: where it is; territory: where it may sell (for a store: its distributor's). distributor:
    the number of a store's distributor, else None.
    """

    number: int
    role: str
    zh: str
    en: str
    region: int
    territory: tuple[int, ...]
    distributor: int | None = None


PARTIES = (
    Party(0, "brand", "示例品牌", "Example Brand", 52, ()),
    Party(1, "distributor", "华东经销商", "Distributor East", 31, (31, 32, 33)),
    Party(2, "distributor", "华南经销商", "Distributor South", 44, (44, 45, 46)),
    Party(3, "distributor", "华北经销商", "Distributor North", 11, (11, 12, 13)),
    Party(4, "store", "上海门店", "Shanghai store", 31, (31, 32, 33), 1),
    Party(5, "store", "杭州门店", "Hangzhou store", 33, (31, 32, 33), 1),
    Party(6, "store", "广州门店", "Guangzhou store", 44, (44, 45, 46), 2),
    Party(7, "store", "南宁门店", "Nanning store", 45, (44, 45, 46), 2),
    Party(8, "store", "北京门店", "Beijing store", 11, (11, 12, 13), 3),
    Party(9, "store", "天津门店", "Tianjin store", 12, (11, 12, 13), 3),
)
DISTRIBUTORS = tuple(party.number for party in PARTIES if party.role == "distributor")
STORES = tuple(party.number for party in PARTIES if party.role == "store")

# Which distributor gets which pallets of a lot: runs (from, to), half open, by distributor
SPLIT = {1: (0, 4), 2: (4, 7), 3: (7, 10)}


@dataclass(frozen=True)
class DemoLot:
    """A lot of the demo and its packing: items in order, in cases, on pallets."""

    number: int
    items: int
    case_size: int
    cases_per_pallet: int

    def distributor_of(self, pallet: int) -> int:
        """The party that the brand ships a pallet to."""
        return next(d for d, (start, stop) in SPLIT.items() if start <= pallet < stop)


@dataclass(frozen=True)
class Unit:
    """A pallet or a case of a lot. kind: pallet or case. number: within the lot, from 0."""

    kind: str
    lot: int
    number: int


@dataclass(frozen=True)
class Move:
    """One act: verb is pack, ship, receive or unpack. actor, partner: numbers in PARTIES.

    partner is whom a shipment goes to or comes from, None for pack and unpack.
    """

    t: float
    verb: str
    actor: int
    partner: int | None
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Supply:
    """A case on a store's shelf from t on."""

    lot: int
    case: int
    store: int
    t: float


def plan_moves(
    rng: np.random.Generator, lots: tuple[DemoLot, ...], kept: tuple[int, int] | None
) -> tuple[tuple[Move, ...], list[Supply]]:
    """The moves of all goods in order of time, and the cases that reach stores.

    kept: (lot, pallet) that its distributor receives and does not pass on, or None.
    """
    moves: list[Move] = []
    supply: list[Supply] = []
    for lot in lots:
        packed = -SPAN + (1 + 3 * lot.number) * DAY
        whole = tuple(Unit("pallet", lot.number, pallet) for pallet in range(PALLETS))
        moves.append(Move(packed, "pack", 0, None, whole))
        for distributor, (start, stop) in SPLIT.items():
            sent = packed + float(rng.uniform(1, 3)) * DAY
            came = _transfer(rng, moves, sent, 0, distributor, whole[start:stop])
            mine = [unit for unit in whole[start:stop] if (lot.number, unit.number) != kept]
            _pass_on(rng, moves, supply, lot, distributor, mine, came)
    return tuple(sorted(moves, key=lambda move: (move.t, move.actor, move.verb))), supply


def _pass_on(
    rng: np.random.Generator,
    moves: list[Move],
    supply: list[Supply],
    lot: DemoLot,
    distributor: int,
    pallets: list[Unit],
    came: float,
) -> None:
    """The first pallet goes in cases to both stores; the others go whole, in turn."""
    stores = [party.number for party in PARTIES if party.distributor == distributor]
    opened = came + float(rng.uniform(0.5, 2)) * DAY
    moves.append(Move(opened, "unpack", distributor, None, (pallets[0],)))
    cases = cases_of(lot, pallets[0].number)
    half = len(cases) // 2
    for store, part in zip(stores, (cases[:half], cases[half:]), strict=True):
        sent = opened + float(rng.uniform(0.5, 1)) * DAY
        t = _transfer(rng, moves, sent, distributor, store, part)
        supply += [Supply(lot.number, case.number, store, t) for case in part]
    for turn, pallet in enumerate(pallets[1:]):
        store = stores[turn % 2]
        sent = opened + float(rng.uniform(1, 8)) * DAY
        t = _transfer(rng, moves, sent, distributor, store, (pallet,))
        supply += [Supply(lot.number, c.number, store, t) for c in cases_of(lot, pallet.number)]


def cases_of(lot: DemoLot, pallet: int) -> tuple[Unit, ...]:
    """The cases packed on a pallet."""
    first = pallet * lot.cases_per_pallet
    return tuple(Unit("case", lot.number, first + i) for i in range(lot.cases_per_pallet))


def _transfer(
    rng: np.random.Generator,
    moves: list[Move],
    sent: float,
    sender: int,
    receiver: int,
    units: tuple[Unit, ...],
) -> float:
    """A shipment and its receipt; the time of receipt."""
    came = sent + float(rng.uniform(1, 3)) * DAY
    moves.append(Move(sent, "ship", sender, receiver, units))
    moves.append(Move(came, "receive", receiver, sender, units))
    return came
