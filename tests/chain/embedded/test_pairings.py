"""What is loaded late: not at all by a node, and whole by whoever calls it."""

from __future__ import annotations

import json
import subprocess
import sys

LOADED = """
import json, sys
import scripts.node
print(json.dumps([name for name in sys.modules if "bls12_381" in name or name == "py_ecc.bls"]))
"""
CALLED = """
import json
import ledger.chain.embedded.chain
from eth.db.atomic import AtomicDB
from eth.vm.chain_context import ChainContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.message import Message
from eth.vm.transaction_context import BaseTransactionContext
from eth_utils import to_canonical_address

header = PragueBlockHeader(difficulty=0, block_number=1, gas_limit=10**9, timestamp=1)
state = PragueVM.build_state(AtomicDB(), header, ChainContext(1), ())
told = {}
for number in range(0x0B, 0x12):
    to = to_canonical_address("0x" + number.to_bytes(20, "big").hex())
    zeros = {0x0B: 256, 0x0C: 160, 0x0D: 512, 0x0E: 288, 0x0F: 384, 0x10: 64, 0x11: 128}[number]
    message = Message(10**7, to, b"\\x22" * 20, 0, bytes(zeros), b"")
    context = BaseTransactionContext(gas_price=0, origin=b"\\x22" * 20)
    done = state.computation_class.apply_computation(state, message, context)
    told[number] = [done.is_success, done.output.hex()]
print(json.dumps(told))
"""


def said(program: str) -> object:
    """Run a program in a process of its own; return what it said."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_a_node_does_not_load_the_curve() -> None:
    """A third of its start: of all that only the stand-in is there."""
    assert said(LOADED) == ["eth.precompiles.bls12_381"]


def test_the_curve_is_there_for_who_calls_it() -> None:
    """All seven precompiles of EIP-2537, on zeros: sums and products at infinity, and a pairing
    that holds; a field element is mapped to a point."""
    told = said(CALLED)
    assert isinstance(told, dict)
    first, second = bytes(128).hex(), bytes(256).hex()
    assert list(told.values())[:5] == [
        [True, first],
        [True, first],
        [True, second],
        [True, second],
        [True, bytes(31).hex() + "01"],
    ]
    assert [(done, len(point) // 2) for done, point in list(told.values())[5:]] == [
        (True, 128),
        (True, 256),
    ]
