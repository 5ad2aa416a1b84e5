"""The JSON-RPC envelope, its errors, and the HTTP around it."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.chain.embedded.conftest import NodeProcess, Signer
from tests.chain.embedded.contracts import deployer, runtime

JSON = {"content-type": "application/json"}


def post(node: NodeProcess, body: bytes, **headers: str) -> requests.Response:
    return requests.post(node.url, data=body, headers={**JSON, **headers}, timeout=20)


def ask(node: NodeProcess, method: str, *params: Any) -> dict[str, Any]:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer: dict[str, Any] = requests.post(node.url, json=request, timeout=20).json()
    return answer


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b'{"id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_mine"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getCode"}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getCode","params":{"a":1}}', -32602),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x01",false]}',
            -32602,
        ),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x0",3]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"topics":["0x1"]}]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x12"}]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["zz"]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x"]}', -32000),
    ],
)
def test_a_bad_request_has_its_code(node: NodeProcess, body: bytes, code: int) -> None:
    """Each kind of fault has the code that JSON-RPC gives it."""
    assert post(node, body).json()["error"]["code"] == code


def test_a_batch_is_answered_in_order_one_by_one(node: NodeProcess) -> None:
    """Good, bad and silent requests in one batch: each its own answer, none for the silent."""
    body = (
        b'[{"jsonrpc":"2.0","id":"a","method":"eth_chainId"},7,'
        b'{"jsonrpc":"2.0","method":"eth_chainId"},'
        b'{"jsonrpc":"2.0","id":2,"method":"eth_mine"},'
        b'{"jsonrpc":"2.0","id":null,"method":"net_version","params":[]}]'
    )
    answers = post(node, body).json()
    assert [answer["id"] for answer in answers] == ["a", None, 2, None]
    assert answers[0]["result"] == hex(node.chain_id)
    assert [answers[1]["error"]["code"], answers[2]["error"]["code"]] == [-32600, -32601]
    assert answers[3]["result"] == str(node.chain_id)


def test_only_silent_requests_have_no_answer(node: NodeProcess) -> None:
    """Notifications alone are answered with status 204 and nothing."""
    answer = post(node, b'[{"jsonrpc":"2.0","method":"eth_chainId"}]')
    assert (answer.status_code, answer.content) == (204, b"")


def test_sends_in_a_batch_land_together_and_are_seen_by_what_follows(node: NodeProcess) -> None:
    """Two sends in a row share a block, and the read after them sees it."""
    signer = Signer(node.chain_id)
    raws = [signer.send(data=deployer(runtime(0))) for _ in range(2)]
    requests_ = [("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in raws]
    requests_.append(("eth_getTransactionCount", [signer.account.address, "latest"]))
    batch = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
        for place, (method, params) in enumerate(requests_)
    ]
    answers = requests.post(node.url, json=batch, timeout=20).json()
    blocks = {
        ask(node, "eth_getTransactionByHash", answer["result"])["result"]["blockNumber"]
        for answer in answers[:2]
    }
    assert len(blocks) == 1
    assert answers[2]["result"] == "0x2"


def test_too_large_a_batch_or_body_is_refused(node: NodeProcess) -> None:
    """1,001 requests and 5 MB are each one too many."""
    batch = b"[" + b",".join([b"1"] * 1001) + b"]"
    assert post(node, batch).json()["error"]["code"] == -32600
    assert post(node, b" " * 5 * 1024 * 1024).status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "rebound.example"}, 403),
        ({"host": "127.0.0.1.rebound.example"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:8545"}, 200),
    ],
)
def test_a_web_page_elsewhere_cannot_speak_to_the_node(
    node: NodeProcess, headers: dict[str, str], status: int
) -> None:
    """Foreign Host names and form-like posts are refused; local names are served."""
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
    assert post(node, body, **headers).status_code == status
    assert requests.get(node.url, timeout=20).status_code == 405


def test_block_tags_numbers_and_objects_name_blocks(node: NodeProcess) -> None:
    """All ways to name a block lead to it, and an unknown one is null."""
    earliest = ask(node, "eth_getBlockByNumber", "earliest", False)["result"]
    latest = ask(node, "eth_getBlockByNumber", "latest", False)["result"]
    zero = ask(node, "eth_getBlockByNumber", "0x0", False)["result"]
    tags = [
        ask(node, "eth_getBlockByNumber", tag, False)["result"]["hash"]
        for tag in ("pending", "safe", "finalized", {"blockHash": latest["hash"]})
    ]
    assert earliest == zero
    assert tags == [latest["hash"]] * 4
    assert ask(node, "eth_getBlockByNumber", "0xffffffff", False)["result"] is None
    assert ask(node, "eth_getBlockReceipts", "0xffffffff")["result"] is None
    missing = ask(node, "eth_getBalance", "0x" + "00" * 20, "0xffffffff")
    assert missing["error"] == {"code": -32000, "message": "header not found"}
