"""Calls to addresses that others chose: where they may go, and how long they may take.

A name is looked up here, every address of it is judged, and the call goes to one that was judged:
a name that is looked up again could lead elsewhere. No redirects, no proxies of the environment, a
deadline over all, and no more of the answer is read than its status.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2

from ledger.errors import Rejected

DEADLINE_S = 15.0
CONNECT_S = 5.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
# Teredo leads to whatever its server says; the other is for documents (RFC 9637).
_NOWHERE = tuple(map(ipaddress.ip_network, ("2001::/32", "3fff::/20")))
_ISATAP, _ISATAP_MASK = 0x5EFE, 0xFDFFFFFF  # its interface id, whose u bit may be set (RFC 5214)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Found = Sequence[tuple[Any, ...]]
"""What getaddrinfo gives."""

# Look-ups cannot be called off: there is one a name at a time, so they are no more than webhooks.
_LOOK_UPS: dict[tuple[str, int], Future[Found]] = {}


@dataclass(frozen=True)
class Answer:
    """What came of a call: a status, or what went wrong in one sentence."""

    status: int | None
    error: str | None


def check_url(url: str, private: bool) -> str:
    """Return an address that may be called, as it is written.

    private: plain http and addresses of private networks are allowed. Raises Rejected BAD_WEBHOOK.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Rejected("BAD_WEBHOOK", "That is no address: give it as https://host/path.") from None
    if parts.scheme not in (("https", "http") if private else ("https",)) or not parts.hostname:
        raise Rejected("BAD_WEBHOOK", "A webhook's address begins with https:// and a host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Rejected("BAD_WEBHOOK", "A webhook's address has neither a user nor a fragment.")
    if not url.isascii() or any(c.isspace() for c in url) or len(url) > 2_000 or port == 0:
        raise Rejected("BAD_WEBHOOK", "A webhook's address is at most 2,000 plain characters.")
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return url
    if not private and not is_public(literal):
        raise Rejected("BAD_WEBHOOK", f"{literal} is in a private network: it is never called.")
    return url


def is_public(address: Address) -> bool:
    """Say whether an address is one of the internet's at large.

    Of IPv6 only what is given out for that (RFC 4291, 2000::/3) and the well-known prefix by which
    NAT64 writes IPv4 (RFC 6052); wherever an IPv4 address is inside, that one has to be public too
    (mapped, 6to4, ISATAP). A prefix of its own that a network translates by cannot be known.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None or address in _NAT64:
        return is_public(low)
    if address not in _GIVEN_OUT or any(address in network for network in _NOWHERE):
        return False
    by_isatap = int(address) >> 32 & _ISATAP_MASK == _ISATAP
    inside = [address.sixtofour, low if by_isatap else None]
    return address.is_global and all(one is None or is_public(one) for one in inside)


async def send(url: str, body: bytes, headers: dict[str, str], private: bool) -> Answer:
    """Post a body once. Whatever goes wrong is an answer."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await _send(check_url(url, private), body, headers, private)
    except Rejected as error:
        return Answer(None, error.message)
    except TimeoutError:
        return Answer(None, f"no answer within {DEADLINE_S:.0f} s")
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:200])


async def _send(url: str, body: bytes, headers: dict[str, str], private: bool) -> Answer:
    parts = urlsplit(url)
    assert parts.hostname is not None  # check_url
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = await _resolve(parts.hostname, port, private)
    host = f"[{address}]" if address.version == 6 else str(address)
    target = httpx2.URL(url).copy_with(host=host)
    timeout = httpx2.Timeout(DEADLINE_S, connect=CONNECT_S)
    async with httpx2.AsyncClient(
        timeout=timeout, follow_redirects=False, trust_env=False, verify=_tls()
    ) as client:
        request = client.build_request(
            "POST",
            target,
            content=body,
            headers={**headers, "Host": parts.netloc},
            extensions={"sni_hostname": parts.hostname},
        )
        answer = await client.send(request, stream=True)
        await answer.aclose()
    if not 200 <= answer.status_code < 300:
        return Answer(answer.status_code, f"answered {answer.status_code}")
    return Answer(answer.status_code, None)


@cache
def _tls() -> ssl.SSLContext:
    """What all calls have in common of TLS: to make it takes the time of a hundred calls."""
    return httpx2.create_ssl_context(trust_env=False)


async def _resolve(host: str, port: int, private: bool) -> Address:
    """Return an address of a host, after all of them were judged. Raises Rejected BAD_WEBHOOK."""
    found = await _look_up(host, port)
    addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
    if not private and not all(is_public(address) for address in addresses):
        raise Rejected("BAD_WEBHOOK", f"{host} is in a private network: it is never called.")
    return addresses[0]


async def _look_up(host: str, port: int) -> Found:
    """Look a name up, in a thread of its own: one that is slow holds up no other, and whoever asks
    for it again meanwhile waits for the same answer."""
    under_way = _LOOK_UPS.get((host, port))
    if under_way is None:
        under_way = _LOOK_UPS[host, port] = Future()
        threading.Thread(target=_ask, args=(under_way, host, port), daemon=True).start()
    # Whoever stops waiting does not end it for the others.
    return await asyncio.shield(asyncio.wrap_future(under_way))


def _ask(answer: Future[Found], host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:
        del _LOOK_UPS[host, port]
        answer.set_exception(error)
    else:
        del _LOOK_UPS[host, port]
        answer.set_result(found)
