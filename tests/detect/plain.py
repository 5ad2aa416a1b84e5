"""The evidence of a cell by its definition: slow, from the raw scans, sharing no code with the fast
path but its constants."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from ledger.detect import case_table, cell, gifts, lot_count, runs
from tests.detect.frames import Row
from tests.detect.honest import HOME

SOURCES = ("gps", "ip_fixed", "ip_mobile", "none")


def plain_log_e(
    rows: list[Row], cases: int, per_pallet: int, region: int, *, whole: bool = False
) -> float:
    """ln E after the last of `rows` (in order of day; each a new item and device; none is busy or a
    farm's; the last one opens or joins a group). whole: over all runs, not only those of the last
    group's case."""
    groups: list[dict[str, Any]] = []
    scanned = [lot_count.SOURCE_WEIGHT] * 4
    outside = [lot_count.SOURCE_WEIGHT * share for share in lot_count.OUTSIDE]
    missed: dict[int, list[int]] = {}
    last = 0
    for number, row in enumerate(rows):
        source = SOURCES.index(row.source)
        scanned[source] += 1
        outside[source] += row.region != HOME
        if row.region != region:
            missed[row.case] = [*missed.get(row.case, []), source]
            continue
        open_ = [g for g in groups if row.day - g["start"] <= gifts.GIFT_DAYS]
        near = [g for g in open_ if abs(g["case"] - row.case) <= gifts.GIFT_CASES]
        if near:
            if near[0]["last"] != int(row.day):
                near[0].update(last=int(row.day), size=near[0]["size"] + 1)
                last = int(near[0]["case"])
            continue
        burst = [g for g in open_ if abs(g["case"] - row.case) <= gifts.BURST_CASES]
        if any(g["last"] == int(row.day) for g in burst):
            continue
        before = rows[: number + 1]
        late = int(row.day) - lot_count.RECENT_DAYS
        rate = (len(groups) + 1) / (len(before) + 20)
        recent = [g for g in groups if g["start"] >= row.day - lot_count.RECENT_DAYS]
        of_late = sum(int(one.day) >= late for one in before)
        late_rate = (len(recent) + 1) / (of_late + 1 / rate)
        lift = outside[source] / scanned[source] * sum(scanned) / sum(outside)
        then = [g["spoken"] for g in groups[-cell.WAVE :]]
        wave = (cell.WAVE + 1) / max(cell.WAVE + 1, len(before) - then[0]) if len(then) > 2 else 0.0
        groups.append(
            {"spoken": len(before), "wave": math.log(max(1.0, wave / max(rate, late_rate))),
             "case": row.case, "start": row.day, "last": int(row.day), "size": 1, "source": source,
             "rate": min(0.9, cell.SAFETY * max(rate, late_rate) * lift),
             "before": tuple(missed.get(row.case, ())),
             "strangers": 3 * (2 + 1.5 * len(open_)) / cases}
        )  # fmt: skip
        last = row.case
    pairs = list(product(range(len(lot_count.MISSED)), range(len(gifts.BETS))))
    worth = [[_case(rows, groups, c, region, pair) for c in range(cases)] for pair in pairs]
    by_runs = sum(
        prior * math.exp(sum(values[start:stop]))
        for values in worth
        for start, stop, prior in _runs(cases, per_pallet)
        if whole or start <= last < stop
    ) / len(pairs)
    single = 0.0
    for (alternative, _), values in zip(pairs, worth, strict=True):
        for part in case_table.RETURNS:
            total = 1.0
            for case in {int(g["case"]) for g in groups}:
                first = next(g for g in groups if g["case"] == case)
                log = [math.log(float(lot_count.MISSED[alternative, s])) for s in first["before"]]
                left = part * math.exp(sum(log))
                stake = left / (1 - part + left)
                since = values[case] - _gain(first, alternative) - sum(log)
                total *= 1 - stake + stake * math.exp(since)
            single += total / len(case_table.RETURNS) / len(pairs) / 2
        for part in lot_count.SCATTERED:
            total = 1.0
            for case, value in enumerate(values):
                wave = sum(g["wave"] for g in groups if g["case"] == case)
                total *= 1 - part + part * math.exp(value - wave)
            single += total / len(lot_count.SCATTERED) / len(pairs) / 2
    return math.log(by_runs / 2 + single / 2)


def _gain(group: dict[str, Any], alternative: int) -> float:
    missed = float(lot_count.MISSED[alternative, int(group["source"])])
    return math.log((1 - missed) / group["rate"])


def _case(
    rows: list[Row], groups: list[dict[str, Any]], case: int, region: int, pair: tuple[int, int]
) -> float:
    alternative, bet = pair
    log = 0.0
    for row in rows:
        if row.case == case and row.region != region:
            log += math.log(float(lot_count.MISSED[alternative, SOURCES.index(row.source)]))
    for group in groups:
        if group["case"] == case:
            crowd = min(c for c in gifts.CROWDS if c >= group["strangers"])
            evidence = gifts.gift_evidence(crowd)[bet, min(int(group["size"]), 10)]
            log += _gain(group, alternative) + math.log(evidence)
    return log


def _runs(cases: int, per_pallet: int) -> list[tuple[int, int, float]]:
    starts = range(0, cases, per_pallet)
    found = [(s, min(s + per_pallet, cases), runs.PALLETS / len(starts)) for s in starts]
    lengths = runs.run_lengths(cases)
    for length in lengths:
        first = range(0, cases - length + 1, max(1, length // runs.STEPS))
        share = (1 - runs.PALLETS) / len(lengths) / len(first)
        found += [(start, start + length, share) for start in first]
    return found
