"""The scan log, against the recursions of RFC 6962 and the frozen vectors."""

from collections.abc import Sequence

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import scan_log, typed_data
from ledger.domain.keccak import keccak
from ledger.domain.scan_log import LogTree
from ledger.errors import Broken, Rejected
from tests.domain.frozen import load, raw

FROZEN = load("touchstone/scan_log")
FROZEN_LEAVES = [raw(row["leaf"]) for row in FROZEN["leaves"]]
MOST = 40


def some_leaves(count: int) -> list[bytes]:
    return [keccak(index.to_bytes(8, "big")) for index in range(count)]


def largest_power_below(count: int) -> int:
    power = 1
    while 2 * power < count:
        power *= 2
    return power


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return keccak(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return keccak(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:]))


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(old: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = largest_power_below(len(leaves))
    if old <= k:
        return [*naive_subproof(old, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(old - k, leaves[k:], False), naive_root(leaves[:k])]


def faults(proof: Sequence[bytes]) -> list[list[bytes]]:
    """Each proof with one hash changed, left out or added, or of another length."""
    wrong = [[*proof, bytes(32)], [bytes(32), *proof], [*proof, b""]]
    for at, part in enumerate(proof):
        wrong += [
            [*proof[:at], keccak(part), *proof[at + 1 :]],
            [*proof[:at], *proof[at + 1 :]],
            [*proof[:at], part[:31], *proof[at + 1 :]],
        ]
    return wrong


@pytest.mark.parametrize("row", FROZEN["leaves"], ids=lambda row: row["leaf"][:10])
def test_frozen_leaves(row: dict) -> None:
    """Each scan has its frozen leaf."""
    assert raw(row["leaf"]) == scan_log.leaf_hash(raw(row["salt"]), row["scan"])


def test_frozen_roots_and_proofs() -> None:
    """Roots of all sizes and the chosen proofs are the frozen ones, and verify."""
    roots = {int(row["size"]): raw(row["root"]) for row in FROZEN["roots"]}
    assert sorted(roots) == list(range(len(FROZEN_LEAVES) + 1))
    for size, root in roots.items():
        assert root == LogTree().extend(FROZEN_LEAVES[:size]).root
    for row in FROZEN["inclusion"]:
        size, index, proof = int(row["size"]), int(row["index"]), [*map(raw, row["proof"])]
        assert proof == scan_log.inclusion_proof(size, index, lambda a, b: FROZEN_LEAVES[a:b])
        leaf = FROZEN_LEAVES[index]
        assert scan_log.verify_inclusion(roots[size], size, index, leaf, proof)
    for row in FROZEN["consistency"]:
        old, size, proof = int(row["old"]), int(row["size"]), [*map(raw, row["proof"])]
        assert proof == scan_log.consistency_proof(old, size, lambda a, b: FROZEN_LEAVES[a:b])
        assert scan_log.verify_consistency(old, size, roots[old], roots[size], proof)


def test_frozen_signatures_are_over_the_frozen_digests() -> None:
    """Receipt and root hash to the frozen digests under the ledger's domain."""
    signed = FROZEN["signed"]
    separator = typed_data.domain_separator(int(signed["chainId"]), raw(signed["contract"]))
    receipt, root = signed["receipt"], signed["root"]
    assert raw(receipt["digest"]) == scan_log.receipt_digest(
        separator, raw(receipt["leaf"]), int(receipt["time"])
    )
    assert raw(root["digest"]) == scan_log.root_digest(
        separator, int(root["size"]), raw(root["logRoot"]), raw(root["mapRoot"]), int(root["time"])
    )


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_digests_are_those_of_eth_account(size: int, time: int, word: bytes) -> None:
    """Another implementation of EIP-712 signs the same bytes."""
    separator = typed_data.domain_separator(5, bytes([7]) * 20)
    domain = {
        "name": "Touchstone",
        "version": "1",
        "chainId": 5,
        "verifyingContract": "0x" + "07" * 20,
    }
    shapes: list[tuple[str, dict[str, str], dict[str, object], bytes]] = [
        (
            "ScanReceipt",
            {"leaf": "bytes32", "time": "uint64"},
            {"leaf": word, "time": time},
            scan_log.receipt_digest(separator, word, time),
        ),
        (
            "ScanRoot",
            {"size": "uint64", "logRoot": "bytes32", "mapRoot": "bytes32", "time": "uint64"},
            {"size": size, "logRoot": word, "mapRoot": keccak(word), "time": time},
            scan_log.root_digest(separator, size, word, keccak(word), time),
        ),
    ]
    for name, fields, message, digest in shapes:
        types = {name: [{"name": field, "type": kind} for field, kind in fields.items()]}
        other = encode_typed_data(domain, types, message)
        assert digest == keccak(b"\x19" + other.version + other.header + other.body)


def test_a_scan_and_its_salt_make_the_leaf() -> None:
    """The order of members is nothing; salt, members and the prefix byte are everything."""
    salt, scan = bytes(range(32)), {"code": "x", "time": 5}
    leaf = scan_log.leaf_hash(salt, scan)
    assert leaf == keccak(b"\x00" + salt + b'{"code":"x","time":5}')
    assert leaf == scan_log.leaf_hash(salt, {"time": 5, "code": "x"})
    assert leaf != scan_log.leaf_hash(bytes(32), scan)
    with pytest.raises(OverflowError):
        scan_log.leaf_hash(salt[:31], scan)
    with pytest.raises(Rejected) as refusal:
        scan_log.leaf_hash(salt, {"lat": 31.23})
    assert refusal.value.code == "NOT_CANONICAL"


def test_the_empty_log_has_the_hash_of_the_empty_string() -> None:
    """As RFC 6962; it is no leaf and no node, and not the zero of a log never anchored."""
    assert LogTree().root == scan_log.EMPTY_ROOT == keccak(b"")


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_log_taken_up_from_size_and_peaks_goes_on(first: int, more: int) -> None:
    """Stored at any size and loaded again, it grows to the root of RFC 6962's recursion."""
    leaves = some_leaves(first + more)
    before = LogTree().extend(leaves[:first])
    loaded = LogTree(before.size, before.peaks)
    for leaf in leaves[first:]:
        loaded = loaded.append(leaf)
    assert loaded == before.extend(leaves[first:])
    assert loaded.root == naive_root(leaves)
    assert before.root == naive_root(leaves[:first])
    assert len(loaded.peaks) == (first + more).bit_count()


@pytest.mark.parametrize(
    ("size", "peaks"),
    [(1, ()), (0, (bytes(32),)), (3, (bytes(32),)), (2, (bytes(31),)), (-1, (bytes(32),))],
)
def test_a_stored_state_that_cannot_be_is_noticed(size: int, peaks: tuple[bytes, ...]) -> None:
    """Peaks that do not fit the size stop the log before it signs a false root."""
    with pytest.raises(Broken) as fault:
        LogTree(size, peaks)
    assert fault.value.code == "SCAN_LOG_STATE"


def test_a_leaf_of_another_length_is_refused() -> None:
    """A node's 64 bytes can never be appended as a leaf."""
    with pytest.raises(OverflowError):
        LogTree().append(bytes(64))


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_inclusion_proof_is_the_recursions_and_holds_for_its_place_alone(size: int) -> None:
    """All indices of all sizes to 40: RFC 6962's path, true there and nowhere else."""
    leaves = some_leaves(size)
    root = naive_root(leaves)
    for index, leaf in enumerate(leaves):
        proof = scan_log.inclusion_proof(size, index, lambda a, b: leaves[a:b])
        assert proof == naive_path(index, leaves)
        places = [at for at in range(-1, size + 1) if verifies(root, size, at, leaf, proof)]
        assert places == [index]
        assert not verifies(root, size, index, keccak(leaf), proof)
        assert not verifies(keccak(root), size, index, leaf, proof)
        assert not any(verifies(root, size, index, leaf, wrong) for wrong in faults(proof))


def verifies(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    return scan_log.verify_inclusion(root, size, index, leaf, proof)


@pytest.mark.parametrize("size", range(MOST + 1))
def test_every_consistency_proof_is_the_recursions_and_holds_for_its_roots_alone(
    size: int,
) -> None:
    """All m ≤ n ≤ 40: RFC 6962's proof; another old or new root, or a changed proof, is refused."""
    leaves = some_leaves(size)
    root = naive_root(leaves)
    for old in range(size + 1):
        old_root = naive_root(leaves[:old])
        proof = scan_log.consistency_proof(old, size, lambda a, b: leaves[a:b])
        assert proof == (naive_subproof(old, leaves, True) if old else [])
        assert scan_log.verify_consistency(old, size, old_root, root, proof)
        assert not scan_log.verify_consistency(old, size, keccak(old_root), root, proof)
        if old:  # everything follows from an empty log
            assert not scan_log.verify_consistency(old, size, old_root, keccak(root), proof)
        for wrong in faults(proof):
            assert not scan_log.verify_consistency(old, size, old_root, root, wrong)


def test_a_rewritten_log_is_not_consistent() -> None:
    """No proof that the new log can make leads back to a root from before one leaf was changed."""
    leaves = some_leaves(MOST)
    for old in range(1, MOST):
        for changed in range(old):
            other = [*leaves[:changed], keccak(b"other"), *leaves[changed + 1 :]]
            proof = scan_log.consistency_proof(old, MOST, lambda a, b, o=other: o[a:b])
            new_root = LogTree().extend(other).root
            old_root = LogTree().extend(leaves[:old]).root
            assert not scan_log.verify_consistency(old, MOST, old_root, new_root, proof)


def test_sizes_that_shrink_or_are_negative_are_never_consistent() -> None:
    """The log only grows."""
    root = naive_root(some_leaves(4))
    for old, size in [(5, 4), (-1, 4), (-1, -1)]:
        assert not scan_log.verify_consistency(old, size, root, root, [])
    assert not scan_log.verify_consistency(0, 0, scan_log.EMPTY_ROOT, root, [])


def test_a_proof_does_not_hold_for_sizes_of_another_depth() -> None:
    """Right roots and hashes, but too many or too few of them for the sizes that are claimed."""
    leaves = some_leaves(8)
    halves = [naive_root(leaves[:4]), naive_root(leaves[4:])]
    assert not verifies(naive_root(leaves), 1, 0, halves[1], halves[:1])
    roots = [naive_root(leaves[:size]) for size in range(9)]
    for old, size, claimed_old, claimed in [(7, 8, 3, 4), (2, 4, 2, 8), (3, 4, 3, 8)]:
        proof = scan_log.consistency_proof(old, size, lambda a, b: leaves[a:b])
        assert scan_log.verify_consistency(old, size, roots[old], roots[size], proof)
        claim = (claimed_old, claimed, roots[old], roots[size])
        assert not scan_log.verify_consistency(*claim, proof)
    assert not scan_log.verify_consistency(3, 5, roots[3], roots[5], [])


@pytest.mark.parametrize(("old", "size"), [(-1, 3), (4, 3)])
def test_a_proof_from_a_size_that_is_not_there_is_refused(old: int, size: int) -> None:
    """Neither consistency nor inclusion beyond the log."""
    for ask in (scan_log.consistency_proof, lambda o, s, at: scan_log.inclusion_proof(s, o, at)):
        with pytest.raises(Rejected) as refusal:
            ask(old, size, lambda a, b: some_leaves(size)[a:b])
        assert refusal.value.code == "INDEX_OUT_OF_RANGE"


def test_missing_leaves_never_become_a_proof() -> None:
    """A store that lost rows is noticed."""
    leaves = some_leaves(9)
    with pytest.raises(Broken) as fault:
        scan_log.inclusion_proof(9, 8, lambda a, b: leaves[a : b - 1])
    assert fault.value.code == "SCAN_LOG_STATE"
