"""What lies in units comes back as it was, in few bytes, and every item is found in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import contents, pages
from ledger.domain.bits import Reader, fixed, rising, unzigzag, varints, zigzag
from ledger.domain.contents import Codes, Inner, Part, Picked, as_parts, decode, encode
from ledger.domain.gs1 import with_check_digit
from ledger.errors import Broken

INDEX = st.integers(0, 2**32 - 2)
SSCC = st.integers(0, 10**17 - 1).map(lambda body: with_check_digit(f"{body:017d}"))
RUNS = st.builds(
    lambda batch, first, size: Codes(batch, first, min(first + size, 2**32 - 1)),
    st.integers(1, 2**31 - 1),
    INDEX,
    st.integers(1, 10_000),
)
PICKED = st.builds(
    lambda batch, indices: Picked(batch, np.array(sorted(indices), np.uint32)),
    st.integers(1, 3),
    st.sets(INDEX, min_size=1, max_size=30),
)
LEAVES: st.SearchStrategy[Part] = st.one_of(RUNS, PICKED, st.binary(min_size=32, max_size=32))
PARTS: st.SearchStrategy[Part] = st.recursive(
    LEAVES,
    lambda inside: st.builds(
        lambda sscc, parts: Inner(sscc, tuple(parts)), SSCC, st.lists(inside, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(PARTS, max_size=6))
def test_parts_come_back_as_they_were(parts: list[Part]) -> None:
    """Whatever is in whatever, in its order."""
    assert decode(encode(parts)) == tuple(parts)


@given(st.sets(st.integers(0, 2**32 - 1), max_size=200), st.integers(0, 32))
def test_numbers_come_back_as_they_were(numbers: set[int], width: int) -> None:
    """Rising ones, and ones of a width, after each other."""
    ordered = np.array(sorted(numbers), np.uint32)
    low = ordered & np.uint32((1 << width) - 1)
    reader = Reader(rising(ordered) + fixed(low, width))
    assert reader.rising().tolist() == ordered.tolist()
    assert reader.fixed(len(low), width).tolist() == low.tolist()


@given(st.lists(st.integers(-(10**20), 10**20)))
def test_numbers_of_either_sign_come_back_as_they_were(numbers: list[int]) -> None:
    """Each in as many bytes as it needs."""
    reader = Reader(varints([zigzag(number) for number in numbers]))
    assert [unzigzag(reader.varint()) for _ in numbers] == numbers


@given(st.dictionaries(st.integers(0, pages.SIZE - 1), st.integers(1, 2**32 - 1), max_size=300))
def test_pages_come_back_as_they_were(units: dict[int, int]) -> None:
    """Any unit for any code, and none for the others."""
    numbers = np.zeros(pages.SIZE, np.uint32)
    for place, unit in units.items():
        numbers[place] = unit
    assert pages.decode(pages.encode(numbers)).tolist() == numbers.tolist()


def pallet(order: np.ndarray) -> list[Part]:
    """Sixty cases of 24 codes in an order."""
    return [
        Inner(
            with_check_digit(f"{95060000000000000 + case:017d}"),
            as_parts(1, order[24 * case : 24 * case + 24]),
        )
        for case in range(60)
    ]


def test_a_pallet_takes_the_bytes_that_it_may() -> None:
    """A run costs nothing an item; codes in no order of a million take 2.2 bytes each here, and
    1.3 in the pages that lead back."""
    order = np.random.default_rng(1).permutation(1_000_000)
    assert len(encode(pallet(order))) / 1440 < 2.3
    assert len(encode(pallet(np.arange(1440)))) < 40
    units = np.repeat(np.arange(1, 696, dtype=np.uint32), 1440)[:1_000_000]
    back = units[np.argsort(order)]
    assert len(pages.encode(back[: pages.SIZE])) / pages.SIZE < 1.35


def test_every_item_of_a_pallet_is_found_at_its_place() -> None:
    """In its case, at its rank among the case's codes; another one nowhere."""
    order = np.random.default_rng(2).permutation(10_000)
    parts = decode(encode(pallet(order)))
    for at in range(0, 1440, 7):
        index, case = int(order[at]), at // 24
        rank = sorted(order[24 * case : 24 * case + 24].tolist()).index(index)
        assert contents.find_item(parts, 1, index) == [case, rank]
        assert contents.part_at(parts, case) == (parts[case], 0)
    assert contents.find_item(parts, 1, int(order[1440])) is None
    assert contents.find_item(parts, 2, int(order[0])) is None
    box = parts[59]
    assert isinstance(box, Inner)
    assert contents.find_box(parts, box.sscc) == [59]
    assert contents.find_box(parts, with_check_digit("1" * 17)) is None
    with pytest.raises(IndexError):
        contents.part_at(parts, 60)


def test_content_that_was_cut_is_said_to_be() -> None:
    """At any byte."""
    data = encode(pallet(np.random.default_rng(3).permutation(5_000)))
    for size in range(0, len(data), 11):
        with pytest.raises(Broken) as broken:
            decode(data[:size])
        assert broken.value.code == "CONTENTS_DAMAGED"
