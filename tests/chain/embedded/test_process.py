"""The node as a process: what survives a kill, and what it says when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.rpc import HttpRpc
from ledger.errors import TouchstoneError
from tests.chain.embedded.conftest import COMMAND, NodeProcess, Signer

SENDERS = 3


def _send_until_it_dies(
    url: str, signer: Signer, journal: list[tuple[str, int]], acknowledged: threading.Semaphore
) -> None:
    """Send one after another, noting (hash, nonce) of each acknowledged one outside the node."""
    rpc = HttpRpc(url, timeout=20)
    while True:
        raw = signer.sign(to=b"\x01" * 20)
        try:
            journal.append((rpc.call("eth_sendRawTransaction", "0x" + raw.hex()), signer.nonce))
        except TouchstoneError:
            return
        signer.nonce += 1
        acknowledged.release()


def _kill_while_sending(
    node: NodeProcess, signers: list[Signer], after: int
) -> list[tuple[str, int]]:
    """Kill the node once `after` transactions are acknowledged, with others in flight."""
    journal: list[tuple[str, int]] = []
    acknowledged = threading.Semaphore(0)
    threads = [
        threading.Thread(target=_send_until_it_dies, args=(node.url, s, journal, acknowledged))
        for s in signers
    ]
    for thread in threads:
        thread.start()
    for _ in range(after):
        acknowledged.acquire()
    node.process.send_signal(signal.SIGKILL)
    node.process.communicate()
    for thread in threads:
        thread.join()
    return journal


def test_killed_three_times_while_sending_it_loses_nothing_acknowledged(
    start: Callable[..., NodeProcess],
) -> None:
    """Every acknowledged transaction is in a block after the restart, and the chain is whole."""
    node = start()
    signers = [Signer(node.chain_id) for _ in range(SENDERS)]
    journal: list[tuple[str, int]] = []
    for after in (5, 17, 40):
        journal += _kill_while_sending(node, signers, after)
        node = start()
        rpc = HttpRpc(node.url)
        for signer in signers:  # one in flight may have landed unacknowledged
            signer.nonce = int(rpc.call("eth_getTransactionCount", signer.account.address), 16)
    receipts = rpc.batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash, _ in journal])
    assert len(journal) >= 5 + 17 + 40
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * len(journal)
    head = int(rpc.call("eth_blockNumber"), 16)
    blocks = rpc.batch([("eth_getBlockByNumber", [hex(n), False]) for n in range(head + 1)])
    assert [b["parentHash"] for b in blocks[1:]] == [b["hash"] for b in blocks[:-1]]
    assert sum(len(b["transactions"]) for b in blocks) == sum(s.nonce for s in signers)


def test_a_stopped_node_starts_again_with_everything(start: Callable[..., NodeProcess]) -> None:
    """SIGTERM ends it in order, node.json goes, and the same chain answers afterwards."""
    node = start()
    signer = Signer(node.chain_id)
    rpc = HttpRpc(node.url)
    tx_hash = rpc.call("eth_sendRawTransaction", "0x" + signer.send(b"\x01" * 20).hex())
    before = rpc.call("eth_getTransactionReceipt", tx_hash)
    assert (node.directory / "node.json").exists()
    rpc.close()
    node.process.terminate()
    node.process.communicate(timeout=20)
    assert node.process.returncode == 0
    assert not (node.directory / "node.json").exists()
    again = start()
    assert again.chain_id == node.chain_id
    assert HttpRpc(again.url).call("eth_getTransactionReceipt", tx_hash) == before


def _refused(*options: str) -> str:
    """Run a node that must not start and return the one line that it says."""
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_a_second_node_on_the_same_directory_is_refused(start: Callable[..., NodeProcess]) -> None:
    """The second says who has the directory, and the first goes on."""
    node = start()
    said = _refused("--data", str(node.directory))
    assert f"DATA_IN_USE: Another touchstone node (pid {node.process.pid}) is using" in said
    assert int(HttpRpc(node.url).call("eth_chainId"), 16) == node.chain_id


def _empty(directory: Path) -> None:
    (directory / "chain.db").write_bytes(b"")


def _truncate(directory: Path) -> None:
    os.truncate(directory / "chain.db", (directory / "chain.db").stat().st_size // 2)


def _scribble(directory: Path) -> None:
    (directory / "chain.db").write_bytes(b"not a database " * 500)


def _lose_key(directory: Path) -> None:
    (directory / "validator.key").unlink()


def _spoil_key(directory: Path) -> None:
    (directory / "validator.key").write_text("nothing")


def _swap_key(directory: Path) -> None:
    (directory / "validator.key").write_text("11" * 32)


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (_empty, "MISSING_DATABASE"),
        (_truncate, "DATABASE_DAMAGED"),
        (_scribble, "DATABASE_DAMAGED"),
        (_lose_key, "MISSING_KEY"),
        (_spoil_key, "DAMAGED_KEY"),
        (_swap_key, "WRONG_KEY"),
    ],
)
def test_a_harmed_directory_is_refused_with_what_to_do(
    tmp_path: Path, harm: Callable[[Path], None], code: str
) -> None:
    """Each harm has its code and advice, and nothing is made anew over it."""
    chain = EmbeddedChain(tmp_path)
    for _ in range(20):
        chain.seal()
    chain.close()
    harm(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(TouchstoneError) as caught:
        EmbeddedChain(tmp_path)
    assert caught.value.code == code
    assert "back from your" in str(caught.value)
    left = {path.name for path in tmp_path.iterdir()} - {"chain.db-wal", "chain.db-shm"}
    assert sorted(left) == names


def test_the_command_says_one_line_and_fails(tmp_path: Path) -> None:
    """A truncated database, a busy port and a bad clock end with one sentence and status 1."""
    EmbeddedChain(tmp_path / "a").close()
    _truncate(tmp_path / "a")
    assert "DATABASE_DAMAGED" in _refused("--data", str(tmp_path / "a"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "PORT_BUSY" in _refused("--data", str(tmp_path / "b"), "--port", port)
    assert "CLOCK_SPEC" in _refused("--data", str(tmp_path / "c"), "--clock", "moon")


def test_the_key_is_for_its_owner_only_and_chain_ids_differ(tmp_path: Path) -> None:
    """Mode 0600, and two first starts make two chains of at most 48 bits."""
    ids = []
    for name in ("a", "b"):
        chain = EmbeddedChain(tmp_path / name)
        ids.append(chain.chain_id)
        chain.close()
    assert (tmp_path / "a" / "validator.key").stat().st_mode & 0o777 == 0o600
    assert ids[0] != ids[1]
    assert all(2**32 <= chain_id < 2**48 for chain_id in ids)
