"""A leaked list names the copy that it was taken from, and says how sure that is."""

from __future__ import annotations

from math import comb, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.watermark import SPARE, STRAY, ranks, rows_of, suspects

ROWS = 1_000
POOL = ROWS + SPARE
COPIES = {f"copy {n}": bytes([n]) * 32 for n in range(20)}


def leak(name: str, share: float, seed: int, shuffled: bool = True) -> np.ndarray:
    """A part of a copy, in its order or shuffled."""
    rng = np.random.default_rng(seed)
    rows = rows_of(COPIES[name], POOL, ROWS)
    kept = np.sort(rng.choice(ROWS, round(share * ROWS), replace=False))
    return rng.permutation(rows[kept]) if shuffled else rows[kept]


def test_ranks_are_what_they_were() -> None:
    """Lists that were handed out long ago can still be named: frozen."""
    assert ranks(bytes(range(32)), 8).tolist() == [6, 3, 7, 1, 5, 4, 0, 2]


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 400), st.integers(0, 100))
def test_a_copy_holds_rows_of_the_pool_once(key: bytes, rows: int, spare: int) -> None:
    """As many different codes as were asked for, and the order is that of their places."""
    pool = rows + spare
    held = rows_of(key, pool, rows)
    assert len(set(held.tolist())) == rows
    assert ranks(key, pool)[held].tolist() == list(range(rows))
    assert sorted(ranks(key, pool).tolist()) == list(range(pool))


@pytest.mark.parametrize("seed", range(20))
def test_a_shuffled_tenth_names_its_copy(seed: int) -> None:
    """Among twenty copies, with a certainty that leaves no other."""
    name = f"copy {seed}"
    first, second, *_ = suspects(leak(name, 0.1, seed), COPIES, POOL, ROWS)
    assert (first.name, first.missing) == (name, 0)
    assert first.probability > 0.999_999
    assert second.probability < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_thirty_rows_in_their_order_name_their_copy(seed: int) -> None:
    """Too few to tell by what is missing alone."""
    name = f"copy {seed}"
    first, *_ = suspects(leak(name, 0.03, seed, shuffled=False), COPIES, POOL, ROWS)
    assert first.name == name
    assert first.probability > 0.99


@pytest.mark.parametrize("seed", range(10))
def test_rows_added_to_mislead_do_not(seed: int) -> None:
    """One row in fifty from elsewhere in the pool leaves the copy named."""
    rng = np.random.default_rng(seed)
    rows = leak("copy 3", 0.5, seed)
    rows[rng.random(len(rows)) < 0.02] = rng.integers(0, POOL)
    assert suspects(rows, COPIES, POOL, ROWS)[0].name == "copy 3"


@pytest.mark.parametrize("seed", range(20))
def test_a_list_from_elsewhere_names_nobody(seed: int) -> None:
    """A sample of the pool that no copy was."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(POOL, 200, replace=False)
    first, *_ = suspects(rows, COPIES, POOL, ROWS)
    assert first.name is None
    assert first.probability > 0.999


def test_what_is_not_enough_is_said_to_be() -> None:
    """One row tells hardly anything: no copy is named with certainty."""
    told = suspects(leak("copy 0", 0.001, 0), COPIES, POOL, ROWS)
    assert max(suspect.probability for suspect in told) < 0.2
    assert sum(suspect.probability for suspect in told) == pytest.approx(1)
    assert suspects([], COPIES, POOL, ROWS)[0].probability == pytest.approx(1 / 21)


def test_a_row_said_twice_says_no_more() -> None:
    """Copies of rows within the leaked list change nothing."""
    rows = leak("copy 5", 0.05, 1)
    once = suspects(rows, COPIES, POOL, ROWS)
    assert suspects(np.concatenate([rows, rows]), COPIES, POOL, ROWS) == once


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 39), unique=True, max_size=12), st.integers(1, 3))
def test_the_evidence_is_that_of_the_model(rows: list[int], copies: int) -> None:
    """Against the likelihood ratio written out row by row."""
    pool, held = 40, 30
    keys = {str(n): bytes([n]) * 32 for n in range(copies)}
    for suspect in suspects(rows, keys, pool, held):
        if suspect.name is None:
            assert suspect.log_evidence == 0
            continue
        places = ranks(keys[suspect.name], pool)[rows]
        ratio = 1.0
        for place in places:
            inside = (1 - STRAY) / held if place < held else 0.0
            ratio *= (inside + STRAY / pool) / (1 / pool)
        pairs = [(places[i], places[i + 1]) for i in range(0, len(places) - 1, 2)]
        order = 1.0
        for a, b in pairs:
            order *= 0.98 if a < b else 0.02
        ratio *= (0.5 * 0.5 ** len(pairs) + 0.5 * order) / 0.5 ** len(pairs)
        assert suspect.log_evidence == pytest.approx(log(ratio))


def test_the_stated_certainty_is_kept() -> None:
    """Of lists of 15 rows, those named with at least 90 % are wrong no oftener than one in ten."""
    named, wrong = 0, 0
    for seed in range(300):
        name = f"copy {seed % 20}"
        first, *_ = suspects(leak(name, 0.015, seed), COPIES, POOL, ROWS)
        if first.probability >= 0.9:
            named += 1
            wrong += first.name != name
    assert named == 0 or wrong <= _upper(named)


def _upper(named: int) -> int:
    """The most wrong ones that one in ten makes, but for one case in a thousand."""
    mass, count = 0.0, 0
    while (mass := mass + comb(named, count) * 0.1**count * 0.9 ** (named - count)) < 0.999:
        count += 1
    return count


def test_a_pool_that_is_too_small_is_refused() -> None:
    """No copy has more rows than its pool."""
    with pytest.raises(ValueError, match="a pool of 9 codes has no 10 rows"):
        rows_of(bytes(32), 9, 10)
