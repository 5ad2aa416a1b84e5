"""`touchstone bench attack`: what finds which attack, and at what price in false alerts.

Ours at stated rates, beside the rules that are sold today (`rival_rules`). Those have numbers to
choose: they are chosen on worlds of some seeds, for the most recall at a precision of PRECISION,
and reported on worlds of other seeds. Ours is reported as it comes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ledger.detect import detect
from ledger.services.bench import rival_rules as rules
from ledger.services.worlds.simulator import ATTACKS, Settings, World, simulate

LEVELS = (0.01, 0.05, 0.1, 0.2, 0.5)
STATED = 0.05
PRECISION = 0.9  # that a rule is chosen for
LOOKS_BACK = (1.0, 7.0, 30.0, 90.0)  # times a rule may look back
POINTS = 40  # of a curve
# A deed counts towards recall from so many scanned items (cell) or fakes (code) on.
FEWEST = {"diversion": 10, "mixed": 10, "collusive": 10, "lying": 10, "adaptive": 3, "split": 3,
          "clone": 3, "refill": 2, "leak": 2}  # fmt: skip
KINDS = {"cell": ("diversion",), "code": ("clone",), "device": ("farm", "guess")}
REGION_SPAN = 4096

Keys = frozenset[int]
Scores = Mapping[int, float]


@dataclass(frozen=True)
class Rule:
    """A rule that is sold: its name, the days it looks back (0: no matter), and its scores."""

    name: str
    days: float
    scores: Callable[[World, rules.Keyed, float], Scores]


@dataclass(frozen=True)
class Point:
    """Alerts at one threshold: how many, how many of them right, and the share of deeds found."""

    at: float
    alerts: int
    right: int
    recall: float

    @property
    def precision(self) -> float | None:
        """Share of the alerts that were right; None without alerts."""
        return self.right / self.alerts if self.alerts else None


@dataclass(frozen=True)
class Line:
    """What one method does: chosen is where it would be run; curve has its other thresholds.

    days: how far back the chosen rule looks.
    """

    name: str
    chosen: Point
    curve: tuple[Point, ...]
    days: float = 0.0


@dataclass(frozen=True)
class Result:
    """One attack: what could be found in all reported worlds, and what each method found."""

    attack: str
    wanted: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Case:
    """A world with one attack: its truth by keys, and the scans by what rules count under."""

    world: World
    right: Keys  # every alert on these is right
    wanted: Keys  # those that count towards recall
    by: rules.Keyed


def run(
    attack: str,
    scans: int,
    tune: Sequence[int],
    report: Sequence[int],
    tick: Callable[[], None] = lambda: None,
) -> Result:
    """Measure one attack. tune, report: seeds. tick: called after each world."""
    chosen: dict[str, tuple[Rule, float]] = {}
    tuning = [_case(attack, seed, scans, tick) for seed in tune]
    for name in {rule.name for rule in _rules(attack)}:
        chosen[name] = _choose([r for r in _rules(attack) if r.name == name], tuning)
    reported = [_case(attack, seed, scans, tick) for seed in report]
    lines = [_ours(attack, reported)]
    for name in sorted(chosen):
        rule, at = chosen[name]
        scores = [rule.scores(case.world, case.by, rule.days) for case in reported]
        curve = tuple(_point(reported, scores, each) for each in _thresholds(scores))
        lines.append(Line(name, _point(reported, scores, at), curve, rule.days))
    return Result(attack, sum(len(case.wanted) for case in reported), tuple(lines))


def _case(attack: str, seed: int, scans: int, tick: Callable[[], None]) -> _Case:
    world = simulate(seed, Settings(scans=scans), [attack])
    sign = ATTACKS[attack].sign
    right, wanted = _truth(world, attack, sign)
    key, counts = world.scans.unit, world.scans.lot >= 0
    if sign == "device":
        key, counts = world.scans.device, np.ones(len(world.scans), dtype=np.bool_)
    elif sign == "cell":
        lot = np.maximum(world.scans.lot, 0)
        key = lot * REGION_SPAN + world.scans.region
        counts = counts & ~world.lots.territory[lot, world.scans.region]
    tick()
    return _Case(world, right, wanted, rules.keyed(world.scans, key, counts))


def _truth(world: World, attack: str, sign: str) -> tuple[Keys, Keys]:
    """Keys of all deeds, and of those large enough to be asked for."""
    fewest = FEWEST.get(attack, 1)
    sizes: dict[int, int] = {}
    devices = {name: number for number, name in enumerate(world.scans.devices)}
    codes = {name: number for number, name in enumerate(world.scans.codes)}
    for deed in world.deeds:
        if sign == "cell":
            key = deed["lot"] * REGION_SPAN + deed["region"]
            made = deed["scanned_items"] + deed.get("dropped_scans", 0)
            sizes[key] = sizes.get(key, 0) + made
        elif sign == "code":
            for code, fakes in zip(deed["codes"], deed["scans"], strict=True):
                if fakes:
                    sizes[codes[code]] = sizes.get(codes[code], 0) + fakes
        else:
            sizes |= {devices[name]: 1 for name in deed["devices"] if name in devices}
    return frozenset(sizes), frozenset(key for key, size in sizes.items() if size >= fewest)


def _rules(attack: str) -> list[Rule]:
    """The rules that could be set against an attack, by every time that they may look back."""
    sign = ATTACKS[attack].sign
    if sign == "cell":
        return [
            *(Rule("count", days, lambda _, by, d: rules.count(by, d)) for days in LOOKS_BACK),
            Rule("radius", 0, lambda world, by, _: rules.beyond(by, world.scans, world.lots)),
        ]
    others = sign == "code"
    return [
        *(Rule("count", days, lambda _, by, d: rules.count(by, d)) for days in LOOKS_BACK),
        *(
            Rule("radius", days, lambda world, by, d: rules.radius(by, world.scans, d))
            for days in LOOKS_BACK
        ),
        Rule("speed", 0, lambda world, by, _: rules.speed(by, world.scans, others=others)),
    ]


def _choose(candidates: Sequence[Rule], cases: Sequence[_Case]) -> tuple[Rule, float]:
    """The time and the threshold with the most recall at PRECISION; if none has that, those with
    the highest precision."""
    best: tuple[tuple[bool, float, float], Rule, float] | None = None
    for rule in candidates:
        scores = [rule.scores(case.world, case.by, rule.days) for case in cases]
        for at in _thresholds(scores):
            point = _point(cases, scores, at)
            precise = point.precision or 0.0
            good = precise >= PRECISION
            rank = (good, point.recall if good else precise, precise)
            if point.recall > 0 and (best is None or rank > best[0]):
                best = rank, rule, at
    return (best[1], best[2]) if best else (candidates[0], float("inf"))


def _thresholds(scores: Sequence[Scores]) -> list[float]:
    """Thresholds to try: values that occur, evenly by rank, more of them where few pass."""
    values = np.unique([value for each in scores for value in each.values()])
    values = values[values > 0][::-1]
    if len(values) <= POINTS:
        return [float(value) for value in values]
    ranks = np.unique(np.geomspace(1, len(values), POINTS).astype(np.int64)) - 1
    return [float(value) for value in values[ranks]]


def _point(cases: Sequence[_Case], scores: Sequence[Scores], at: float) -> Point:
    said = [{k for k, value in each.items() if value >= at} for each in scores]
    return _counted(cases, said, at)


def _counted(cases: Sequence[_Case], said: Sequence[Collection[int]], at: float) -> Point:
    """Alerts on keys, pooled over worlds."""
    pairs = list(zip(cases, map(set, said), strict=True))
    wanted = sum(len(case.wanted) for case in cases)
    found = sum(len(case.wanted & keys) for case, keys in pairs)
    return Point(
        at,
        alerts=sum(len(keys) for _, keys in pairs),
        right=sum(len(case.right & keys) for case, keys in pairs),
        recall=found / wanted if wanted else 0.0,
    )


def _ours(attack: str, cases: Sequence[_Case]) -> Line:
    curve = []
    for level in LEVELS:
        said = [_alerted(case.world, ATTACKS[attack].sign, level) for case in cases]
        curve.append(_counted(cases, said, level))
    return Line("ours", next(point for point in curve if point.at == STATED), tuple(curve))


def _alerted(world: World, sign: str, level: float) -> set[int]:
    """Keys that our detectors name at a stated rate."""
    found = detect(world.scans, world.lots, world.custody, fdr=level, kinds=KINDS[sign])
    if sign == "cell":
        return {(f.lot or 0) * REGION_SPAN + (f.region or 0) for f in found}
    numbers: Sequence[str] = world.scans.codes if sign == "code" else world.scans.devices
    names = {name: number for number, name in enumerate(numbers)}
    if sign == "code":
        return {names[f.code] for f in found if f.code is not None}
    return {names[device] for f in found for device in f.devices}


def told(result: Result) -> dict[str, Any]:
    """A result as JSON values."""
    return {
        "attack": result.attack,
        "sign": ATTACKS[result.attack].sign,
        "wanted": result.wanted,
        "methods": {
            line.name: {**_figures(line.chosen), "days": line.days,
                        "curve": [_figures(point) for point in line.curve]}
            for line in result.lines
        },
    }  # fmt: skip


def _figures(point: Point) -> dict[str, Any]:
    precision = point.precision
    return {
        "at": float(f"{point.at:.4g}") if math.isfinite(point.at) else None,  # None: never fires
        "alerts": point.alerts,
        "false": point.alerts - point.right,
        "precision": None if precision is None else round(precision, 4),
        "recall": round(point.recall, 4),
    }
