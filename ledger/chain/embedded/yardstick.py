"""What bare py-evm does on this machine, for benches to measure the node against."""

from __future__ import annotations

import time

from eth.constants import EMPTY_UNCLE_HASH
from eth.db.atomic import AtomicDB
from eth.vm.chain_context import ChainContext
from eth.vm.forks.london import LondonVM
from eth.vm.forks.london.blocks import LondonBlockHeader

from ledger.chain.account import Account
from ledger.chain.embedded.backends import require_fast_backends

_CHAIN, _CONTRACT, _GAS = 1, b"\x11" * 20, 100_000
_STORE_WORD = bytes.fromhex("60003560003555" + "00")  # storage[word 0 of the call] = that word


def stores_per_second(count: int, account: Account) -> float:
    """Return how many signed transactions a second stock py-evm carries out in memory.

    Each is decoded, its sender recovered, one fresh word stored and a state root made, one after
    the other: no node, no disk, no contract of ours. account: who signs them.
    """
    require_fast_backends()
    header = LondonBlockHeader(
        difficulty=1,
        block_number=1,
        gas_limit=10**9,
        timestamp=1,
        uncles_hash=EMPTY_UNCLE_HASH,
        base_fee_per_gas=0,
    )
    state = LondonVM.build_state(AtomicDB(), header, ChainContext(_CHAIN), ())
    state.set_code(_CONTRACT, _STORE_WORD)
    state.persist()
    builder = LondonVM.get_transaction_builder()
    raws = [
        account.transaction(_CHAIN, n, _CONTRACT, (n + 1).to_bytes(32, "big"), _GAS, 0)
        for n in range(count)
    ]
    started = time.perf_counter()
    for raw in raws:
        state.apply_transaction(builder.decode(raw))
        state.persist()
    seconds = time.perf_counter() - started
    assert state.get_storage(_CONTRACT, count) == count, "the last word was not stored"
    return count / seconds
