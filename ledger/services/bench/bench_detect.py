"""`touchstone bench detect`: scans a second through all detectors, and the memory it takes.

Measured in a process of its own, so that what made the world is not counted. Beside each run a
yardstick: the same columns sorted by code, device and time by numpy, which any detector must do at
least once.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ledger.detect import detect
from ledger.detect.frame import Custody, Lots, Scans
from ledger.errors import Broken
from ledger.services.worlds.backtest import uncollected

FDR = 0.05
SCANS_PER_SECOND = 100_000  # at least
PEAK_RSS_MB = 2048  # at most


@dataclass(frozen=True)
class Run:
    """One run: seconds of detection and of the yardstick, and how many findings there were."""

    seconds: float
    yardstick: float
    findings: int


@dataclass(frozen=True)
class Measured:
    """All runs over one world, and the most memory its process ever held."""

    scans: int
    runs: tuple[Run, ...]
    peak_rss_mb: float


def measure(scans: Scans, lots: Lots, custody: Custody, runs: int, directory: Path) -> Measured:
    """Detect `runs` times in a new process. directory: for the world on its way there.

    Raises Broken BENCH_FAILED if that process ends without a result.
    """
    path = directory / "world.npz"
    save(path, scans, lots, custody)
    command = [sys.executable, "-m", "ledger.services.bench.bench_detect", str(path), str(runs)]
    done = subprocess.run(  # noqa: S603 (our own command, no shell)
        command, stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise Broken("BENCH_FAILED", "The process that detects ended early: report this.")
    found = orjson.loads(done.stdout)
    return Measured(len(scans), tuple(Run(*run) for run in found["runs"]), found["peak_rss_mb"])


def save(path: Path, scans: Scans, lots: Lots, custody: Custody) -> None:
    """Keep a world as numpy columns."""
    columns: dict[str, Any] = {}
    for part in (scans, lots, custody):
        for field in fields(part):
            if (column := getattr(part, field.name)) is not None:
                columns[f"{type(part).__name__}.{field.name}"] = np.asarray(column)
    np.savez(path, **columns)


def load(path: Path) -> tuple[Scans, Lots, Custody]:
    """Read what `save` kept."""
    with np.load(path) as columns:

        def read(kind: type[Any]) -> Any:
            names = {f.name: f"{kind.__name__}.{f.name}" for f in fields(kind)}
            found = {field: columns[name] for field, name in names.items() if name in columns}
            for field in {"codes", "devices"} & found.keys():
                found[field] = found[field].tolist()
            return kind(**found)

        return read(Scans), read(Lots), read(Custody)


def _work(path: Path, runs: int) -> bytes:
    """What the process that is measured does, as JSON."""
    scans, lots, custody = load(path)
    done = [_run(scans, lots, custody) for _ in range(runs)]
    return orjson.dumps({"runs": done, "peak_rss_mb": peak_rss_mb()})


def peak_rss_mb() -> float:
    """Return the most memory that this process ever held, in MiB.

    Linux counts its parent's into `ru_maxrss`, but not into `VmHWM`.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _run(scans: Scans, lots: Lots, custody: Custody) -> tuple[float, float, int]:
    """The fields of a Run."""
    started = time.perf_counter()
    np.lexsort((scans.day, scans.device, scans.unit))
    sorted_at = time.perf_counter()
    with uncollected():
        found = detect(scans, lots, custody, fdr=FDR)
    return time.perf_counter() - sorted_at, sorted_at - started, len(found)


if __name__ == "__main__":
    sys.stdout.buffer.write(_work(Path(sys.argv[1]), int(sys.argv[2])))
