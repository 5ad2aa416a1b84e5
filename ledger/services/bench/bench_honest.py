"""`touchstone bench honest`: how many honest people are warned, and how many buyers of copies.

Every scan of a world is judged in order by what the live code judges it by: the same facts of
earlier scans, the same class model, the same rules; `test_bench_honest.py` runs a world through
both. The truth serves to count, never to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ledger.detect.frame import CHANNELS, LOC_SOURCES, Bools, Ints, Scans
from ledger.domain.verdict import ChainFacts, Evidence, Outcome, Verdict, judge
from ledger.services.scan_facts import MAX_LOOKS, Look, Place, copy_factor, scan_facts, went_round

HONEST_AT_MOST = 0.002  # of honest scans are told caution or do_not_use
CAUGHT_AT_LEAST = 0.8  # of the scans of a cloned code after its tenth fake
AFTER = (5, 10, 30)
TARGET_AFTER = 10
ORIGIN_S = 1_700_000_000  # day 0 of a world, in unix seconds; any other would do
_ON_SALE = ChainFacts(active_from=1)
_WARNED = (Outcome.CAUTION, Outcome.DO_NOT_USE)


@dataclass(frozen=True)
class Marks:
    """What each scan truly is; arrays of shape (n,). copied: int64, number of fakes of its code up
    to it, itself included. people: bool, an honest scan of an issued code before any fake of it."""

    copied: Ints
    people: Bools


def moment(day: float) -> int:
    """The unix second of a day of the world."""
    return ORIGIN_S + round(day * 86_400)


def look_at(scans: Scans, row: int) -> Look:
    """A row of the frame as a stored scan."""
    region = int(scans.region[row])
    place = Place(
        LOC_SOURCES[int(scans.loc_src[row])],
        float(scans.lat[row]),
        float(scans.lon[row]),
        float(scans.acc_km[row]),
        None if region < 0 else region,
    )
    known = place.source != "none"
    device = scans.devices[int(scans.device[row])]
    return Look(moment(float(scans.day[row])), device, False, place if known else None)


def verdicts(scans: Scans) -> Iterator[tuple[int, Verdict]]:
    """(row, what its scan is told) of every scan of an issued code, code by code."""
    script = CHANNELS.index("script")
    order = np.argsort(scans.unit, kind="stable")
    order = order[scans.lot[order] >= 0]
    unit, by_script = scans.unit[order].tolist(), (scans.channel[order] == script).tolist()
    looks: list[Look] = []
    last = -1
    for code, row, silent in zip(unit, order.tolist(), by_script, strict=True):
        if code != last:
            looks, last = [], code
        now = look_at(scans, row)
        yield row, _judged(looks, now, asks=not silent)
        if not silent and len(looks) < MAX_LOOKS:
            looks.append(now)


def _judged(looks: list[Look], now: Look, *, asks: bool) -> Verdict:
    factor = copy_factor(looks, now if asks else None)
    return judge(
        Evidence(
            now.time,
            known=True,
            chain=_ON_SALE,
            scans=scan_facts(looks, now.device, now.place),
            copy_factor=factor,
            photo=went_round(looks, factor),
        )
    )


def marked(scans: Scans, truth: Mapping[str, Any]) -> Marks:
    """What the truth says of each scan.

    A scan of a copied code is a fake from the day on which copies are sold. Scans by farms and
    guessers are nobody's. truth: as a simulated world's `truth` or the file beside a folder.
    """
    codes = {code: number for number, code in enumerate(scans.codes)}
    since = np.full(len(scans.codes), np.inf)
    for group in truth["clone"]:
        for code in group["codes"]:
            if code in codes:
                since[codes[code]] = min(since[codes[code]], group["day"])
    fake = scans.day >= since[scans.unit]
    order = np.argsort(scans.unit, kind="stable")
    running = np.cumsum(fake[order])
    starts = np.searchsorted(scans.unit[order], scans.unit[order])
    copied = np.empty(len(scans), dtype=np.int64)
    copied[order] = running - (running - fake[order])[starts]
    machines = {d for kind in ("farm", "guess") for deed in truth[kind] for d in deed["devices"]}
    by_machine = np.array([device in machines for device in scans.devices], dtype=np.bool_)
    people = (copied == 0) & (scans.lot >= 0) & ~by_machine[scans.device]
    return Marks(copied, people)


def measure(scans: Scans, truth: Mapping[str, Any]) -> dict[str, Any]:
    """The bench's figures of one world.

    scans: honest ones; cautioned: of those, told caution or do_not_use. caught: share of the scans
    of cloned codes after their tenth fake that get it; caught_after: the same after the 5th, 10th
    and 30th, None where there is no such scan; fakes: how many fakes there are.
    """
    warned = np.zeros(len(scans), dtype=np.bool_)
    for row, verdict in verdicts(scans):
        warned[row] = verdict.outcome in _WARNED
    marks = marked(scans, truth)
    honest, cautioned = int(marks.people.sum()), int((warned & marks.people).sum())
    caught = {str(after): _share(warned[marks.copied > after]) for after in AFTER}
    return {
        "scans": honest,
        "cautioned": cautioned,
        "rate": round(cautioned / max(1, honest), 6),
        "fakes": int((marks.copied > 0).sum()),
        "caught": caught[str(TARGET_AFTER)],
        "caught_after": caught,
    }


def _share(warned: Bools) -> float | None:
    return round(float(warned.mean()), 4) if len(warned) else None
