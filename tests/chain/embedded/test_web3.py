"""web3.py drives the node unmodified."""

from __future__ import annotations

import pytest
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from ledger.chain.trie import account, storage_word
from ledger.domain.keccak import keccak
from tests.chain.embedded.conftest import NodeProcess, Signer
from tests.chain.embedded.contracts import ERROR, deployer, runtime, words

EMPTY_TRIE = keccak(b"\x80")


@pytest.fixture
def web3(node: NodeProcess) -> Web3:
    return node.web3()


@pytest.fixture
def signer(node: NodeProcess) -> Signer:
    return Signer(node.chain_id)


@pytest.fixture
def contract(web3: Web3, signer: Signer) -> bytes:
    """The address of a new two-topic contract."""
    receipt = web3.eth.wait_for_transaction_receipt(
        web3.eth.send_raw_transaction(signer.send(data=deployer(runtime(2))))
    )
    assert receipt["status"] == 1
    return bytes.fromhex(str(receipt["contractAddress"])[2:])


def test_a_contract_is_deployed_written_and_read(
    web3: Web3, signer: Signer, contract: bytes
) -> None:
    """Code, storage, call, nonce and receipt agree after a write."""
    tx_hash = web3.eth.send_raw_transaction(signer.send(contract, words(7, 99)))
    receipt = web3.eth.get_transaction_receipt(tx_hash)
    block = web3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert web3.eth.get_code(Web3.to_checksum_address(contract)) == runtime(2)
    assert web3.eth.get_storage_at(Web3.to_checksum_address(contract), 7) == words(99)
    assert web3.eth.call({"to": contract, "data": words(7)}) == words(99)
    assert web3.eth.get_transaction_count(signer.account.address) == 2
    assert receipt["transactionHash"] == tx_hash
    assert block["transactions"][0]["hash"] == tx_hash
    assert block["transactions"][0] == web3.eth.get_transaction(tx_hash)
    assert web3.eth.get_block(block["hash"])["transactions"] == [tx_hash]


def test_the_log_of_a_write_is_found_by_its_topics(
    web3: Web3, signer: Signer, contract: bytes
) -> None:
    """A filter on address and topics finds the one log, and it equals the receipt's."""
    receipt = web3.eth.wait_for_transaction_receipt(
        web3.eth.send_raw_transaction(signer.send(contract, words(1, 2)))
    )
    web3.eth.send_raw_transaction(signer.send(contract, words(1, 3)))
    topic = Web3.to_hex(words(2))
    found = web3.eth.get_logs(
        {"address": Web3.to_checksum_address(contract), "topics": [None, topic], "fromBlock": 0}
    )
    assert found == receipt["logs"]
    assert [bytes(t) for t in found[0]["topics"]] == [words(1), words(2)]
    assert bytes(found[0]["data"]) == words(2)


def test_a_revert_reaches_the_caller_with_its_data(web3: Web3, contract: bytes) -> None:
    """eth_call and eth_estimateGas raise ContractLogicError with text and data."""
    for ask in (web3.eth.call, web3.eth.estimate_gas):
        with pytest.raises(ContractLogicError) as caught:
            ask({"to": contract})  # type: ignore[operator]
        assert caught.value.message == "execution reverted: nothing asked"
        assert caught.value.data == Web3.to_hex(ERROR)


def test_estimated_gas_is_enough_and_little_more(
    web3: Web3, signer: Signer, contract: bytes
) -> None:
    """The estimate suffices, and is at most 2 % over what is used."""
    call = {"from": signer.account.address, "to": contract, "data": words(5, 6)}
    estimate = web3.eth.estimate_gas(call)  # type: ignore[arg-type]
    raw = signer.sign(to=contract, data=words(5, 6), gas=estimate)
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(raw))
    assert receipt["status"] == 1
    assert receipt["gasUsed"] <= estimate <= receipt["gasUsed"] * 1.02


def test_fees_are_nought_and_web3_fills_them_in(web3: Web3, signer: Signer) -> None:
    """web3's own fee filling arrives at a free transaction that the node takes."""
    history = web3.eth.fee_history(2, "latest", [50])
    assert web3.eth.gas_price == web3.eth.max_priority_fee == 0
    assert set(history["baseFeePerGas"]) == {0}
    web3.eth.send_raw_transaction(signer.sign(to=signer.address, gas=21_000, gasPrice=0))
    assert web3.eth.get_balance(signer.account.address) == 0
    assert web3.eth.syncing is False
    assert web3.client_version.startswith("Touchstone/")
    assert web3.net.version == str(web3.eth.chain_id)


def test_old_values_and_absences_are_proved(web3: Web3, signer: Signer, contract: bytes) -> None:
    """A proof at an old block shows the old value; absent slots and accounts have proofs too."""
    address = Web3.to_checksum_address(contract)
    first = web3.eth.wait_for_transaction_receipt(
        web3.eth.send_raw_transaction(signer.send(contract, words(3, 10)))
    )
    for value in range(11, 14):
        web3.eth.send_raw_transaction(signer.send(contract, words(3, value)))
        web3.eth.send_raw_transaction(signer.send(contract, words(value, 1)))
    root = bytes(web3.eth.get_block(first["blockNumber"])["stateRoot"])
    proof = web3.eth.get_proof(address, [3, 12], first["blockNumber"])
    found = account(root, contract, proof["accountProof"])
    assert found is not None
    assert (found.nonce, found.storage_root) == (1, bytes(proof["storageHash"]))
    proved = [
        storage_word(found.storage_root, slot, entry["proof"])
        for slot, entry in zip((3, 12), proof["storageProof"], strict=True)
    ]
    assert proved == [10, 0]
    assert [bytes(entry["value"]) for entry in proof["storageProof"]] == [b"\x0a", b"\x00"]
    nobody = web3.eth.get_proof(Web3.to_checksum_address(b"\x01" * 20), [1], first["blockNumber"])
    assert account(root, b"\x01" * 20, nobody["accountProof"]) is None
    assert bytes(nobody["storageHash"]) == EMPTY_TRIE
    assert storage_word(EMPTY_TRIE, 1, nobody["storageProof"][0]["proof"]) == 0


def test_what_does_not_exist_is_not_found(web3: Web3) -> None:
    """Unknown transactions and states are answered as geth does."""
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(b"\x01" * 32)
    with pytest.raises(Web3RPCError, match="header not found"):
        web3.eth.call({"to": b"\x01" * 20}, 10**9)
