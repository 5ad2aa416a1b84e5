"""A verb on its way to the contract: what a key signs for it, and the call that carries it.

A message is signed over its subject's current head, so it is good for one state of one subject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eth_abi.abi import encode

from ledger.chain.account import Signature
from ledger.chain.artifact import call_data
from ledger.domain import abi, ids, typed_data
from ledger.domain.leaf import code_hash
from ledger.domain.typed_data import STRUCTS
from ledger.domain.typed_json import to_bytes, to_json
from ledger.domain.verbs import BY_QUORUM, SIGNINGS, Verb

Proofs = Sequence[Sequence[bytes]]
Parts = Sequence[tuple[Verb, Mapping[str, Any], Proofs, Proofs]]
"""Of a group: (verb, arguments, proofs, origins)."""


@dataclass(frozen=True)
class Code:
    """What an item's leaf is made of: leaf = keccak(hash). gtin: the value of its 14 digits."""

    gtin: int
    index: int
    serial: str

    @property
    def hash(self) -> bytes:
        """keccak(abi(uint64 gtin, uint32 index, bytes32 serial)): it tells nobody the serial."""
        return code_hash(self.gtin, self.index, self.serial)


@dataclass(frozen=True)
class Shown:
    """What a call shows beside the signed arguments, for the contract to check; nobody signs it.

    proofs: one a child, or the one of the item. origins: who made the unit and each child, or the
    one thing that the verb is about (contracts/src/ILedger.sol, "Who made what"). code: the
    item's, or for drawItem its hash.
    """

    proofs: Proofs = ()
    origins: Proofs = ()
    code: Code | bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        code = asdict(self.code) if isinstance(self.code, Code) else self.code
        values: dict[str, Any] = to_json(
            {"proofs": self.proofs, "origins": self.origins, "code": code}
        )
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Shown:
        """Return it from JSON values. Raises LookupError, TypeError, ValueError."""
        code = values["code"]
        if isinstance(code, Mapping):
            code = Code(int(code["gtin"]), int(code["index"]), str(code["serial"]))
        elif code is not None:
            code = read_word(code)
        return cls(_read_lists(values["proofs"]), _read_lists(values["origins"]), code)


NOTHING = Shown()


def _read_lists(lists: Sequence[Sequence[str]]) -> Proofs:
    return [[read_word(word) for word in words] for words in lists]


def read_word(text: str) -> bytes:
    """Return the 32 bytes of a word in hex. Raises TypeError, ValueError."""
    word = to_bytes(text)
    if len(word) != 32:
        raise ValueError("a word has 32 bytes")
    return word


@dataclass(frozen=True)
class Message:
    """One verb on one subject.

    identity: of the subject (unit id, leaf, number of a batch, lot or party, 0 for registry and
    log). head, seq: the newest that this verb is signed over. deadline: unix seconds.
    hint: the run before, plus one, which the call needs too.
    """

    verb: Verb
    identity: bytes | int
    head: bytes
    seq: int
    era: int
    deadline: int
    args: Mapping[str, Any]
    hint: int = 0
    shown: Shown = NOTHING

    @property
    def subject(self) -> bytes:
        """The subject's id."""
        return ids.subject(SIGNINGS[self.verb].kind, self.identity)

    def struct_hash(self) -> bytes:
        """Return the EIP-712 hashStruct."""
        return typed_data.message_hash(
            self.verb, self.subject, self.head, self.era, self.deadline, self.args
        )

    def call(self, signatures: Sequence[Signature], accepted: Sequence[Signature] = ()) -> bytes:
        """Return the calldata. signatures: one; of a quorum several, by rising signer.

        accepted: those of the new admins, for setAdmins.
        """
        args = struct_tuple(f"{SIGNINGS[self.verb].name}Args", self.args)
        before, after = _AROUND.get(self.verb, _PLAIN)
        if self.verb in BY_QUORUM:
            proof: Any = (self.seq, self.era, self.deadline, list(signatures))
        else:
            proof = auth(self.seq, self.era, self.deadline, signatures[0])
        last = [list(accepted)] if self.verb is Verb.SET_ADMINS else []
        function = SIGNINGS[self.verb].function
        return call_data(function, *before(self), args, *after(self), proof, *last)


