"""The key file, and who may decode and make codes."""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ledger.domain import code, ids, merkle
from ledger.errors import Broken, Rejected, TouchstoneError
from ledger.services.keys.keeper import BatchRef, CodeKeeper, Decoded
from ledger.services.keys.keyring import EpochKeys, KeyRing
from ledger.services.minter import Minter
from tests.domain.frozen import raw, rows

BRAND, OTHER_BRAND, GTIN = 9506000134352, 614141000012, 9506000134352
CHAIN, CONTRACT = 123456789, bytes(range(20))
PASSPHRASE = "correct horse 电池"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "codes.json"


@pytest.fixture
def ring(path: Path) -> KeyRing:
    return KeyRing.create(path, PASSPHRASE, secrets.token_bytes)


def reopened(path: Path) -> KeyRing:
    return KeyRing(path, PASSPHRASE, secrets.token_bytes)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(TouchstoneError) as error:
        call()
    return error.value.code


@pytest.mark.parametrize("row", rows("touchstone/epoch"), ids=lambda row: row["chainId"])
def test_frozen_commitments(row: dict) -> None:
    """What openEpoch puts on chain is the frozen HMAC of key, chain and contract."""
    keys = EpochKeys(0, int(row["chainId"]), raw(row["contract"]), raw(row["outerKey"]), bytes(32))
    assert keys.commitment() == raw(row["commitment"])


def test_a_minted_code_is_decoded_and_proved_after_a_restart(path: Path, ring: KeyRing) -> None:
    """Serials of a minter decode in a keeper of another process, and its siblings prove them."""
    epoch, commitment = ring.open_epoch(BRAND, CHAIN, CONTRACT)
    batch = BatchRef(BRAND, epoch, GTIN, number=1, count=2500)
    minter = Minter(ring, CHAIN, CONTRACT)
    serials, kept = minter.serials(batch, 0, 2500).tolist(), minter.kept(batch)

    later = reopened(path)
    keeper = CodeKeeper(later)
    assert later.announced_as(BRAND, CHAIN, CONTRACT) == [(0, commitment)]
    for index in (0, 1, 1024, 2499):
        serial = serials[index].decode()
        assert keeper.decode(GTIN, serial) == Decoded(BRAND, epoch, 1, index)
        first, stop = merkle.kept_group(2500, index)
        group, top = kept[32 * first : 32 * stop], merkle.top_nodes(kept)
        proof = merkle.join_proof(2500, index, keeper.siblings(batch, index), group, top)
        leaf = code.leaf(GTIN, index, serial)
        assert merkle.verify(merkle.kept_root(kept), 2500, index, leaf, proof)


def test_minter_hashes_what_it_prints(ring: KeyRing) -> None:
    """Leaves and inner commitments are those of the serials and inner codes, root and all."""
    epoch, _ = ring.open_epoch(BRAND, CHAIN, CONTRACT)
    batch = BatchRef(BRAND, epoch, GTIN, number=5, count=30)
    minter = Minter(ring, CHAIN, CONTRACT)
    serials = [serial.decode() for serial in minter.serials(batch, 10, 20).tolist()]
    leaves = [code.leaf(GTIN, index, serial) for index, serial in enumerate(serials, 10)]
    assert minter.leaves(batch, 10, 20) == leaves
    inner_key = ring.parties()[BRAND].epochs[epoch].inner
    commitments = []
    for index, inner in enumerate(minter.inner_codes(batch, 0, 30).tolist()):
        assert code.decode_inner(inner_key, inner.decode()) == (5, index)
        salt = code.inner_salt(inner_key, 5, index)
        commitments.append(code.inner_commitment(index, inner.decode(), salt))
    assert merkle.kept_root(minter.inner_kept(batch)) == merkle.root(commitments)


def test_keys_of_brands_and_epochs_are_all_different(path: Path, ring: KeyRing) -> None:
    """No two keys in the file are alike, and a serial decodes for its own brand and epoch only."""
    for brand in (BRAND, OTHER_BRAND):
        assert [ring.open_epoch(brand, CHAIN, CONTRACT)[0] for _ in range(2)] == [0, 1]
    keys = [key for party in ring.parties().values() for key in (party.unit_key,)]
    for party in ring.parties().values():
        keys += [key for epoch in party.epochs for key in (epoch.outer, epoch.inner)]
    assert len(set(keys)) == 2 + 8
    keeper = CodeKeeper(ring)
    for brand in (BRAND, OTHER_BRAND):
        for epoch in (0, 1):
            batch = BatchRef(brand, epoch, GTIN, number=7, count=1)
            serial = Minter(ring, CHAIN, CONTRACT).serials(batch, 0, 1).tolist()[0].decode()
            assert keeper.decode(GTIN, serial) == Decoded(brand, epoch, 7, 0)


