"""Typed data: frozen vectors, with eth_account's own EIP-712 as the referee."""

from __future__ import annotations

from typing import Any

import pytest
from coincurve import PublicKey
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import typed_data
from ledger.domain.keccak import keccak
from ledger.domain.verbs import LISTS, SIGNINGS, Verb
from tests.domain.frozen import load, raw, rows

VECTORS = load("touchstone/typed_data")
ROWS = rows("touchstone/typed_data")
CHAIN_ID = int(VECTORS["domain"]["chainId"])
CONTRACT = raw(VECTORS["domain"]["verifyingContract"])
SEPARATOR = raw(VECTORS["domainSeparator"])
UINT = {f"uint{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64, 128, 256)}
LEAVES: dict[str, Any] = UINT | {
    "bytes32": st.binary(min_size=32, max_size=32),
    "address": st.binary(min_size=20, max_size=20),
    "bool": st.booleans(),
}


def values(kind: str, text: Any) -> Any:
    """Turn a vector's text into the value of its type."""
    if kind.endswith("[]"):
        return [values(kind[:-2], item) for item in text]
    if kind in typed_data.STRUCTS:
        return {f: values(k, text[f]) for k, f in typed_data.STRUCTS[kind]}
    if kind in ("bytes32", "address"):
        return raw(text)
    return text if kind == "bool" else int(text)


def any_of(kind: str) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    if kind.endswith("[]"):
        return st.lists(any_of(kind[:-2]), max_size=3)
    if kind in typed_data.STRUCTS:
        return st.fixed_dictionaries({f: any_of(k) for k, f in typed_data.STRUCTS[kind]})
    found: st.SearchStrategy[Any] = LEAVES[kind]
    return found


def referee(name: str, message: Any, chain_id: int, contract: bytes) -> bytes:
    """Return the digest that eth_account signs for a message."""
    kinds = [part.split("(")[0] for part in typed_data.encode_type(name).split(")") if part]
    domain = [("string", "name"), ("string", "version"), ("uint256", "chainId")]
    fields = {kind: typed_data.STRUCTS[kind] for kind in kinds}
    fields["EIP712Domain"] = (*domain, ("address", "verifyingContract"))
    document = {
        "types": {n: [{"type": k, "name": f} for k, f in rows_] for n, rows_ in fields.items()},
        "primaryType": name,
        "domain": {
            "name": "Touchstone",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": "0x" + contract.hex(),
        },
        "message": message,
    }
    return bytes(_hash_eip191_message(encode_typed_data(full_message=document)))


def recover(digest: bytes, r: bytes, vs: bytes) -> bytes:
    """Return the address that made an EIP-2098 signature."""
    s = int.from_bytes(vs) & (1 << 255) - 1
    signature = r + s.to_bytes(32, "big") + bytes([vs[0] >> 7])
    public = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return keccak(public.format(compressed=False)[1:])[12:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["label"])
def test_frozen_messages(row: dict[str, Any]) -> None:
    """Types, hashes, digest and signer are the frozen ones, and eth_account's."""
    name = row["primaryType"]
    message = values(name, row["message"])
    assert typed_data.encode_type(name) == row["encodeType"]
    assert typed_data.type_hash(name) == keccak(row["encodeType"].encode()) == raw(row["typeHash"])
    assert typed_data.hash_struct(name, message) == raw(row["structHash"])
    digest = typed_data.digest(SEPARATOR, raw(row["structHash"]))
    assert digest == raw(row["digest"]) == referee(name, message, CHAIN_ID, CONTRACT)
    assert recover(digest, raw(row["r"]), raw(row["vs"])) == raw(VECTORS["signer"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["label"])
def test_frozen_messages_by_their_own_functions(row: dict[str, Any]) -> None:
    """message_hash, list_hash, group_hash and args_hash say the same as the bare struct."""
    name = row["primaryType"]
    message = values(name, row["message"])
    verbs = {signing.name: verb for verb, signing in SIGNINGS.items()}
    if name == "Group":
        assert typed_data.group_hash(**message) == raw(row["structHash"])
        return
    verb = verbs[name.removesuffix("List")]
    assert typed_data.args_hash(verb, message["args"]) == raw(row["argsHash"])
    if name in verbs:
        assert typed_data.message_hash(verb, **message) == raw(row["structHash"])
        return
    message["skip_stale"] = message.pop("skipStale")
    assert typed_data.list_hash(verb, **message) == raw(row["structHash"])


@pytest.mark.parametrize("row", VECTORS["structs"], ids=lambda row: row["name"])
def test_frozen_structs_that_are_not_signed_alone(row: dict[str, Any]) -> None:
    """A child, and the arguments of the events that packing records on it."""
    assert typed_data.encode_type(row["name"]) == row["encodeType"]
    assert typed_data.type_hash(row["name"]) == raw(row["typeHash"])
    found = typed_data.hash_struct(row["name"], values(row["name"], row["values"]))
    assert found == raw(row["structHash"])


def test_frozen_domain() -> None:
    """The separator binds name, version, chain and contract."""
    assert typed_data.domain_separator(CHAIN_ID, CONTRACT) == SEPARATOR
    assert typed_data.domain_separator(CHAIN_ID + 1, CONTRACT) != SEPARATOR


def test_frozen_quorum() -> None:
    """A registry verb's signatures are over one digest, ascending by signer."""
    quorum = VECTORS["quorum"]
    (digest,) = [raw(row["digest"]) for row in ROWS if row["label"] == quorum["label"]]
    signers = [recover(digest, raw(s["r"]), raw(s["vs"])) for s in quorum["signatures"]]
    assert signers == [raw(s["signer"]) for s in quorum["signatures"]] == sorted(signers)


def test_every_message_has_a_vector() -> None:
    """Every verb, every list, and the group."""
    lists = {f"{SIGNINGS[verb].name}List" for verb in LISTS}
    expected = {signing.name for signing in SIGNINGS.values()} | lists | {"Group"}
    assert {row["primaryType"] for row in ROWS} == expected


@given(st.data())
def test_any_message_is_hashed_as_eth_account_does(data: st.DataObject) -> None:
    """Whatever the values, chain and contract."""
    name = data.draw(st.sampled_from(sorted({row["primaryType"] for row in ROWS})))
    message = data.draw(any_of(name))
    chain_id, contract = data.draw(LEAVES["uint64"]), data.draw(LEAVES["address"])
    separator = typed_data.domain_separator(chain_id, contract)
    digest = typed_data.digest(separator, typed_data.hash_struct(name, message))
    assert digest == referee(name, message, chain_id, contract)


@pytest.mark.parametrize(
    ("field", "value"), [("actor", 2**64), ("actor", -1), ("eventHash", bytes(31))]
)
def test_values_that_do_not_fit_are_refused(field: str, value: Any) -> None:
    """Too large, negative, too short: never cut to fit."""
    args = {"actor": 1, "to": 2, "eventHash": bytes(32)} | {field: value}
    with pytest.raises(OverflowError):
        typed_data.args_hash(Verb.SHIP, args)
