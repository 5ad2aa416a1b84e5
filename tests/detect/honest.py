"""One lot of goods that nobody diverts, with its gifts and travellers, scan by scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ledger.detect.gifts import GIFT_TAIL
from tests.detect.frames import Row

HOME, AWAY = 0, 5


@dataclass(frozen=True)
class Habits:
    """How a lot lives. cases of 24 items. scanned: part of the items that ever speak. leak: gifts
    to the region AWAY for each item sold. gifts: how much likelier than GIFT_TAIL says a gift of
    more than one is (at most 1: the null holds). jump: from the middle of the time on the leak is
    so many times higher. stores: cases that are sold at about the same time. second: part of the
    items that a second phone scans some days later. visitors: part of the items of the first two
    stores that people from AWAY buy and scan one by one. mistaken: part of the scans of the first
    six stores, in a place with mobile networks only, that are taken to come from AWAY."""

    cases: int = 120
    scanned: float = 0.25
    leak: float = 0.01
    gifts: float = 1.0
    jump: float = 1.0
    stores: int = 4
    days: float = 120.0
    second: float = 0.0
    visitors: float = 0.0
    mistaken: float = 0.0


def honest_rows(rng: np.random.Generator, habits: Habits) -> list[Row]:
    """Scans of the lot by strangers to each other, in no order."""
    rows: list[Row] = []
    opened = rng.uniform(0, habits.days, -(-habits.cases // habits.stores))
    for case in range(habits.cases):
        sold = opened[case // habits.stores] + rng.exponential(15.0, 24)
        for item in np.flatnonzero(rng.random(24) < habits.scanned).tolist():
            day = float(sold[item])
            if case < 2 * habits.stores and habits.visitors and rng.random() < habits.visitors:
                rows.append(_row(rows, day, case, AWAY))
                continue
            leak = habits.leak * (habits.jump if day > habits.days / 2 else 1.0)
            if rng.random() >= leak:
                rows.append(_row(rows, day, case, HOME))
                continue
            tail = np.array(GIFT_TAIL[1:]) * habits.gifts
            size = 1 + int(np.sum(rng.random() < tail))
            for _ in range(size):
                beside = min(habits.cases - 1, case + int(rng.integers(2)))
                rows.append(_row(rows, day + float(rng.exponential(3.0)), beside, AWAY))
    if habits.mistaken:
        rows = [_mobile(rng, row, habits) if row.case < 6 * habits.stores else row for row in rows]
    again = np.flatnonzero(rng.random(len(rows)) < habits.second).tolist()
    return rows + [
        replace(rows[at], day=rows[at].day + 1 + float(rng.exponential(4.0)), device=f"friend{at}")
        for at in again
    ]


def diverted_rows(
    rng: np.random.Generator, cases: list[int], items: int, days: float, start: float = 30.0
) -> list[Row]:
    """Items of some cases, sold AWAY and scanned by as many strangers."""
    return [
        Row(start + float(rng.uniform(0, days)), cases[int(rng.integers(len(cases)))],
            f"buyer{i}", f"sold{i}", region=AWAY)
        for i in range(items)
    ]  # fmt: skip


def farm_rows(first: int) -> list[Row]:
    """Items of three cases from `first` on that never left their boxes, nine a day for eight days,
    scanned AWAY within minutes by phones that scan two each."""
    return [
        Row(60 + item // 9 + item % 9 / 1440, first + item % 3, f"bot{item // 2}", f"boxed{item}",
            region=AWAY)
        for item in range(72)
    ]  # fmt: skip


def _mobile(rng: np.random.Generator, row: Row, habits: Habits) -> Row:
    region = AWAY if rng.random() < habits.mistaken else row.region
    return replace(row, source="ip_mobile", region=region)


def _row(rows: list[Row], day: float, case: int, region: int) -> Row:
    name = f"guest{len(rows)}"
    return Row(day, case, name, name, region=region)
