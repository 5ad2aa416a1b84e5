"""The commonest instructions, written flat: nine in ten of what the ledger's contract executes.

py-evm's own go through five calls each and turn words to bytes and back, so a verb spends most of
its time there. These do the same in one call each, on the same stack, memory and gas meter; every
other instruction stays py-evm's. A test holds both to the same outcome on random programs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from eth.exceptions import FullStack, InsufficientStack, InvalidJumpDestination, OutOfGas
from eth.vm import opcode_values as op
from eth.vm.forks.london.computation import LondonComputation

Instruction = Callable[[Any], None]
Make = Callable[[int], Instruction]
"""Takes the instruction's gas, which is py-evm's."""

_WORD = (1 << 256) - 1
_MAX_STACK = 1024


def _spend(computation: Any, gas: int) -> list[Any]:
    """Take the gas and return the stack: a list of int, or bytes from py-evm's instructions."""
    meter = computation._gas_meter
    if meter.gas_remaining < gas:
        raise OutOfGas("out of gas")
    meter.gas_remaining -= gas
    values: list[Any] = computation._stack.values
    return values


def _int(value: Any) -> int:
    return int.from_bytes(value, "big") if type(value) is bytes else value


def _pop(values: list[Any]) -> int:
    if not values:
        raise InsufficientStack("stack underflow")
    return _int(values.pop())


def _push(size: int) -> Make:
    def make(gas: int) -> Instruction:
        def push(computation: Any) -> None:
            values = _spend(computation, gas)
            if len(values) >= _MAX_STACK:
                raise FullStack("stack overflow")
            code = computation.code
            start = code.program_counter
            code.program_counter = end = start + size
            data = code._raw_code_bytes[start:end]
            if len(data) < size:  # the code ends inside: zeros follow
                data = data.ljust(size, b"\0")
            values.append(int.from_bytes(data, "big"))

        return push

    return make


def _dup(place: int) -> Make:
    def make(gas: int) -> Instruction:
        def dup(computation: Any) -> None:
            values = _spend(computation, gas)
            if len(values) >= _MAX_STACK:
                raise FullStack("stack overflow")
            if len(values) < place:
                raise InsufficientStack("stack underflow")
            values.append(values[-place])

        return dup

    return make


def _swap(place: int) -> Make:
    deep = -place - 1

    def make(gas: int) -> Instruction:
        def swap(computation: Any) -> None:
            values = _spend(computation, gas)
            if len(values) <= place:
                raise InsufficientStack("stack underflow")
            values[-1], values[deep] = values[deep], values[-1]

        return swap

    return make


def _unary(result: Callable[[int], int]) -> Make:
    def make(gas: int) -> Instruction:
        def unary(computation: Any) -> None:
            values = _spend(computation, gas)
            if not values:
                raise InsufficientStack("stack underflow")
            values[-1] = result(_int(values[-1]))

        return unary

    return make


def _binary(result: Callable[[int, int], int]) -> Make:
    """result: of the top of the stack and the word under it; cut to 256 bits."""

    def make(gas: int) -> Instruction:
        def binary(computation: Any) -> None:
            values = _spend(computation, gas)
            if len(values) < 2:
                raise InsufficientStack("stack underflow")
            values[-1] = result(_int(values.pop()), _int(values[-1])) & _WORD

        return binary

    return make


def _drop(gas: int) -> Instruction:
    def drop(computation: Any) -> None:
        _pop(_spend(computation, gas))

    return drop


def _jump_destination(gas: int) -> Instruction:
    def jump_destination(computation: Any) -> None:
        _spend(computation, gas)

    return jump_destination


def _jump(gas: int) -> Instruction:
    def jump(computation: Any) -> None:
        _go(computation, _pop(_spend(computation, gas)))

    return jump


def _jump_if(gas: int) -> Instruction:
    def jump_if(computation: Any) -> None:
        values = _spend(computation, gas)
        target = _pop(values)
        if _pop(values):
            _go(computation, target)

    return jump_if


def _go(computation: Any, target: int) -> None:
    code = computation.code
    if target not in _jump_destinations(code._raw_code_bytes):
        raise InvalidJumpDestination("invalid jump destination")
    code.program_counter = target


@lru_cache(maxsize=64)
def _jump_destinations(code: bytes) -> frozenset[int]:
    """Return where `code` has a JUMPDEST that is no data of a push."""
    found, at = [], 0
    while at < len(code):
        if code[at] == op.JUMPDEST:
            found.append(at)
        at += code[at] - op.PUSH1 + 2 if op.PUSH1 <= code[at] <= op.PUSH32 else 1
    return frozenset(found)


def _load(gas: int) -> Instruction:
    def load(computation: Any) -> None:
        values = _spend(computation, gas)
        start = _pop(values)
        values.append(int.from_bytes(_memory(computation, start)[start : start + 32], "big"))

    return load


def _store(gas: int) -> Instruction:
    def store(computation: Any) -> None:
        values = _spend(computation, gas)
        start, value = _pop(values), _pop(values)
        _memory(computation, start)[start : start + 32] = value.to_bytes(32, "big")

    return store


def _memory(computation: Any, start: int) -> bytearray:
    """Return the memory, grown (and paid for) so that it holds a word at `start`."""
    if start + 32 > len(computation._memory._bytes):
        computation.extend_memory(start, 32)
    memory: bytearray = computation._memory._bytes
    return memory


def _call_data(gas: int) -> Instruction:
    def call_data(computation: Any) -> None:
        values = _spend(computation, gas)
        start = _pop(values)
        word = computation.msg.data_as_bytes[start : start + 32]
        values.append(int.from_bytes(word.ljust(32, b"\0"), "big"))

    return call_data


_MAKERS: Mapping[int, Make] = {
    op.ADD: _binary(operator.add),
    op.MUL: _binary(operator.mul),
    op.SUB: _binary(operator.sub),
    op.LT: _binary(operator.lt),
    op.GT: _binary(operator.gt),
    op.EQ: _binary(operator.eq),
    op.AND: _binary(operator.and_),
    op.OR: _binary(operator.or_),
    op.XOR: _binary(operator.xor),
    op.SHL: _binary(lambda shift, value: value << shift if shift < 256 else 0),
    op.SHR: _binary(lambda shift, value: value >> shift if shift < 256 else 0),
    op.ISZERO: _unary(lambda value: int(value == 0)),
    op.NOT: _unary(lambda value: _WORD - value),
    op.POP: _drop,
    op.MLOAD: _load,
    op.MSTORE: _store,
    op.CALLDATALOAD: _call_data,
    op.JUMP: _jump,
    op.JUMPI: _jump_if,
    op.JUMPDEST: _jump_destination,
    **{op.PUSH1 + n: _push(n + 1) for n in range(32)},
    **{op.DUP1 + n: _dup(n + 1) for n in range(16)},
    **{op.SWAP1 + n: _swap(n + 1) for n in range(16)},
}

_STOCK = LondonComputation.opcodes


class FlatComputation(LondonComputation):  # type: ignore[misc]  # py-evm is untyped
    """London's computation with the instructions of this module in place of py-evm's."""

    opcodes = {  # noqa: RUF012 (py-evm's own way of declaring it)
        **_STOCK,
        **{code: make(_STOCK[code].gas_cost) for code, make in _MAKERS.items()},
    }
