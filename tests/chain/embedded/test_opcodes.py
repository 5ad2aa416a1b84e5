"""The node's own instructions against py-evm's: the same outcome of every program."""

from __future__ import annotations

from typing import Any

import pytest
from eth.db.atomic import AtomicDB
from eth.vm import opcode_values as op
from eth.vm.chain_context import ChainContext
from eth.vm.forks.london import LondonVM
from eth.vm.forks.london.blocks import LondonBlockHeader
from eth.vm.forks.london.computation import LondonComputation
from eth.vm.message import Message
from eth.vm.transaction_context import BaseTransactionContext
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.chain.embedded.opcodes import _MAKERS, FlatComputation

HERE = b"\x11" * 20
OTHERS = (
    op.SHA3,
    op.CALLER,
    op.CALLDATASIZE,
    op.MSTORE8,
    op.DIV,
    op.SLT,
    op.GAS,
    op.RETURN,
    op.MSIZE,
)

small = st.integers(0, 80)
words = st.one_of(small, st.integers(0, 2**256 - 1), st.sampled_from([255, 256, 2**64, 2**255]))


def pushed(number: int) -> bytes:
    """A push of the number, as short as it can be."""
    data = number.to_bytes(max((number.bit_length() + 7) // 8, 1), "big")
    return bytes([op.PUSH1 + len(data) - 1]) + data


pieces = st.one_of(
    words.map(pushed),
    small.map(pushed),
    st.sampled_from(sorted(_MAKERS)).map(lambda code: bytes([code])),
    st.sampled_from(OTHERS).map(lambda code: bytes([code])),
    st.binary(min_size=1, max_size=2),
)
programs = st.lists(pieces, max_size=40).map(b"".join)


def run(computation: type[Any], code: bytes, data: bytes, gas: int) -> dict[str, Any]:
    """Return all that a program leaves behind."""
    header = LondonBlockHeader(
        difficulty=1, block_number=1, gas_limit=10**9, timestamp=1, base_fee_per_gas=0
    )
    state = LondonVM.build_state(AtomicDB(), header, ChainContext(1), ())
    message = Message(
        gas=gas, to=HERE, sender=b"\x22" * 20, value=0, data=data, code=code, create_address=None
    )
    context = BaseTransactionContext(gas_price=0, origin=b"\x22" * 20)
    done = computation.apply_computation(state, message, context)
    stack = [int.from_bytes(v, "big") if isinstance(v, bytes) else v for v in done._stack.values]
    return {
        "failed": done.is_error,
        "burns": done.is_error and done.error.burns_gas,
        "gas": done.get_gas_remaining(),
        "output": bytes(done.output),
        **({} if done.is_error else {"stack": stack, "memory": bytes(done._memory._bytes)}),
    }


@settings(max_examples=200)
@given(code=programs, data=st.binary(max_size=70), gas=st.sampled_from([0, 20, 300, 100_000]))
@example(code=pushed(3) + bytes([op.JUMP, op.JUMPDEST]), data=b"", gas=100)
@example(code=pushed(4) + bytes([op.JUMP, op.PUSH1, op.JUMPDEST]), data=b"", gas=100)
@example(code=bytes([op.PUSH32, 1]), data=b"", gas=100)
@example(code=pushed(2**256 - 1) + bytes([op.MLOAD]), data=b"", gas=100_000)
@example(code=pushed(2**256 - 1) + bytes([op.CALLDATALOAD]), data=b"\1", gas=100)
def test_a_program_ends_as_in_py_evm(code: bytes, data: bytes, gas: int) -> None:
    """Success, gas, output, stack and memory; which error it is matters to nobody."""
    assert run(FlatComputation, code, data, gas) == run(LondonComputation, code, data, gas)


@pytest.mark.parametrize("code", sorted(_MAKERS))
@given(values=st.lists(words, max_size=17), gas=st.sampled_from([2, 3, 1_000]))
@settings(max_examples=6)
def test_an_instruction_ends_as_in_py_evm(code: int, values: list[int], gas: int) -> None:
    """Each one over stacks of any depth, with just enough gas and too little."""
    program = b"".join(map(pushed, values)) + bytes([code])
    given_gas = 3 * len(values) + gas
    expected = run(LondonComputation, program, b"\xff" * 40, given_gas)
    assert run(FlatComputation, program, b"\xff" * 40, given_gas) == expected


@pytest.mark.parametrize("code", [op.PUSH1, op.DUP1])
def test_a_full_stack_is_full(code: int) -> None:
    """1,024 words and no more."""
    loop = bytes([op.JUMPDEST, code, 1][: 3 if code == op.PUSH1 else 2])
    program = pushed(1) + loop + pushed(2) + bytes([op.JUMP])
    assert run(FlatComputation, program, b"", 50_000) == run(
        LondonComputation, program, b"", 50_000
    )
    fits = pushed(1) + bytes([op.DUP1]) * 1023
    assert len(run(FlatComputation, fits, b"", 50_000)["stack"]) == 1024
    assert run(FlatComputation, fits + bytes([code, 1]), b"", 50_000)["failed"]
