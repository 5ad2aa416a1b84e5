"""A QBFT chain made by hand, sealed with test keys, and a local node that serves it or lies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from coincurve import PrivateKey

from ledger.chain import rlp
from ledger.chain.header import MIX_HASH, NO_OMMERS, ExtraData, Header, Vote, quorum
from ledger.chain.receipts import bloom, receipts_root, transactions_root
from ledger.domain.keccak import keccak

GENESIS_TIME = 1_700_000_000
CONTRACT = bytes.fromhex("c0") * 20
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def key(number: int) -> PrivateKey:
    """Return the test key with this number (1, 2, …)."""
    return PrivateKey(bytes([number]) * 32)


def address(signer: PrivateKey) -> bytes:
    """Return a key's address."""
    return keccak(signer.public_key.format(compressed=False)[1:])[12:]


def keys(*numbers: int) -> list[PrivateKey]:
    """Return test keys in the order of their addresses, as extraData lists validators."""
    return sorted([key(number) for number in numbers], key=address)


def seal(header: Header, signers: Sequence[PrivateKey], round_: int = 0) -> Header:
    """Return the header with the seals of these keys at a round."""
    extra = replace(header.extra, round=round_, seals=())
    bare = replace(header, extra_data=extra.encode())
    seals = tuple(signer.sign_recoverable(bare.seal_digest, hasher=None) for signer in signers)
    return replace(bare, extra_data=replace(extra, seals=seals).encode())


def with_seals(header: Header, seals: Sequence[bytes]) -> Header:
    """Return the header carrying exactly these seals."""
    return replace(header, extra_data=replace(header.extra, seals=tuple(seals)).encode())


