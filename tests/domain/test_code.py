"""Serials, inner codes, leaves: the fast paths against plain FF1, eth_abi and frozen vectors."""

import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import code, ff1
from ledger.domain.keccak import keccak
from tests.domain.frozen import raw, rows

KEYS = st.binary(min_size=32, max_size=32)
GTINS = st.integers(0, 10**14 - 1)
BATCHES = st.integers(0, code.MAX_BATCH)
INDICES = st.integers(0, code.MAX_INDEX)
EPOCHS = st.integers(0, 31)


def plain_code(key: bytes, tweak: bytes, epoch: int, batch: int, index: int) -> str:
    """The format spelled out with the plain FF1."""
    numerals = ff1.to_numerals(32, 19, batch * 2**64 + index * 2**32)
    return "".join(code.ALPHABET[n] for n in [epoch, *ff1.encrypt(key, 32, tweak, numerals)])


@pytest.mark.parametrize("row", rows("touchstone/serial"), ids=lambda row: row["serial"])
def test_frozen_serials(row: dict) -> None:
    """Each frozen serial and inner code is made and read as written."""
    key, gtin = raw(row["key"]), int(row["gtin"])
    epoch, batch, index = int(row["epoch"]), int(row["batch"]), int(row["index"])
    assert code.encode_serial(key, epoch, gtin, batch, index) == row["serial"]
    assert code.encode_inner(key, epoch, batch, index) == row["innerCode"]
    assert code.decode_serial(key, gtin, row["serial"]) == (batch, index)
    assert code.decode_inner(key, row["innerCode"]) == (batch, index)
    assert code.serial_epoch(row["serial"]) == epoch
    assert plain_code(key, raw(row["tweak"]), epoch, batch, index) == row["serial"]


@given(KEYS, EPOCHS, GTINS, BATCHES, INDICES)
def test_one_serial_equals_plain_ff1_and_decodes(
    key: bytes, epoch: int, gtin: int, batch: int, index: int
) -> None:
    """The one-block form is FF1, and decoding undoes it."""
    serial = code.encode_serial(key, epoch, gtin, batch, index)
    assert serial == plain_code(key, b"\x01" + gtin.to_bytes(7, "big"), epoch, batch, index)
    assert code.decode_serial(key, gtin, serial) == (batch, index)
    inner = code.encode_inner(key, epoch, batch, index)
    assert inner == plain_code(key, b"\x02" + bytes(7), epoch, batch, index)
    assert code.decode_inner(key, inner) == (batch, index)


@given(KEYS, EPOCHS, GTINS, BATCHES, st.lists(INDICES, min_size=1, max_size=20))
def test_many_serials_equal_one_by_one(
    key: bytes, epoch: int, gtin: int, batch: int, indices: list[int]
) -> None:
    """The array form gives the same codes in the same order, for both index types."""
    for dtype in (np.uint32, np.uint64):
        array = np.array(indices, dtype)
        serials = code.encode_serials(key, epoch, gtin, batch, array)
        assert serials.dtype == np.dtype("S20")
        assert serials.tolist() == [
            code.encode_serial(key, epoch, gtin, batch, index).encode() for index in indices
        ]
        assert code.encode_inners(key, epoch, batch, array).tolist() == [
            code.encode_inner(key, epoch, batch, index).encode() for index in indices
        ]


@given(KEYS, KEYS, GTINS, st.data())
def test_many_serials_decode_as_one_by_one(
    key: bytes, other: bytes, gtin: int, data: st.DataObject
) -> None:
    """The key's own, another key's, another GTIN's, guesses, and what is not canonical at all."""
    places = st.tuples(EPOCHS, st.integers(1, code.MAX_BATCH), INDICES)

    def made(by: bytes, of: int) -> st.SearchStrategy[str]:
        return places.map(lambda place: code.encode_serial(by, place[0], of, *place[1:]))

    guesses = st.text(code.ALPHABET, min_size=20, max_size=20)
    others = st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=20)
    kinds = made(key, gtin) | made(other, gtin) | made(key, (gtin + 1) % 10**14) | guesses | others
    texts = data.draw(st.lists(kinds, min_size=1, max_size=20))
    batches, indices = code.decode_serials(
        key, gtin, np.array([text.encode() for text in texts], "S20")
    )
    assert list(zip(batches.tolist(), indices.tolist(), strict=True)) == [
        code.decode_serial(key, gtin, text) or (0, 0) for text in texts
    ]


def test_serials_are_right_across_working_chunks() -> None:
    """40,000 serials in one call are distinct, and all decode, in one call too."""
    key, gtin = bytes(range(32)), 9506000134352
    serials = code.encode_serials(key, 3, gtin, 77, np.arange(40_000, dtype=np.uint32)).tolist()
    assert len(set(serials)) == 40_000
    for index in (0, 16_383, 16_384, 32_767, 32_768, 39_999):
        assert code.decode_serial(key, gtin, serials[index].decode()) == (77, index)
    batches, indices = code.decode_serials(key, gtin, np.array(serials))
    assert np.array_equal(batches, np.full(40_000, 77))
    assert np.array_equal(indices, np.arange(40_000))
    assert code.encode_serials(key, 3, gtin, 77, np.array([], np.uint32)).tolist() == []


