"""Plain FF1 on NIST's samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import ff1
from tests.domain.frozen import rows

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("row", rows("nist/ff1_samples"), ids=lambda row: str(row["sample"]))
def test_nist_samples_both_ways(row: dict) -> None:
    """All nine samples of SP 800-38G (AES-128, -192, -256) encrypt and decrypt."""
    key, tweak = bytes.fromhex(row["key"]), bytes.fromhex(row["tweak"])
    plain = [DIGITS.index(c) for c in row["plain"]]
    cipher = [DIGITS.index(c) for c in row["cipher"]]
    assert ff1.encrypt(key, row["radix"], tweak, plain) == cipher
    assert ff1.decrypt(key, row["radix"], tweak, cipher) == plain


@given(st.integers(2, 1 << 16), st.data())
def test_decryption_undoes_encryption_for_any_radix(radix: int, data: st.DataObject) -> None:
    """Radix 2 to 65,536, any length in FF1's domain, any tweak."""
    numerals = data.draw(st.lists(st.integers(0, radix - 1), min_size=20, max_size=50))
    key, tweak = data.draw(st.binary(min_size=16, max_size=16)), data.draw(st.binary(max_size=40))
    assert ff1.decrypt(key, radix, tweak, ff1.encrypt(key, radix, tweak, numerals)) == numerals


@pytest.mark.parametrize(
    ("radix", "numerals"), [(1, [0] * 20), (10, [1] * 5), (10, [10] * 10), (10, [-1] * 10)]
)
def test_what_is_outside_the_domain_is_an_error(radix: int, numerals: list[int]) -> None:
    """Too small a radix or domain, and numerals outside the radix, are refused."""
    with pytest.raises(ValueError, match="outside"):
        ff1.encrypt(bytes(16), radix, b"", numerals)
