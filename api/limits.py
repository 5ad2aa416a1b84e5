"""How much anybody may ask of this process: sizes of bodies, calls a minute."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import TOO_LARGE, problem
from ledger.errors import Rejected

# By how the path begins, the first that fits: bytes of a request's body. A line streams all day.
MAX_BODY = (
    ("/v1/packs/stream", 1 << 40),
    ("/v1/imports", 128 << 20),
    ("/v1/", 8 << 20),
    ("/relay", 1 << 20),
    ("", 16 << 10),
)
MAX_DIGITS = 12  # of a stated length; Python refuses to read thousands

# Calls a minute from one address, of what costs something and needs no API key. A mobile operator
# puts many phones behind one address, so scans have room, and pages twice as much: a scan begins
# with one, often after a link that leads to it, or in another language first.
PER_MINUTE = {"page": 1200, "scan": 600, "proof": 60, "relay": 120}
MAX_CLIENTS = 10_000


class BodyLimit:
    """Refuses bodies over MAX_BODY: by their stated length, and counted as they arrive."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = next(size for start, size in MAX_BODY if scope["path"].startswith(start))
        stated = Headers(scope=scope).get("content-length", "0")
        if not (stated.isascii() and stated.isdigit()):
            answer = problem(400, "BAD_REQUEST", "The length stated for the body is no number.")
            await answer(scope, receive, send)
        elif len(stated) > MAX_DIGITS or int(stated) > most:
            await problem(413, *TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, _counted(receive, most), send)


def _counted(receive: Receive, most: int) -> Receive:
    """Return `receive`, but raising HTTPException 413 once more than `most` bytes have come."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413)
        return message

    return counting


class Limiter:
    """At most so many calls a minute from one address; the oldest addresses are forgotten."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str, now: float) -> None:
        """Count a call. now: seconds of a clock that never goes back.

        Raises Rejected TOO_MANY_REQUESTS.
        """
        minute, client = int(now) // 60, network(address)
        with self._lock:
            started, count = self._seen.pop(client, (minute, 0))
            count = count + 1 if started == minute else 1
            self._seen[client] = (minute, count)
            if len(self._seen) > MAX_CLIENTS:
                self._seen.popitem(last=False)
        if count > self._per_minute:
            raise Rejected("TOO_MANY_REQUESTS", "Too many calls from this address: wait a minute.")


def network(address: str) -> str:
    """Return what is one client: an IPv4 address, or the /64 that one subscriber has of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


class Limited:
    """A dependency that counts a route's calls. name: a name of PER_MINUTE."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, request: Request) -> None:
        """Count this call. Raises Rejected TOO_MANY_REQUESTS."""
        address = request.client.host if request.client else ""
        limiter: Limiter = request.app.state.limiters[self.name]
        limiter.take(address, time.monotonic())
