"""FF1 in one block a round is FF1: held to the plain form, which is held to NIST's samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import ff1
from ledger.domain.ff1_block import BlockFF1

KEYS = st.binary(min_size=32, max_size=32)
TWEAKS = st.integers(0, 2**64 - 1)


@given(KEYS, TWEAKS, st.integers(4, 22), st.data())
def test_each_length_is_plain_ff1(
    key: bytes, tweak: int, numerals: int, data: st.DataObject
) -> None:
    """One by one and many at once, for each length, and decryption undoes it."""
    cipher = BlockFF1(key, tweak, numerals)
    highest = 32**numerals - 1
    plain = data.draw(st.lists(st.integers(0, highest), min_size=1, max_size=5))
    halves = [(n >> cipher.right_bits, n & (1 << cipher.right_bits) - 1) for n in plain]
    wanted = []
    for number in plain:
        text = ff1.to_numerals(32, numerals, number)
        wanted.append(ff1.to_number(32, ff1.encrypt(key, 32, tweak.to_bytes(8, "big"), text)))
    one_by_one = [cipher.encrypt(*pair) for pair in halves]
    assert [left << cipher.right_bits | right for left, right in one_by_one] == wanted
    assert [cipher.decrypt(*pair) for pair in one_by_one] == halves
    left, right = np.array(halves, np.uint64).T
    many = cipher.encrypt_many(left, right)
    assert list(zip(*(half.tolist() for half in many), strict=True)) == one_by_one


@given(KEYS, TWEAKS, st.integers(4, 22), st.data())
def test_many_at_once_are_decrypted_as_plain_ff1_does(
    key: bytes, tweak: int, numerals: int, data: st.DataObject
) -> None:
    """Any numbers, also such as nobody encrypted, for each length."""
    cipher = BlockFF1(key, tweak, numerals)
    ciphers = data.draw(st.lists(st.integers(0, 32**numerals - 1), min_size=1, max_size=5))
    wanted = []
    for number in ciphers:
        text = ff1.to_numerals(32, numerals, number)
        wanted.append(ff1.to_number(32, ff1.decrypt(key, 32, tweak.to_bytes(8, "big"), text)))
    bits = cipher.right_bits
    left, right = cipher.decrypt_many(
        np.array([number >> bits for number in ciphers], np.uint64),
        np.array([number & (1 << bits) - 1 for number in ciphers], np.uint64),
    )
    halves = zip(left.tolist(), right.tolist(), strict=True)
    assert [high << bits | low for high, low in halves] == wanted


@pytest.mark.parametrize(("key", "numerals"), [(bytes(16), 19), (bytes(32), 3), (bytes(32), 23)])
def test_other_keys_and_lengths_are_refused(key: bytes, numerals: int) -> None:
    """AES-256 alone, and what fits one block."""
    with pytest.raises(ValueError, match=r"32 bytes|not 4 to 22"):
        BlockFF1(key, 0, numerals)
