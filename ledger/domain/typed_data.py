"""EIP-712 typed data of the ledger: what a party's key signs (formats "Signing").

A message nests the verb's arguments as a struct, so that the hash of the arguments is the same word
in the message, in a group's parts and in the history head (`argsHash`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.domain import abi
from ledger.domain.keccak import keccak
from ledger.domain.verbs import SIGNINGS, Verb

Args = Mapping[str, Any]
Fields = tuple[tuple[str, str], ...]

_SUBJECT: Fields = (
    ("bytes32", "subject"),
    ("bytes32", "head"),
    ("uint64", "era"),
    ("uint64", "deadline"),
)
_LIST: Fields = (
    ("bytes32[]", "units"),
    ("bytes32[]", "heads"),
    ("bool", "skipStale"),
    ("uint64", "era"),
    ("uint64", "deadline"),
)


def _fields(text: str) -> Fields:
    pairs = (field.split(" ") for field in text.split(","))
    return tuple((kind, name) for kind, name in pairs)


# The arguments of every verb, frozen: name -> (type, field) in order.
STRUCTS: dict[str, Fields] = {
    "Child": _fields("uint8 kind,uint32 position,bytes32 child,bytes32 childrenRoot,uint32 count"),
    "RegisterPartyArgs": _fields(
        "uint64 party,address account,uint8 keyMode,uint16 roles,uint256 markets,"
        "uint64 prefix,uint8 prefixLength,bytes32 eventHash"
    ),
    "UpdatePartyArgs": _fields(
        "uint64 party,uint16 roles,uint256 markets,uint64 prefix,uint8 prefixLength,"
        "bytes32 eventHash"
    ),
    "SuspendPartyArgs": _fields("uint64 party,uint8 status,bytes32 eventHash"),
    "RotateAccountArgs": _fields("uint64 party,address account,uint8 keyMode,bytes32 eventHash"),
    "DelegateArgs": _fields(
        "uint64 actor,address key,uint8 keyMode,uint128 verbs,uint64 expiry,uint32 limit,"
        "uint32 deviceEra,bytes32 eventHash"
    ),
    "OpenEpochArgs": _fields("uint64 actor,uint8 epoch,bytes32 commitment,bytes32 eventHash"),
    "CancelArgs": _fields("uint64 actor"),
    "SetAdminsArgs": _fields("address[] admins,uint8 threshold,bytes32 eventHash"),
    "SealLedgerArgs": _fields("uint256 chainId,address successor,bytes32 eventHash"),
    "ReserveBatchArgs": _fields("uint64 actor,uint64 gtin,uint8 epoch,bytes32 eventHash"),
    "CommissionArgs": _fields(
        "uint64 actor,bytes32 root,bytes32 innerRoot,uint32 count,bytes32 eventHash"
    ),
    "ActivateArgs": _fields(
        "uint64 actor,uint32 from,uint32 to,uint64 activeFrom,bytes32 eventHash"
    ),
    "VoidArgs": _fields("uint64 actor,uint32 from,uint32 to,bytes32 eventHash"),
    "BindLotArgs": _fields(
        "uint64 actor,uint32 from,uint32 to,bytes32 lot,uint64 expiry,uint64 bestBefore,"
        "uint8 market,bytes32 eventHash"
    ),
    "SetLotStateArgs": _fields("uint64 actor,uint8 state,bytes32 eventHash"),
    "PackArgs": _fields(
        "uint64 actor,bytes32 epcHash,bytes32 childrenRoot,uint32 count,uint8 level,uint32 lot,"
        "Child[] slotted,bytes32 eventHash"
    ),
    "UnpackArgs": _fields("uint64 actor,Child[] children,bytes32 eventHash"),
    "ShipArgs": _fields("uint64 actor,uint64 to,bytes32 eventHash"),
    "ReceiveFromArgs": _fields("uint64 actor,uint64 from,bytes32 eventHash"),
    "ReportExceptionArgs": _fields(
        "uint64 actor,uint64 from,uint32 good,uint32 damaged,uint32 short,uint32 over,"
        "uint32 wrong,bytes32 eventHash"
    ),
    "SettleExceptionArgs": _fields("uint64 actor,uint32 report,bytes32 eventHash"),
    "ReturnToArgs": _fields("uint64 actor,uint64 to,bytes32 eventHash"),
    "RefuseArgs": _fields("uint64 actor,uint64 from,bytes32 eventHash"),
    "TakeBackArgs": _fields("uint64 actor,uint64 to,bytes32 eventHash"),
    "WithdrawArgs": _fields("uint64 actor,uint64 from,bytes32 eventHash"),
    "ReportLostArgs": _fields("uint64 actor,uint64 to,bytes32 eventHash"),
    "DrawItemArgs": _fields("uint64 actor,uint64 batch,uint32 lot,bytes32 eventHash"),
    "DecommissionArgs": _fields("uint64 actor,uint64 batch,uint8 state,bytes32 eventHash"),
    "SetItemStateArgs": _fields("uint64 actor,uint64 batch,uint8 state,bytes32 eventHash"),
    "ClaimInnerArgs": _fields(
        "uint64 actor,uint64 batch,uint32 index,bytes32 innerCode,bytes32 salt,bytes32 eventHash"
    ),
    "AnchorScanLogArgs": _fields("uint64 actor,uint64 size,bytes32 logRoot,bytes32 mapRoot"),
    # Never signed: arguments of the events that a pack or an unpack records on a child.
    "PackedIntoArgs": _fields("bytes32 parent,uint64 parentSeq"),
    "UnpackedFromArgs": _fields(
        "bytes32 parent,uint64 parentSeq,bytes32 parentHead,uint32 position"
    ),
    "Group": (*_SUBJECT, ("bytes32[]", "parts")),
}
for _signing in SIGNINGS.values():
    _args = (f"{_signing.name}Args", "args")
    STRUCTS[_signing.name] = (*_SUBJECT, _args)
    if _signing.name in ("Ship", "ReceiveFrom"):
        STRUCTS[f"{_signing.name}List"] = (*_LIST, _args)

_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_type_hashes: dict[str, bytes] = {}


def encode_type(name: str) -> str:
    """Return EIP-712's encodeType: the struct, then the structs it refers to by name order."""
    referred: set[str] = set()
    _collect(name, referred)
    parts = [name, *sorted(referred - {name})]
    return "".join(
        f"{part}({','.join(f'{kind} {field}' for kind, field in STRUCTS[part])})" for part in parts
    )


