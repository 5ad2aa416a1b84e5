"""Our abi.encode, with eth_abi as the referee."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import abi


@given(
    st.text(max_size=100),
    st.integers(0, 2**64 - 1),
    st.text(max_size=40),
    st.binary(min_size=32, max_size=32),
)
def test_words_and_strings_are_laid_out_as_eth_abi_lays_them_out(
    first: str, number: int, second: str, word: bytes
) -> None:
    """Any mix of strings and words gives the same bytes."""
    expected = encode(["string", "uint64", "string", "bytes32"], [first, number, second, word])
    assert abi.encode(first, abi.uint(number, 64), second, word) == expected


def test_addresses_are_right_aligned_and_ascii_is_left_aligned() -> None:
    """The two kinds of padding are those of Solidity."""
    assert abi.address(b"\x01" * 20) == encode(["address"], ["0x" + "01" * 20])
    assert abi.ascii32("ABC") == encode(["bytes32"], [b"ABC"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: abi.uint(256, 8),
        lambda: abi.uint(-1),
        lambda: abi.bytes32(bytes(31)),
        lambda: abi.address(bytes(32)),
        lambda: abi.ascii32("A" * 33),
        lambda: abi.encode(b"short"),
    ],
)
def test_what_does_not_fit_its_type_is_an_error(call) -> None:
    """Nothing is cut or wrapped."""
    with pytest.raises(OverflowError):
        call()
