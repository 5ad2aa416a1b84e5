"""Which copy of a list of codes a leaked list was taken from, without a mark on any code.

A package is made from a pool of more codes than it holds. Each copy of it leaves out other codes
of the pool (its *spare* codes) and has its rows in another order, both by a key of its own. Rows
that were shuffled or cut away cannot hide which codes are never among them; rows in their order
name the copy when there are only a few.

The key is 32 random bytes kept by who makes the packages: a copy's holder sees neither the spare
codes nor another copy, so he can neither remove his mark nor leave another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, log1p

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

SPARE = 256
"""Codes of the pool that a copy leaves out. A tenth of a list of 1,000 rows or more then holds
some 20 of the codes that another copy has left out."""

STRAY = 0.01
"""Share of a leaked list's rows that may come from anywhere in the pool: typing errors, other
lists, rows added to mislead."""

DISORDER = 0.02
"""Share of neighbouring rows that may stand the other way round in a list that was not shuffled."""

Ranks = NDArray[np.int64]


@dataclass(frozen=True)
class Suspect:
    """How well one copy explains a leaked list. name: None stands for no copy at all.

    probability: after the list, all copies and "none of them" being equally likely before.
    missing: rows that this copy never held. log_evidence: natural logarithm of how much likelier
    the list is under this copy than as a random sample of the pool.
    """

    name: str | None
    probability: float
    missing: int
    log_evidence: float


def ranks(key: bytes, pool: int) -> Ranks:
    """Return the place of each code of the pool in one copy's order, shape (pool,).

    A copy of `rows` codes holds those with a place below `rows`, in the order of their places.
    key: 32 bytes. The places are those of the pool's 64-bit words of AES-256-CTR under the key,
    sorted: the same on every machine and in every version.
    """
    stream = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
    words = np.frombuffer(stream.update(bytes(8 * pool)), dtype="<u8")
    places = np.empty(pool, np.int64)
    places[np.argsort(words, kind="stable")] = np.arange(pool)
    return places


def rows_of(key: bytes, pool: int, rows: int) -> Ranks:
    """Return the codes of a copy as indices of the pool, in the copy's order, shape (rows,).

    Raises ValueError when the pool has fewer codes than rows.
    """
    if not 0 < rows <= pool:
        raise ValueError(f"a pool of {pool} codes has no {rows} rows")
    return np.argsort(ranks(key, pool), kind="stable")[:rows]


def suspects(
    leaked: Sequence[int] | Ranks, copies: Mapping[str, bytes], pool: int, rows: int
) -> list[Suspect]:
    """Return all copies and None, the likeliest first. leaked: indices of the pool as they stand.

    copies: name -> key, all of `rows` codes of the same pool. Each row of a leaked list is from
    the copy with probability 1 - STRAY, else from anywhere in the pool; the list is in the copy's
    order or shuffled with equal probability, judged by its 1st and 2nd row, 3rd and 4th, and so on,
    which are independent of each other in a shuffled list.
    """
    found = np.asarray(leaked, np.int64)
    found = found[np.sort(np.unique(found, return_index=True)[1])]  # a row said twice says no more
    evidence: dict[str | None, tuple[int, float]] = {None: (0, 0.0)}
    for name, key in copies.items():
        places = ranks(key, pool)[found]
        missing = int(np.count_nonzero(places >= rows))
        evidence[name] = (
            missing,
            _held(len(found), missing, pool, rows) + _ordered(places),
        )
    best = max(total for _, total in evidence.values())
    mass = sum(exp(total - best) for _, total in evidence.values())
    told = [
        Suspect(name, exp(total - best) / mass, missing, total)
        for name, (missing, total) in evidence.items()
    ]
    return sorted(told, key=lambda suspect: -suspect.log_evidence)


def _held(count: int, missing: int, pool: int, rows: int) -> float:
    """Log-likelihood of which codes are in the list, against a random sample of the pool."""
    inside = log((1 - STRAY) * pool / rows + STRAY)
    return (count - missing) * inside + missing * log(STRAY)


def _ordered(places: Ranks) -> float:
    """Log-likelihood of the order of the rows, against a shuffled list."""
    pairs = len(places) // 2
    rising = int(np.count_nonzero(places[0 : 2 * pairs : 2] < places[1 : 2 * pairs : 2]))
    kept = rising * log(2 * (1 - DISORDER)) + (pairs - rising) * log(2 * DISORDER)
    # log(½ + ½·e^kept), without leaving the range of a float
    return max(0.0, kept) + log1p(exp(-abs(kept))) - log(2)
