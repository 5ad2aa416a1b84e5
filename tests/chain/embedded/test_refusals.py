"""A bad transaction is refused by name, and alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import rlp

from ledger.chain.embedded.admission import admit
from ledger.chain.embedded.builder import Builder
from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.nodes import NodeOverlay
from ledger.chain.embedded.queue import Sealed
from ledger.errors import TouchstoneError
from tests.chain.embedded.conftest import Signer
from tests.chain.embedded.contracts import deployer, runtime, words

HALF_N = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
N = 2 * HALF_N + 1


def _resigned(signer: Signer, **changes: int) -> bytes:
    """Return a legacy transaction with its r, s or v changed."""
    fields = rlp.decode(signer.sign(to=b"\x01" * 20, gasPrice=0))
    for name, value in changes.items():
        fields[{"v": 6, "r": 7, "s": 8}[name]] = rlp.sedes.big_endian_int.serialize(value)
    encoded: bytes = rlp.encode(fields)
    return encoded


def _high_s(signer: Signer) -> bytes:
    s = int.from_bytes(rlp.decode(signer.sign(to=b"\x01" * 20, gasPrice=0))[8], "big")
    return _resigned(signer, s=N - s)


BAD: dict[str, tuple[str, Callable[[Signer], bytes]]] = {
    "nothing": ("TX_MALFORMED", lambda s: b""),
    "no RLP": ("TX_MALFORMED", lambda s: b"\xf8\x01"),
    "cut short": ("TX_MALFORMED", lambda s: s.sign(to=b"\x01" * 20)[:-1]),
    "a byte too long": ("TX_MALFORMED", lambda s: s.sign(to=b"\x01" * 20) + b"\x00"),
    "blob type": ("TX_MALFORMED", lambda s: b"\x03" + s.sign(to=b"\x01" * 20)[1:]),
    "too large": ("TX_TOO_LARGE", lambda s: s.sign(to=b"\x01" * 20, data=bytes(2**17))),
    "other chain": ("WRONG_CHAIN", lambda s: s.sign(to=b"\x01" * 20, chainId=s.chain_id + 1)),
    "other chain, legacy": (
        "WRONG_CHAIN",
        lambda s: s.sign(to=b"\x01" * 20, chainId=s.chain_id + 1, gasPrice=0),
    ),
    "no chain": ("UNPROTECTED", lambda s: _resigned(s, v=27)),
    "r of nought": ("BAD_SIGNATURE", lambda s: _resigned(s, r=0)),
    "s of the order": ("BAD_SIGNATURE", lambda s: _resigned(s, s=N)),
    "high s": ("BAD_SIGNATURE", _high_s),
    "gas over the limit": ("GAS_LIMIT", lambda s: s.sign(to=b"\x01" * 20, gas=10**8 + 1)),
    "gas too low": ("INTRINSIC_GAS", lambda s: s.sign(to=b"\x01" * 20, gas=20_999)),
    "tip over fee": ("FEE_CAP", lambda s: s.sign(to=b"\x01" * 20, maxPriorityFeePerGas=1)),
    "a fee nobody can pay": (
        "INSUFFICIENT_FUNDS",
        lambda s: s.sign(to=b"\x01" * 20, maxFeePerGas=1),
    ),
    "value without funds": ("INSUFFICIENT_FUNDS", lambda s: s.sign(to=b"\x01" * 20, value=1)),
    "nonce used": ("NONCE_TOO_LOW", lambda s: s.sign(to=b"\x09" * 20, nonce=0)),
    "nonce ahead": ("NONCE_TOO_HIGH", lambda s: s.sign(to=b"\x01" * 20, nonce=s.nonce + 1)),
    "the highest nonce": ("NONCE_MAX", lambda s: s.sign(to=b"\x01" * 20, nonce=2**64 - 1)),
}


def test_bad_transactions_are_refused_one_by_one_and_good_ones_land(
    chain: EmbeddedChain, signer: Signer
) -> None:
    """Every kind of bad transaction among good ones of others: each gets its own code."""
    bystander = Signer(chain.chain_id)
    chain.submit([signer.send(b"\x01" * 20)])
    raws, expected = [], []
    for code, make in BAD.values():
        raws += [make(signer), bystander.send(b"\x02" * 20)]
        expected += [code, "SEALED"]
    results = chain.submit(raws)
    assert [r.code if isinstance(r, TouchstoneError) else "SEALED" for r in results] == expected
    assert bystander.nonce == len(BAD)


def test_sent_again_it_is_already_known(chain: EmbeddedChain, signer: Signer) -> None:
    """The bytes of a sealed transaction are known, in the same group too; other bytes are not."""
    raw = signer.send(b"\x01" * 20)
    first, second = chain.submit([raw, raw])
    (third,) = chain.submit([raw])
    assert isinstance(first, Sealed)
    assert [str(second), str(third)] == ["already known", "already known"]
    (other,) = chain.submit([signer.sign(nonce=0, to=b"\x09" * 20)])
    assert str(other) == "nonce too low: next nonce 1, tx nonce 0"


def test_a_swapped_pair_is_sealed_in_nonce_order(chain: EmbeddedChain, signer: Signer) -> None:
    """A transaction that overtook its predecessor waits for it."""
    raws = [signer.send(b"\x01" * 20) for _ in range(3)]
    (early,) = chain.enqueue([raws[2]])
    sealed = [future.result(10) for future in (*chain.enqueue([raws[1], raws[0]]), early)]
    second, first, third = ((place.block, place.index) for place in sealed)
    assert first < second < third


def test_a_transaction_that_fails_is_in_its_block_and_says_so(
    chain: EmbeddedChain, signer: Signer
) -> None:
    """A revert is sealed with status 0 and its gas, and leaves no state."""
    chain.submit([signer.send(data=deployer(runtime(1)))])
    contract = chain.store.transactions(1)[0].contract
    results = chain.submit([signer.send(contract, b""), signer.send(contract, words(1, 2))])
    assert [r.status for r in results if isinstance(r, Sealed)] == [0, 1]


def test_code_that_calls_itself_to_the_last_level_is_executed(
    chain: EmbeddedChain, signer: Signer
) -> None:
    """1,024 nested calls in the sealing thread end in a block and not in a crash."""
    # pop(call(gas(), address(), 0, 0, 0, 0, 0)); stop
    dive = bytes.fromhex("60006000600060006000305af100")
    chain.submit([signer.send(data=deployer(dive))])
    contract = chain.store.transactions(1)[0].contract
    (result,) = chain.submit([signer.sign(to=contract, gas=10**8)])
    assert isinstance(result, Sealed)
    assert result.status == 1


def test_what_has_no_room_in_a_block_is_kept_for_the_next(
    chain: EmbeddedChain, signer: Signer
) -> None:
    """Four transfers of 21,000 gas fit into 100,000; the other two are neither lost nor refused."""
    parent = chain.head().header.copy(gas_limit=100_000)
    nodes = NodeOverlay(chain.store.node)
    candidates = [
        admit(signer.sign(to=b"\x01" * 20, gas=21_000, nonce=n), chain.chain_id) for n in range(6)
    ]
    builder = Builder(
        parent, parent.timestamp, chain.chain_id, chain.genesis.validator, nodes, iter([])
    )
    draft = builder.build(candidates)
    assert [row.hash for row in draft.transactions] == [c.hash for c in candidates[:4]]
    assert draft.later == candidates[4:]
    assert (draft.refused, draft.gaps) == ([], [])


def test_seal_refuses_a_group_with_a_bad_member(chain: EmbeddedChain, signer: Signer) -> None:
    """Sealing exactly these means all of them or none."""
    with pytest.raises(TouchstoneError, match="nonce too high"):
        chain.seal([signer.sign(to=b"\x01" * 20), signer.sign(to=b"\x01" * 20, nonce=5)])
    assert chain.head().number == 0
