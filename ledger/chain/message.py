"""A verb on its way to the contract: what a key signs for it, and the call that carries it.

A message is signed over its subject's current head, so it is good for one state of one subject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode

from ledger.chain.account import Signature
from ledger.chain.artifact import call_data
from ledger.domain import ids, typed_data
from ledger.domain.typed_data import STRUCTS
from ledger.domain.verbs import SIGNINGS, Verb

Proofs = Sequence[Sequence[bytes]]


@dataclass(frozen=True)
class Message:
    """One verb on one subject.

    identity: of the subject (unit id, batch or party number, 0 for the log). head, seq: the
    subject's newest. deadline: unix seconds. hint, proofs: what the call needs beside the signed
    arguments (the run before; one Merkle proof a child).
    """

    verb: Verb
    identity: bytes | int
    head: bytes
    seq: int
    era: int
    deadline: int
    args: Mapping[str, Any]
    hint: int = 0
    proofs: Proofs = ()

    @property
    def subject(self) -> bytes:
        """The subject's id."""
        return ids.subject(SIGNINGS[self.verb].kind, self.identity)

    def struct_hash(self) -> bytes:
        """Return the EIP-712 hashStruct."""
        return typed_data.message_hash(
            self.verb, self.subject, self.head, self.era, self.deadline, self.args
        )

    def call(self, signatures: Sequence[Signature]) -> bytes:
        """Return the calldata; one signature, or for a registry verb several by rising signer."""
        args = struct_tuple(f"{SIGNINGS[self.verb].name}Args", self.args)
        before, after = _AROUND.get(self.verb, _PLAIN)
        if self.verb is Verb.REGISTER_PARTY:
            proof: Any = (self.seq, self.era, self.deadline, list(signatures))
        else:
            proof = auth(self.seq, self.era, self.deadline, signatures[0])
        return call_data(SIGNINGS[self.verb].function, *before(self), args, *after(self), proof)


@dataclass(frozen=True)
class ListMessage:
    """One verb (ship or receiveFrom) on several units under one signature.

    heads: as they are when the list is signed, in the order of `units`.
    """

    verb: Verb
    units: Sequence[bytes]
    heads: Sequence[bytes]
    skip_stale: bool
    era: int
    deadline: int
    args: Mapping[str, Any]

    def struct_hash(self) -> bytes:
        """Return the EIP-712 hashStruct."""
        return typed_data.list_hash(
            self.verb,
            self.units,
            self.heads,
            self.skip_stale,
            self.era,
            self.deadline,
            self.args,
        )

    def call(
        self, signatures: Sequence[Signature], stale: Sequence[tuple[int, bytes]] = ()
    ) -> bytes:
        """Return the calldata. stale: (position, signed head) of units that moved since."""
        args = struct_tuple(f"{SIGNINGS[self.verb].name}Args", self.args)
        proof = auth(0, self.era, self.deadline, signatures[0])
        function = "shipList" if self.verb is Verb.SHIP else "receiveList"
        return call_data(function, list(self.units), self.skip_stale, args, list(stale), proof)


@dataclass(frozen=True)
class GroupMessage:
    """Consecutive verbs of one actor on one unit under one signature, all or nothing.

    parts: (verb, arguments, proofs) in order; pack only as the first.
    """

    unit: bytes
    head: bytes
    seq: int
    era: int
    deadline: int
    parts: Sequence[tuple[Verb, Mapping[str, Any], Proofs]]

    def struct_hash(self) -> bytes:
        """Return the EIP-712 hashStruct."""
        hashes = [typed_data.args_hash(verb, args) for verb, args, _ in self.parts]
        subject = ids.subject("unit", self.unit)
        return typed_data.group_hash(subject, self.head, self.era, self.deadline, hashes)

    def call(self, signatures: Sequence[Signature]) -> bytes:
        """Return the calldata."""
        return call_data(
            "group",
            self.unit,
            [int(verb) for verb, _, _ in self.parts],
            [_encoded(f"{SIGNINGS[verb].name}Args", args) for verb, args, _ in self.parts],
            [[list(proof) for proof in proofs] for _, _, proofs in self.parts],
            auth(self.seq, self.era, self.deadline, signatures[0]),
        )


def batch_call(parts: Sequence[bytes]) -> bytes:
    """Return the calldata that relays several calls, each failing alone."""
    return call_data("batch", b"".join(len(part).to_bytes(4, "big") + part for part in parts))


def auth(seq: int, era: int, deadline: int, signature: Signature) -> tuple[int, bytes, bytes]:
    """Return the contract's Auth: the terms of a message as one number, and its signature."""
    return (seq << 128 | era << 64 | deadline, *signature)


def struct_tuple(name: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a struct's values in the order of its fields, as the ABI takes them."""
    return tuple(_value(kind, values[field]) for kind, field in STRUCTS[name])


def _value(kind: str, value: Any) -> Any:
    base = kind.removesuffix("[]")
    if base not in STRUCTS:
        return value
    return [struct_tuple(base, item) for item in value]


def _encoded(name: str, values: Mapping[str, Any]) -> bytes:
    return encode([_abi_type(name)], [struct_tuple(name, values)])


def _abi_type(name: str) -> str:
    types = (
        _abi_type(kind.removesuffix("[]")) + "[]" if kind.endswith("[]") else kind
        for kind, _ in STRUCTS[name]
    )
    return f"({','.join(types)})"


Arguments = Callable[[Message], list[Any]]


def _identity(message: Message) -> list[Any]:
    return [message.identity]


def _hint(message: Message) -> list[Any]:
    return [message.hint]


def _proofs(message: Message) -> list[Any]:
    return [[list(proof) for proof in message.proofs]]


def _nothing(_: Message) -> list[Any]:
    return []


_PLAIN: tuple[Arguments, Arguments] = (_nothing, _nothing)
# What a call takes before and after the signed arguments, where that is anything.
_AROUND: dict[Verb, tuple[Arguments, Arguments]] = {
    Verb.COMMISSION: (_identity, _nothing),
    Verb.ACTIVATE: (_identity, _hint),
    Verb.BIND_LOT: (_identity, _hint),
    Verb.PACK: (_nothing, _proofs),
    Verb.UNPACK: (_identity, _proofs),
    Verb.SHIP: (_identity, _nothing),
    Verb.RECEIVE_FROM: (_identity, _nothing),
}
