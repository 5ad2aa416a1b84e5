"""Block headers as QBFT makes them (Besu, block-header mode, up to Paris), and their seals.

What a header commits to (state, receipts, time) is true for a checker when a quorum of validators
that it trusts has sealed it. Source: FORMATS "Headers"; Besu's QbftExtraDataCodec and its header
validation rules, which check_seals follows: constant fields, listed validators, proposer, seals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from coincurve import PublicKey

from ledger.chain import rlp
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

MIX_HASH = b"ctical byzantine fault tolerance"  # Istanbul's mark, checked by every QBFT client
NO_OMMERS = keccak(b"\xc0")
ZERO_NONCE = bytes(8)
ADD, DROP = b"\xff", b"\x00"

# In the order of the encoding: name of the field, name in JSON-RPC, size in bytes, is a number.
# A number has at most that size; extraData is free (None). baseFeePerGas came with London.
_FIELDS: tuple[tuple[str, str, int | None, bool], ...] = (
    ("parent_hash", "parentHash", 32, False),
    ("ommers_hash", "sha3Uncles", 32, False),
    ("coinbase", "miner", 20, False),
    ("state_root", "stateRoot", 32, False),
    ("transactions_root", "transactionsRoot", 32, False),
    ("receipts_root", "receiptsRoot", 32, False),
    ("logs_bloom", "logsBloom", 256, False),
    ("difficulty", "difficulty", 32, True),
    ("number", "number", 8, True),
    ("gas_limit", "gasLimit", 8, True),
    ("gas_used", "gasUsed", 8, True),
    ("timestamp", "timestamp", 8, True),
    ("extra_data", "extraData", None, False),
    ("mix_hash", "mixHash", 32, False),
    ("nonce", "nonce", 8, False),
    ("base_fee_per_gas", "baseFeePerGas", 32, True),
)
_CONSTANT: tuple[tuple[str, bytes | int, str], ...] = (
    ("difficulty", 1, "BAD_DIFFICULTY"),
    ("mix_hash", MIX_HASH, "BAD_MIX_HASH"),
    ("nonce", ZERO_NONCE, "BAD_NONCE"),
    ("ommers_hash", NO_OMMERS, "BAD_OMMERS"),
)
_EXTRA_DATA = 12
_AFTER_PARIS = ("withdrawalsRoot", "blobGasUsed", "parentBeaconBlockRoot", "requestsHash")


@dataclass(frozen=True)
class Vote:
    """A proposer's vote to add or drop one validator."""

    address: bytes
    add: bool


@dataclass(frozen=True)
class ExtraData:
    """The content of extraData: who may seal this block, the proposer's vote, the seals."""

    vanity: bytes
    validators: tuple[bytes, ...]
    vote: Vote | None
    round: int
    seals: tuple[bytes, ...]

    @classmethod
    def decode(cls, data: bytes) -> ExtraData:
        """Parse extraData; Rejected(BAD_EXTRA_DATA) unless encode() gives the same bytes back."""
        try:
            vanity, validators, vote, round_, seals = rlp.items(rlp.decode(data), 5)
            if not isinstance(vanity, bytes) or len(vanity) > 32:
                raise _bad_extra("the vanity is longer than 32 bytes")
            return cls(
                vanity,
                tuple([rlp.fixed(address, 20) for address in rlp.items(validators)]),
                _vote(rlp.items(vote)),
                rlp.uint(round_, 4),
                tuple([rlp.fixed(seal, 65) for seal in rlp.items(seals)]),
            )
        except Rejected as error:
            raise _bad_extra(error.message) if error.code == "BAD_RLP" else error from None

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        vote = [] if self.vote is None else [self.vote.address, ADD if self.vote.add else DROP]
        return rlp.encode(
            [self.vanity, self.validators, vote, rlp.from_uint(self.round), self.seals]
        )


@dataclass(frozen=True)
class Header:
    """A block header; hashes and addresses are bytes, gas and wei and unix seconds are numbers."""

    parent_hash: bytes
    ommers_hash: bytes
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    base_fee_per_gas: int | None = None

    @classmethod
    def decode(cls, data: bytes) -> Header:
        """Parse an RLP header of 16 fields (London, Paris) or 15 (earlier): else BAD_HEADER."""
        try:
            return cls._from_items(rlp.items(rlp.decode(data)))
        except Rejected as error:
            raise _bad_header(error.message) if error.code == "BAD_RLP" else error from None

    @classmethod
    def from_rpc(cls, answer: Mapping[str, Any]) -> Header:
        """Read the header in an answer to eth_getBlockByNumber or …ByHash: else BAD_HEADER.

        The answer's own `hash` is ignored: `Header.hash` computes it.
        """
        if any(answer.get(name) is not None for name in _AFTER_PARIS):
            raise _bad_header("it has fields of a fork after Paris")
        try:
            values = [
                rlp.from_uint(int(answer[key], 16)) if number else bytes.fromhex(answer[key][2:])
                for _, key, _, number in _FIELDS
                if key != "baseFeePerGas" or answer.get(key) is not None
            ]
            return cls._from_items(values)
        except Rejected as error:
            raise _bad_header(error.message) from None
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _bad_header(f"a field is missing or not hexadecimal: {error}") from None

    @classmethod
    def _from_items(cls, values: Sequence[rlp.Item]) -> Header:
        if len(values) not in (15, 16):
            raise _bad_header(f"it has {len(values)} fields, not 15 or 16")
        fields: list[Any] = [
            _field(value, size, number)
            for value, (_, _, size, number) in zip(values, _FIELDS, strict=False)
        ]
        return cls(*fields)

    def encode(self) -> bytes:
        """Return the RLP of all fields; its hash is the block hash of chains without QBFT only."""
        return self._encode(self.extra_data)

    @cached_property
    def extra(self) -> ExtraData:
        """The parsed extraData; Rejected(BAD_EXTRA_DATA)."""
        return ExtraData.decode(self.extra_data)

    @cached_property
    def hash(self) -> bytes:
        """The QBFT block hash: over the header at round 0 without seals. BAD_EXTRA_DATA."""
        return keccak(self._encode(replace(self.extra, round=0, seals=()).encode()))

    @property
    def seal_digest(self) -> bytes:
        """What validators sign: the header without seals, the round kept. BAD_EXTRA_DATA."""
        return keccak(self._encode(replace(self.extra, seals=()).encode()))

    def _encode(self, extra_data: bytes) -> bytes:
        values: list[rlp.Item] = []
        for name, _, _, number in _FIELDS:
            value = getattr(self, name)
            if value is not None:
                values.append(rlp.from_uint(value) if number else value)
        values[_EXTRA_DATA] = extra_data
        return rlp.encode(values)


