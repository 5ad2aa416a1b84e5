"""Which hash functions a large batch is minted with: chosen by measuring them on this machine.

The candidates are vector kernels of several widths, if numba is installed (extra `fast`), and the
library that hashes everything else. All give the same bytes. numba compiles for a second or two, so
nothing is loaded before the first batch that is large enough to gain by it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ledger.domain import code, keccak

if TYPE_CHECKING:
    from ledger.domain.lane_codes import LaneCodes
    from ledger.domain.lane_hashes import LaneHashes

LARGE = 200_000  # codes; below, the library is done before the kernels are compiled
_WIDTHS = (8, 4)
_ROUNDS, _HASHES = 5, 4_096  # of one measurement


@dataclass(frozen=True)
class Choice:
    """What was measured (nanoseconds a hash, by candidate) and chosen; lanes: None = the library.

    codes: what encrypts serials, None = arrays; code_nanoseconds: a serial, by candidate. warmup_s:
    seconds that compiling and measuring took.
    """

    nanoseconds: dict[str, float]
    lanes: LaneHashes | None
    code_nanoseconds: dict[str, float]
    codes: LaneCodes | None
    warmup_s: float

    @property
    def name(self) -> str:
        """The chosen candidate."""
        return min(self.nanoseconds, key=self.nanoseconds.__getitem__)


@cache
def fastest() -> Choice:
    """Compile and measure the candidates; return the fastest. Once a process."""
    started = time.perf_counter()
    found = {keccak.BACKEND: library_nanoseconds()}
    kernels = _kernels()
    for kernel in kernels:
        found[f"lanes-{kernel.width}"] = lane_nanoseconds(kernel)
    best = min(found, key=found.__getitem__)
    lanes = next((kernel for kernel in kernels if f"lanes-{kernel.width}" == best), None)
    if lanes is not None:
        _compile_all(lanes)
    encoders, codes = _measure_codes(_code_kernel() if kernels else None)
    return Choice(found, lanes, encoders, codes, time.perf_counter() - started)


def for_count(count: int) -> LaneHashes | None:
    """Return the kernels for a batch of that many codes; None where the library is better."""
    return fastest().lanes if count >= LARGE else None


def codes_for(count: int) -> LaneCodes | None:
    """Return what encrypts many of a batch's codes at once, if it is compiled already: for a file
    of links alone that takes longer than it saves."""
    return fastest().codes if count >= LARGE and fastest.cache_info().currsize else None


def at_hand() -> tuple[LaneHashes | None, LaneCodes | None]:
    """Return the kernels if this process has compiled them already, whatever for."""
    return (fastest().lanes, fastest().codes) if fastest.cache_info().currsize else (None, None)


def workers() -> int:
    """Return how many threads hash side by side: the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool() -> ThreadPoolExecutor:
    """Return a pool of that many threads; the kernels let each other run."""
    return ThreadPoolExecutor(workers(), thread_name_prefix="hashing")


def library_nanoseconds() -> float:
    """Measure one hash of a pair by the library, in nanoseconds."""
    data = bytes(64)

    def work() -> None:
        for _ in range(_HASHES):
            keccak.keccak(data)

    return _best(work)


def lane_nanoseconds(kernel: LaneHashes) -> float:
    """Measure one hash by a kernel, in nanoseconds; compiles it first.

    Of leaves, two hashes each: most of a batch's hashes are such, and one width may be faster in
    pairs and slower here.
    """
    serials = np.full(_HASHES // 2, b"0" * 20, "S20")
    kernel.leaves(0, 0, serials)
    return _best(lambda: kernel.leaves(0, 0, serials))


def _best(work: Callable[[], object]) -> float:
    """Return nanoseconds a hash of the fastest round: what else runs only ever slows one down."""
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times) / _HASHES * 1e9


def _kernels() -> list[LaneHashes]:
    try:
        from ledger.domain.lane_hashes import compile_hashes
    except ImportError:
        return []
    return [compile_hashes(width) for width in _WIDTHS]


def _code_kernel() -> LaneCodes | None:
    from ledger.domain import lane_codes

    blocks = lane_codes.available()
    return lane_codes.compile_codes(blocks) if blocks else None


def _measure_codes(kernel: LaneCodes | None) -> tuple[dict[str, float], LaneCodes | None]:
    key, indices = bytes(32), np.arange(_HASHES, dtype=np.uint64)
    found = {"arrays": _best(lambda: code.encode_serials(key, 0, 0, 0, indices))}
    if kernel is None:
        return found, None
    encode = kernel.encoder(key, code.serial_tweak(0), 0, 0)
    encode(0, _HASHES)
    name = f"aes-{kernel.blocks}"
    found[name] = _best(lambda: encode(0, _HASHES))
    return found, kernel if found[name] < found["arrays"] else None


def _compile_all(lanes: LaneHashes) -> None:
    lanes.pairs(np.zeros((2, 4), np.uint64))
    lanes.commitments(bytes(32), 0, 0, np.full(1, b"0" * 20, "S20"))
