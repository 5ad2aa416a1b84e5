"""Serials by the processor's AES instructions, against the arrays and FIPS 197's key schedule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import code

lane_codes = pytest.importorskip("ledger.domain.lane_codes")
if not lane_codes.available():
    pytest.skip("the processor has no AES instructions", allow_module_level=True)

KERNELS = {
    blocks: lane_codes.compile_codes(blocks)
    for blocks in (1, 2, 4)
    if blocks <= lane_codes.available()
}


def test_the_key_schedule_is_that_of_the_standard() -> None:
    """FIPS 197, appendix A.3: the first and the last words of AES-256's example."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    found = lane_codes.expand_key(key)
    assert found[:2].tobytes() == key
    assert found[2].tobytes().hex() == "9ba354118e6925afa51a8b5f2067fcde"
    assert found[14].tobytes().hex() == "fe4890d1e6188d0b046df344706c631e"


@pytest.mark.parametrize("blocks", KERNELS)
def test_every_width_gives_the_arrays_bytes(blocks: int) -> None:
    """Serials and inner codes of random batches, in pieces of any length."""
    kernel = KERNELS[blocks]
    kernel.encoder(bytes(32), 0, 0, 0)(0, 1)  # compiled

    @settings(max_examples=40, deadline=None)
    @given(
        st.binary(min_size=32, max_size=32),
        st.integers(0, 31),
        st.integers(0, 10**14 - 1),
        st.integers(0, code.MAX_BATCH),
        st.integers(0, code.MAX_INDEX - 100),
        st.integers(0, 100),
    )
    def check(key: bytes, epoch: int, gtin: int, batch: int, first: int, count: int) -> None:
        indices = np.arange(first, first + count, dtype=np.uint64)
        outer = kernel.encoder(key, code.serial_tweak(gtin), epoch, batch)(first, first + count)
        assert outer.tolist() == code.encode_serials(key, epoch, gtin, batch, indices).tolist()
        inner = kernel.encoder(key, code.INNER_TWEAK, epoch, batch)(first, first + count)
        assert inner.tolist() == code.encode_inners(key, epoch, batch, indices).tolist()

    check()


def test_all_characters_of_the_alphabet_come_out() -> None:
    """The last item's code decodes, and a thousand of them use every character."""
    key = bytes(range(32))
    encode = KERNELS[max(KERNELS)].encoder(key, code.serial_tweak(0), 31, code.MAX_BATCH)
    (last,) = encode(code.MAX_INDEX, code.MAX_INDEX + 1).tolist()
    assert code.decode_serial(key, 0, last.decode()) == (code.MAX_BATCH, code.MAX_INDEX)
    assert set(b"".join(encode(0, 1000).tolist()).decode()) == set(code.ALPHABET)
