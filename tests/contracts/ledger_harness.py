"""The committed contract on eth-tester's py-evm, driven as a relayer would: no RPC, no mocks.

Every accepted transaction replays its events into history heads, in Python, and compares each
subject's head and seq with storage: so every test of a verb is a test of complete history too.

Over 300 lines because it is one object: what it signs, sends and checks hangs on the same state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coincurve import PrivateKey
from eth.vm.forks.paris import ParisVM
from eth_keys import keys as eth_keys
from eth_tester.backends.pyevm.main import PyEVMBackend, generate_genesis_state_for_keys

from ledger.chain.artifact import (
    NO_PREDECESSOR,
    artifact,
    call_data,
    decode_error,
    decode_event,
    deploy_data,
)
from ledger.chain.message import auth, batch_call
from ledger.chain.storage import Layout
from ledger.domain import ids, typed_data
from ledger.domain.keccak import keccak
from ledger.domain.verbs import BY_QUORUM, HEADLESS, LISTS, RULINGS, SIGNINGS, Verb
from tests.contracts.history import NO_HISTORY, step

GENESIS_TIME = 1_700_000_000
BLOCK_GAS = 400_000_000
PLENTY = 100_000_000
WEEK = 7 * 86_400
LAYOUT = Layout(artifact()["layout"])
ZERO = bytes(32)

Args = Mapping[str, Any]
Words = Sequence[Sequence[bytes]]
Group = Sequence[tuple[Verb, Args, Words] | tuple[Verb, Args, Words, Words]]
Code = tuple[int, int, bytes]  # GTIN, index, serial: what an item's leaf is made of
# What a call takes after its arguments that nobody signs.
UNSIGNED: dict[Verb, tuple[str, ...]] = {
    Verb.ACTIVATE: ("hint",),
    Verb.VOID: ("hint",),
    Verb.BIND_LOT: ("hint",),
    Verb.PACK: ("proofs",),
    Verb.UNPACK: ("proofs", "origins"),
    Verb.CLAIM_INNER: ("proof",),
    Verb.SETTLE_EXCEPTION: ("proof",),
    Verb.WITHDRAW: ("proof",),
}


class Refused(Exception):
    """The contract's own error: name and arguments; name "" for a revert without a word."""

    def __init__(self, name: str, *arguments: Any) -> None:
        super().__init__(name, *arguments)
        self.name, self.arguments = name, arguments


@dataclass(frozen=True)
class Outcome:
    """What an accepted transaction did. time: the block's. gas: all of it, outer cost included."""

    events: list[tuple[str, dict[str, Any]]]
    gas: int
    time: int

    def names(self) -> list[str]:
        """The events' names in order."""
        return [name for name, _ in self.events]

    def only(self, name: str) -> dict[str, Any]:
        """The arguments of the one event of this name."""
        (found,) = [values for event, values in self.events if event == name]
        return found


def key(name: str) -> PrivateKey:
    """Return the test key with this name."""
    return PrivateKey(keccak(name.encode()))


def address(signer: PrivateKey) -> bytes:
    """Return a key's address."""
    return keccak(signer.public_key.format(compressed=False)[1:])[12:]


def sign(signer: PrivateKey, digest: bytes) -> tuple[bytes, bytes]:
    """Return the EIP-2098 signature (r, vs) of a digest."""
    signature = signer.sign_recoverable(digest, hasher=None)
    vs = int.from_bytes(signature[32:64], "big") | signature[64] << 255
    return signature[:32], vs.to_bytes(32, "big")


def word(number: int | bytes) -> bytes:
    """Return a number as 32 bytes."""
    return number if isinstance(number, bytes) else number.to_bytes(32, "big")