@given(KEYS, GTINS, BATCHES, INDICES, st.integers(1, 19), st.integers(1, 31))
def test_a_changed_serial_or_another_key_or_gtin_does_not_decode(
    key: bytes, gtin: int, batch: int, index: int, place: int, change: int
) -> None:
    """32 zero bits come back only for what the key made (a chance of 2⁻³² aside)."""
    serial = code.encode_serial(key, 0, gtin, batch, index)
    other = code.ALPHABET[(code.ALPHABET.index(serial[place]) + change) % 32]
    assert code.decode_serial(key, gtin, serial[:place] + other + serial[place + 1 :]) is None
    assert code.decode_serial(key[1:] + bytes([key[0] ^ 1]), gtin, serial) is None
    assert code.decode_serial(key, (gtin + 1) % 10**14, serial) is None
    assert code.decode_inner(key, serial) is None


@pytest.mark.parametrize("serial", ["", "0" * 19, "0" * 21, "U" + "0" * 19, "a" * 20, "０" * 20])
def test_only_canonical_serials_decode(serial: str) -> None:
    """Another length, letters outside the alphabet or lower case have no epoch and no meaning."""
    assert code.serial_epoch(serial) is None
    assert code.decode_serial(bytes(32), 0, serial) is None


@pytest.mark.parametrize(
    ("variant", "canonical"),
    [
        ("305tgh3dydj9segzcxcq", "305TGH3DYDJ9SEGZCXCQ"),
        ("3O5TGH3DYDJ9SEGZCXCQ", "305TGH3DYDJ9SEGZCXCQ"),
        ("3o5tghidydj9segzcxcl", "305TGH1DYDJ9SEGZCXC1"),
        ("305TGH3DYDJ9SEGZCXCQ", "305TGH3DYDJ9SEGZCXCQ"),
        ("305TGH3DYDJ9SEGZCXCU", None),
        ("305TGH3DYDJ9SEGZCXC", None),
        ("305TGH3DYDJ9SEGZCXCı", None),
        ("305-TGH3DYDJ9SEGZCXC", None),
    ],
)
def test_variants_lead_to_the_canonical_serial(variant: str, canonical: str | None) -> None:
    """Lower case, O, I and L are mended; nothing else is guessed."""
    assert code.normalise_variant(variant) == canonical


@pytest.mark.parametrize(
    ("key", "epoch", "gtin", "batch", "index"),
    [
        (bytes(31), 0, 0, 0, 0),
        (bytes(32), 32, 0, 0, 0),
        (bytes(32), -1, 0, 0, 0),
        (bytes(32), 0, 10**14, 0, 0),
        (bytes(32), 0, 0, 2**31, 0),
        (bytes(32), 0, 0, 0, 2**32),
    ],
)
def test_numbers_outside_the_format_are_errors(
    key: bytes, epoch: int, gtin: int, batch: int, index: int
) -> None:
    """Nothing wraps round into another item's code, one by one or in arrays."""
    with pytest.raises(ValueError):
        code.encode_serial(key, epoch, gtin, batch, index)
    with pytest.raises(ValueError):
        code.encode_serials(key, epoch, gtin, batch, np.array([index], np.uint64))


@pytest.mark.parametrize("row", rows("touchstone/leaf"), ids=lambda row: row["serial"])
def test_frozen_leaves(row: dict) -> None:
    """Leaves, salts and inner commitments are the frozen ones, and those of eth_abi and HKDF."""
    gtin, index, batch = int(row["gtin"]), int(row["index"]), int(row["batch"])
    words = encode(["uint64", "uint32", "bytes32"], [gtin, index, row["serial"].encode()])
    assert raw(row["leaf"]) == keccak(keccak(words))
    assert code.leaf(gtin, index, row["serial"]) == raw(row["leaf"])
    info = b"touchstone-inner/1" + batch.to_bytes(8, "big") + index.to_bytes(4, "big")
    salt = HKDF(hashes.SHA256(), 32, None, info).derive(raw(row["innerKey"]))
    assert code.inner_salt(raw(row["innerKey"]), batch, index) == salt == raw(row["innerSalt"])
    words = encode(["uint32", "bytes32", "bytes32"], [index, row["innerCode"].encode(), salt])
    assert raw(row["innerCommitment"]) == keccak(keccak(words))
    commitment = code.inner_commitment(index, row["innerCode"], salt)
    assert commitment == raw(row["innerCommitment"])


def test_many_leaves_equal_one_by_one() -> None:
    """The array form of leaves counts on from its first index."""
    serials = code.encode_serials(bytes(32), 0, 7, 1, np.arange(100, 110, dtype=np.uint32))
    expected = [
        code.leaf(7, index, code.encode_serial(bytes(32), 0, 7, 1, index))
        for index in range(100, 110)
    ]
    assert code.leaves(7, 100, serials) == expected