@pytest.mark.parametrize("serial", ["0" * 20, "1" + "0" * 19, "abc", "", "Z" * 20])
def test_what_nobody_made_is_not_decoded(ring: KeyRing, serial: str) -> None:
    """Guesses, other epochs and other forms give nothing."""
    ring.open_epoch(BRAND, CHAIN, CONTRACT)
    assert CodeKeeper(ring).decode(GTIN, serial) is None


def test_a_keeper_has_no_call_that_returns_a_serial() -> None:
    """Decoding, hashes and tags, one or many, are all that a keeper offers."""
    offered = [name for name in vars(CodeKeeper) if not name.startswith("_")]
    assert offered == [
        "decode",
        "siblings",
        "leaves",
        "tag",
        "imported_leaves",
        "decode_many",
        "leaves_at",
        "hashed_epcs",
    ]


@pytest.mark.parametrize(("chain", "contract"), [(CHAIN + 1, CONTRACT), (CHAIN, bytes(20))])
def test_an_epoch_mints_on_its_own_ledger_only(ring: KeyRing, chain: int, contract: bytes) -> None:
    """On another chain or contract no serial, inner code or hash is made."""
    epoch, _ = ring.open_epoch(BRAND, CHAIN, CONTRACT)
    batch = BatchRef(BRAND, epoch, GTIN, number=1, count=10)
    elsewhere = Minter(ring, chain, contract)
    for call in (elsewhere.serials, elsewhere.inner_codes, elsewhere.leaves):
        assert code_of(lambda call=call: call(batch, 0, 10)) == "EPOCH_BOUND_ELSEWHERE"
    assert code_of(lambda: elsewhere.kept(batch)) == "EPOCH_BOUND_ELSEWHERE"
    assert ring.announced_as(BRAND, chain, contract) == []
    number, _ = ring.open_epoch(BRAND, chain, contract)
    assert number == 1
    moved = BatchRef(BRAND, number, GTIN, number=1, count=10)
    old, new = Minter(ring, CHAIN, CONTRACT).serials(batch, 0, 10), elsewhere.serials(moved, 0, 10)
    assert not np.isin(new, old).any()


def test_a_brand_has_31_epochs(ring: KeyRing) -> None:
    """The 32nd, which is that of imported codes, is refused; the 31st still works."""
    numbers = [ring.open_epoch(BRAND, CHAIN, CONTRACT)[0] for _ in range(31)]
    assert numbers == list(range(31))
    assert code_of(lambda: ring.open_epoch(BRAND, CHAIN, CONTRACT)) == "EPOCHS_EXHAUSTED"
    batch = BatchRef(BRAND, 30, GTIN, number=1, count=1)
    serial = Minter(ring, CHAIN, CONTRACT).serials(batch, 0, 1).tolist()[0].decode()
    assert CodeKeeper(ring).decode(GTIN, serial) == Decoded(BRAND, 30, 1, 0)


def test_ranges_and_epochs_outside_are_refused(ring: KeyRing) -> None:
    """Items that the batch does not have, and epochs that were never opened."""
    epoch, _ = ring.open_epoch(BRAND, CHAIN, CONTRACT)
    batch = BatchRef(BRAND, epoch, GTIN, number=1, count=10)
    minter, keeper = Minter(ring, CHAIN, CONTRACT), CodeKeeper(ring)
    for start, stop in ((0, 11), (-1, 5), (6, 5)):
        assert code_of(lambda a=start, b=stop: minter.serials(batch, a, b)) == "INDEX_OUT_OF_RANGE"
    assert code_of(lambda: keeper.siblings(batch, 10)) == "INDEX_OUT_OF_RANGE"
    unopened = BatchRef(BRAND, 1, GTIN, number=1, count=10)
    assert code_of(lambda: keeper.siblings(unopened, 0)) == "UNKNOWN_EPOCH"
    assert code_of(lambda: minter.serials(unopened, 0, 1)) == "UNKNOWN_EPOCH"


def test_an_epoch_opened_by_another_process_is_seen(path: Path, ring: KeyRing) -> None:
    """A keeper that runs already decodes the codes of an epoch opened since, by its first scan."""
    keeper = CodeKeeper(ring)
    other = reopened(path)
    epoch, _ = other.open_epoch(BRAND, CHAIN, CONTRACT)
    batch = BatchRef(BRAND, epoch, GTIN, number=1, count=1)
    serial = Minter(other, CHAIN, CONTRACT).serials(batch, 0, 1).tolist()[0].decode()
    assert keeper.decode(GTIN, serial) == Decoded(BRAND, epoch, 1, 0)
    assert ring.open_epoch(BRAND, CHAIN, CONTRACT)[0] == 1


