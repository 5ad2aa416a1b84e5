"""The node as an HTTP server on loopback."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.rpc import Rpc
from ledger.errors import Rejected
from ledger.serving import Server

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_CONNECTIONS = 256
LOOPBACK = "127.0.0.1"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Endpoint:
    """A socket that is bound and listening, and its URL."""

    socket: socket.socket
    url: str


def listen(port: int) -> Endpoint:
    """Bind `port` on loopback, any free one for 0; raises Rejected PORT_BUSY."""
    # asyncio turns Nagle's 40 ms delay off only on sockets that say TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise Rejected(
            "PORT_BUSY",
            f"Port {port} cannot be used ({error.strerror}): stop what uses it or choose another "
            "--port; 0 picks a free one.",
        ) from error
    return Endpoint(listener, f"http://{LOOPBACK}:{listener.getsockname()[1]}")


def announce(directory: Path, url: str, chain_id: int) -> dict[str, Any]:
    """Write DIR/node.json, atomically, and return what it says."""
    said = {"url": url, "pid": os.getpid(), "chain_id": chain_id}
    fresh = directory / "node.json.new"
    fresh.write_text(json.dumps(said) + "\n", "utf-8")
    fresh.rename(directory / "node.json")
    return said


def serve(chain: EmbeddedChain, endpoint: Endpoint) -> None:
    """Answer until the process is told to stop (SIGINT, SIGTERM)."""
    rpc = Rpc(chain)
    config = uvicorn.Config(
        application(rpc),
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=5,
    )
    try:
        Server(config).run(sockets=[endpoint.socket])
    finally:
        rpc.close()


def application(rpc: Rpc) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """Return the ASGI application: POST / with JSON, from this machine."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = _refusal(scope["method"], headers)
        if refusal is not None:
            await _respond(send, *refusal)
            return
        body = await _body(receive)
        if body is None:
            await _respond(send, 413, b"the request is too large\n")
            return
        answer = await rpc.answer(body)
        await _respond(send, 204 if answer is None else 200, answer or b"", b"application/json")

    return app


def _refusal(method: str, headers: dict[bytes, str]) -> tuple[int, bytes] | None:
    """Return the status and text for a request that is not answered, None for a good one."""
    # A page in a browser could reach this port under a name of its own that is made to point at
    # loopback; its Host header gives it away.
    host = headers.get(b"host", "")
    name = host[: host.rindex("]") + 1] if "]" in host else host.partition(":")[0]
    if name.lower() not in LOCAL_NAMES:
        return 403, b"this node answers to localhost only\n"
    if method != "POST":
        return 405, b"send JSON-RPC by POST\n"
    # Any page may send text/plain across origins; application/json needs a permission that is
    # never given here.
    if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
        return 415, b"send content-type application/json\n"
    return None


async def _body(receive: Receive) -> bytes | None:
    """Return the request's body, None when it is over MAX_BODY_BYTES or the caller has gone."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY_BYTES:
            return None
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _respond(
    send: Send, status: int, body: bytes, content_type: bytes = b"text/plain"
) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
