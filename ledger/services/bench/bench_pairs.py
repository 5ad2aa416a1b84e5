"""Each optimisation of minting beside what it replaces, on the same codes in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from ledger.domain import code, merkle
from ledger.domain.digital_link import printed_link
from ledger.services.export import LinkLines

if TYPE_CHECKING:
    from ledger.domain.lane_codes import Encoder, LaneCodes
    from ledger.domain.lane_hashes import LaneHashes

_GTIN, _BATCH, _BASE = 9506000134352, 7, "https://id.example"
_FAST_TIMES = 8  # the fast side is over in no time: it is done so often and the shortest counts


def compare(
    key: bytes, lanes: LaneHashes | None, kernel: LaneCodes | None, codes: int, rounds: int
) -> dict[str, list[int]]:
    """Return {what: [nanoseconds a code plain, and fast]}: medians of `rounds`, one thread each.

    lanes, kernel: None where none is used; then the hashes are left out, and serials are those of
    arrays. Both sides' results are
    compared by the tests of each fast path.
    """
    indices = np.arange(codes, dtype=np.uint64)
    serials = code.encode_serials(key, 0, _GTIN, _BATCH, indices)
    if kernel is None:
        encode: Encoder = lambda _, __: code.encode_serials(key, 0, _GTIN, _BATCH, indices)  # noqa: E731
    else:
        encode = kernel.encoder(key, code.serial_tweak(_GTIN), 0, _BATCH)
    texts = [serial.decode() for serial in serials.tolist()]
    head = printed_link(_BASE, f"{_GTIN:014d}", "", False).encode()
    lines = LinkLines([(head, lambda _, __: serials)])
    memory = lines.memory(codes)
    works: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "serials": (
            lambda: [code.encode_serial(key, 0, _GTIN, _BATCH, i) for i in range(codes)],
            lambda: encode(0, codes),
        ),
        "lines": (
            lambda: [f"{printed_link(_BASE, f'{_GTIN:014d}', text, False)}\n" for text in texts],
            lambda: lines.fill(memory, 0, codes),
        ),
    }
    if lanes is not None:
        leaves = lanes.leaves(_GTIN, 0, serials)
        nodes = [row.tobytes() for row in leaves]
        works |= {
            "leaves": (
                lambda: code.leaves(_GTIN, 0, serials),
                lambda: lanes.leaves(_GTIN, 0, serials),
            ),
            "inner_leaves": (
                lambda: [
                    code.inner_commitment(i, text, code.inner_salt(key, _BATCH, i))
                    for i, text in enumerate(texts)
                ],
                lambda: lanes.commitments(key, _BATCH, 0, serials),
            ),
            "tree": (lambda: merkle.root(nodes), lambda: _fold(lanes, leaves)),
        }
    return {
        name: [
            round(median(_seconds(side, times) for _ in range(rounds)) / codes * 1e9)
            for side, times in ((plain, 1), (fast, _FAST_TIMES))
        ]
        for name, (plain, fast) in works.items()
    }


def _fold(lanes: LaneHashes, nodes: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]) -> None:
    while len(nodes) > 1:
        nodes = lanes.pairs(nodes)


def _seconds(work: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)
