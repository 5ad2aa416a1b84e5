"""Trie proofs: only the true value, only by the true nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rlp as referee_rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from ledger.chain import rlp, trie
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

from .synthetic import unhex

VECTORS = Path(__file__).parents[1] / "vectors" / "ethereum"
SHORT = st.binary(min_size=1, max_size=3)  # short keys and values make nodes that lie in parents
maps = st.dictionaries(SHORT, st.binary(min_size=1, max_size=40), max_size=30)


def proof_of(referee: HexaryTrie, key: bytes) -> list[bytes]:
    """Return the proof as eth_getProof gives it: without the nodes inside their parents."""
    nodes = [referee_rlp.encode(node) for node in referee.get_proof(key)]
    return [node for place, node in enumerate(nodes) if place == 0 or len(node) >= 32]


def build(content: dict[bytes, bytes]) -> HexaryTrie:
    """Return the reference library's trie."""
    referee = HexaryTrie({})
    for key, value in content.items():
        referee[key] = value
    return referee


@given(maps, SHORT)
def test_reference_proofs_hold_for_present_and_absent_keys(content, stranger):
    """Every proof of the reference library gives the value, or b"" for a key that is not there."""
    referee = build(content)
    for key in [*content, stranger]:
        assert trie.verify(referee.root_hash, key, proof_of(referee, key)) == content.get(key, b"")


@given(maps, SHORT)
def test_a_walk_takes_the_nodes_of_the_reference_proof(content, stranger):
    """Over a store of nodes by hash it gives the value, and asks for the nodes of the proof."""
    referee = build(content)
    for key in [*content, stranger] if content else []:
        taken = []

        def take(reference: bytes, taken: list[bytes] = taken) -> bytes:
            taken.append(bytes(referee.db[reference]))
            return taken[-1]

        assert trie.walk(referee.root_hash, key, take) == content.get(key, b"")
        assert taken == proof_of(referee, key)


@settings(max_examples=300)
@given(maps, SHORT, st.data())
def test_an_altered_proof_never_gives_another_value(content, stranger, data):
    """A byte flipped, a node dropped, moved, doubled or added: the proof is refused."""
    referee = build(content)
    key = data.draw(st.sampled_from([*content, stranger]))
    proof = proof_of(referee, key)
    other = proof_of(referee, data.draw(st.sampled_from([*content, stranger])))
    altered = data.draw(mutations(proof, other))
    if altered == proof or (referee.root_hash == trie.EMPTY_ROOT and altered in ([], [b"\x80"])):
        return
    with pytest.raises(Rejected) as caught:
        trie.verify(referee.root_hash, key, altered)
    assert caught.value.code == "BAD_PROOF"


@st.composite
def mutations(draw, proof, other):
    """Draw an altered copy of a proof."""
    nodes = list(proof)
    kind = draw(st.sampled_from(["flip", "drop", "swap", "double", "add", "replace", "junk"]))
    at = draw(st.integers(0, max(0, len(nodes) - 1)))
    if kind == "flip" and nodes and nodes[at]:
        where = draw(st.integers(0, len(nodes[at]) - 1))
        flipped = bytearray(nodes[at])
        flipped[where] ^= draw(st.integers(1, 255))
        nodes[at] = bytes(flipped)
    elif kind == "drop" and nodes:
        del nodes[at]
    elif kind == "swap":
        nodes.reverse()
    elif kind == "double" and nodes:
        nodes.insert(at, nodes[at])
    elif kind == "add" and other:
        nodes.insert(draw(st.integers(0, len(nodes))), draw(st.sampled_from(other)))
    elif kind == "replace":
        nodes = list(other)
    else:
        nodes.append(draw(st.binary(max_size=40)))
    return nodes


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=300))
@settings(max_examples=25)
def test_ordered_roots_equal_the_reference(values):
    """Roots over ordered lists equal those of a trie filled one by one."""
    referee = HexaryTrie({}, prune=True)
    for index, value in enumerate(values):
        referee[referee_rlp.encode(index)] = value
    assert trie.ordered_root(values) == referee.root_hash


@pytest.mark.parametrize("count", [0, 1, 2, 16, 17, 127, 128, 129, 255, 256, 257, 300])
def test_ordered_roots_at_the_edges_of_the_key_encoding(count):
    """The lengths at which keys grow by a byte give the reference's root."""
    values = [bytes([i % 251 + 1]) * (i % 50 + 1) for i in range(count)]
    referee = HexaryTrie({}, prune=True)
    for index, value in enumerate(values):
        referee[referee_rlp.encode(index)] = value
    assert trie.ordered_root(values) == referee.root_hash


def cases(name: str) -> dict[str, dict]:
    """Return a file of the public trie tests."""
    return json.loads((VECTORS / "TrieTests" / name).read_text())


@pytest.mark.parametrize("name", list(cases("trietest.json")))
def test_public_roots_prove_every_final_value(name):
    """Under each public root every key's last value is provable, deleted keys as absent."""
    case = cases("trietest.json")[name]
    final: dict[bytes, bytes] = {}
    pairs = case["in"].items() if isinstance(case["in"], dict) else case["in"]
    for key, value in pairs:
        final[octets(key)] = b"" if value is None else octets(value)
    referee = build({key: value for key, value in final.items() if value})
    root = unhex(case["root"])
    assert referee.root_hash == root
    for key, value in final.items():
        assert trie.verify(root, key, proof_of(referee, key)) == value


