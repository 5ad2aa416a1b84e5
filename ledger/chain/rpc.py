"""A small JSON-RPC client: calls and batches over one kept connection, nothing believed.

Answers are parsed JSON and otherwise unchecked; whoever uses them checks them against sealed
headers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import orjson

from ledger.chain.http_post import HttpPost
from ledger.errors import Rejected, Unavailable

_REVERT = re.compile(r"0x(?:[0-9a-fA-F]{2})*")  # some nodes put words of their own there
MAX_ANSWER = 128 << 20  # bytes; 200 headers are 0.4 MB, the receipts of a full block at most 112 MB


class Rpc(Protocol):
    """What the readers of the chain need of a node."""

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call."""

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of several calls, in their order, from one request."""


class HttpRpc:
    """JSON-RPC over HTTP.

    url: the node's address. timeout: seconds for a whole step (connect, send, each read).
    Raises Unavailable(LEDGER_UNREACHABLE) when the node cannot be reached or does not answer in
    JSON-RPC, Rejected(LEDGER_REFUSED) with the node's own words when it answers with an error,
    Rejected(CALL_REVERTED) with the revert data in hex when the contract refused a call.
    """

    def __init__(self, url: str, timeout: float = 20.0) -> None:
        self.url = url
        self._where = urlsplit(url).netloc.rpartition("@")[2] or url  # a message shows no secret
        self._http = HttpPost(url, timeout)

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call."""
        return self.batch([(method, params)])[0]

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of several calls, in their order, from one request.

        The first error answer is raised; a single call is sent without an array around it.
        """
        requests = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": list(params)}
            for place, (method, params) in enumerate(calls)
        ]
        if not requests:
            return []
        answer = self._post(orjson.dumps(requests if len(requests) > 1 else requests[0]))
        answers = answer if isinstance(answer, list) else [answer]
        by_place: dict[str, dict[str, Any]] = {}
        for part in answers:
            if not isinstance(part, dict):
                raise self._unreachable("an answer is not an object")
            if part.get("error") is not None:
                raise _refused(calls, part)
            by_place[str(part.get("id"))] = part
        try:
            return [by_place[str(place)]["result"] for place in range(len(requests))]
        except KeyError:
            raise self._unreachable("an answer is missing") from None

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _post(self, body: bytes) -> Any:
        status = 0
        try:
            status, answer = self._http.post(body, MAX_ANSWER)
            return orjson.loads(answer)
        except orjson.JSONDecodeError:
            raise self._unreachable(f"HTTP {status}, not JSON") from None
        except (OSError, ValueError) as error:
            raise self._unreachable(str(error) or type(error).__name__) from None

    def _unreachable(self, why: str) -> Unavailable:
        return Unavailable(
            "LEDGER_UNREACHABLE",
            f"The ledger's node at {self._where} does not answer ({why}): check that it runs.",
        )


def answers(rpc: Rpc, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
    """Return the results of calls that any sound node answers.

    A node that refuses one (a limit, a restart) may be tried again: that is Unavailable with the
    code and words of the refusal, like all that Rpc raises of a node that does not answer.
    """
    try:
        return rpc.batch(calls)
    except Rejected as error:
        raise Unavailable(error.code, error.message) from None


def _refused(calls: Sequence[tuple[str, Sequence[Any]]], answer: dict[str, Any]) -> Rejected:
    place, error = answer.get("id"), answer["error"]
    method = calls[place][0] if isinstance(place, int) and 0 <= place < len(calls) else "the call"
    words = error.get("message", error) if isinstance(error, dict) else error
    data = error.get("data") if isinstance(error, dict) else None
    if isinstance(data, str) and _REVERT.fullmatch(data):
        return Rejected("CALL_REVERTED", data)
    return Rejected("LEDGER_REFUSED", f"The ledger's node refuses {method}: {words}")
