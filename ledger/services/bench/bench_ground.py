"""A ledger made for a bench: two parties, senders that relay for them, units, and a follower."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ledger.chain.account import Account
from ledger.chain.message import ListMessage, Message, batch_call
from ledger.chain.rpc import HttpRpc
from ledger.db.engine import open_database, reading, sqlite_url
from ledger.db.models import ChainFailure, ChainUnit
from ledger.domain import ids, typed_data
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.errors import Broken
from ledger.services import capture
from ledger.services.deploy import deploy
from ledger.services.following.follow import Follower
from ledger.services.network import Network

SHIPPER, RECEIVER = ids.FIRST_ASSIGNED_PARTY, ids.FIRST_ASSIGNED_PARTY + 1
PART = 50  # verbs in a batch, units in a list: what the submitter sends
TX_GAS = 40_000_000
Entropy = Callable[[int], bytes]
Call = bytes


class Ground:
    """A fresh contract on the node at `url`, two registered parties, and what the chain says.

    directory: for the database. senders: accounts that relay, each over a connection of its own.
    """

    def __init__(self, url: str, directory: Path, senders: int, entropy: Entropy) -> None:
        self._entropy = entropy
        self._keys = {party: Account(entropy(32)) for party in (SHIPPER, RECEIVER)}
        self._senders = [_Sender(url, Account(entropy(32))) for _ in range(senders)]
        self.rpc = HttpRpc(url)
        admin = Account(entropy(32))
        self.network = deploy(self.rpc, Account(entropy(32)), [admin.address], 1)
        for sender in self._senders:
            sender.network = self.network
        self.engine = open_database(sqlite_url(directory / "ground.db"))
        self._follower = Follower(self.engine, self.rpc, self.network)
        for party, key in self._keys.items():
            self.send([[self._registration(party, key, admin)]])
        self.follow()

    def close(self) -> None:
        """Close every connection."""
        self.rpc.close()
        self.engine.dispose()
        for sender in self._senders:
            sender.rpc.close()

    def follow(self) -> None:
        """Take in what the chain says. Raises Broken BENCH_FAILED if it refused anything."""
        self._follower.catch_up(time.time())
        with reading(self.engine) as session:
            if refused := session.scalar(select(func.count()).select_from(ChainFailure)):
                raise _failed(f"the contract refused {refused} parts")

    def send(self, calls: Sequence[Sequence[Call]]) -> float:
        """Relay calls, one transaction each, a list for each sender; return the seconds it took.

        The senders go side by side, each waiting for its answer before it sends the next.
        """
        raws = [s.sign(own) for s, own in zip(self._senders, calls, strict=False)]
        with ThreadPoolExecutor(len(raws)) as pool:
            started = time.perf_counter()
            list(pool.map(_Sender.send, self._senders, raws))
            return time.perf_counter() - started

    def share(self, calls: Sequence[Call]) -> list[list[Call]]:
        """Deal calls out to all senders."""
        return [list(calls[place :: len(self._senders)]) for place in range(len(self._senders))]

    def pack(self, count: int) -> list[bytes]:
        """Return the ids of `count` new units that the shipper holds."""
        calls, units = [], []
        for _ in range(count):
            hashed = self._entropy(32)
            args = {
                "actor": SHIPPER,
                "epcHash": hashed,
                "childrenRoot": self._entropy(32),
                "count": 24,
                "level": 1,
                "lot": 0,
                "slotted": [],
                "eventHash": self._entropy(32),
            }
            units.append(ids.unit_id(SHIPPER, hashed))
            calls.append(self._signed(Verb.PACK, units[-1], args))
        self.send([batches(calls)])
        self.follow()
        return units

    def handoff(self, verb: Verb, units: Sequence[bytes]) -> list[Call]:
        """Return a signed call for each unit: ship to the receiver, or receive from the shipper."""
        args = self._handoff_args(verb)
        return [self._signed(verb, unit, args) for unit in units]

    def handoff_lists(self, verb: Verb, units: Sequence[bytes]) -> list[Call]:
        """Return signed calls for the units, a despatch list of up to PART units each."""
        args = self._handoff_args(verb)
        with reading(self.engine) as session:
            messages = [
                capture.compose_list(
                    session, self.network, verb, units[at : at + PART], args, _deadline()
                )
                for at in range(0, len(units), PART)
            ]
        return [self._sign(message, args["actor"]) for message in messages]

    def check_received(self, units: Sequence[bytes]) -> None:
        """Raise Broken BENCH_FAILED unless the receiver holds all the units."""
        held = 0
        with reading(self.engine) as session:
            for unit in units:
                row = session.get(ChainUnit, unit)
                held += row is not None and row.holder == RECEIVER and row.addressee == 0
        if held != len(units):
            raise _failed(f"{len(units) - held} units did not arrive")

    def _handoff_args(self, verb: Verb) -> dict[str, Any]:
        if verb is Verb.SHIP:
            return {"actor": SHIPPER, "to": RECEIVER, "eventHash": self._entropy(32)}
        return {"actor": RECEIVER, "from": SHIPPER, "eventHash": self._entropy(32)}

    def _signed(self, verb: Verb, identity: bytes, args: dict[str, Any]) -> Call:
        with reading(self.engine) as session:
            message = capture.compose(session, self.network, verb, identity, args, _deadline())
        return self._sign(message, args["actor"])

    def _sign(self, message: Message | ListMessage, actor: int) -> Call:
        digest = typed_data.digest(self.network.domain, message.struct_hash())
        return message.call([self._keys[actor].sign(digest)])

    def _registration(self, party: int, key: Account, admin: Account) -> Call:
        args = {
            "party": party,
            "account": key.address,
            "keyMode": int(KeyMode.OWN),
            "roles": int(Role.DISTRIBUTOR),
            "markets": 0,
            "prefix": 0,
            "prefixLength": 0,
            "eventHash": NO_EVENT_HASH,
        }
        subject = ids.subject("party", party)
        head = ids.first_head(self.network.chain_id, self.network.address, subject)
        message = Message(Verb.REGISTER_PARTY, party, head, 0, 0, _deadline(), args)
        digest = typed_data.digest(self.network.domain, message.struct_hash())
        return message.call([admin.sign(digest)])


def batches(calls: Sequence[Call]) -> list[Call]:
    """Return calls that relay PART of the given ones each."""
    return [batch_call(calls[at : at + PART]) for at in range(0, len(calls), PART)]


class _Sender:
    """A relay account, its connection, and its count of transactions."""

    network: Network

    def __init__(self, url: str, account: Account) -> None:
        self.rpc = HttpRpc(url, timeout=120)
        self._account, self._nonce = account, 0

    def sign(self, calls: Sequence[Call]) -> list[str]:
        """Return a signed transaction for each call, as 0x hex."""
        raws = []
        for call in calls:
            raw = self._account.transaction(
                self.network.chain_id, self._nonce, self.network.address, call, TX_GAS, 0
            )
            self._nonce += 1
            raws.append("0x" + raw.hex())
        return raws

    def send(self, raws: Sequence[str]) -> None:
        """Send one after the other; each is answered when its block is durable."""
        for raw in raws:
            self.rpc.call("eth_sendRawTransaction", raw)


def _deadline() -> int:
    return int(time.time()) + capture.CUSTODY_DEADLINE_S


def _failed(what: str) -> Broken:
    return Broken("BENCH_FAILED", f"The bench's own work went wrong: {what}. Report this.")
