"""The JSON-RPC client against a local server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ledger.chain import rpc
from ledger.chain.rpc import HttpRpc
from ledger.errors import Rejected, Unavailable

from .synthetic import Chain, keys, serve


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[str]:
    """Serve one fixed answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_single_calls_and_batches_give_their_results_in_order():
    """One call alone, several in one request, none at all."""
    chain = Chain(keys(1))
    with serve(chain) as url, HttpRpc(url) as node:
        assert node.call("eth_chainId") == "0x539"
        assert node.batch([("eth_blockNumber", ()), ("eth_chainId", ())]) == ["0x0", "0x539"]
        assert node.batch([]) == []


def test_results_are_matched_by_id_and_not_by_place():
    """A server may answer a batch in any order."""
    body = b'[{"id": 1, "result": "b"}, {"id": 0, "result": "a"}]'
    with answering(body) as url, HttpRpc(url) as node:
        assert node.batch([("x", ()), ("y", ())]) == ["a", "b"]


def test_an_error_answer_carries_the_method_and_the_nodes_words():
    """The node's refusal is the caller's to handle."""
    body = b'[{"id": 0, "result": 1}, {"id": 1, "error": {"code": -32601, "message": "no such"}}]'
    with answering(body) as url, HttpRpc(url) as node, pytest.raises(Rejected) as caught:
        node.batch([("x", ()), ("eth_y", ())])
    assert caught.value.code == "LEDGER_REFUSED"
    assert caught.value.message == "The ledger's node refuses eth_y: no such"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("0x", "CALL_REVERTED"),
        ("0x08c379a0", "CALL_REVERTED"),
        ("too many calls", "LEDGER_REFUSED"),
    ],
)
def test_only_revert_data_says_that_the_contract_refused(data, code):
    """What else a node puts beside its error is words of its own."""
    body = b'{"id": 0, "error": {"code": 3, "message": "no", "data": "%s"}}' % data.encode()
    with answering(body) as url, HttpRpc(url) as node, pytest.raises(Rejected) as caught:
        node.call("eth_call")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>", 502),
        (b"", 200),
        (b"5", 200),
        (b"[5]", 200),
        (b"{}", 200),
        (b'{"id": 7, "result": 1}', 200),
        (b'{"id": {}, "result": 1}', 200),
        (b'{"id": 0}', 200),
    ],
)
def test_an_answer_that_is_no_json_rpc_is_unreachable_and_shows_no_secret(body, status):
    """Whatever else speaks there, it is not the node; credentials in the URL stay out of sight."""
    with answering(body, status) as url, HttpRpc(url) as node, pytest.raises(Unavailable) as caught:
        node.call("eth_chainId")
    assert caught.value.code == "LEDGER_UNREACHABLE"
    assert "secret" not in caught.value.message


def test_an_endless_answer_is_cut_off(monkeypatch):
    """A node cannot fill the reader's memory."""
    monkeypatch.setattr(rpc, "MAX_ANSWER", 10)
    body = b'"' + b"x" * 100 + b'"'
    with answering(body) as url, HttpRpc(url) as node, pytest.raises(Unavailable) as caught:
        node.call("eth_chainId")
    assert "too long" in caught.value.message


@pytest.mark.parametrize("url", ["nowhere", "ftp://127.0.0.1/", "http://127.0.0.1:1/"])
def test_an_address_that_is_none_is_unreachable(url):
    """A bad URL in the settings is one sentence, not a traceback."""
    with HttpRpc(url) as node, pytest.raises(Unavailable) as caught:
        node.call("eth_chainId")
    assert caught.value.code == "LEDGER_UNREACHABLE"
