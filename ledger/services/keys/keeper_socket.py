"""A code keeper in a process of its own, behind a Unix socket.

Whoever takes over a server that faces the public then has hashes, and what a serial says that it
has seen already; no key, and no call that lists codes. `RemoteKeeper` has the calls of
`CodeKeeper`, so a setting alone decides which of them a site uses.

A message is four bytes of length, big-endian, and JSON. Requests have 64 KiB at most, answers
128 KiB. The socket has mode 0600, and only processes of the keeper's own user (or root) are
answered: run the server in another container or sandbox, with the socket mounted and the key file
not.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.domain import children
from ledger.domain.bits import Numbers
from ledger.errors import Broken, Rejected, TouchstoneError, Unavailable
from ledger.services.keys.keeper import BatchRef, CodeKeeper, Decoded, Found

MAX_REQUEST, MAX_ANSWER = 64 << 10, 128 << 10
MAX_LEAVES = 1024  # in one answer; also serials and EPCs in one request
MAX_EPCS = 256
MAX_CONNECTIONS = 256  # more than the threads of several servers
WAIT_S = 10.0  # for the other side to go on
_LENGTH = struct.Struct(">I")
_PEER = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED
_KINDS: dict[str, type[TouchstoneError]] = {
    kind.__name__: kind for kind in (Rejected, Unavailable, Broken)
}


class RemoteKeeper:
    """Decodes and proves by asking the keeper at a socket. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def decode(self, gtin: int, serial: str) -> Decoded | None:
        """Return what a serial says, as `CodeKeeper.decode`. Raises Unavailable KEEPER_DOWN."""
        found = self._ask("decode", gtin, serial)
        return None if found is None else Decoded(*found)

    def siblings(self, batch: BatchRef, index: int) -> tuple[bytes, list[bytes]]:
        """Return (kept node, siblings), as `CodeKeeper.siblings`; raises as that, KEEPER_DOWN."""
        ref = (batch.brand, batch.epoch, batch.gtin, batch.number, batch.count)
        node, siblings = self._ask("siblings", *ref, index)
        return bytes.fromhex(node), [bytes.fromhex(each) for each in siblings]

    def leaves(self, batch: BatchRef, start: int, stop: int) -> list[bytes]:
        """Return leaves, as `CodeKeeper.leaves`; raises as that, and KEEPER_DOWN."""
        ref = (batch.brand, batch.epoch, batch.gtin, batch.number, batch.count)
        found: list[bytes] = []
        for first in range(start, max(stop, start + 1), MAX_LEAVES):
            part = self._ask("leaves", *ref, first, min(first + MAX_LEAVES, stop))
            found += [bytes.fromhex(leaf) for leaf in part]
        return found

    def tag(self, brand: int, gtin: int, serial: str) -> bytes | None:
        """Return an imported code's tag, as `CodeKeeper.tag`. Raises Unavailable KEEPER_DOWN."""
        found = self._ask("tag", brand, gtin, serial)
        return None if found is None else bytes.fromhex(found)

    def imported_leaves(
        self, brand: int, gtin: int, digest: bytes, number: int, sealed: bytes
    ) -> list[bytes]:
        """Return leaves, as `CodeKeeper.imported_leaves`; raises as that, and KEEPER_DOWN."""
        found = self._ask("imported", brand, gtin, number, digest.hex(), sealed.hex())
        return [bytes.fromhex(leaf) for leaf in found]

    def decode_many(self, gtin: int, serials: NDArray[np.bytes_]) -> Found:
        """Return what many serials say, as `CodeKeeper.decode_many`. Raises KEEPER_DOWN."""
        if not len(serials):
            empty = np.zeros(0, np.uint32)
            return np.zeros(0, np.int64), empty, empty
        parts = [
            self._ask("decode_many", gtin, *(each.decode("latin-1") for each in part.tolist()))
            for part in _chunks(serials, MAX_LEAVES)
        ]
        found = [
            np.concatenate([np.array(part[row], np.int64) for part in parts]) for row in range(3)
        ]
        return found[0], found[1].astype(np.uint32), found[2].astype(np.uint32)

    def leaves_at(self, batch: BatchRef, indices: Numbers) -> children.Hashes:
        """Return leaves, as `CodeKeeper.leaves_at`; raises as that, and KEEPER_DOWN."""
        ref = (batch.brand, batch.epoch, batch.gtin, batch.number, batch.count)
        found = [
            bytes.fromhex(leaf)
            for part in _chunks(indices, MAX_LEAVES)
            for leaf in self._ask("leaves_at", *ref, *part.tolist())
        ]
        return children.joined(found)

    def hashed_epcs(self, creator: int, epcs: Sequence[str]) -> list[bytes]:
        """Return hashed EPCs, as `CodeKeeper.hashed_epcs`; raises as that, and KEEPER_DOWN."""
        return [
            bytes.fromhex(hashed)
            for at in range(0, len(epcs), MAX_EPCS)
            for hashed in self._ask("hashed_epcs", creator, *epcs[at : at + MAX_EPCS])
        ]

    def _ask(self, call: str, *arguments: int | str) -> Any:
        request = json.dumps([call, *arguments]).encode()
        try:
            answer = self._exchange(request)
        except (OSError, ValueError):
            self._close()  # the keeper may have been started again: once more, on a new connection
            try:
                answer = self._exchange(request)
            except (OSError, ValueError) as error:
                self._close()
                raise Unavailable(
                    "KEEPER_DOWN",
                    f"The code keeper at {self._path} does not answer ({error}): start it with "
                    "`touchstone keeper`.",
                ) from None
        if "error" in answer:
            kind, code, message = answer["error"]
            raise _KINDS[kind](code, message)
        return answer["ok"]

    def _exchange(self, request: bytes) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(WAIT_S)
            connection.connect(str(self._path))
            self._local.connection = connection
        send(connection, request)
        answer = receive(connection, MAX_ANSWER)
        if answer is None:
            raise ConnectionError("it has hung up")
        return json.loads(answer)

    def _close(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


class KeeperServer(ThreadingMixIn, UnixStreamServer):
    """Answers for one keeper, a thread a connection; `serve_forever` and `shutdown` as usual."""

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, path: Path, keeper: CodeKeeper) -> None:
        """Listen at `path`. Raises Rejected KEEPER_RUNNING, CANNOT_LISTEN."""
        self.keeper = keeper
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        _remove_stale(path)
        before = os.umask(0o177)  # mode 0600 from the first moment on
        try:
            super().__init__(str(path), _Connection)
        except OSError as error:
            raise Rejected(
                "CANNOT_LISTEN",
                f"No socket can be made at {path} ({error}): choose a short path in a folder of "
                "your own.",
            ) from None
        finally:
            os.umask(before)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 (theirs)
        """Say whether the peer is of our own user or root, and there is room for it."""
        return may_ask(request) and self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class _Connection(BaseRequestHandler):
    def handle(self) -> None:
        """Answer until the peer hangs up, or says something that is no request."""
        server = self.server
        assert isinstance(server, KeeperServer)
        self.request.settimeout(WAIT_S)  # who is silent for longer connects again
        with suppress(OSError, ValueError):  # a peer's fault ends its connection, nothing else
            while (request := receive(self.request, MAX_REQUEST)) is not None:
                send(self.request, answer_to(server.keeper, request))