@dataclass
class Chain:
    """One deployed ledger. keys: who signs for which party. heads: subject -> (seq, head)."""

    admins: Sequence[str] = ("admin",)
    threshold: int = 1
    predecessor: tuple[int, bytes, int, bytes] = NO_PREDECESSOR
    now: int = GENESIS_TIME + 1  # the time of the next block
    keys: dict[int, PrivateKey] = field(default_factory=dict)
    heads: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start a chain and create the contract."""
        self._relay = eth_keys.PrivateKey(keccak(b"relay"))
        self.backend = PyEVMBackend(
            PyEVMBackend.generate_genesis_params(
                {"gas_limit": BLOCK_GAS, "timestamp": self.now - 1}
            ),
            generate_genesis_state_for_keys([self._relay]),
            ((0, ParisVM),),
        )
        self.chain = self.backend.chain
        self.chain_id: int = self.chain.chain_id
        admins = [address(key(name)) for name in self.admins]
        created = self._transact(b"", deploy_data(admins, self.threshold, self.predecessor))
        if created.is_error:
            raise _refusal(created)
        self.contract: bytes = created.msg.storage_address
        self.separator = typed_data.domain_separator(self.chain_id, self.contract)

    # ------------------------------------------------------------------------- transactions

    def send(self, data: bytes, gas: int = PLENTY) -> Outcome:
        """Relay a call in a block of its own; raises Refused. Checks every head it moved."""
        computation = self._transact(self.contract, data, gas)
        if computation.is_error:
            raise _refusal(computation)
        events = []
        for _, topics, body in computation.get_log_entries():
            event = decode_event([word(topic) for topic in topics], body)
            assert event is not None, "an event that is not in the ABI"
            events.append(event)
        self._follow(events, self.now - 1)
        return Outcome(events, self._gas_used, self.now - 1)

    def do(self, verb: Verb, args: Args, **options: Any) -> Outcome:
        """Sign and relay one verb; options as `call` takes them."""
        return self.send(self.call(verb, args, **options))

    def batch(self, *parts: bytes, gas: int = PLENTY) -> Outcome:
        """Relay several calls in one transaction."""
        return self.send(batch_call(parts), gas)

    def view(self, data: bytes) -> bytes:
        """Return the output of a call that leaves no trace."""
        output: bytes = self.backend.call(
            {
                "from": self._relay.public_key.to_canonical_address(),
                "to": self.contract,
                "data": data,
            }
        )
        return output

    def _transact(self, to: bytes, data: bytes, gas: int = PLENTY) -> Any:
        sender = self._relay.public_key.to_canonical_address()
        self.chain.header = self.chain.header.copy(timestamp=self.now)
        vm = self.chain.get_vm()
        unsigned = vm.create_unsigned_transaction(
            nonce=vm.state.get_nonce(sender), gas_price=10**10, gas=gas, to=to, value=0, data=data
        )
        signed = unsigned.as_signed_transaction(self._relay, chain_id=self.chain_id)
        _, receipt, computation = self.chain.apply_transaction(signed)
        self._gas_used = receipt.gas_used
        self.backend.mine_blocks(1)
        self.now += 1
        return computation

    # -------------------------------------------------------------------------------- signed

    def call(
        self,
        verb: Verb,
        args: Args,
        *,
        on: int | bytes = 0,
        code: Code | bytes | None = None,
        hint: int = 0,
        proofs: Words = (),
        origins: Words = (),
        proof: Sequence[bytes] = (),
        **auth: Any,
    ) -> bytes:
        """Return a signed call.

        on: batch or lot number, or unit id, where the verb names one. code: what shows an item, for
        the verbs that take it first. hint, proofs, origins, proof (also a lone origin): what a call
        takes unsigned. auth: what `_auth` or `_quorum` take, to sign otherwise than right.
        """
        signing = SIGNINGS[verb]
        subject = self.subject_of(verb, args, on, code)
        head = auth.pop("head", None) or self.signed_head(verb, args, subject)

        def message(era: int, deadline: int) -> bytes:
            return typed_data.message_hash(verb, subject, head, era, deadline, args)

        if verb in BY_QUORUM:
            accepted = auth.pop("accepted", None)
            auth.setdefault(
                "seq", self._ruled(args)[0] if verb in RULINGS else self.head(subject)[0]
            )
            quorum = self._quorum(message, **auth)
            if verb == Verb.SET_ADMINS:
                chosen = auth | {"signers": self.admins if accepted is None else accepted}
                return call_data(signing.function, args, quorum, self._quorum(message, **chosen)[3])
            return call_data(signing.function, args, quorum)
        signed = self._auth(message, args["actor"], self.head(subject)[0], **auth)
        if code is not None:
            return call_data(signing.function, code, args, proof, signed)
        named = signing.kind in ("batch", "lot", "unit") and verb != Verb.PACK
        extra = {"hint": hint, "proofs": proofs, "origins": origins, "proof": proof}
        shown = [extra[name] for name in UNSIGNED.get(verb, ())]
        return call_data(signing.function, *([on] if named else []), args, *shown, signed)

    def list_call(
        self,
        verb: Verb,
        units: Sequence[bytes],
        args: Args,
        *,
        heads: Sequence[bytes] | None = None,
        skip_stale: bool = False,
        relayed_skip_stale: bool | None = None,
        stale: Sequence[tuple[int, bytes]] = (),
        **auth: Any,
    ) -> bytes:
        """Return a signed list; heads are those signed, stale what the relayer says of them."""
        signed_heads = heads or [self.head(ids.subject("unit", unit))[1] for unit in units]

        def message(era: int, deadline: int) -> bytes:
            return typed_data.list_hash(verb, units, signed_heads, skip_stale, era, deadline, args)

        signed = self._auth(message, args["actor"], 0, **auth)
        said = skip_stale if relayed_skip_stale is None else relayed_skip_stale
        return call_data(LISTS[verb], list(units), said, args, list(stale), signed)

    def group_call(self, unit: bytes, parts: Group, **auth: Any) -> bytes:
        """Return a signed group of one actor's verbs on a unit."""
        subject = ids.subject("unit", unit)
        seq, head = self.head(subject)
        hashes = [typed_data.args_hash(verb, args) for verb, args, *_ in parts]

        def message(era: int, deadline: int) -> bytes:
            return typed_data.group_hash(subject, auth.get("head", head), era, deadline, hashes)

        options = {name: value for name, value in auth.items() if name != "head"}
        signed = self._auth(message, parts[0][1]["actor"], seq, **options)
        return group_data(unit, parts, signed)

    def _auth(
        self,
        message: Any,
        actor: int,
        current_seq: int,
        *,
        signer: PrivateKey | None = None,
        era: int | None = None,
        deadline: int | None = None,
        seq: int | None = None,
        separator: bytes | None = None,
        signature: Any = sign,
    ) -> tuple[int, bytes, bytes]:
        era = self.era(actor) if era is None else era
        deadline = self.now + WEEK if deadline is None else deadline
        digest = typed_data.digest(separator or self.separator, message(era, deadline))
        r, vs = signature(signer or self.keys[actor], digest)
        return auth(current_seq if seq is None else seq, era, deadline, (r, vs))

    def _quorum(
        self,
        message: Any,
        *,
        signers: Sequence[str] | None = None,
        ascending: bool = True,
        era: int | None = None,
        deadline: int | None = None,
        seq: int = 0,
    ) -> tuple[int, int, int, list[tuple[bytes, bytes]]]:
        era = self.read("registry")["era"] if era is None else era
        deadline = self.now + WEEK if deadline is None else deadline
        digest = typed_data.digest(self.separator, message(era, deadline))
        names = list(self.admins[: self.threshold] if signers is None else signers)
        names.sort(key=lambda name: address(key(name)), reverse=not ascending)
        return (seq, era, deadline, [sign(key(name), digest) for name in names])

    # --------------------------------------------------------------------------------- state

    def read(self, label: str, *keys: int | bytes) -> dict[str, int]:
        """Return a struct or value of storage by the layout's labels."""
        place = LAYOUT.place(label, *keys)
        return place.read({slot: self.storage(slot) for slot in place.slots})

    def storage(self, slot: int) -> int:
        """Return one raw word of the contract."""
        value: int = self.backend.get_storage(self.contract, slot)
        return value

    def unit(self, unit: bytes) -> dict[str, int]:
        """Return a unit's slot."""
        return self.read("units", unit)

    def era(self, party: int) -> int:
        """Return the era of a party's key."""
        return self.read("parties", party)["era"]

    def subject_of(
        self, verb: Verb, args: Args, on: int | bytes = 0, code: Code | bytes | None = None
    ) -> bytes:
        """Return the subject of a verb's message."""
        kind = SIGNINGS[verb].kind
        if verb == Verb.PACK:
            on = ids.unit_id(args["actor"], args["epcHash"])
        elif verb == Verb.CLAIM_INNER:
            on = ids.claim_id(args["batch"], args["index"])
        elif code is not None:
            on = keccak(code if isinstance(code, bytes) else code_hash(*code))
        elif kind == "party":
            on = args["party"] if verb in RULINGS else args["actor"]
        return ids.subject(kind, on)

    def signed_head(self, verb: Verb, args: Args, subject: bytes) -> bytes:
        """Return the head that a verb's message is over."""
        if verb in HEADLESS:
            return ZERO
        return self._ruled(args)[1] if verb in RULINGS else self.head(subject)[1]

    def _ruled(self, args: Args) -> tuple[int, bytes]:
        party = self.read("parties", args["party"])
        if not party["ruledSeq"]:
            subject = ids.subject("party", args["party"])
            return 0, ids.first_head(self.chain_id, self.contract, subject)
        return party["ruledSeq"], word(party["ruled"])

    def head(self, subject: bytes) -> tuple[int, bytes]:
        """Return (seq, head) of a subject as its events tell them."""
        return self.heads.get(subject, (0, ids.first_head(self.chain_id, self.contract, subject)))

    # ------------------------------------------------------------------------------- history

    def _follow(self, events: Sequence[tuple[str, dict[str, Any]]], time: int) -> None:
        moved = {}
        for name, values in events:
            if name in NO_HISTORY:
                continue
            place, subject, link = step(name, values)
            seq, head = self.head(subject)
            by = values["by"]
            signer, mode = (by & (1 << 160) - 1).to_bytes(20, "big"), by >> 160 & 0xFF
            assert by >> 168 == seq + 1, f"{name} has another seq than its place in the history"
            self.heads[subject] = (seq + 1, ids.next_head(head, seq + 1, *link, signer, mode, time))
            moved[subject] = place
        for subject, place in moved.items():
            stored = self.read(*place)
            assert (stored["seq"], word(stored["head"])) == self.heads[subject], place


