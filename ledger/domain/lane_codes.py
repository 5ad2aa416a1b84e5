"""Serials and inner codes of many neighbours at once: FF1 in the processor's AES instructions.

The bytes are those of `ledger.domain.code`, which the tests hold this to. Each round of FF1 is one
AES block (`ledger.domain.ff1_block`), so 16 or 32 codes go through it side by side and never leave
the registers: up to four blocks an instruction (VAES), or one (AES-NI). Source: FIPS 197 (key
expansion), NIST SP 800-38G. Needs numba and x86; `available` says what this processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import config
from numba.extending import intrinsic
from numpy.typing import NDArray

from ledger.domain import lanes

_SIDE_BY_SIDE = {1: 16, 2: 16, 4: 32}  # codes, by blocks an instruction: each waits for its last
_ROUND_KEYS = 15  # of AES-256
_LEFT_BITS, _RIGHT_BITS = 45, 50
_NEEDS = ((4, {"vaes", "avx512f", "avx512bw"}), (2, {"vaes", "avx2"}), (1, {"aes", "ssse3"}))
_U = np.uint64
_TEN, _TWENTY, _HALF = _U((1 << 10) - 1), _U((1 << 20) - 1), _U(32)
_EACH, _TOPS = _U(0x0101010101010101), _U(0x8080808080808080)


Encoder = Callable[[int, int], NDArray[np.bytes_]]
"""encode(start, stop) -> codes of items start … stop − 1, dtype S20."""


_KEPT_KEYS = 256  # whose schedules are kept: a proof needs one, for a few hundred codes


@dataclass(frozen=True, slots=True)
class LaneCodes:
    """The encryption, compiled for `blocks` AES blocks an instruction."""

    blocks: int
    _encode: lanes.Compiled

    def encoder(self, key: bytes, tweak: int, epoch: int, batch: int) -> Encoder:
        """Return f(start, stop) -> the codes of items start … stop − 1: shape (n,), dtype S20.

        key: 32 bytes; tweak: uint64; the ranges are the caller's to check, as `code` does. Threads
        may share it, and it releases the GIL.
        """
        keys = expand_key(key)
        p = bytes([1, 2, 1, 0, 0, 32, 10, 9]) + (19).to_bytes(4, "big") + (8).to_bytes(4, "big")
        head = int.from_bytes(_one_block(keys, p), "big") ^ tweak << 64
        words = np.array([head >> 64, head & (1 << 64) - 1], np.uint64)

        def encode(start: int, stop: int) -> NDArray[np.bytes_]:
            out = np.empty((stop - start, 5), np.uint32)
            self._encode(keys, words, np.uint64(epoch), np.uint64(batch), np.uint64(start), out)
            return out.view("S20").reshape(-1)

        return encode


def available() -> int:
    """Return how many AES blocks an instruction takes here: 4, 2, 1, or 0 without such."""
    if config.CPU_FEATURES is not None:
        found = {name[1:] for name in config.CPU_FEATURES.split(",") if name[:1] == "+"}
    elif config.CPU_NAME is not None:
        return 0  # held to another processor, whose instructions are not known here
    else:
        found = {name for name, has in binding.get_host_cpu_features().items() if has}
    return next((blocks for blocks, needs in _NEEDS if needs <= found), 0)


def compile_codes(blocks: int) -> LaneCodes:
    """Return the encryption for as many AES blocks an instruction as `available` says.

    numba compiles it at its first call, in about a second.
    """
    return LaneCodes(blocks, _loop(_encryption(blocks), _SIDE_BY_SIDE[blocks]))


@lru_cache(maxsize=_KEPT_KEYS)
def expand_key(key: bytes) -> NDArray[np.uint64]:
    """Return AES-256's 15 round keys: shape (15, 2), bytes in order (FIPS 197, section 5.2); not to
    be changed."""
    box = _substitution()
    words = [list(key[at : at + 4]) for at in range(0, 32, 4)]
    constant = 1
    for at in range(8, 4 * _ROUND_KEYS):
        word = words[at - 1]
        if at % 8 == 0:
            word = [box[byte] for byte in (*word[1:], word[0])]
            word[0] ^= constant
            constant = _double(constant)
        elif at % 8 == 4:
            word = [box[byte] for byte in word]
        words.append([a ^ b for a, b in zip(words[at - 8], word, strict=True)])
    return (
        np.frombuffer(bytes(chain.from_iterable(words)), np.uint64).reshape(_ROUND_KEYS, 2).copy()
    )


def _double(value: int) -> int:
    return value << 1 ^ (0x11B if value & 0x80 else 0)


@cache
def _substitution() -> tuple[int, ...]:
    """Return the S-box: inverses in GF(2⁸), then an affine map (FIPS 197, section 5.1.1)."""
    powers = [1]
    while len(powers) < 255:
        powers.append(_double(powers[-1]) ^ powers[-1])  # 3 generates all but 0
    inverses = [0] * 256
    for at, value in enumerate(powers):
        inverses[value] = powers[-at % 255]
    wide = [value * 0x101 for value in inverses]  # turning by n is a shift by 8 - n
    return tuple(
        (v ^ w >> 7 ^ w >> 6 ^ w >> 5 ^ w >> 4) & 0xFF ^ 0x63
        for v, w in zip(inverses, wide, strict=True)
    )


def _one_block(keys: NDArray[np.uint64], block: bytes) -> bytes:
    """Return one encrypted block. The first block of FF1 is constant, so no vector is worth it."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = keys[:2].tobytes()  # the schedule begins with the key itself
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)  # noqa: S305


