"""A world put together: goods, honest life, who cheats, and what is stated of it all."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from ledger.detect import KINDS
from ledger.detect.frame import CHANNELS, Custody, Ints, Lots, Scans
from ledger.errors import Rejected
from ledger.services.worlds.simulator.acts import Acts, joined
from ledger.services.worlds.simulator.attacks import ATTACKS
from ledger.services.worlds.simulator.gang import Deed, Gang
from ledger.services.worlds.simulator.goods import Goods, draw_goods
from ledger.services.worlds.simulator.land import Land, draw_land
from ledger.services.worlds.simulator.life import lives
from ledger.services.worlds.simulator.oddities import oddities
from ledger.services.worlds.simulator.places import stated
from ledger.services.worlds.simulator.settings import Settings

LAND, GOODS, LIFE, ODDITIES, NAMES, PLACES, CHEATS, DROPS = range(
    8
)  # each draws from a stream of its own
DAY_DECIMALS = 5


@dataclass(frozen=True)
class World:
    """A simulated world. scans, lots, custody: what a detector reads.

    cause: of each scan, int64 (n,): 0 honest, k the k-th deed. deeds: what cheats did, as rows of
    the truth with `kind` and `attack`. displays, virals: codes.
    """

    seed: int
    settings: Settings
    land: Land
    scans: Scans
    lots: Lots
    custody: Custody
    cause: Ints
    deeds: tuple[dict[str, Any], ...]
    displays: tuple[str, ...]
    virals: tuple[str, ...]

    def truth(self) -> dict[str, Any]:
        """What really happened, as the file beside the world has it."""
        rows: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        for deed in self.deeds:
            row = {name: value for name, value in deed.items() if name != "kind"}
            rows.setdefault(deed["kind"], []).append(row)
        return {
            **rows, "viral": list(self.virals), "display": list(self.displays),
            "n_lots": len(self.lots), "regions": len(self.land.regions), "seed": self.seed,
        }  # fmt: skip


def simulate(seed: int, settings: Settings | None = None, attacks: Collection[str] = ()) -> World:
    """Draw a world: the same seed, settings and attacks give the same world, on any machine.

    attacks: names in ATTACKS; honest life is the same with and without them, but for the goods that
    they take. Raises Rejected UNKNOWN_ATTACK.
    """
    settings = settings or Settings()

    def stream(number: int) -> np.random.Generator:
        return np.random.default_rng([seed, number])

    land = draw_land(stream(LAND))
    goods = draw_goods(stream(GOODS), land, settings)
    gang = Gang(stream(CHEATS), land, goods, settings)
    for name in attacks:
        if name not in ATTACKS:
            known = ", ".join(ATTACKS)
            raise Rejected("UNKNOWN_ATTACK", f"There is no attack '{name}'; there are {known}.")
        ATTACKS[name].commit(gang)
    odd, shown, viral = oddities(stream(ODDITIES), land, goods, settings)
    honest = joined([lives(stream(LIFE), land, goods, settings), odd])
    honest = honest.take((honest.item < 0) | ~gang.taken[honest.item])
    made = _in_order(joined([honest, *gang.parts]), settings)
    scans = _stored(stream(DROPS), gang, made)
    lost = np.bincount(made.cause, minlength=len(gang.deeds) + 1)
    lost -= np.bincount(scans.cause, minlength=len(gang.deeds) + 1)
    naming = _Naming(stream(NAMES), goods, settings)
    return World(
        seed, settings, land,
        scans=_frame(stream(PLACES), land, goods, settings, naming, scans, gang.scripts),
        lots=goods.lots, custody=goods.custody, cause=scans.cause,
        deeds=tuple(
            _told(deed, scans.take(scans.cause == cause), land, naming, int(lost[cause]))
            for cause, deed in enumerate(gang.deeds, 1)
        ),
        displays=tuple(naming.codes(np.array(shown, dtype=np.int64))),
        virals=tuple(naming.codes(np.array(viral, dtype=np.int64))),
    )  # fmt: skip


def _stored(rng: np.random.Generator, gang: Gang, scans: Acts) -> Acts:
    """The scans that an operator keeps: he may lose some, he can add none."""
    share = np.zeros(len(gang.deeds) + 1)
    share[list(gang.dropped)] = list(gang.dropped.values())
    return scans.take(rng.random(len(scans)) >= share[scans.cause])


def _in_order(scans: Acts, settings: Settings) -> Acts:
    """What happens within the world's days, in order, the day as a file states it."""
    day = np.round(scans.day, DAY_DECIMALS)
    scans = Acts(day, scans.item, scans.device, scans.city, scans.cause)
    scans = scans.take((day >= 0) & (day < settings.span))
    return scans.take(np.lexsort((scans.device, scans.item, scans.day)))