def code_hash(gtin: int, index: int, serial: bytes) -> bytes:
    """Return what an item's leaf is the hash of, which tells nobody the serial."""
    return keccak(word(gtin) + word(index) + serial.ljust(32, b"\0"))


def inner_leaf(index: int, inner_code: bytes, salt: bytes) -> bytes:
    """Return the leaf of an inner code's commitment."""
    return keccak(keccak(word(index) + inner_code + salt))


def group_data(unit: bytes, parts: Group, auth: Any) -> bytes:
    """Return a group's call; its parts' arguments are abi-encoded as single structs."""
    encoded = [part_data(verb, args) for verb, args, *_ in parts]
    proofs = [list(shown[0]) for _, _, *shown in parts]
    origins = [list(shown[1]) if len(shown) > 1 else [] for _, _, *shown in parts]
    return call_data("group", unit, [int(v) for v, *_ in parts], encoded, proofs, origins, auth)


def part_data(verb: Verb, args: Args) -> bytes:
    """Return abi.encode of one verb's arguments, cut out of a call of that verb."""
    bare = (0, ZERO, ZERO)
    if verb in (Verb.SHIP, Verb.RECEIVE_FROM):
        return call_data(SIGNINGS[verb].function, ZERO, args, bare)[4 + 32 : 4 + 32 + 96]
    target, shown = ([], [[]]) if verb == Verb.PACK else ([ZERO], [[], []])
    whole = call_data(SIGNINGS[verb].function, *target, args, *shown, bare)[4:]
    begin = 32 * len(target)
    offset = int.from_bytes(whole[begin : begin + 32], "big")
    return word(32) + whole[offset : -32 * len(shown)]  # without the empty lists


def _refusal(computation: Any) -> Refused:
    if not computation.output:
        return Refused("")
    decoded = decode_error(computation.output)
    return (
        Refused("Panic", computation.output)
        if decoded is None
        else Refused(decoded[0], *decoded[1])
    )