def _encryption(blocks: int) -> lanes.Compiled:
    """Return f(keys, words, left, right): FF1 of numbers side by side, in place, as halves."""

    @intrinsic  # type: ignore[untyped-decorator]  # numba has no types
    def encrypt(_: Any, __: Any, ___: Any, ____: Any, _____: Any) -> Any:
        def generate(context: Any, builder: Any, ______: Any, args: Any) -> Any:
            _ff1(builder, blocks, *args)
            return context.get_dummy_value()

        return types.void(*[types.voidptr] * 4), generate

    pointer = lanes.address()

    def encryption(keys: Any, words: Any, left: Any, right: Any) -> None:
        encrypt(pointer(keys), pointer(words), pointer(left), pointer(right))

    compiled: lanes.Compiled = njit(nogil=True)(encryption)
    return compiled


def _loop(encryption: lanes.Compiled, width: int) -> lanes.Compiled:
    characters = njit(inline="always")(_characters)

    def loop(keys: Any, words: Any, epoch: Any, batch: Any, start: Any, out: Any) -> None:
        left, right = np.empty(width, np.uint64), np.empty(width, np.uint64)
        texts = np.empty((3, width), np.uint64)
        count = len(out)
        for at in range(0, count, width):
            for lane in range(width):
                index = start + np.uint64(at + lane)
                left[lane] = batch << np.uint64(14) | index >> np.uint64(18)
                right[lane] = (index & np.uint64(0x3FFFF)) << np.uint64(32)
            encryption(keys, words, left, right)
            for lane in range(width):  # 5 + 45 + 50 bits: 8, 8 and 4 characters
                high, low = left[lane] | epoch << np.uint64(_LEFT_BITS), right[lane]
                texts[0, lane] = characters(high >> np.uint64(10))
                texts[1, lane] = characters((high & _TEN) << np.uint64(30) | low >> np.uint64(20))
                texts[2, lane] = characters((low & _TWENTY) << np.uint64(20))
            for lane in range(min(width, count - at)):
                row = out[at + lane]
                row[0], row[1] = np.uint32(texts[0, lane]), np.uint32(texts[0, lane] >> _HALF)
                row[2], row[3] = np.uint32(texts[1, lane]), np.uint32(texts[1, lane] >> _HALF)
                row[4] = np.uint32(texts[2, lane])

    compiled: lanes.Compiled = njit(nogil=True)(loop)
    return compiled


def _characters(x: Any) -> Any:
    """Return 8 characters, the first in the lowest byte, of 40 bits: a byte for each five.

    A digit is its value + 48, and each letter that the alphabet leaves out adds one from there on:
    a sum reaches a byte's top bit just when the value reaches that place.
    """
    x = (x & _U(0xFFFFF00000)) << _U(12) | x & _U(0xFFFFF)
    x = (x & _U(0x000FFC00000FFC00)) << _U(6) | x & _U(0x000003FF000003FF)
    x = (x & _U(0x03E003E003E003E0)) << _U(3) | x & _U(0x001F001F001F001F)
    found = x + _EACH * _U(48) + ((x + _EACH * _U(118) & _TOPS) >> _U(7)) * _U(7)  # A is 10
    found += (x + _EACH * _U(110) & _TOPS) >> _U(7)  # no I: J is 18
    found += (x + _EACH * _U(108) & _TOPS) >> _U(7)  # no L: M is 20
    found += (x + _EACH * _U(106) & _TOPS) >> _U(7)  # no O: P is 22
    found += (x + _EACH * _U(101) & _TOPS) >> _U(7)  # no U: V is 27
    found = (found & _U(0x00FF00FF00FF00FF)) << _U(8) | found >> _U(8) & _U(0x00FF00FF00FF00FF)
    found = (found & _U(0x0000FFFF0000FFFF)) << _U(16) | found >> _U(16) & _U(0x0000FFFF0000FFFF)
    return found << _U(32) | found >> _U(32)