def _told(deed: Deed, scans: Acts, land: Land, naming: _Naming, lost: int) -> dict[str, Any]:
    """A deed as a row of the truth, with what came of it within the world's days.

    lost: scans of it that the operator dropped.
    """
    row = {"kind": deed.kind, "attack": deed.attack, **deed.detail}
    if deed.kind == "diversion":
        there = land.region[scans.city] == deed.detail["region"]
        row["scanned_items"] = len(np.unique(scans.item[there]))
        if lost:
            row["dropped_scans"] = lost
    elif len(deed.devices):
        row["devices"] = naming.devices(deed.devices)
    else:
        found = np.searchsorted(deed.items, scans.item)
        row["scans"] = np.bincount(found, minlength=len(deed.items)).tolist()
        row["codes"] = naming.codes(deed.items)
    return row


class _Naming:
    """Printed codes `L<lot>-<number>`: the number follows the packing, or is shuffled."""

    def __init__(self, rng: np.random.Generator, goods: Goods, settings: Settings) -> None:
        self._goods = goods
        self._hidden = int(rng.integers(1 << 43))
        lots = len(goods.lots)
        self._shift = rng.integers(1 << 30, size=lots) if settings.shuffled else None
        strides = rng.integers(1, 1 << 20, size=lots).tolist()
        self._stride = np.array(list(map(_coprime, strides, goods.lots.items.tolist())))

    def codes(self, item: Ints) -> list[str]:
        """The code of each item; of one below 0, a code that nobody issued."""
        lot = np.searchsorted(self._goods.first_item, item, "right") - 1
        within = item - self._goods.first_item[np.maximum(lot, 0)]
        if self._shift is not None:
            items = self._goods.lots.items[lot]
            within = (within * self._stride[lot] + self._shift[lot]) % items
        unknown = _scrambled(item)
        return [
            f"L{a}-{b}" if i >= 0 else f"X{c:011x}"
            for i, a, b, c in zip(item.tolist(), lot.tolist(), within.tolist(), unknown.tolist(),
                                  strict=True)
        ]  # fmt: skip

    def devices(self, device: Ints) -> list[str]:
        """The pseudonym of each device."""
        return [f"{name:011x}" for name in _scrambled(device ^ self._hidden).tolist()]


def _frame(
    rng: np.random.Generator, land: Land, goods: Goods, settings: Settings, naming: _Naming,
    scans: Acts, scripts: Sequence[Ints],
) -> Scans:  # fmt: skip
    source, lat, lon, radius, region = stated(rng, land, settings, scans)
    known = scans.item >= 0
    case = np.where(known, scans.item // goods.case_size, 0)
    lot = np.where(known, goods.lot_of(case), -1)
    items, unit = _numbered(scans.item)
    devices, device = _numbered(scans.device)
    wechat = rng.random(len(scans)) < settings.wechat
    channel = np.where(wechat, CHANNELS.index("wechat"), CHANNELS.index("web"))
    if scripts:
        channel[np.isin(scans.device, np.concatenate(scripts))] = CHANNELS.index("script")
    return Scans(
        day=scans.day, unit=unit, lot=lot,
        case=np.where(known, case - goods.first_case[np.maximum(lot, 0)], -1),
        device=device, channel=channel,
        loc_src=source, lat=lat, lon=lon, acc_km=radius, region=region,
        codes=naming.codes(items), devices=naming.devices(devices),
    )  # fmt: skip


def _coprime(stride: int, items: int) -> int:
    """The next number from `stride` on that shares no factor with `items`."""
    return next(n for n in count(stride) if math.gcd(n, items) == 1)


def _numbered(names: Ints) -> tuple[Ints, Ints]:
    """(distinct names in order of first appearance, number of each row's name)."""
    distinct, first, number = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return distinct[order], rank[number]


def _scrambled(numbers: Ints) -> Ints:
    """A one-to-one scrambling of 44 bits: multiplications by odd numbers and xors of high bits."""
    mask = np.uint64((1 << 44) - 1)
    x = numbers.astype(np.uint64) & mask
    for factor in (0x9E3779B97F5, 0xBF58476D1CD):
        x = ((x ^ (x >> np.uint64(23))) * np.uint64(factor)) & mask
    return (x ^ (x >> np.uint64(21))).astype(np.int64)
