"""The code keeper behind a socket: the same answers, for its own user alone, and nothing else."""

from __future__ import annotations

import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from ledger.domain import children, ids
from ledger.errors import Rejected, TouchstoneError, Unavailable
from ledger.services.keys.keeper import BatchRef, CodeKeeper, Keeper
from ledger.services.keys.keeper_socket import KeeperServer, RemoteKeeper, answer_to, receive, send
from ledger.services.keys.keyring import KeyRing
from ledger.services.minter import Minter

BRAND, GTIN, CONTRACT = 9506000134352, 9506000134352, bytes(20)
BATCH = BatchRef(BRAND, 0, GTIN, number=3, count=2500)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    ring = KeyRing.create(path, "passphrase", secrets.token_bytes)
    ring.open_epoch(BRAND, 1, CONTRACT)
    return ring


@contextmanager
def serving(path: Path, keeper: CodeKeeper) -> Iterator[KeeperServer]:
    server = KeeperServer(path, keeper)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def path(tmp_path: Path, ring: KeyRing) -> Iterator[Path]:
    where = tmp_path / "keeper.sock"
    with serving(where, CodeKeeper(ring)):
        yield where


def code_of(keeper: Keeper, batch: BatchRef, index: int) -> str:
    with pytest.raises(TouchstoneError) as fault:
        keeper.siblings(batch, index)
    return f"{type(fault.value).__name__} {fault.value.code}: {fault.value.message}"


def test_the_socket_gives_the_answers_of_the_keeper(path: Path, ring: KeyRing) -> None:
    """Decoded places, nothing for a guess, siblings, and errors word for word."""
    here, there = CodeKeeper(ring), RemoteKeeper(path)
    serials = Minter(ring, 1, CONTRACT).serials(BATCH, 0, 2500).tolist()
    for index in (0, 1024, 2499):
        serial = serials[index].decode()
        assert there.decode(GTIN, serial) == here.decode(GTIN, serial) is not None
        assert there.siblings(BATCH, index) == here.siblings(BATCH, index)
    for start, stop in ((0, 2500), (7, 8), (1024, 2048), (5, 5)):
        assert there.leaves(BATCH, start, stop) == here.leaves(BATCH, start, stop)
    for start, stop in ((0, 2501), (-1, 3), (9, 8)):
        for keeper in (here, there):
            with pytest.raises(Rejected) as refusal:
                keeper.leaves(BATCH, start, stop)
            assert refusal.value.code == "INDEX_OUT_OF_RANGE"
    assert there.decode(GTIN, "0" * 20) is None
    other = BatchRef(BRAND, 7, GTIN, number=3, count=10)
    for batch, index in ((BATCH, 2500), (other, 0)):
        assert code_of(there, batch, index) == code_of(here, batch, index)


def test_many_threads_share_one_client(path: Path, ring: KeyRing) -> None:
    """Each has a connection of its own, and gets the answers to its own questions."""
    there = RemoteKeeper(path)
    serials = Minter(ring, 1, CONTRACT).serials(BATCH, 0, 40).tolist()
    found: dict[int, list[object]] = {}

    def ask(start: int) -> None:
        texts = [serial.decode() for serial in serials[start::8]]
        found[start] = [getattr(there.decode(GTIN, text), "index", None) for text in texts]

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {start: list(range(start, 40, 8)) for start in range(8)}


def test_no_call_gives_a_serial(ring: KeyRing) -> None:
    """The same calls on either side of the socket; the names of others are not requests."""
    for kind in (CodeKeeper, RemoteKeeper):
        offered = [name for name in vars(kind) if not name.startswith("_")]
        assert offered == [
            "decode",
            "siblings",
            "leaves",
            "tag",
            "imported_leaves",
            "decode_many",
            "leaves_at",
            "hashed_epcs",
        ]
    for call in ("serials", "inner_codes", "parties", "_search", "__init__"):
        with pytest.raises(ValueError, match="no request"):
            answer_to(CodeKeeper(ring), json.dumps([call, BRAND, 0, GTIN, 3, 2500, 0]).encode())


