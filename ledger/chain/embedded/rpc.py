"""From a request's bytes to an answer's bytes: single calls, batches, and the one that writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any

import orjson

from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    LIMIT_EXCEEDED,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    SERVER_ERROR,
    Params,
    RpcError,
)
from ledger.chain.embedded.methods import METHODS
from ledger.chain.embedded.queue import Sealed
from ledger.chain.embedded.shapes import data
from ledger.chain.embedded.view import View
from ledger.errors import Broken, TouchstoneError

log = logging.getLogger(__name__)

MAX_BATCH = 1_000
MAX_ANSWER_BYTES = 32 * 1024 * 1024
READ_THREADS = 4
SEND = "eth_sendRawTransaction"

_TOO_LARGE = RpcError(LIMIT_EXCEEDED, "response too large: ask for less in one batch")


class Rpc:
    """Answers JSON-RPC for `chain`. Reads run in threads; a send waits for its block."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._view = View(chain.store, chain.chain_id)
        self._pool = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="read")

    def close(self) -> None:
        """Let the readers finish."""
        self._pool.shutdown()

    async def answer(self, body: bytes) -> bytes | None:
        """Return the answer to a request or a batch, None if nothing in it wants one."""
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return _encode(None, RpcError(PARSE_ERROR, f"parse error: {error}"))
        if not isinstance(request, list):
            return await self._one(request)
        if not request:
            return _encode(None, RpcError(INVALID_REQUEST, "empty batch"))
        if len(request) > MAX_BATCH:
            large = RpcError(INVALID_REQUEST, f"batch too large: at most {MAX_BATCH} requests")
            return _encode(None, large)
        answers = [part for part in await self._batch(request) if part is not None]
        return b"[" + b",".join(answers) + b"]" if answers else None

    async def _batch(self, requests: Sequence[Any]) -> list[bytes | None]:
        """Answer in order, except that sends in a row go into one group."""
        answers: list[bytes | None] = []
        size = 0
        for is_send, neighbours in groupby(requests, _is_send):
            for run in [list(neighbours)] if is_send else ([request] for request in neighbours):
                if size > MAX_ANSWER_BYTES:
                    part = [_refuse(request, _TOO_LARGE) for request in run]
                else:
                    part = await self._group(run) if is_send else [await self._one(run[0])]
                size += sum(len(answer) for answer in part if answer)
                answers.extend(part)
        return answers

    async def _group(self, sends: Sequence[Any]) -> list[bytes | None]:
        """Queue all sends that can be read at once, then wait for each."""
        raws = [_raw_of(request) for request in sends]
        loop = asyncio.get_running_loop()
        good = [raw for raw in raws if raw is not None]
        futures = iter(await loop.run_in_executor(self._pool, self._chain.enqueue, good))
        prepared = [None if raw is None else next(futures) for raw in raws]
        return list(await asyncio.gather(*map(self._one, sends, prepared)))

    async def _one(self, request: Any, sent: Future[Sealed] | None = None) -> bytes | None:
        """Answer one request. sent: the future of a send that is already queued."""
        if not _is_valid(request):
            return _encode(None, RpcError(INVALID_REQUEST, "invalid request"))
        outcome: Any
        try:
            params = Params(request.get("params"))
            outcome = await self._run(request["method"], params, sent)
        except RpcError as error:
            outcome = error
        except TouchstoneError as error:
            code = INTERNAL_ERROR if isinstance(error, Broken) else SERVER_ERROR
            outcome = RpcError(code, error.message)
        except Exception as error:  # a defect: the caller gets an answer, the log the trace
            log.exception("%s failed", request["method"])
            outcome = RpcError(INTERNAL_ERROR, f"internal error: {type(error).__name__}")
        return _encode(request["id"], outcome) if "id" in request else None

    async def _run(self, name: str, params: Params, sent: Future[Sealed] | None) -> Any:
        if name == SEND:
            if sent is None:
                (sent,) = self._chain.enqueue([params.data(0)])
            # Answered only when the block is durable: see SealingQueue.
            sealed = await asyncio.wrap_future(sent)
            return data(sealed.hash)
        method = METHODS.get(name)
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {name} does not exist/is not available")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, method, self._view, params)


def _is_valid(request: Any) -> bool:
    return (
        isinstance(request, dict)
        and request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and isinstance(request.get("id"), str | int | float | None)
    )


def _is_send(request: Any) -> bool:
    return isinstance(request, dict) and request.get("method") == SEND


def _raw_of(request: Any) -> bytes | None:
    """Return the transaction in a send, None if the request is not one that can be read."""
    if not _is_valid(request):
        return None
    try:
        return Params(request.get("params")).data(0)
    except RpcError:
        return None


def _refuse(request: Any, error: RpcError) -> bytes | None:
    if not _is_valid(request):
        return _encode(None, error)
    return _encode(request["id"], error) if "id" in request else None


def _encode(request_id: Any, outcome: Any) -> bytes:
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request_id}
    if isinstance(outcome, RpcError):
        answer["error"] = outcome.to_json()
    else:
        answer["result"] = outcome
    return orjson.dumps(answer)
