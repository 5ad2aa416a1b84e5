"""POST requests of JSON to one HTTP server over kept connections.

What a general client does besides (redirects, cookies, proxies, pools for many hosts) takes more
processor time than a node needs to prove ten slots, and every proof asks a node once.
"""

from __future__ import annotations

import base64
import select
import socket
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import SplitResult, quote, unquote, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_PORTS = {"http": 80, "https": 443}
_PART = 1 << 16  # bytes that are read at once
_UNQUOTED = "/?%:@!$&'()*+,;=-._~"


class HttpPost:
    """Posts to one address, from any thread.

    url: http or https; a user and password in it become basic authorization. timeout: seconds for a
    whole step (connect, send, each read). Nothing is connected before the first request.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._idle: list[socket.socket] = []

    def post(self, body: bytes, most: int) -> tuple[int, bytes]:
        """Return status and body of the answer, which has at most `most` bytes with its head.

        Raises ValueError for an address that is none, OSError for a server that cannot be reached
        or does not answer in HTTP.
        """
        request = b"%bcontent-length: %d\r\n\r\n%b" % (self._head, len(body), body)
        connection = self._kept() or _connect(urlsplit(self._url), self._timeout)
        kept = False
        try:
            connection.sendall(request)
            answer = _receive(connection, most)
            kept = answer.keeps
        finally:
            if kept:
                self._idle.append(connection)
            else:
                connection.close()
        return answer.status, bytes(answer.body)

    def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            self._idle.pop().close()

    @cached_property
    def _head(self) -> bytes:
        return _head(urlsplit(self._url))

    def _kept(self) -> socket.socket | None:
        """Return a connection on which nothing came since: not even its end."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took it
                break
            poll = select.poll()
            poll.register(connection, select.POLLIN)
            if not poll.poll(0):
                return connection
            connection.close()
        return None


@dataclass
class _Answer:
    """What has come of an answer, as httptools tells it. sized: its head says where it ends."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    begun: int = 0
    headed: bool = False
    sized: bool = False
    closing: bool = False
    done: bool = False

    @property
    def keeps(self) -> bool:
        """Whether another request may follow on this connection."""
        return self.done and self.sized and not self.closing

    def on_message_begin(self) -> None:
        """Count answers: one request has one."""
        self.begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note what is said of the answer's end and the connection's."""
        known = name.lower()
        self.sized = self.sized or known in (b"content-length", b"transfer-encoding")
        self.closing = self.closing or (known == b"connection" and b"close" in value.lower())

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self.headed = True

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        self.body += data

    def on_message_complete(self) -> None:
        """Note that the answer is whole."""
        self.done = True


def _head(where: SplitResult) -> bytes:
    """Return the head of a request but for its body's length. Raises ValueError for an address that
    is none."""
    if where.scheme not in _PORTS or not where.hostname:
        raise ValueError("its address is no http:// or https:// URL")
    host = where.hostname.encode("idna").decode()
    host = f"[{host}]" if ":" in host else host
    target = quote(where.path or "/", safe=_UNQUOTED)
    target += f"?{quote(where.query, safe=_UNQUOTED)}" if where.query else ""
    lines = [
        f"POST {target} HTTP/1.1",
        f"host: {host}:{where.port}" if where.port else f"host: {host}",
        "content-type: application/json",
    ]
    if where.username is not None:
        known = f"{unquote(where.username)}:{unquote(where.password or '')}"
        lines.append("authorization: Basic " + base64.b64encode(known.encode()).decode())
    return "\r\n".join([*lines, ""]).encode("ascii")


def _connect(where: SplitResult, timeout: float) -> socket.socket:
    host, port = where.hostname or "", where.port or _PORTS[where.scheme]
    connection = socket.create_connection((host, port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if where.scheme == "http":
        return connection
    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _receive(connection: socket.socket, most: int) -> _Answer:
    answer, size = _Answer(), 0
    parser = HttpResponseParser(answer)
    while not answer.done:
        part = connection.recv(_PART)
        size += len(part)
        if size > most:
            raise OSError("its answer is too long")
        if not part and not (answer.headed and not answer.sized):
            raise OSError("it ended its answer early")
        if not part:
            break  # an answer of no stated length ends with its connection
        try:
            parser.feed_data(part)
        except (HttpParserError, HttpParserUpgrade):
            raise OSError("it does not answer in HTTP") from None
        if answer.begun > 1:
            raise OSError("it answers more than it was asked")
    answer.status = parser.get_status_code()
    answer.closing = answer.closing or parser.get_http_version() != "1.1"
    return answer
