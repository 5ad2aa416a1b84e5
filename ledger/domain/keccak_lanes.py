"""Keccak over many messages at once, as vector instructions: the permutation, and the two hashes
that minting consists of.

Source: FIPS 202, section 3. Lane j of a state is its column j. `ledger.domain.keccak` gives the
same bytes, and is what this is held to. Messages come and hashes go as rows of little-endian words,
and are turned into lanes and back in registers. Needs numba, as `ledger.domain.lanes` does.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ledger.domain import lanes

WORDS = 25
TWICE_WORDS = 12  # of the messages that `twice` hashes
_RATE_END = 16  # the last word of the rate of 136 bytes, whose top bit ends the padding
_HASH_WORDS = 4
_MASK = (1 << 64) - 1


def permutation(width: int) -> lanes.Compiled:
    """Return f(state), which permutes `width` states in place: uint64, shape (25, width)."""

    @intrinsic  # type: ignore[untyped-decorator]  # numba has no types
    def permute(_: Any, __: Any) -> Any:
        def generate(context: Any, builder: Any, ___: Any, args: Any) -> Any:
            vector = _vector(width)
            pointer = builder.bitcast(args[0], vector.as_pointer())
            state = [lanes.load(builder, vector, pointer, i) for i in range(WORDS)]
            for i, value in enumerate(_permuted(builder, vector, state)):
                lanes.store(builder, vector, value, pointer, i)
            return context.get_dummy_value()

        return types.void(types.voidptr), generate

    pointer = lanes.address()

    def permutation(state: Any) -> None:
        permute(pointer(state))

    return lanes.jit(permutation)


def twice(width: int) -> lanes.Compiled:
    """Return f(message, out, row): hash `width` messages of 96 bytes, and their hashes once more.

    message: uint64, shape (12, width), not changed; out: uint64, (n, 4), contiguous, of which the
    rows from `row` on are written.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def hash_twice(_: Any, __: Any, ___: Any, ____: Any) -> Any:
        def generate(context: Any, builder: Any, _____: Any, args: Any) -> Any:
            message, out, row = args
            vector = _vector(width)
            pointer = builder.bitcast(message, vector.as_pointer())
            words = [lanes.load(builder, vector, pointer, i) for i in range(TWICE_WORDS)]
            once = _hashed(builder, vector, words)
            _store_rows(builder, vector, _hashed(builder, vector, once), out, row)
            return context.get_dummy_value()

        return types.void(types.voidptr, types.voidptr, types.int64), generate

    pointer = lanes.address()

    def twice(message: Any, out: Any, row: Any) -> None:
        hash_twice(pointer(message), pointer(out), row)

    return lanes.jit(twice)


def pairs(width: int) -> lanes.Compiled:
    """Return f(nodes, out, row): hash the nodes 2 · row … 2 · (row + width) − 1 in pairs, the
    smaller of each first, into the rows of `out` from `row` on.

    nodes, out: uint64, shape (n, 4), contiguous.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def hash_pairs(_: Any, __: Any, ___: Any, ____: Any) -> Any:
        def generate(context: Any, builder: Any, _____: Any, args: Any) -> Any:
            nodes, out, row = args
            vector = _vector(width)
            left, right = _load_pairs(builder, vector, nodes, row)
            larger = _is_larger(builder, vector, left, right)
            words = [
                builder.select(larger, *each)
                for sides in ((right, left), (left, right))
                for each in zip(*sides, strict=True)
            ]
            _store_rows(builder, vector, _hashed(builder, vector, words), out, row)
            return context.get_dummy_value()

        return types.void(types.voidptr, types.voidptr, types.int64), generate

    pointer = lanes.address()

    def pairs(nodes: Any, out: Any, row: Any) -> None:
        hash_pairs(pointer(nodes), pointer(out), row)

    return lanes.jit(pairs)


def round_constants() -> list[int]:
    """Return keccak's 24 round constants, from their shift register (FIPS 202, algorithm 5)."""
    register, constants = 1, []
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << (1 << j) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


