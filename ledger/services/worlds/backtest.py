"""Run the detectors over a folder of scans: the same code that runs live, on stored files."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson

from ledger.detect import Finding, Lots, Scans, detect
from ledger.detect.frame import Bools
from ledger.errors import Rejected
from ledger.services.worlds.stated_places import MISPLACED
from ledger.services.worlds.world_files import GAP, read_world


@dataclass(frozen=True)
class Backtest:
    """What a run found, with the size of what it read and what of it was set aside, by reason."""

    scans: int
    lots: int
    findings: tuple[Finding, ...]
    aside: Mapping[str, int]


def run_backtest(folder: Path, *, fdr: float) -> Backtest:
    """Read lots, custody and events of a folder (and no other file) and detect.

    Raises Rejected BAD_WORLD on a bad file, BAD_FDR unless 0 < fdr < 1.
    """
    if not 0 < fdr < 1:
        raise Rejected("BAD_FDR", "The rate of false alerts must be above 0 and below 1.")
    with uncollected():
        scans, lots, custody = read_world(folder)
        kept, aside = set_aside(scans, lots)
        return Backtest(len(scans), len(lots), tuple(detect(kept, lots, custody, fdr=fdr)), aside)


@contextmanager
def uncollected() -> Iterator[None]:
    """Do without the cyclic garbage collector: a world has no cycles, and to look for them among
    millions of objects again and again takes a fifth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def set_aside(scans: Scans, lots: Lots) -> tuple[Scans, dict[str, int]]:
    """Leave out the rows that cannot be true, and count what is left out, by reason.

    repeated: the same device, code and instant as an earlier row. contradicted: another lot or case
    than the code's first row has. future: after GAP days without a scan, with all that follow.
    Counted too, and kept, since detectors use them only where they can: misplaced (the location
    contradicts the region; neither is used), no_place (no region) and no_case (none, or none of its
    lot).
    """
    first = np.unique(scans.unit, return_index=True)[1]
    lot, case = np.zeros((2, len(scans.codes)), dtype=np.int64)
    lot[scans.unit[first]], case[scans.unit[first]] = scans.lot[first], scans.case[first]
    contradicted = (scans.lot != lot[scans.unit]) | (scans.case != case[scans.unit])
    future = np.zeros(len(scans), dtype=np.bool_)
    gaps = np.flatnonzero(np.diff(scans.day) > GAP)
    if len(gaps):
        future[gaps[0] + 1 :] = True
    repeated = _repeated(scans)
    known = scans.lot >= 0
    count = lots.cases()[np.where(known, scans.lot, 0)] if len(lots) else 0
    counts = {
        "repeated": repeated,
        "contradicted": contradicted & ~repeated,
        "future": future & ~repeated & ~contradicted,
        "misplaced": scans.region == MISPLACED,
        "no_place": (scans.region < 0) & (scans.region != MISPLACED),
        "no_case": known & ((scans.case < 0) | (scans.case >= count)),
    }
    left_out = repeated | contradicted | future
    kept = scans.take(~left_out) if left_out.any() else scans
    kept = replace(kept, region=np.maximum(kept.region, -1))
    return kept, {reason: int(np.count_nonzero(rows)) for reason, rows in counts.items()}


def _repeated(scans: Scans) -> Bools:
    """Which rows repeat an earlier one: rows of one instant stand together, in order of day."""
    same = np.zeros(len(scans), dtype=np.bool_)
    instants = np.flatnonzero(np.diff(scans.day) == 0)
    rows = np.union1d(instants, instants + 1)
    key = np.stack([scans.day[rows], scans.unit[rows], scans.device[rows]])
    first = np.unique(key, axis=1, return_index=True)[1]
    same[rows] = True
    same[rows[first]] = False
    return same


def write_alerts(findings: tuple[Finding, ...], out: Path) -> None:
    """One JSON object a line, in order of day. Raises Rejected BAD_OUT."""
    lines = [orjson.dumps(finding.line(), option=orjson.OPT_APPEND_NEWLINE) for finding in findings]
    try:
        out.write_bytes(b"".join(lines))
    except OSError as error:
        raise Rejected("BAD_OUT", f"{out} cannot be written: {error.strerror}.") from error
