"""A ledger for the gas bench: the contract on an embedded chain in this process, where nothing is
left to chance, so that the same code uses the same gas to the last unit.

Keys, chain id and arguments come from one seed, block times from a counter. Heads are computed from
the contract's own events, as any follower does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.chain.account import Account
from ledger.chain.embedded.chain import EmbeddedChain
from ledger.chain.embedded.jsonrpc import Params
from ledger.chain.embedded.methods import METHODS
from ledger.chain.embedded.view import View
from ledger.chain.events import Seen, decode
from ledger.chain.message import (
    NOTHING,
    GroupMessage,
    ListMessage,
    Message,
    Parts,
    Shown,
    batch_call,
)
from ledger.chain.receipts import Log
from ledger.domain import ids, typed_data
from ledger.domain.gs1 import with_check_digit
from ledger.domain.keccak import keccak
from ledger.domain.verbs import BY_QUORUM, HEADLESS, RULINGS, SIGNINGS, KeyMode, Role, Verb
from ledger.errors import Broken, TouchstoneError
from ledger.services.deploy import deploy

START = 1_750_000_000  # unix seconds of the first block
TX_GAS = 95_000_000
BRANDS = 50  # as many as there are parts in a batch: each its own subject
Args = dict[str, Any]
Call = bytes


@dataclass(frozen=True)
class Brand:
    """A registered brand with an open epoch. gtin: under its own prefix."""

    party: int
    gtin: int


class Stream:
    """Bytes that look random and are the same every time; none of them is zero.

    A zero byte of calldata costs 4 gas and any other 16: whole words are the dearest there can be.
    """

    def __init__(self, seed: bytes) -> None:
        self._state = seed

    def __call__(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        found = b""
        while len(found) < size:
            self._state = keccak(self._state)
            found += self._state
        return found[:size].replace(b"\0", b"\1")

    def number(self, bits: int) -> int:
        """Return the next number of that many bits, a multiple of 8."""
        return int.from_bytes(self(bits // 8), "big")


class GasLedger:
    """A new contract on a new chain in `directory`, with brands, a shipper, a receiver."""

    def __init__(self, directory: Path) -> None:
        self.random = Stream(b"touchstone bench gas")
        self._ticks = START
        self._chain = EmbeddedChain(directory, self._tick, entropy=self.random)
        self._relay, self._nonce = Account(self.random(32)), 0
        self._keys: dict[int, Account] = {}
        self._eras: dict[int, int] = {}
        self._heads: dict[bytes, tuple[int, bytes]] = {}
        self._ruled: dict[bytes, tuple[int, bytes]] = {}
        self._next_party = ids.FIRST_ASSIGNED_PARTY
        self.registry_era = self.batches_drawn = self.epoch = 0
        self.admin = Account(self.random(32))
        self.lots: list[int] = []  # numbers of those opened in the newest block
        self._network = deploy(_Local(self._chain), self._relay, [self.admin.address], 1)
        self._nonce = 1
        self.brands = self._found_brands()
        self.shipper, self.receiver = self.brands[0].party, self.register(1, Role.DISTRIBUTOR)[0]

    def close(self) -> None:
        """Let go of the directory."""
        self._chain.close()

    # ------------------------------------------------------------------------------ relaying

    def send(self, data: Call, to: bytes | None = None) -> int:
        """Relay a call in a block of its own; return all gas of the transaction.

        to: another contract. Raises Broken BENCH_FAILED where anything was refused.
        """
        block = self._seal(to or self._network.address, data)
        for row in self._chain.store.block_logs(block.number):
            log = Log(row.address, row.topics, row.data, row.index, row.tx, bytes(32))
            seen = decode(log, block.number, block.header.timestamp)
            if seen is not None and to is None:
                self._follow(seen)
        gas: int = block.header.gas_used
        return gas

    def create(self, code: bytes) -> bytes:
        """Create another contract; return its address."""
        block = self._seal(None, code)
        (created,) = self._chain.store.transactions(block.number)
        assert created.contract is not None
        return created.contract

    @property
    def relay_address(self) -> bytes:
        """The account that relays."""
        return self._relay.address

    def address_of(self, party: int) -> bytes:
        """Return the account of a party."""
        return self._keys[party].address

    def batch(self, calls: Sequence[Call]) -> int:
        """Relay calls in one transaction; return all gas of it."""
        return self.send(batch_call(calls))

    def _seal(self, to: bytes | None, data: bytes) -> Any:
        raw = self._relay.transaction(self._chain.chain_id, self._nonce, to, data, TX_GAS, 0)
        self._nonce += 1
        block = self._chain.seal([raw])
        (row,) = self._chain.store.transactions(block.number)
        if row.status != 1:
            raise _failed("a transaction was reverted")
        return block

    def _follow(self, seen: Seen) -> None:
        if seen.name == "PartFailed":
            raise _failed(f"part {seen.fields['part']} failed: 0x{seen.fields['reason'].hex()}")
        if seen.name == "LotOpened":
            self.lots.append(seen.fields["number"])
        event = seen.event
        if event is None:
            return
        before = self._head(event.subject)
        now = (event.seq, event.head_after(before[1]))
        self._heads[event.subject] = now
        if event.verb in RULINGS:
            self._ruled[event.subject] = now
        if event.verb is Verb.CANCEL:
            self._eras[event.actor] = self._eras.get(event.actor, 0) + 1

    def _head(self, subject: bytes) -> tuple[int, bytes]:
        first = ids.first_head(self._chain.chain_id, self._network.address, subject)
        return self._heads.get(subject, (0, first))

    def seq(self, unit: bytes) -> int:
        """Return how many events a unit has had."""
        return self._head(ids.subject("unit", unit))[0]

    # ------------------------------------------------------------------------------- signing

    def call(
        self,
        verb: Verb,
        identity: bytes | int,
        args: Mapping[str, Any],
        hint: int = 0,
        shown: Shown = NOTHING,
    ) -> Call:
        """Return a verb's call, signed over its subject's newest head by whoever must."""
        args = {"eventHash": self.random(32), **args}
        subject = ids.subject(SIGNINGS[verb].kind, identity)
        seq, head = self._signed_over(verb, subject)
        era = self.registry_era if verb in BY_QUORUM else self._eras.get(args.get("actor", 0), 0)
        message = Message(verb, identity, head, seq, era, self._deadline(), args, hint, shown)
        return message.call([self._sign(message, args)])

    def list_call(self, verb: Verb, units: Sequence[bytes], args: Args) -> Call:
        """Return one signed call that moves all the units."""
        args = {"eventHash": self.random(32), **args}
        heads = [self._head(ids.subject("unit", unit))[1] for unit in units]
        era = self._eras.get(args["actor"], 0)
        message = ListMessage(verb, units, heads, False, era, self._deadline(), args)
        return message.call([self._sign(message, args)])

    def group_call(self, unit: bytes, parts: Parts) -> Call:
        """Return one signed call that does several things with a unit."""
        whole = [(v, {"eventHash": self.random(32), **args}, p, o) for v, args, p, o in parts]
        seq, head = self._head(ids.subject("unit", unit))
        actor = whole[0][1]["actor"]
        era = self._eras.get(actor, 0)
        message = GroupMessage(unit, head, seq, era, self._deadline(), whole)
        return message.call([self._sign(message, whole[0][1])])

    def hand_over_registry(self, args: Args, new: Account) -> Call:
        """Return the call that gives the registry to a new admin, signed by the old and the new."""
        seq, head = self._head(ids.subject("registry", 0))
        era, deadline = self.registry_era, self._deadline()
        message = Message(Verb.SET_ADMINS, 0, head, seq, era, deadline, args)
        digest = typed_data.digest(self._network.domain, message.struct_hash())
        return message.call([self.admin.sign(digest)], [new.sign(digest)])

    def _signed_over(self, verb: Verb, subject: bytes) -> tuple[int, bytes]:
        if verb in HEADLESS:
            return 0, bytes(32)
        if verb in RULINGS and subject in self._ruled:
            return self._ruled[subject]
        return self._head(subject)

    def _sign(
        self, message: Message | ListMessage | GroupMessage, args: Mapping[str, Any]
    ) -> tuple[bytes, bytes]:
        by_quorum = isinstance(message, Message) and message.verb in BY_QUORUM
        key = self.admin if by_quorum else self._keys[args["actor"]]
        return key.sign(typed_data.digest(self._network.domain, message.struct_hash()))

    def _deadline(self) -> int:
        return self._ticks + 86_400

    def _tick(self) -> int:
        self._ticks += 1
        return self._ticks

    # ------------------------------------------------------------------------------- parties

    def registrations(self, count: int, roles: int, prefixed: bool = False) -> list[Call]:
        """Return the calls that register new parties, each with a GTIN prefix if asked for."""
        calls = []
        for _ in range(count):
            party, self._next_party = self._next_party, self._next_party + 1
            self._keys[party] = Account(self.random(32))
            args = {
                "party": party,
                "account": self._keys[party].address,
                "keyMode": int(KeyMode.OWN),
                "roles": int(roles),
                "markets": self.random.number(256),
                "prefix": self.prefix_of(party) if prefixed else 0,
                "prefixLength": 10 if prefixed else 0,
            }
            calls.append(self.call(Verb.REGISTER_PARTY, party, args))
        return calls

    def register(self, count: int, roles: int, prefixed: bool = False) -> list[int]:
        """Return new parties."""
        first = self._next_party
        self.batch(self.registrations(count, roles, prefixed))
        return list(range(first, self._next_party))

    def prefix_of(self, party: int) -> int:
        """Return a party's GTIN prefix of 10 digits; its first four are of no other party."""
        return (1_000 + 37 * party % 8_999) * 10**6 + 123_457

    def _found_brands(self) -> list[Brand]:
        parties = self.register(BRANDS, Role.BRAND | Role.OPERATOR, prefixed=True)
        self.batch([self.open_epoch(party, 0) for party in parties])
        gtins = (with_check_digit(f"0{self.prefix_of(party):010d}11") for party in parties)
        return [Brand(party, int(gtin)) for party, gtin in zip(parties, gtins, strict=True)]

    def open_epoch(self, party: int, epoch: int) -> Call:
        """Return the call that opens a key epoch."""
        args = {"actor": party, "epoch": epoch, "commitment": self.random(32)}
        return self.call(Verb.OPEN_EPOCH, party, args)


class _Local:
    """The chain's own methods, without a network between."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call."""
        if method != "eth_sendRawTransaction":
            view = View(self._chain.store, self._chain.chain_id)
            return METHODS[method](view, Params(list(params)))
        (result,) = self._chain.submit([bytes.fromhex(params[0][2:])])
        if isinstance(result, TouchstoneError):
            raise result
        return None

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of several calls."""
        return [self.call(method, *params) for method, params in calls]


def _failed(what: str) -> Broken:
    return Broken("BENCH_FAILED", f"The bench's own work went wrong: {what}. Report this.")