def rotations() -> dict[tuple[int, int], int]:
    """Return keccak's rotation of each lane (x, y) (FIPS 202, algorithm 2)."""
    x, y, offsets = 1, 0, {(0, 0): 0}
    for t in range(24):
        offsets[x, y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


def _vector(width: int) -> Any:
    return ir.VectorType(ir.IntType(64), width)


def _hashed(builder: Any, vector: Any, words: list[Any]) -> list[Any]:
    """Emit the hash of messages of up to 16 words; return its four."""
    state = [*words, lanes.splat(vector, 1)]
    state += [lanes.splat(vector, 0)] * (WORDS - len(state))
    state[_RATE_END] = lanes.splat(vector, 1 << 63)
    return _permuted(builder, vector, state)[:_HASH_WORDS]


def _permuted(builder: Any, vector: Any, state: list[Any]) -> list[Any]:
    """Emit keccak-f[1600] of 25 vectors, two rounds a turn; return the 25 that come out."""
    i32 = ir.IntType(32)
    constants = lanes.table(builder, vector.element, round_constants())
    sources = {
        y + 5 * ((2 * x + 3 * y) % 5): (x, x + 5 * y, by) for (x, y), by in rotations().items()
    }

    def rotate(value: Any, by: int) -> Any:
        return lanes.rotate_left(builder, vector, value, by)

    def one_round(number: Any, a: list[Any]) -> list[Any]:
        c = []
        for x in range(5):
            column = a[x]
            for y in range(1, 5):
                column = builder.xor(column, a[x + 5 * y])
            c.append(column)
        d = [builder.xor(c[(x + 4) % 5], rotate(c[(x + 1) % 5], 1)) for x in range(5)]
        e = []
        for row in range(0, WORDS, 5):  # a row at a time, which needs few registers
            b = []
            for x, place, by in (sources[row + x] for x in range(5)):
                b.append(rotate(builder.xor(a[place], d[x]), by))
            for x in range(5):
                inverse = builder.xor(b[(x + 1) % 5], lanes.splat(vector, _MASK))
                e.append(builder.xor(b[x], builder.and_(inverse, b[(x + 2) % 5])))
        constant = builder.load(builder.gep(constants, [i32(0), number]))
        e[0] = builder.xor(e[0], lanes.broadcast(builder, vector, constant))
        return e

    def two_rounds(number: Any, a: list[Any]) -> list[Any]:
        first = builder.shl(number, i32(1))
        return one_round(builder.or_(first, i32(1)), one_round(first, a))

    found: list[Any] = lanes.loop(builder, 12, state, two_rounds)
    return found


def _load_pairs(builder: Any, vector: Any, nodes: Any, row: Any) -> tuple[list[Any], list[Any]]:
    """Emit the loads of `width` pairs of nodes; return the four words of the lefts, and rights."""
    width, i64 = vector.count, ir.IntType(64)
    pointer = builder.bitcast(nodes, i64.as_pointer())
    pointer = builder.gep(pointer, [builder.mul(row, i64(2 * _HASH_WORDS))])
    pointer = builder.bitcast(pointer, vector.as_pointer())
    each = 2 * _HASH_WORDS // width  # vectors of one pair: one of eight words, or two of four
    words: list[Any] = []
    for part in range(each):
        places = range(part, width * each, each)
        rows = [lanes.load(builder, vector, pointer, place) for place in places]
        words += _transposed(builder, rows)
    return words[:_HASH_WORDS], words[_HASH_WORDS:]


def _store_rows(builder: Any, vector: Any, words: list[Any], out: Any, row: Any) -> None:
    """Emit the stores of `width` hashes, given as four vectors, as rows of `out`."""
    i64, i32 = ir.IntType(64), ir.IntType(32)
    short = ir.VectorType(i64, _HASH_WORDS)
    pointer = builder.bitcast(out, short.as_pointer())
    pointer = builder.gep(pointer, [row])
    nothing = ir.Constant(vector, ir.Undefined)
    mask = ir.Constant(ir.VectorType(i32, _HASH_WORDS), list(range(_HASH_WORDS)))
    rows = _transposed(builder, words + [nothing] * (vector.count - _HASH_WORDS))
    for place, value in enumerate(rows):
        lanes.store(builder, short, builder.shuffle_vector(value, nothing, mask), pointer, place)


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Emit the transposition of a square of words: squares of two, then of squares of two, …"""
    size, i32 = len(rows), ir.IntType(32)
    kind = ir.VectorType(i32, size)
    step = 1
    while step < size:
        low = [k + (size - step if k & step else 0) for k in range(size)]
        high = [k + (size if k & step else step) for k in range(size)]
        turned = list(rows)
        for at in range(size):
            if not at & step:
                both = rows[at], rows[at | step]
                turned[at] = builder.shuffle_vector(*both, ir.Constant(kind, low))
                turned[at | step] = builder.shuffle_vector(*both, ir.Constant(kind, high))
        rows, step = turned, 2 * step
    return rows


def _is_larger(builder: Any, vector: Any, left: list[Any], right: list[Any]) -> Any:
    """Emit left > right for hashes as numbers whose bytes are in order; return a bit a lane."""
    kind = ir.FunctionType(vector, [vector])
    swap = lanes.function(builder, kind, f"llvm.bswap.v{vector.count}i64")
    larger = None
    for a, b in reversed(list(zip(left, right, strict=True))):
        a, b = builder.call(swap, [a]), builder.call(swap, [b])
        more = builder.icmp_unsigned(">", a, b)
        if larger is not None:
            more = builder.or_(more, builder.and_(builder.icmp_unsigned("==", a, b), larger))
        larger = more
    return larger