def type_hash(name: str) -> bytes:
    """Return keccak of `encode_type(name)`."""
    if name not in _type_hashes:
        _type_hashes[name] = keccak(encode_type(name).encode())
    return _type_hashes[name]


def hash_struct(name: str, values: Args) -> bytes:
    """Return EIP-712's hashStruct. values: int, bool, bytes (20 or 32) or nested by field name.

    Raises OverflowError where a value does not fit its type, KeyError where a field is missing.
    """
    words = (_word(kind, values[field]) for kind, field in STRUCTS[name])
    return keccak(type_hash(name) + b"".join(words))


def domain_separator(chain_id: int, contract: bytes) -> bytes:
    """Return the EIP-712 domain separator of one ledger. contract: 20 bytes."""
    return keccak(
        abi.encode(
            _DOMAIN_TYPE,
            keccak(b"Touchstone"),
            keccak(b"1"),
            abi.uint(chain_id),
            abi.address(contract),
        )
    )


def args_hash(verb: Verb, args: Args) -> bytes:
    """Return the hash of a verb's own arguments: `argsHash` in heads, a part of a group."""
    return hash_struct(f"{SIGNINGS[verb].name}Args", args)


def message_hash(
    verb: Verb, subject: bytes, head: bytes, era: int, deadline: int, args: Args
) -> bytes:
    """Return the hashStruct of one verb's message over a subject's current head."""
    return hash_struct(
        SIGNINGS[verb].name,
        {"subject": subject, "head": head, "era": era, "deadline": deadline, "args": args},
    )


def list_hash(
    verb: Verb,
    units: Sequence[bytes],
    heads: Sequence[bytes],
    skip_stale: bool,
    era: int,
    deadline: int,
    args: Args,
) -> bytes:
    """Return the hashStruct of a list: one signature over several units and their heads."""
    return hash_struct(
        f"{SIGNINGS[verb].name}List",
        {
            "units": units,
            "heads": heads,
            "skipStale": skip_stale,
            "era": era,
            "deadline": deadline,
            "args": args,
        },
    )


def group_hash(
    subject: bytes, head: bytes, era: int, deadline: int, parts: Sequence[bytes]
) -> bytes:
    """Return the hashStruct of a group. parts: the `args_hash` of each verb, in order."""
    return hash_struct(
        "Group",
        {"subject": subject, "head": head, "era": era, "deadline": deadline, "parts": parts},
    )


def digest(separator: bytes, struct_hash: bytes) -> bytes:
    """Return what a key signs: keccak(0x1901 ‖ domain separator ‖ hashStruct)."""
    return keccak(b"\x19\x01" + separator + struct_hash)


def _collect(name: str, into: set[str]) -> None:
    for kind, _ in STRUCTS[name]:
        base = kind.removesuffix("[]")
        if base in STRUCTS and base not in into:
            into.add(base)
            _collect(base, into)


def _word(kind: str, value: Any) -> bytes:
    if kind.endswith("[]"):
        return keccak(b"".join(_word(kind[:-2], item) for item in value))
    if kind in STRUCTS:
        return hash_struct(kind, value)
    if kind == "bytes32":
        return abi.bytes32(value)
    if kind == "address":
        return abi.address(value)
    if kind == "bool":
        return abi.uint(int(value), 1)
    return abi.uint(value, int(kind.removeprefix("uint")))