def _ff1(builder: Any, blocks: int, keys: Any, words: Any, left: Any, right: Any) -> None:
    """Emit FF1's ten rounds. In each pair of lanes the second holds a half, the first is free."""
    i64, i32 = ir.IntType(64), ir.IntType(32)
    vector, narrow, pair = (ir.VectorType(i64, n) for n in (2 * blocks, blocks, 2))
    pairs = range(0, 2 * blocks, 2)
    suffix = {1: "", 2: ".256", 4: ".512"}[blocks]

    def shuffle(a: Any, b: Any, places: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(i32, len(places)), places)
        return builder.shuffle_vector(a, b, mask)

    def in_pairs(first: int, second: int) -> Any:
        return ir.Constant(vector, [ir.Constant(i64, v) for _ in pairs for v in (first, second)])

    def everywhere(pointer: Any, kind: Any, at: int) -> Any:
        found = builder.load(builder.gep(builder.bitcast(pointer, kind.as_pointer()), [i32(at)]))
        found.align = 8
        return shuffle(found, ir.Constant(kind, ir.Undefined), [0, 1] * blocks)

    def call(name: str, *arguments: Any) -> Any:
        kind = ir.FunctionType(vector, [vector] * len(arguments))
        return builder.call(lanes.function(builder, kind, name), list(arguments))

    def swapped(value: Any) -> Any:
        return call(f"llvm.bswap.v{2 * blocks}i64", value)

    round_keys = [everywhere(keys, pair, at) for at in range(_ROUND_KEYS)]
    head = everywhere(words, pair, 0)
    zero = ir.Constant(narrow, [ir.Constant(i64, 0)] * blocks)
    spread = [place for lane in range(blocks) for place in (blocks + lane, lane)]
    pointers = [builder.bitcast(each, narrow.as_pointer()) for each in (left, right)]

    def load(pointer: Any, at: int) -> Any:
        found = builder.load(builder.gep(pointer, [i32(at)]))
        found.align = 8
        return shuffle(found, zero, spread)

    def half_round(olds: list[Any], halves: list[Any], number: Any, mask: int) -> list[Any]:
        """Return old + F(half) of each, under the mask."""
        counter = builder.insert_element(in_pairs(0, 0), number, i32(1))
        counter = shuffle(counter, counter, [0, 1] * blocks)
        start = builder.xor(head, counter)
        x = [builder.xor(swapped(builder.xor(start, half)), round_keys[0]) for half in halves]
        for at in range(1, _ROUND_KEYS):
            name = "aesenclast" if at == _ROUND_KEYS - 1 else "aesenc"
            x = [call(f"llvm.x86.aesni.{name}{suffix}", each, round_keys[at]) for each in x]
        found = []
        for each, old in zip(x, olds, strict=True):
            y = swapped(each)
            high = shuffle(y, y, [place for at in pairs for place in (at, at)])
            y = builder.or_(builder.shl(high, in_pairs(32, 32)), builder.lshr(y, in_pairs(32, 32)))
            found.append(builder.and_(builder.add(old, y), in_pairs(0, mask)))
        return found

    def body(number: Any, values: list[Any]) -> list[Any]:
        a, b = values[: len(values) // 2], values[len(values) // 2 :]
        even = builder.shl(builder.zext(number, i64), i64(57))
        a = half_round(a, b, even, (1 << _LEFT_BITS) - 1)
        b = half_round(b, a, builder.or_(even, i64(1 << 56)), (1 << _RIGHT_BITS) - 1)
        return [*a, *b]

    steps = range(_SIDE_BY_SIDE[blocks] // blocks)
    values = [load(pointer, at) for pointer in pointers for at in steps]
    values = lanes.loop(builder, 5, values, body)
    seconds = [at + 1 for at in pairs]
    for pointer, part in zip(pointers, (values[: len(steps)], values[len(steps) :]), strict=True):
        for at, value in enumerate(part):
            kept = builder.store(shuffle(value, value, seconds), builder.gep(pointer, [i32(at)]))
            kept.align = 8
