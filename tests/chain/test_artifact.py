"""The committed artifact, against the sources it was made of and the tables that speak of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from eth_abi.abi import decode, encode

from ledger.chain import artifact as committed
from ledger.domain import typed_data
from ledger.domain.keccak import keccak
from ledger.domain.verbs import LISTS, SIGNINGS, Verb
from tests.domain.frozen import rows

CONTRACTS = Path(__file__).parents[2] / "contracts"
MESSAGES = (CONTRACTS / "src" / "Messages.sol").read_text()
SIZE_LIMIT = 24_576  # EIP-170
# Events that record no verb of a signer: of a pack or unpack on a child, a lot's number, a relay.
NO_VERBS = {"PackedInto", "UnpackedFrom", "LotOpened", "Skipped", "PartFailed"}


def compiled(tmp_path: Path) -> dict[str, object]:
    """Compile the sources again; skip without Node, but not where everything must be there."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        assert not os.environ.get("CI"), "CI must have Node.js to compile the contract"
        pytest.skip("Node.js is not installed, so the contract cannot be compiled here")
    if not (CONTRACTS / "node_modules" / "solc").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=CONTRACTS, check=True)
    out = tmp_path / "Ledger.json"
    command = [sys.executable, str(CONTRACTS / "build.py"), str(out)]
    subprocess.run(command, check=True, capture_output=True)
    document: dict[str, object] = json.loads(out.read_text())
    return document


@pytest.mark.needs_node
def test_the_artifact_is_what_the_sources_compile_to(tmp_path: Path) -> None:
    """Bytecode, ABI, layout and size: whoever changes the contract commits its artifact."""
    assert compiled(tmp_path) == committed.artifact()


def test_the_contract_fits_its_size_limit() -> None:
    """EIP-170."""
    assert committed.artifact()["runtime_bytes"] <= SIZE_LIMIT


def test_the_verb_numbers_are_the_frozen_ones() -> None:
    """A number goes into heads for ever: none is changed, none is given twice."""
    frozen = {row["verb"]: row["number"] for row in rows("touchstone/verbs")}
    assert {verb.name: int(verb) for verb in Verb} == frozen
    assert len(set(frozen.values())) == len(frozen)


def test_the_contract_has_the_same_verb_numbers() -> None:
    """Each of Messages.sol's is the table's, and each verb that is carried out has one."""
    numbers = dict(re.findall(r"uint8 internal constant (\w+) = (\d+);", MESSAGES))
    done = {verb.name: str(int(verb)) for verb in SIGNINGS}
    children = {verb.name: str(int(verb)) for verb in (Verb.PACKED_INTO, Verb.UNPACKED_FROM)}
    assert numbers == done | children


def test_the_contract_has_the_same_type_strings() -> None:
    """Every keccak256("…") of Messages.sol is the encodeType of a struct, and the other way."""
    hashed = re.findall(r"keccak256\(\s*((?:\"[^\"]*\"\s*)+)\)", MESSAGES)
    strings = {"".join(re.findall(r"\"([^\"]*)\"", text)) for text in hashed}
    domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    assert strings == {typed_data.encode_type(name) for name in typed_data.STRUCTS} | {domain}


def test_every_event_is_a_verbs_or_is_named_here() -> None:
    """An event that nobody follows would be a hole in somebody's history."""
    events = {signing.event for signing in SIGNINGS.values()}
    assert committed.event_names() == events | NO_VERBS
    assert not events & NO_VERBS


def test_every_verb_and_list_is_a_function() -> None:
    """What the tables call is in the ABI."""
    called = {signing.function for signing in SIGNINGS.values()} | set(LISTS.values())
    functions = {e["name"] for e in committed.artifact()["abi"] if e["type"] == "function"}
    assert functions == called | {"group", "batch", "brandOf", "extSloads"}


def test_a_call_is_encoded_as_eth_abi_does() -> None:
    """Structs as tuples or mappings, addresses as 20 bytes."""
    args = {"actor": 1, "to": 2, "eventHash": b"\3" * 32}
    auth = (4, b"\7" * 32, b"\x08" * 32)
    types = ["bytes32", "(uint64,uint64,bytes32)", "(uint192,bytes32,bytes32)"]
    selector = keccak(f"ship({','.join(types)})".encode())[:4]
    expected = selector + encode(types, [b"\1" * 32, tuple(args.values()), auth])
    assert committed.call_data("ship", b"\1" * 32, args, auth) == expected
    assert committed.call_data("ship", b"\1" * 32, tuple(args.values()), auth) == expected


def test_deploy_data_sorts_the_admins() -> None:
    """The constructor wants them ascending."""
    admins = [b"\2" * 20, b"\1" * 20]
    data = committed.deploy_data(admins, 2)
    code = bytes.fromhex(committed.artifact()["bytecode"][2:])
    assert data.startswith(code)
    found, threshold = decode(["address[]", "uint8"], data[len(code) :])
    assert ([bytes.fromhex(a[2:]) for a in found], threshold) == (sorted(admins), 2)


def test_an_event_of_another_contract_is_none_of_ours() -> None:
    """Unknown and missing topics."""
    assert committed.decode_event([keccak(b"Transfer(address,address,uint256)")], b"") is None
    assert committed.decode_event([], b"") is None


def test_an_error_is_decoded_by_name() -> None:
    """With its arguments; cut to 128 bytes the fixed ones are still there; others are None."""
    selector = keccak(b"WrongSigner(uint64,address)")[:4]
    data = selector + encode(["uint64", "address"], [7, "0x" + "11" * 20])
    assert committed.decode_error(data) == ("WrongSigner", (7, "0x" + "11" * 20))
    assert committed.decode_error(data[:36]) == ("WrongSigner", (7, "0x" + "00" * 20))
    assert committed.decode_error(keccak(b"Error(string)")[:4]) is None
    assert {"WrongSigner", "StaleHead", "GasFloor"} <= committed.error_names()
