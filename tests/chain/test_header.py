"""Headers in QBFT form: hashes, seals, and a code for every fault."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import rlp
from ledger.chain.header import ExtraData, Header, Vote, check_seals, quorum, signers
from ledger.domain.keccak import keccak
from ledger.errors import Rejected

from .synthetic import Chain, address, hexes, high_s, key, keys, seal, to_rpc, unhex, with_seals

ETHEREUM = Path(__file__).parents[1] / "vectors" / "ethereum"
SEALED = {
    v["id"]: v for v in json.loads((ETHEREUM / "qbft" / "headers.json").read_text())["vectors"]
}
FAULTS = {  # the vectors say their fault in prose
    "below quorum ceil(2n/3)": "NOT_ENOUGH_SEALS",
    "seals do not recover to validators once stateRoot changed": "SEAL_NOT_FROM_VALIDATOR",
}
FOUR = keys(1, 2, 3, 4)
MEMBERS = [address(k) for k in FOUR]


@pytest.mark.parametrize("name", SEALED)
def test_the_header_vectors_hold(name):
    """Hash, digest, signers and verdict of each vector."""
    vector = SEALED[name]
    header = Header.decode(unhex(vector["header_rlp"]))
    trusted = [unhex(text) for text in vector["trusted_validators"]]
    assert header.encode() == unhex(vector["header_rlp"])
    assert header.number == vector["number"]
    assert header.extra.round == vector["round"]
    assert header.hash == unhex(vector["block_hash"])
    assert header.seal_digest == unhex(vector["committed_seal_digest"])
    assert quorum(len(trusted)) == vector["quorum"]
    if vector["valid"]:
        assert hexes(signers(header)) == vector["signers"]
        assert check_seals(header, trusted) == {unhex(text) for text in vector["signers"]}
    else:
        assert code_of(header, trusted) == FAULTS[vector["reason"]]


@pytest.mark.parametrize("vector", json.loads((ETHEREUM / "qbft" / "extra_data.json").read_text()))
def test_the_extra_data_vectors_hold(vector):
    """Besu's and GoQuorum's own extraData parse to the stated parts and encode back."""
    extra = ExtraData.decode(unhex(vector["extra_data"]))
    vote = vector["vote"]
    assert extra.vanity == unhex(vector["vanity"])
    assert hexes(extra.validators) == vector["validators"]
    assert extra.vote == (vote and Vote(unhex(vote["recipient"]), vote["type"] == "ADD"))
    assert extra.round == vector["round"]
    assert [
        {"r": int.from_bytes(s[:32], "big"), "s": int.from_bytes(s[32:64], "big"), "v": s[64]}
        for s in extra.seals
    ] == vector["seals"]
    assert extra.encode() == unhex(vector["extra_data"])


@pytest.mark.parametrize(
    "path",
    sorted((ETHEREUM / "execution-apis" / "eth_getBlockByNumber").glob("*.io")),
    ids=lambda p: p.stem,
)
def test_public_blocks_read_from_json_hash_to_their_hash(path):
    """Real answers of a node, before and after London, give the hash they carry."""
    answer = json.loads(path.read_text().partition("<< ")[2])["result"]
    header = Header.from_rpc(answer)
    assert keccak(header.encode()) == unhex(answer["hash"])
    assert Header.decode(header.encode()) == header


def test_the_public_chain_links_by_these_encodings():
    """Each of the first blocks of the public chain names the hash of the one before."""
    data = (ETHEREUM / "execution-apis" / "chain.rlp").read_bytes()
    linked = 0
    previous = None
    while data:
        size = int.from_bytes(data[1 : data[0] - 0xF6], "big") + data[0] - 0xF6
        fields = rlp.items(rlp.decode(data[:size]))[0]
        data = data[size:]
        if len(fields) > 16:
            break
        header = Header.decode(rlp.encode(fields))
        if previous is not None:
            assert header.parent_hash == keccak(previous.encode())
            linked += 1
        previous = header
    assert linked >= 10


def sealed(signers_=FOUR[:3], round_=0, **changes) -> Header:
    """Return block 1 of four validators, altered before sealing."""
    return seal(replace(Chain(FOUR).draft(), **changes), signers_, round_)


def code_of(header: Header, trusted=MEMBERS) -> str:
    """Return the code with which a header is refused."""
    with pytest.raises(Rejected) as caught:
        check_seals(header, trusted)
    return caught.value.code


def extra_of(**changes) -> bytes:
    """Return extraData of block 1 with parts replaced."""
    return replace(Chain(FOUR).draft().extra, **changes).encode()


STRANGER = key(9)


@pytest.mark.parametrize(
    ("code", "header", "trusted"),
    [
        ("NO_VALIDATORS", sealed(), []),
        ("BAD_DIFFICULTY", sealed(difficulty=2), MEMBERS),
        ("BAD_MIX_HASH", sealed(mix_hash=bytes(32)), MEMBERS),
        ("BAD_NONCE", sealed(nonce=b"\1" * 8), MEMBERS),
        ("BAD_OMMERS", sealed(ommers_hash=bytes(32)), MEMBERS),
        ("BAD_EXTRA_DATA", replace(sealed(), extra_data=b"\xc0"), MEMBERS),
        ("VALIDATORS_DIFFER", sealed(), MEMBERS[:3]),
        ("VALIDATORS_DIFFER", sealed(), [*MEMBERS, address(STRANGER)]),
        ("VALIDATORS_DIFFER", sealed(), [*MEMBERS[:3], address(STRANGER)]),
        (
            "VALIDATORS_DIFFER",
            sealed(extra_data=extra_of(validators=(*MEMBERS, MEMBERS[0]))),
            MEMBERS,
        ),
        ("BAD_PROPOSER", sealed(coinbase=address(STRANGER)), MEMBERS),
        ("BAD_SEAL", with_seals(sealed(), [bytes(65)] * 3), MEMBERS),
        ("BAD_SEAL", with_seals(sealed(), [b"\xff" * 64 + b"\0"] * 3), MEMBERS),
        (
            "BAD_SEAL",
            with_seals(sealed(), [s[:64] + bytes([s[64] + 27]) for s in sealed().extra.seals]),
            MEMBERS,
        ),
        ("SEAL_NOT_FROM_VALIDATOR", sealed([*FOUR[:3], STRANGER]), MEMBERS),
        ("SEAL_NOT_FROM_VALIDATOR", replace(sealed(), gas_used=1), MEMBERS),
        ("SEAL_NOT_FROM_VALIDATOR", with_seals(sealed(round_=1), sealed().extra.seals), MEMBERS),
        ("DUPLICATE_SEAL", sealed([*FOUR[:2], FOUR[0]]), MEMBERS),
        (
            "DUPLICATE_SEAL",
            with_seals(sealed(), [*sealed().extra.seals, high_s(sealed().extra.seals[0])]),
            MEMBERS,
        ),
        ("NOT_ENOUGH_SEALS", sealed(FOUR[:2]), MEMBERS),
        ("NOT_ENOUGH_SEALS", sealed([]), MEMBERS),
    ],
)
def test_each_fault_has_its_own_code(code, header, trusted):
    """A header with one fault is refused by the name of that fault."""
    assert code_of(header, trusted) == code


def test_a_block_of_a_later_round_has_the_hash_of_round_0_and_its_own_seals():
    """The hash leaves the round out, the digest that is sealed does not."""
    first, later = sealed(), sealed(round_=3)
    assert first.hash == later.hash
    assert first.seal_digest != later.seal_digest
    assert check_seals(later, MEMBERS) == set(MEMBERS[:3])


def test_a_seal_with_a_high_s_counts():
    """A validator cannot make a block unreadable by the other form of its signature."""
    header = sealed()
    assert check_seals(with_seals(header, [high_s(s) for s in header.extra.seals]), MEMBERS) == set(
        MEMBERS[:3]
    )


@pytest.mark.parametrize(("count", "expected"), list(enumerate([0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7])))
def test_a_quorum_is_two_thirds_rounded_up(count, expected):
    """The number of seals needed of so many validators."""
    assert quorum(count) == expected


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_flipped_byte_is_never_accepted(where, flip):
    """One byte changed anywhere before the seals: another header, and not sealed."""
    header = sealed()
    data = bytearray(header.encode())
    data[where % data.index(header.extra.seals[0])] ^= flip
    with pytest.raises(Rejected):
        check_seals(Header.decode(bytes(data)), MEMBERS)


@pytest.mark.parametrize(
    "extra",
    [
        [b"v" * 33, MEMBERS, [], b"", []],  # vanity too long
        [[], MEMBERS, [], b"", []],
        [b"", [b"x" * 19], [], b"", []],  # a short address
        [b"", MEMBERS, [MEMBERS[0]], b"", []],  # half a vote
        [b"", MEMBERS, [MEMBERS[0], b"\x01"], b"", []],  # neither add nor drop
        [b"", MEMBERS, [MEMBERS[0], b""], b"", []],
        [b"", MEMBERS, [], b"\0", []],  # round with a leading zero
        [b"", MEMBERS, [], b"\1" * 5, []],
        [b"", MEMBERS, [], b"", [b"s" * 64]],  # a short seal
        [b"", MEMBERS, [], b""],
        [b"", MEMBERS, [], b"", [], []],
        b"",
    ],
)
def test_extra_data_of_another_form_is_refused(extra):
    """extraData has one form."""
    with pytest.raises(Rejected) as caught:
        ExtraData.decode(rlp.encode(extra))
    assert caught.value.code == "BAD_EXTRA_DATA"


@pytest.mark.parametrize(
    "change",
    [
        {"withdrawalsRoot": "0x" + "00" * 32},
        {"parentHash": "0x00"},
        {"parentHash": None},
        {"number": "ten"},
        {"number": "-0x1"},
        {"gasUsed": hex(2**64)},
        {"extraData": 5},
    ],
)
def test_an_answer_that_is_no_header_is_refused(change):
    """What a node answers is either a header or refused by one code."""
    with pytest.raises(Rejected) as caught:
        Header.from_rpc({**to_rpc(sealed()), **change})
    assert caught.value.code == "BAD_HEADER"


@pytest.mark.parametrize("count", [0, 14, 17, 20])
def test_headers_of_other_forks_are_refused(count):
    """Fewer fields than Frontier's or more than Paris's."""
    fields = rlp.items(rlp.decode(sealed().encode()))
    with pytest.raises(Rejected) as caught:
        Header.decode(rlp.encode([*fields, *[bytes(32)] * 4][:count]))
    assert caught.value.code == "BAD_HEADER"