def listens(path: Path) -> bool:
    """Say whether a keeper takes connections at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.connect(str(path))
        return True
    return False


def answer_to(keeper: CodeKeeper, request: bytes) -> bytes:
    """Return the answer to one request. Raises ValueError for what is none."""
    try:
        found = _called(keeper, json.loads(request))
    except TouchstoneError as error:
        told = [type(error).__name__, error.code, error.message]
        return json.dumps({"error": told}).encode()
    return json.dumps({"ok": found}).encode()


def _called(keeper: CodeKeeper, request: Any) -> Any:
    """Return what one call gives, as JSON values."""
    match request:
        case ["decode", int(gtin), str(serial)] if type(gtin) is int and 0 <= gtin < 10**14:
            found = keeper.decode(gtin, serial)
            return found and [found.brand, found.epoch, found.batch, found.index]
        case ["siblings", *numbers] if _are_numbers(numbers, 6):
            node, siblings = keeper.siblings(BatchRef(*numbers[:5]), numbers[5])
            return [node.hex(), [each.hex() for each in siblings]]
        case ["leaves", *numbers] if _are_numbers(numbers, 7):
            start, stop = numbers[5:]
            if stop - start <= MAX_LEAVES:
                leaves = keeper.leaves(BatchRef(*numbers[:5]), start, stop)
                return [leaf.hex() for leaf in leaves]
        case ["tag", int(brand), int(gtin), str(serial)] if 0 <= gtin < 10**14:
            found_tag = keeper.tag(brand, gtin, serial)
            return found_tag and found_tag.hex()
        case ["imported", int(brand), int(gtin), int(number), str(digest), str(sealed)]:
            if 0 <= gtin < 10**14 and 0 <= number < 1 << 22:
                chunk = bytes.fromhex(digest), number, bytes.fromhex(sealed)
                return [leaf.hex() for leaf in keeper.imported_leaves(brand, gtin, *chunk)]
        case ["decode_many", int(gtin), *serials] if (
            type(gtin) is int and 0 <= gtin < 10**14 and _are_texts(serials, MAX_LEAVES)
        ):
            table = np.array([each.encode("latin-1", "replace") for each in serials], "S20")
            return [column.tolist() for column in keeper.decode_many(gtin, table)]
        case ["leaves_at", *numbers] if _are_numbers(numbers, len(numbers)) and (
            5 < len(numbers) <= 5 + MAX_LEAVES and all(0 <= n < 1 << 32 for n in numbers[5:])
        ):
            indices = np.array(numbers[5:], np.uint32)
            found_leaves = keeper.leaves_at(BatchRef(*numbers[:5]), indices)
            return [leaf.hex() for leaf in children.split(found_leaves)]
        case ["hashed_epcs", int(creator), *epcs] if type(creator) is int and _are_texts(
            epcs, MAX_EPCS
        ):
            return [hashed.hex() for hashed in keeper.hashed_epcs(creator, epcs)]
    raise ValueError("no request")


def _are_texts(values: list[Any], most: int) -> bool:
    return 0 < len(values) <= most and all(
        type(value) is str and value.isascii() for value in values
    )


def _chunks(values: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    return (values[at : at + size] for at in range(0, len(values), size))


def _are_numbers(values: list[Any], count: int) -> bool:
    return len(values) == count and all(type(value) is int for value in values)


def may_ask(connection: socket.socket) -> bool:
    """Say whether the peer's process is of this process's user, or root's."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # not Linux: the socket's mode is the check
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return _PEER.unpack(credentials)[1] in (os.geteuid(), 0)


def send(connection: socket.socket, message: bytes) -> None:
    """Send one message."""
    connection.sendall(_LENGTH.pack(len(message)) + message)


def receive(connection: socket.socket, limit: int) -> bytes | None:
    """Return the next message, None when the peer has hung up between two.

    Raises ValueError for one over the limit, OSError for one that is cut short or too slow.
    """
    head = connection.recv(1)
    if not head:
        return None
    (length,) = _LENGTH.unpack(head + _exactly(connection, _LENGTH.size - 1))
    if not 0 < length <= limit:
        raise ValueError(f"a message of {length} bytes")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError("it has hung up")
        parts += part
    return bytes(parts)


def _remove_stale(path: Path) -> None:
    """Remove the socket of a keeper that has ended."""
    if listens(path):
        raise Rejected("KEEPER_RUNNING", f"Another keeper answers at {path}: stop it first.")
    if path.is_socket():
        path.unlink(missing_ok=True)