def test_neighbours_of_present_keys_are_proved_absent():
    """In the public next/previous test, each probe that is not a key is proved absent."""
    case = cases("trietestnextprev.json")["basic"]
    present = {octets(key): octets(key) for key in case["in"]}
    referee = build(present)
    for probe, _, _ in case["tests"]:
        key = octets(probe)
        expected = present.get(key, b"")
        assert trie.verify(referee.root_hash, key, proof_of(referee, key)) == expected


def octets(text: str) -> bytes:
    """Read a string of the public tests: hex if it starts with 0x, else ASCII."""
    return unhex(text) if text.startswith("0x") else text.encode()


def chain_headers() -> list[list]:
    """Return the fields of the headers in the public chain, block 1 first."""
    data, headers = (VECTORS / "execution-apis" / "chain.rlp").read_bytes(), []
    while data:
        length = referee_rlp.codec.consume_length_prefix(data, 0)
        end = length[3] + length[2]
        headers.append(rlp.items(rlp.decode(data[:end]))[0])
        data = data[end:]
    return headers


@pytest.mark.parametrize(
    "path", sorted((VECTORS / "execution-apis" / "eth_getProof").glob("*.io")), ids=lambda p: p.stem
)
def test_public_account_proofs_hold_under_the_state_root(path):
    """A geth node's eth_getProof answers are proved against the state root of block 54."""
    state_root = chain_headers()[-1][3]
    answer = json.loads(path.read_text().partition("<< ")[2])["result"]
    address, nodes = unhex(answer["address"]), [unhex(node) for node in answer["accountProof"]]
    account = trie.account(state_root, address, nodes)
    assert account == trie.Account(
        int(answer["nonce"], 16),
        int(answer["balance"], 16),
        unhex(answer["storageHash"]),
        unhex(answer["codeHash"]),
    )
    for entry in answer["storageProof"]:
        slot, value = int(entry["key"], 16), int(entry["value"], 16)
        proof = [unhex(node) for node in entry["proof"]]
        assert trie.storage_word(account.storage_root, slot, proof) == value
        with pytest.raises(Rejected):
            trie.storage_word(account.storage_root, slot + 1, proof)


def test_an_account_and_a_slot_can_be_proved_absent():
    """Absence is proved by the nodes on the way, never by their lack."""
    slot = keccak((7).to_bytes(32, "big"))
    storage = build({slot: rlp.encode(b"\x05"), keccak(b"x"): rlp.encode(b"\x01")})
    state = build({keccak(b"a" * 20): rlp.encode([b"", b"", storage.root_hash, trie.EMPTY_CODE])})
    absent, ninth = keccak(b"b" * 20), keccak((9).to_bytes(32, "big"))
    assert trie.account(state.root_hash, b"b" * 20, proof_of(state, absent)) is None
    assert trie.storage_word(storage.root_hash, 7, proof_of(storage, slot)) == 5
    assert trie.storage_word(storage.root_hash, 9, proof_of(storage, ninth)) == 0
    assert trie.storage_word(trie.EMPTY_ROOT, 9, []) == 0
    for call in (
        lambda: trie.account(state.root_hash, b"b" * 20, []),
        lambda: trie.storage_word(storage.root_hash, 9, []),
        lambda: trie.storage_word(storage.root_hash, 9, proof_of(storage, slot)),
    ):
        with pytest.raises(Rejected) as caught:
            call()
        assert caught.value.code == "BAD_PROOF"


@pytest.mark.parametrize(
    "stored", [b"\x80", b"\0", b"\x82\0\x01", b"\xa1" + b"\x01" * 33, b"\xc0", b"\x81\x05"]
)
def test_a_word_that_no_client_stores_is_refused(stored):
    """Zero, leading zeros, 33 bytes, a list: a storage trie holds none of them."""
    storage = build({keccak(bytes(32)): stored})
    with pytest.raises(Rejected) as caught:
        trie.storage_word(storage.root_hash, 0, proof_of(storage, keccak(bytes(32))))
    assert caught.value.code == "BAD_PROOF"


@pytest.mark.parametrize(
    "node",
    [
        [b"\x40k", b"v" * 40],  # unknown prefix
        [b"\x21k", b"v" * 40, b""],  # three items
        [b"\x2fk", b"v" * 40][:1],  # one item
        [b"", b"v" * 40],  # no path at all
        [b"\x20k", b""],  # a leaf without a value
        [b"\x20k", [b"v" * 40]],  # a value that is a list
        [b"\x00", b"v" * 32],  # an extension over nothing
        [b"\x2ak", b"v" * 40],  # padding that is not zero
        [b"\x00k", b""],  # an extension to nothing
        [b"\x00k", [b"\x20", b"v" * 40]],  # a long node inside its parent
        [b"\x00", [b"\x20k", b"v"]],  # an extension without a path
        [[b"k"], b"v" * 40],  # a path that is a list
        b"v" * 40,  # no node
    ],
)
def test_malformed_nodes_are_refused(node):
    """A root that commits to a malformed node proves nothing."""
    encoded = rlp.encode(node)
    with pytest.raises(Rejected) as caught:
        trie.verify(keccak(encoded), b"k", [encoded])
    assert caught.value.code == "BAD_PROOF"


def test_a_short_node_outside_its_parent_is_refused():
    """A child under 32 bytes belongs inside its parent, not behind a hash."""
    leaf = rlp.encode([b"\x20", b"v"])
    root = rlp.encode([b"\x00k", keccak(leaf)])
    with pytest.raises(Rejected):
        trie.verify(keccak(root), b"k", [root, leaf])
    inside = rlp.encode([b"\x00k", [b"\x20", b"v"]])
    assert trie.verify(keccak(inside), b"k", [inside]) == b"v"