def quorum(count: int) -> int:
    """Return how many of `count` validators must seal a block: two thirds, rounded up."""
    return (2 * count + 2) // 3


def signers(header: Header) -> tuple[bytes, ...]:
    """Return the address behind each seal, in their order; Rejected(BAD_EXTRA_DATA, BAD_SEAL).

    A seal is r, s and a recovery id of 0 or 1. A high s is taken: a validator could otherwise make
    a block that QBFT clients accept unreadable for checkers, and seals are no part of a block hash.
    """
    digest = header.seal_digest
    return tuple([_recover(seal, digest) for seal in header.extra.seals])


def check_seals(header: Header, validators: Collection[bytes]) -> frozenset[bytes]:
    """Return the signers of a header that a quorum of `validators` has sealed.

    validators: the addresses trusted to seal this block; the header must list exactly them.
    Raises Rejected with the first fault found: NO_VALIDATORS, BAD_DIFFICULTY, BAD_MIX_HASH,
    BAD_NONCE, BAD_OMMERS, BAD_EXTRA_DATA, VALIDATORS_DIFFER, BAD_PROPOSER, BAD_SEAL,
    SEAL_NOT_FROM_VALIDATOR, DUPLICATE_SEAL, NOT_ENOUGH_SEALS.
    """
    trusted = frozenset(validators)
    where = f"Block {header.number}"
    if not trusted:
        raise Rejected("NO_VALIDATORS", "No validators are trusted: name those that may seal.")
    for name, expected, code in _CONSTANT:
        if getattr(header, name) != expected:
            raise Rejected(code, f"{where} is not a QBFT block: its {name} is not the constant.")
    listed = header.extra.validators
    if len(listed) != len(trusted) or frozenset(listed) != trusted:
        raise Rejected(
            "VALIDATORS_DIFFER",
            f"{where} lists other validators than those trusted: get a newer trust file or the "
            "headers that prove the change.",
        )
    if header.coinbase not in trusted:
        raise Rejected("BAD_PROPOSER", f"{where} was not proposed by a trusted validator.")
    found = signers(header)
    distinct = frozenset(found)
    if not distinct <= trusted:
        raise Rejected(
            "SEAL_NOT_FROM_VALIDATOR",
            f"{where} carries a seal that is not of a trusted validator, or was altered since.",
        )
    if len(distinct) != len(found):
        raise Rejected("DUPLICATE_SEAL", f"{where} carries two seals of one validator.")
    if len(distinct) < quorum(len(trusted)):
        raise Rejected(
            "NOT_ENOUGH_SEALS",
            f"{where} has {len(distinct)} of the {quorum(len(trusted))} seals that make a quorum.",
        )
    return distinct


def _recover(seal: bytes, digest: bytes) -> bytes:
    if seal[64] > 1:
        raise Rejected("BAD_SEAL", "A seal's recovery id is neither 0 nor 1: fetch it again.")
    try:
        key = PublicKey.from_signature_and_message(seal, digest, hasher=None)
    except Exception:  # coincurve raises ValueError and bare Exception alike
        raise Rejected("BAD_SEAL", "A seal is no signature at all: fetch it again.") from None
    return keccak(key.format(compressed=False)[1:])[12:]


def _field(value: rlp.Item, size: int | None, number: bool) -> bytes | int:
    if size is None:
        if not isinstance(value, bytes):
            raise _bad_header("its extraData is a list")
        return value
    return rlp.uint(value, size) if number else rlp.fixed(value, size)


def _vote(item: list[rlp.Decoded]) -> Vote | None:
    if not item:
        return None
    if len(item) != 2 or item[1] not in (ADD, DROP):
        raise _bad_extra("the vote is neither to add (0xff) nor to drop (0x00)")
    return Vote(rlp.fixed(item[0], 20), item[1] == ADD)


def _bad_header(what: str) -> Rejected:
    return Rejected("BAD_HEADER", f"This is no header of a QBFT chain up to Paris ({what}).")


def _bad_extra(what: str) -> Rejected:
    return Rejected("BAD_EXTRA_DATA", f"The header's extraData is not in QBFT's form ({what}).")
