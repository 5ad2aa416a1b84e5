"""Vectors for LLVM, and SHA-256's compression over many messages at once, written with them.

Source: FIPS 180-4, section 6.2. LLVM compiles for the processor at hand; a loop left to its own
vectoriser came out slower than one message at a time, so the vectors are written out. Lane j of a
block is its column j.

Needs numba, which is no part of the core (extra `fast`): without it this module is not imported.
hashlib gives the same bytes, and is what the compression is held to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

SHA_WORDS = 16

Compiled = Callable[..., Any]


def sha256_compression(width: int) -> Compiled:
    """Return f(block, start, out): compress `width` blocks from one chaining value.

    block: uint32, shape (16, width); start: uint32, shape (8,); out: (8, width).
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def compress(_: Any, __: Any, ___: Any, ____: Any) -> Any:
        def generate(context: Any, builder: Any, _____: Any, args: Any) -> Any:
            _sha256(builder, ir.VectorType(ir.IntType(32), width), *args)
            return context.get_dummy_value()

        return types.void(types.voidptr, types.voidptr, types.voidptr), generate

    pointer = address()

    def compression(block: Any, start: Any, out: Any) -> None:
        compress(pointer(block), pointer(start), pointer(out))

    return jit(compression)


@cache
def sha256_constants() -> tuple[list[int], list[int]]:
    """Return SHA-256's 64 round constants and its 8 initial words: digits of roots of primes."""
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, n))]
    cubes = [_root(p << 96, 3) & 0xFFFFFFFF for p in primes]
    squares = [_root(p << 64, 2) & 0xFFFFFFFF for p in primes[:8]]
    return cubes, squares


def _root(n: int, degree: int) -> int:
    low, high = 0, 1 << n.bit_length() // degree + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= n else (low, middle)
    return low


def jit(function: Callable[..., None]) -> Compiled:
    """Return a function compiled at its first call, which lets other threads run."""
    compiled: Compiled = njit(nogil=True)(function)
    return compiled


def address() -> Any:
    """Return f(array), its data's address within compiled code."""

    @intrinsic  # type: ignore[untyped-decorator]
    def data(_: Any, array: Any) -> Any:
        signature = types.voidptr(array)

        def generate(context: Any, builder: Any, found: Any, args: Any) -> Any:
            made = cgutils.create_struct_proxy(found.args[0])(context, builder, args[0])
            return builder.bitcast(made.data, ir.IntType(8).as_pointer())

        return signature, generate

    return data


def splat(vector: Any, value: int) -> Any:
    """Return the constant that has a number in each lane."""
    return ir.Constant(vector, [ir.Constant(vector.element, value)] * vector.count)


def rotate_left(builder: Any, vector: Any, value: Any, by: int) -> Any:
    """Emit a rotation of each lane."""
    if by == 0:
        return value
    name = f"llvm.fshl.v{vector.count}i{vector.element.width}"
    kind = ir.FunctionType(vector, [vector] * 3)
    return builder.call(function(builder, kind, name), [value, value, splat(vector, by)])


def function(builder: Any, kind: Any, name: str) -> Any:
    """Return a function of LLVM's or of the module by its name and type."""
    return cgutils.get_or_insert_function(builder.module, kind, name)


def load(builder: Any, vector: Any, pointer: Any, place: int) -> Any:
    """Emit the load of the vector number `place` behind a pointer to such."""
    found = builder.load(builder.gep(pointer, [ir.IntType(32)(place)]))
    found.align = vector.element.width // 8  # numpy promises no more
    return found


def store(builder: Any, vector: Any, value: Any, pointer: Any, place: int) -> None:
    """Emit the store that `load` undoes."""
    kept = builder.store(value, builder.gep(pointer, [ir.IntType(32)(place)]))
    kept.align = vector.element.width // 8


