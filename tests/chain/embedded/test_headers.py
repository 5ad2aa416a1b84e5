"""Headers are QBFT's, field for field, and hold their transactions and receipts."""

from __future__ import annotations

from pathlib import Path

import pytest
import rfc8785
import rlp

from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.header import Header, check_seals
from ledger.chain.receipts import receipts_root, transactions_root
from ledger.chain.rpc import HttpRpc
from ledger.domain.keccak import keccak
from ledger.errors import Rejected
from tests.chain.embedded.conftest import NodeProcess, Signer
from tests.chain.embedded.contracts import deployer, runtime, words


@pytest.fixture
def sealed(node: NodeProcess) -> tuple[HttpRpc, list[dict[str, object]]]:
    """An RPC client and its block 0 and two newest blocks, as JSON."""
    web3, signer = node.web3(), Signer(node.chain_id)
    for _ in range(2):
        web3.eth.send_raw_transaction(signer.send(data=deployer(runtime(1))))
    rpc = HttpRpc(node.url)
    head = int(rpc.call("eth_blockNumber"), 16)
    numbers = (0, head - 1, head)
    return rpc, [rpc.call("eth_getBlockByNumber", hex(n), False) for n in numbers]


def test_the_hash_leaves_the_seals_out_and_the_seal_is_the_validators(
    sealed: tuple[HttpRpc, list[dict[str, object]]],
) -> None:
    """The QBFT rule gives the block's hash, plain hashing does not, and the seal is a quorum."""
    _, (genesis, parent, newest) = sealed
    validators = Header.from_rpc(genesis).extra.validators
    header = Header.from_rpc(newest)
    assert header.hash.hex() == str(newest["hash"])[2:]
    assert keccak(header.encode()) != header.hash
    assert header.parent_hash.hex() == str(parent["hash"])[2:]
    assert check_seals(header, validators) == set(validators)
    assert header.coinbase == validators[0]


def test_block_0_has_no_seals_and_its_plain_hash(
    sealed: tuple[HttpRpc, list[dict[str, object]]],
) -> None:
    """The genesis header hashes to the same value with either rule."""
    header = Header.from_rpc(sealed[1][0])
    assert (header.hash, header.extra.seals) == (keccak(header.encode()), ())


def test_a_changed_header_loses_its_seal(
    sealed: tuple[HttpRpc, list[dict[str, object]]],
) -> None:
    """One more unit of gas used, and the seal is nobody's."""
    _, (genesis, _, newest) = sealed
    changed = Header.from_rpc({**newest, "gasUsed": hex(int(str(newest["gasUsed"]), 16) + 1)})
    with pytest.raises(Rejected) as caught:
        check_seals(changed, Header.from_rpc(genesis).extra.validators)
    assert caught.value.code in {"SEAL_NOT_FROM_VALIDATOR", "BAD_SEAL"}


def test_roots_are_rebuilt_from_what_the_node_answers(node: NodeProcess) -> None:
    """Legacy, access-list and dynamic-fee transactions, failed ones too, rebuild both roots."""
    rpc, signer = HttpRpc(node.url), Signer(node.chain_id)
    rpc.call("eth_sendRawTransaction", "0x" + signer.send(data=deployer(runtime(4))).hex())
    latest = rpc.call("eth_getBlockReceipts", "latest")
    contract = bytes.fromhex(latest[-1]["contractAddress"][2:])
    access = [{"address": contract, "storageKeys": [1]}]
    kinds: list[dict[str, object]] = [
        {"gasPrice": 0},
        {"gasPrice": 0, "accessList": access},
        {"accessList": access},
        {"data": b""},
        {"gas": 30_000},
    ] * 30
    raws = []
    for place, fields in enumerate(kinds):
        values = {"to": contract, "data": words(place, 1 + place), **fields}
        raws.append(signer.sign(**values))
        signer.nonce += 1
    rpc.batch([("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in raws])
    block = rpc.call("eth_getBlockByNumber", "latest", True)
    receipts = rpc.call("eth_getBlockReceipts", "latest")
    assert len(receipts) == len(kinds)
    assert {r["type"] for r in receipts} == {"0x0", "0x1", "0x2"}
    assert [int(r["status"], 16) for r in receipts] == [1, 1, 1, 0, 0] * 30
    assert transactions_root(block["transactions"]).hex() == block["transactionsRoot"][2:]
    assert receipts_root(receipts).hex() == block["receiptsRoot"][2:]
    assert receipts[-1]["cumulativeGasUsed"] == block["gasUsed"]
    assert receipts[7] == rpc.call("eth_getTransactionReceipt", receipts[7]["transactionHash"])
    bloom = 0
    for receipt in receipts:
        bloom |= int(receipt["logsBloom"], 16)
    assert bloom == int(block["logsBloom"], 16)


def test_a_predecessor_is_pinned_by_the_first_vanity(tmp_path: Path) -> None:
    """The chain that a new one continues is hashed into block 0, and kept over a restart."""
    predecessor = {"chainId": 7, "number": 12, "hash": "0x" + "ab" * 32}
    EmbeddedChain(tmp_path, predecessor=predecessor).close()
    chain = EmbeddedChain(tmp_path)
    genesis = chain.store.block(0)
    chain.close()
    with pytest.raises(Rejected, match="continues another chain or none"):
        EmbeddedChain(tmp_path, predecessor={**predecessor, "number": 13})
    assert genesis is not None
    assert rlp.decode(genesis.header.extra_data)[0] == keccak(rfc8785.dumps(predecessor))
    assert chain.genesis.predecessor == predecessor
