"""eth_getLogs: reading the filter; the store finds the logs by an index."""

from __future__ import annotations

from typing import Any

from ledger.chain.embedded import shapes
from ledger.chain.embedded.jsonrpc import (
    INVALID_PARAMS,
    LIMIT_EXCEEDED,
    SERVER_ERROR,
    Params,
    RpcError,
    invalid,
    read_data,
    read_quantity,
)
from ledger.chain.embedded.records import LogFilter
from ledger.chain.embedded.view import NEWEST_TAGS, View

MAX_LOGS = 10_000
MAX_FILTER_TERMS = 1_000


def _alternatives(value: Any, what: str, size: int) -> tuple[bytes, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_FILTER_TERMS:
        raise invalid(what, f"at most {MAX_FILTER_TERMS} alternatives")
    return tuple(read_data(term, what, size) for term in values)


def get_logs(view: View, params: Params) -> Any:
    """Answer eth_getLogs: at most MAX_LOGS logs, else RpcError LIMIT_EXCEEDED."""
    wanted = params.need(0)
    if not isinstance(wanted, dict):
        raise invalid("argument 0", "a filter object")
    topics = wanted.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise invalid("topics", "a list of at most four")
    first, last = _range(view, wanted)
    log_filter = LogFilter(
        first,
        last,
        _alternatives(wanted.get("address"), "address", 20),
        tuple(_alternatives(topic, "topic", 32) for topic in topics),
    )
    logs = view.store.logs(log_filter, MAX_LOGS + 1)
    if len(logs) > MAX_LOGS:
        raise RpcError(
            LIMIT_EXCEEDED, f"query returned more than {MAX_LOGS} results: narrow the block range"
        )
    places = view.store.places(logs)
    return [shapes.log_json(log, *places[log.block, log.tx]) for log in logs]


def _range(view: View, wanted: dict[str, Any]) -> tuple[int, int]:
    if wanted.get("blockHash") is not None:
        if wanted.get("fromBlock") is not None or wanted.get("toBlock") is not None:
            raise RpcError(
                INVALID_PARAMS, "cannot specify both BlockHash and FromBlock/ToBlock, choose one"
            )
        block = view.store.block(read_data(wanted["blockHash"], "block hash", 32))
        if block is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return block.number, block.number
    head = view.head().number
    ends = []
    for name in ("fromBlock", "toBlock"):
        reference = wanted.get(name, "latest")
        if reference is None or reference in NEWEST_TAGS:
            ends.append(head)
        elif reference == "earliest":
            ends.append(0)
        else:
            ends.append(min(read_quantity(reference, name), 2**62))
    if ends[0] > ends[1]:
        raise RpcError(INVALID_PARAMS, "invalid block range params: fromBlock is after toBlock")
    return ends[0], ends[1]