def test_two_processes_that_open_epochs_at_once_lose_none(path: Path, ring: KeyRing) -> None:
    """Numbers handed out by two processes at the same time are all different and all kept."""
    program = (
        "import secrets, sys; from pathlib import Path\n"
        "from ledger.services.keys.keyring import KeyRing\n"
        "ring = KeyRing(Path(sys.argv[1]), sys.argv[2], secrets.token_bytes)\n"
        f"for _ in range(8): print(ring.open_epoch({BRAND}, 1, bytes(20))[0])\n"
    )
    command = [sys.executable, "-c", program, str(path), PASSPHRASE]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = "".join(process.communicate(timeout=60)[0] for process in running)
    assert sorted(map(int, printed.split())) == list(range(16))
    assert len(reopened(path).parties()[BRAND].epochs) == 16


def test_units_are_salted_by_their_creators_own_key(path: Path, ring: KeyRing) -> None:
    """A party's unit key is made once and kept; another party's salts differ."""
    epc = ids.sscc_epc("006141411234567890")
    for party in (BRAND, OTHER_BRAND, BRAND):
        ring.add_party(party)
    salts = [ring.unit_salt(party, epc) for party in (BRAND, OTHER_BRAND)]
    assert len(set(salts)) == 2
    assert [reopened(path).unit_salt(party, epc) for party in (BRAND, OTHER_BRAND)] == salts
    ring.open_epoch(BRAND, CHAIN, CONTRACT)
    assert ring.unit_salt(BRAND, epc) == salts[0]
    assert code_of(lambda: ring.unit_salt(10**13, epc)) == "NO_UNIT_KEY"


def test_the_file_is_its_owners_alone_and_shows_no_key(path: Path, ring: KeyRing) -> None:
    """Mode 0600 in a directory of mode 0700; no key is in it or in what Python prints."""
    ring.open_epoch(BRAND, CHAIN, CONTRACT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    keys = ring.parties()[BRAND]
    secret = {keys.unit_key.hex(), keys.epochs[0].outer.hex(), keys.epochs[0].inner.hex()}
    assert not any(key in path.read_text() for key in secret)
    assert repr(keys) == (
        f"PartyKeys(epochs=(EpochKeys(number=0, chain_id={CHAIN}, contract={CONTRACT!r}),))"
    )
    assert sorted(file.name for file in path.parent.iterdir()) == ["codes.json", "codes.json.lock"]


def test_creating_over_a_file_is_refused(path: Path, ring: KeyRing) -> None:
    """An existing key file is never replaced by a new one."""
    before = path.read_bytes()
    assert code_of(lambda: KeyRing.create(path, "other", secrets.token_bytes)) == "KEYS_EXIST"
    assert path.read_bytes() == before


def test_a_missing_file_and_a_wrong_passphrase_are_said_apart(path: Path, ring: KeyRing) -> None:
    """Both are the caller's fault, each with its own sentence."""
    with pytest.raises(Rejected, match="passphrase does not open"):
        KeyRing(path, "wrong", secrets.token_bytes)
    path.unlink()
    with pytest.raises(Rejected, match="There is no key file"):
        reopened(path)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 0.99])
def test_a_file_cut_short_is_damaged(path: Path, ring: KeyRing, keep: float) -> None:
    """At any length a truncated file is named as such."""
    ring.open_epoch(BRAND, CHAIN, CONTRACT)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(Broken, match="cut short"):
        reopened(path)


@pytest.mark.parametrize(
    ("member", "value"),
    [("sealed", "00" * 40), ("nonce", "00" * 12), ("n", 17), ("format", "other"), ("sealed", "zz")],
)
def test_a_changed_file_is_damaged(path: Path, ring: KeyRing, member: str, value: object) -> None:
    """Whatever member is changed, the keys are not taken from the file."""
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, member: value}))
    with pytest.raises(Broken) as fault:
        reopened(path)
    assert fault.value.code == "KEYS_DAMAGED"


def test_a_write_that_died_half_way_changes_nothing(path: Path, ring: KeyRing) -> None:
    """The leftover of a killed write is ignored, and removed by the next write."""
    epoch, commitment = ring.open_epoch(BRAND, CHAIN, CONTRACT)
    leftover = path.with_name("codes.json.new")
    leftover.write_bytes(path.read_bytes()[:50])
    later = reopened(path)
    assert later.announced_as(BRAND, CHAIN, CONTRACT) == [(epoch, commitment)]
    later.add_party(OTHER_BRAND)
    assert not leftover.exists()
    assert set(reopened(path).parties()) == {BRAND, OTHER_BRAND}