@dataclass(frozen=True)
class ListMessage:
    """One verb (ship or receiveFrom) on several units under one signature.

    heads: as they are when the list is signed, in the order of `units`. skip_stale: a unit that has
    moved since is skipped, and does not refuse the list.
    """

    verb: Verb
    units: Sequence[bytes]
    heads: Sequence[bytes]
    skip_stale: bool
    era: int
    deadline: int
    args: Mapping[str, Any]

    @property
    def subject(self) -> bytes:
        """The first unit's subject id, by which the list is known on its way."""
        return ids.subject("unit", self.units[0])

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

    parts: in order; pack only as the first.
    """

    unit: bytes
    head: bytes
    seq: int
    era: int
    deadline: int
    parts: Parts

    @property
    def verb(self) -> Verb:
        """The first verb, by which the group is known on its way."""
        return self.parts[0][0]

    @property
    def args(self) -> Mapping[str, Any]:
        """The arguments of the first verb."""
        return self.parts[0][1]

    @property
    def subject(self) -> bytes:
        """The subject's id."""
        return ids.subject("unit", self.unit)

    def struct_hash(self) -> bytes:
        """Return the EIP-712 hashStruct."""
        hashes = [typed_data.args_hash(verb, args) for verb, args, *_ in self.parts]
        return typed_data.group_hash(self.subject, self.head, self.era, self.deadline, hashes)

    def call(self, signatures: Sequence[Signature]) -> bytes:
        """Return the calldata."""
        return call_data(
            "group",
            self.unit,
            [int(verb) for verb, *_ in self.parts],
            [_encoded(f"{SIGNINGS[verb].name}Args", args) for verb, args, *_ in self.parts],
            [_lists(proofs) for _, _, proofs, _ in self.parts],
            [_lists(origins) for *_, origins in self.parts],
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
    return [_lists(message.shown.proofs)]


def _proofs_and_origins(message: Message) -> list[Any]:
    return [_lists(message.shown.proofs), _lists(message.shown.origins)]


def _proof(message: Message) -> list[Any]:
    return [list(message.shown.proofs[0]) if message.shown.proofs else []]


def _origin(message: Message) -> list[Any]:
    return [list(message.shown.origins[0]) if message.shown.origins else []]


def _code(message: Message) -> list[Any]:
    code = message.shown.code
    if isinstance(code, Code):
        return [(code.gtin, code.index, abi.ascii32(code.serial))]
    return [code]


def _nothing(_: Message) -> list[Any]:
    return []


def _lists(proofs: Proofs) -> list[list[bytes]]:
    return [list(proof) for proof in proofs]


_PLAIN: tuple[Arguments, Arguments] = (_nothing, _nothing)
# What a call takes before and after the signed arguments, where that is anything.
_AROUND: dict[Verb, tuple[Arguments, Arguments]] = {
    Verb.COMMISSION: (_identity, _nothing),
    Verb.ACTIVATE: (_identity, _hint),
    Verb.VOID: (_identity, _hint),
    Verb.BIND_LOT: (_identity, _hint),
    Verb.SET_LOT_STATE: (_identity, _nothing),
    Verb.PACK: (_nothing, _proofs),
    Verb.UNPACK: (_identity, _proofs_and_origins),
    Verb.DRAW_ITEM: (_code, _proof),
    Verb.SETTLE_EXCEPTION: (_identity, _origin),
    Verb.WITHDRAW: (_identity, _origin),
    Verb.DECOMMISSION: (_code, _proof),
    Verb.SET_ITEM_STATE: (_code, _proof),
    Verb.CLAIM_INNER: (_nothing, _proof),
    **dict.fromkeys(
        (
            Verb.SHIP,
            Verb.RECEIVE_FROM,
            Verb.REPORT_EXCEPTION,
            Verb.RETURN_TO,
            Verb.REFUSE,
            Verb.TAKE_BACK,
            Verb.REPORT_LOST,
        ),
        (_identity, _nothing),
    ),
}