def test_the_socket_is_its_owners_alone(path: Path) -> None:
    """Mode 0600."""
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_hung_up_on(path: Path) -> None:
    """Even where the socket's mode lets another user connect, the peer's user is looked at."""
    path.chmod(0o666)
    path.parent.chmod(0o711)
    program = (
        "import os, socket; os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect('keeper.sock')\n"
        'request = b\'["decode", 1, "0"]\'; s.settimeout(5)\n'
        "try: s.sendall(len(request).to_bytes(4, 'big') + request); print(s.recv(99))\n"
        "except ConnectionError: print(b'')\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("b''", "")


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">I", 0),
        struct.pack(">I", 513) + b"x" * 513,
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", 4) + b"nil!",
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 512) + b"[" * 512,
        struct.pack(">I", 12) + b'["decode",1]',
        struct.pack(">I", 21) + b'["decode",true,"0000"]'[:21],
        struct.pack(">I", 17) + b'["decode",-1,"0"]',
    ],
)
def test_what_is_no_request_ends_its_connection(path: Path, ring: KeyRing, sent: bytes) -> None:
    """No answer, and the keeper goes on with the next one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.settimeout(5)
        stranger.connect(str(path))
        stranger.sendall(sent)
        with suppress(ConnectionResetError):  # hung up with bytes of ours unread
            assert stranger.recv(10) == b""
    assert RemoteKeeper(path).siblings(BATCH, 0) == CodeKeeper(ring).siblings(BATCH, 0)


def test_a_message_cut_short_is_an_error() -> None:
    """Whether in its length or in its body; between two messages it is the end."""
    for sent in (b"\0\0", struct.pack(">I", 9) + b"half"):
        one, other = socket.socketpair()
        with one, other:
            one.sendall(sent)
            one.close()
            with pytest.raises(ConnectionError):
                receive(other, 512)
    one, other = socket.socketpair()
    with one, other:
        send(one, b"whole")
        one.close()
        assert (receive(other, 512), receive(other, 512)) == (b"whole", None)


def test_a_keeper_that_was_started_again_is_found(tmp_path: Path, ring: KeyRing) -> None:
    """The client connects anew; while nobody listens it says what to do."""
    where, keeper = tmp_path / "keeper.sock", CodeKeeper(ring)
    client = RemoteKeeper(where)
    for _ in range(2):
        with serving(where, keeper):
            assert client.siblings(BATCH, 5) == keeper.siblings(BATCH, 5)
            with pytest.raises(Rejected) as running:
                KeeperServer(where, keeper)
            assert running.value.code == "KEEPER_RUNNING"
    client._close()
    with pytest.raises(Unavailable) as down:
        client.decode(GTIN, "0" * 20)
    assert down.value.code == "KEEPER_DOWN"


def test_a_place_for_no_socket_is_refused(tmp_path: Path, ring: KeyRing) -> None:
    """A path over the system's limit, and one in no folder."""
    for where in (tmp_path / ("long" * 40), tmp_path / "none" / "keeper.sock"):
        with pytest.raises(Rejected) as refusal:
            KeeperServer(where, CodeKeeper(ring))
        assert refusal.value.code == "CANNOT_LISTEN"


def test_many_are_answered_as_one_by_one(path: Path, ring: KeyRing) -> None:
    """Serials, leaves and EPCs in more than one request, in their order; a guess is nobody's."""
    here, there = CodeKeeper(ring), RemoteKeeper(path)
    serials = Minter(ring, 1, CONTRACT).serials(BATCH, 0, 2500)
    serials[7] = b"0" * 20
    for keeper in (here, there):
        brands, batches, indices = keeper.decode_many(GTIN, serials)
        assert (brands[7], batches[7], indices[7]) == (0, 0, 0)
        assert np.delete(indices, 7).tolist() == [i for i in range(2500) if i != 7]
        assert set(np.delete(brands, 7).tolist()) == {BRAND}
        some = np.arange(2499, 0, -2, dtype=np.uint32)
        leaves = children.split(keeper.leaves_at(BATCH, some))
        assert leaves == [here.leaves(BATCH, i, i + 1)[0] for i in some.tolist()]
        epcs = [f"https://id.gs1.org/00/{number:018d}" for number in range(300)]
        hashed = [ids.epc_hash(ring.unit_salt(BRAND, epc), epc) for epc in epcs]
        assert keeper.hashed_epcs(BRAND, epcs) == hashed
        with pytest.raises(Rejected) as refusal:
            keeper.leaves_at(BATCH, np.array([2500], np.uint32))
        assert refusal.value.code == "INDEX_OUT_OF_RANGE"