def table(builder: Any, element: Any, values: list[int]) -> Any:
    """Return a table of constants, of the type of one of them."""
    kind = ir.ArrayType(element, len(values))
    name = builder.module.get_unique_name("constants")
    found = ir.GlobalVariable(builder.module, kind, name)
    found.initializer, found.global_constant, found.linkage = (
        ir.Constant(kind, values),
        True,
        "internal",
    )
    return found


def broadcast(builder: Any, vector: Any, value: Any) -> Any:
    """Emit the vector that has a value in each lane."""
    nothing = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, nothing, zeros)


def loop(builder: Any, times: int, start: list[Any], body: Callable[[Any, list[Any]], Any]) -> Any:
    """Emit body(counter, values) -> values, `times` over; return the last values."""
    i32 = ir.IntType(32)
    before, inside = builder.block, builder.append_basic_block("round")
    done = builder.append_basic_block("done")
    builder.branch(inside)
    builder.position_at_end(inside)
    values = [builder.phi(value.type) for value in start]
    counter = builder.phi(i32)
    for phi, value in zip(values, start, strict=True):
        phi.add_incoming(value, before)
    counter.add_incoming(i32(0), before)
    after = body(counter, values)
    following = builder.add(counter, i32(1))
    for phi, value in zip(values, after, strict=True):
        phi.add_incoming(value, inside)
    counter.add_incoming(following, inside)
    builder.cbranch(builder.icmp_unsigned("<", following, i32(times)), inside, done)
    builder.position_at_end(done)
    return after


def _sha256(builder: Any, vector: Any, block: Any, start: Any, out: Any) -> None:
    pointer = builder.bitcast(block, vector.as_pointer())
    chaining = builder.bitcast(start, vector.element.as_pointer())
    result = builder.bitcast(out, vector.as_pointer())
    constants = table(builder, vector.element, sha256_constants()[0])
    i32 = ir.IntType(32)

    def right(value: Any, *by: int) -> Any:
        turned = [rotate_left(builder, vector, value, 32 - n) for n in by]
        found = turned[0]
        for each in turned[1:]:
            found = builder.xor(found, each)
        return found

    def add(*values: Any) -> Any:
        found = values[0]
        for each in values[1:]:
            found = builder.add(found, each)
        return found

    def small_sigma(value: Any, first: int, second: int, shift: int) -> Any:
        shifted = builder.lshr(value, splat(vector, shift))
        return builder.xor(right(value, first, second), shifted)

    def body(number: Any, values: list[Any]) -> list[Any]:
        w, (a, b, c, d, e, f, g, h) = values[:SHA_WORDS], values[SHA_WORDS:]
        base = builder.mul(number, i32(SHA_WORDS))
        for t in range(SHA_WORDS):
            place = builder.gep(constants, [i32(0), builder.add(base, i32(t))])
            k = broadcast(builder, vector, builder.load(place))
            choice = builder.xor(g, builder.and_(e, builder.xor(f, g)))
            one = add(h, right(e, 6, 11, 25), choice, k, w[t])
            majority = builder.or_(builder.and_(a, b), builder.and_(c, builder.or_(a, b)))
            two = add(right(a, 2, 13, 22), majority)
            a, b, c, d, e, f, g, h = add(one, two), a, b, c, add(d, one), e, f, g
            # The word 16 rounds on; those after the last round are computed and not used.
            w[t] = add(
                w[t],
                small_sigma(w[(t + 1) % 16], 7, 18, 3),
                w[(t + 9) % 16],
                small_sigma(w[(t + 14) % 16], 17, 19, 10),
            )
        return [*w, a, b, c, d, e, f, g, h]

    words = [load(builder, vector, pointer, i) for i in range(SHA_WORDS)]
    first = [
        broadcast(builder, vector, builder.load(builder.gep(chaining, [i32(i)]))) for i in range(8)
    ]
    last = loop(builder, 4, [*words, *first], body)[SHA_WORDS:]
    for i, (before, after) in enumerate(zip(first, last, strict=True)):
        store(builder, vector, builder.add(before, after), result, i)