def high_s(signature: bytes) -> bytes:
    """Return the other valid form of a signature."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([signature[64] ^ 1])


def transaction(nonce: int) -> dict[str, Any]:
    """Return a transaction as a node answers it; its signature is not looked at here."""
    return {
        "type": "0x2",
        "chainId": "0x539",
        "nonce": hex(nonce),
        "maxPriorityFeePerGas": "0x0",
        "maxFeePerGas": "0x0",
        "gas": "0x5208",
        "to": "0x" + CONTRACT.hex(),
        "value": "0x0",
        "input": "0x" + nonce.to_bytes(4, "big").hex(),
        "accessList": [],
        "v": "0x1",
        "r": "0x1",
        "s": "0x2",
    }


def receipt(logs: Sequence[tuple[bytes, Sequence[bytes], bytes]], gas: int) -> dict[str, Any]:
    """Return the receipt of a successful transaction that emitted (address, topics, data)."""
    return {
        "type": "0x2",
        "status": "0x1",
        "cumulativeGasUsed": hex(gas),
        "logs": [
            {
                "address": "0x" + a.hex(),
                "topics": ["0x" + t.hex() for t in ts],
                "data": "0x" + d.hex(),
            }
            for a, ts, d in logs
        ],
    }


@dataclass
class Chain:
    """Blocks from genesis on; `validators` are the keys that seal the next one."""

    validators: list[PrivateKey]
    chain_id: int = 1337
    headers: list[Header] = field(default_factory=list)
    receipts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    transactions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.headers:
            self.headers.append(
                replace(self.draft(), parent_hash=bytes(32), timestamp=GENESIS_TIME)
            )

    def draft(
        self,
        *,
        proposer: PrivateKey | None = None,
        vote: Vote | None = None,
        logs: Sequence[Sequence[tuple[bytes, Sequence[bytes], bytes]]] = (),
        seconds: int = 1,
    ) -> Header:
        """Return the next header without seals; logs: those of each transaction."""
        number = len(self.headers)
        members = [address(signer) for signer in self.validators]
        self.transactions[number] = [transaction(number * 100 + i) for i in range(len(logs))]
        self.receipts[number] = [receipt(part, 21000 * (i + 1)) for i, part in enumerate(logs)]
        bits = bloom(item for part in logs for a, topics, _ in part for item in (a, *topics))
        return Header(
            parent_hash=self.headers[-1].hash if self.headers else bytes(32),
            ommers_hash=NO_OMMERS,
            coinbase=address(proposer or self.validators[number % len(members)]),
            state_root=keccak(number.to_bytes(8, "big")),
            transactions_root=transactions_root(self.transactions[number]),
            receipts_root=receipts_root(self.receipts[number]),
            logs_bloom=bits.to_bytes(256, "big"),
            difficulty=1,
            number=number,
            gas_limit=30_000_000,
            gas_used=21000 * len(logs),
            timestamp=(self.headers[-1].timestamp if self.headers else GENESIS_TIME) + seconds,
            extra_data=ExtraData(bytes(32), tuple(members), vote, 0, ()).encode(),
            mix_hash=MIX_HASH,
            nonce=bytes(8),
            base_fee_per_gas=0,
        )

    def add(
        self, *, signers: Sequence[PrivateKey] | None = None, round_: int = 0, **draft: Any
    ) -> Header:
        """Append the next block, sealed by a quorum unless `signers` are given."""
        signers = self.validators[: quorum(len(self.validators))] if signers is None else signers
        self.headers.append(seal(self.draft(**draft), signers, round_))
        return self.headers[-1]

    def answer(self, method: str, params: list[Any]) -> Any:
        """Answer as an honest node does; a block that is not there is null."""
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_blockNumber":
            return hex(len(self.headers) - 1)
        number = int(params[0], 16)
        if number >= len(self.headers):
            return None
        if method == "eth_getBlockReceipts":
            return self.receipts[number]
        return {**to_rpc(self.headers[number]), "transactions": self.transactions[number]}


def to_rpc(header: Header) -> dict[str, Any]:
    """Return a header as a node answers it."""
    answer = {
        "parentHash": header.parent_hash,
        "sha3Uncles": header.ommers_hash,
        "miner": header.coinbase,
        "stateRoot": header.state_root,
        "transactionsRoot": header.transactions_root,
        "receiptsRoot": header.receipts_root,
        "logsBloom": header.logs_bloom,
        "difficulty": header.difficulty,
        "number": header.number,
        "gasLimit": header.gas_limit,
        "gasUsed": header.gas_used,
        "timestamp": header.timestamp,
        "extraData": header.extra_data,
        "mixHash": header.mix_hash,
        "nonce": header.nonce,
        "baseFeePerGas": header.base_fee_per_gas,
        "hash": header.hash,
    }
    return {
        name: hex(value) if isinstance(value, int) else "0x" + value.hex()
        for name, value in answer.items()
        if value is not None
    }


Lie = Callable[[str, list[Any], Any], Any]


@contextmanager
def serve(chain: Chain, lie: Lie | None = None) -> Iterator[str]:
    """Serve a chain as JSON-RPC on loopback and yield the URL; `lie` may alter each answer.

    Yields after the socket listens; the thread ends with the context. Calls are kept in `calls`.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer

        def do_POST(self) -> None:
            request = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
            body = orjson.dumps(
                [self._one(part) for part in request]
                if isinstance(request, list)
                else self._one(request)
            )
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _one(self, part: dict[str, Any]) -> dict[str, Any]:
            method, params = part["method"], part["params"]
            result = chain.answer(method, params)
            if lie is not None:
                result = lie(method, params, result)
            if isinstance(result, Exception):
                error = {"code": -32000, "message": str(result)}
                return {"jsonrpc": "2.0", "id": part["id"], "error": error}
            return {"jsonrpc": "2.0", "id": part["id"], "result": result}

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hexes(data: Sequence[bytes]) -> list[str]:
    """Return byte strings as 0x-hex."""
    return ["0x" + item.hex() for item in data]


def unhex(text: str) -> bytes:
    """Return the bytes of 0x-hex."""
    return bytes.fromhex(text.removeprefix("0x"))


def rlp_list(data: bytes) -> list[Any]:
    """Return the items of an encoded list."""
    return rlp.items(rlp.decode(data))
