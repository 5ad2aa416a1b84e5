"""Run the detectors over a folder of scans: the same code that runs live, on stored files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from ledger.detect import Finding, detect
from ledger.errors import Rejected
from ledger.services.world_files import read_world


@dataclass(frozen=True)
class Backtest:
    """What a run found, with the size of what it read."""

    scans: int
    lots: int
    findings: tuple[Finding, ...]


def run_backtest(folder: Path, *, fdr: float) -> Backtest:
    """Read lots, custody and events of a folder (and no other file) and detect.

    Raises Rejected BAD_WORLD on a bad file, BAD_FDR unless 0 < fdr < 1.
    """
    if not 0 < fdr < 1:
        raise Rejected("BAD_FDR", "The rate of false alerts must be above 0 and below 1.")
    scans, lots, custody = read_world(folder)
    return Backtest(len(scans), len(lots), tuple(detect(scans, lots, custody, fdr=fdr)))


def write_alerts(findings: tuple[Finding, ...], out: Path) -> None:
    """One JSON object a line, in order of day. Raises Rejected BAD_OUT."""
    lines = [orjson.dumps(finding.line(), option=orjson.OPT_APPEND_NEWLINE) for finding in findings]
    try:
        out.write_bytes(b"".join(lines))
    except OSError as error:
        raise Rejected("BAD_OUT", f"{out} cannot be written: {error.strerror}.") from error
