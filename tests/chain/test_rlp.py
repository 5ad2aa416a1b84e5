"""RLP is strict: one item, one encoding."""

from __future__ import annotations

import pytest
import rlp as referee
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import rlp
from ledger.errors import Rejected

nested = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20
)


@given(nested)
def test_encodes_as_the_reference_library_and_decodes_back(item):
    """Any item has the bytes that the reference library gives it, and comes back from them."""
    data = rlp.encode(item)
    assert referee.encode(item) == data
    assert rlp.decode(data) == item


@given(st.binary(max_size=80))
def test_whatever_decodes_encodes_to_the_same_bytes(data):
    """No byte string but the canonical one decodes to an item."""
    try:
        item = rlp.decode(data)
    except Rejected as error:
        assert error.code == "BAD_RLP"
    else:
        assert rlp.encode(item) == data


@pytest.mark.parametrize(
    "data",
    [
        "",  # nothing
        "8100",  # one byte below 0x80 with a prefix
        "817f",
        "83aabb",  # a string that overruns
        "c3aabb",  # a list that overruns
        "c283aabb",  # an item that overruns its list
        "c5c282aa0105",  # the same inside another list
        "b800",  # a long length that is short
        "b837" + "00" * 55,
        "b90038" + "00" * 56,  # a length with a leading zero
        "f837" + "00" * 55,
        "b9",  # ends inside the length
        "bfffffffffffffffff",  # 2**64 - 1 bytes promised
        "8000",  # a byte after the item
        "c0c0",
        "c0" * 2,
    ],
)
def test_refuses_what_is_not_canonical(data):
    """Every other spelling of an item is refused."""
    with pytest.raises(Rejected) as caught:
        rlp.decode(bytes.fromhex(data))
    assert caught.value.code == "BAD_RLP"


def test_refuses_deep_nesting_before_the_stack_ends():
    """A few kilobytes of brackets do not exhaust the stack."""
    item = b"\xc0"
    for _ in range(rlp.MAX_DEPTH - 1):
        item = rlp.encode([rlp.decode(item)])
    assert rlp.encode(rlp.decode(item)) == item
    bomb = b""
    for _ in range(5000):
        bomb = bytes([0xC0 + len(bomb)]) + bomb if len(bomb) < 56 else _long(bomb)
    with pytest.raises(Rejected):
        rlp.decode(bomb)


@pytest.mark.parametrize(("item", "size"), [(b"\0", 8), (b"\0\1", 8), (b"\1" * 9, 8), ([], 8)])
def test_refuses_numbers_with_leading_zeros_or_too_long(item, size):
    """A number has one spelling too."""
    with pytest.raises(Rejected):
        rlp.uint(item, size)


@given(st.integers(0, 2**256 - 1))
def test_numbers_come_back(number):
    """from_uint and uint are inverse."""
    assert rlp.uint(rlp.from_uint(number), 32) == number


def _long(body: bytes) -> bytes:
    size = rlp.from_uint(len(body))
    return bytes([0xF7 + len(size)]) + size + body
