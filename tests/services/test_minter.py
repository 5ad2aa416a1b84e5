"""Large batches: the measured kernels give the bytes of the plain path, with and without numba."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from ledger.db.engine import open_database, reading, transaction
from ledger.db.models import Mint
from ledger.domain import code, merkle
from ledger.errors import Broken
from ledger.services import codes, hashing
from ledger.services.keys.keeper import BatchRef, CodeKeeper
from ledger.services.keys.keyring import KeyRing
from ledger.services.minter import Minter

BRAND, GTIN, CHAIN, CONTRACT = 9506000134352, 9506000134352, 123456789, bytes(range(20))
COUNT = 40_001  # three parts of a tree, and leaves of two depths


@pytest.fixture(scope="module")
def minter(tmp_path_factory: pytest.TempPathFactory) -> Minter:
    path = tmp_path_factory.mktemp("keys") / "codes.json"
    ring = KeyRing.create(path, "passphrase", secrets.token_bytes)
    ring.open_epoch(BRAND, CHAIN, CONTRACT)
    return Minter(ring, CHAIN, CONTRACT)


def test_the_fastest_of_the_measured_is_taken() -> None:
    """The library and two vector widths are measured; the kernels that run are the fastest's."""
    choice = hashing.fastest()
    assert len(choice.nanoseconds) == 3
    assert choice.name == min(choice.nanoseconds, key=lambda name: choice.nanoseconds[name])
    assert choice.lanes is not None
    assert choice.name == f"lanes-{choice.lanes.width}"
    assert hashing.fastest() is choice


def test_the_faster_encryption_is_taken() -> None:
    """Arrays, and the processor's AES instructions where it has them."""
    choice = hashing.fastest()
    fastest = min(choice.code_nanoseconds, key=lambda name: choice.code_nanoseconds[name])
    assert (choice.codes is None) == (fastest == "arrays")
    assert hashing.codes_for(hashing.LARGE) is choice.codes
    assert hashing.codes_for(hashing.LARGE - 1) is None


def test_a_large_batch_has_the_trees_of_the_plain_path(
    minter: Minter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept nodes and inner root, from all threads, equal those made item by item."""
    batch = BatchRef(BRAND, 0, GTIN, number=7, count=COUNT)
    plain = (minter.kept(batch), minter.inner_kept(batch))
    monkeypatch.setattr(hashing, "LARGE", COUNT)
    assert hashing.for_count(COUNT) is not None
    assert (minter.kept(batch), minter.inner_kept(batch)) == plain
    # One inner code by hand: its commitment is proved under the same root.
    inner = minter._ring.parties()[BRAND].epochs[0].inner
    text = minter.inner_codes(batch, 39_999, 40_000).tolist()[0].decode()
    leaf = code.inner_commitment(39_999, text, code.inner_salt(inner, 7, 39_999))
    nodes = merkle.tree(minter.inner_commitments(batch, 0, COUNT))
    assert merkle.verify(
        merkle.kept_root(plain[1]), COUNT, 39_999, leaf, merkle.proof(nodes, 39_999)
    )


def test_a_proof_is_the_same_with_kernels_at_hand(minter: Minter) -> None:
    """A process that has compiled them takes them, to the same hashes, of both trees."""
    batch = BatchRef(BRAND, 0, GTIN, number=8, count=3000)
    assert hashing.fastest().lanes is hashing.at_hand()[0] is not None
    for index in (0, 951, 952, 2999):  # the last of the deepest leaves, and the first above them
        plain = merkle.subtree_proof(3000, index, lambda a, b: minter.leaves(batch, a, b))
        assert CodeKeeper(minter._ring).siblings(batch, index) == plain
        for above in (merkle.SUBTREE_LEVELS, merkle.INNER_SUBTREE_LEVELS):
            plain = merkle.subtree_proof(
                3000, index, lambda a, b: minter.inner_commitments(batch, a, b), above
            )
            assert minter.inner_siblings(batch, index, above) == plain


def test_without_kernels_at_hand_the_library_hashes(
    minter: Minter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that compiled nothing gives the same siblings of both trees."""
    batch = BatchRef(BRAND, 0, GTIN, number=8, count=3000)
    keeper = CodeKeeper(minter._ring)
    assert hashing.fastest().lanes is not None
    fast = [each(batch, 952) for each in (keeper.siblings, minter.inner_siblings)]
    monkeypatch.setattr(hashing, "at_hand", lambda: (None, None))
    assert [each(batch, 952) for each in (keeper.siblings, minter.inner_siblings)] == fast


def test_an_inner_proof_comes_from_the_stored_nodes(minter: Minter, tmp_path: Path) -> None:
    """Also from those that older databases hold, a level lower; and never without any."""
    batch = BatchRef(BRAND, 0, GTIN, number=10, count=9000)
    leaves = minter.inner_commitments(batch, 0, 9000)
    older = merkle.build_kept(9000, lambda a, b: leaves[a:b])
    newer = minter.inner_kept(batch)
    assert len(older) == 2 * len(newer)
    proof = merkle.proof(merkle.tree(leaves), 1234)
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with reading(engine) as session, pytest.raises(Broken) as fault:
        codes.inner_proof(minter, session, batch, 1234)
    assert fault.value.code == "MINT_MISSING"
    row = {"key": "k", "state": "DONE", "reservation": b"", "created": 0, "inner": True}
    defined = {"brand": BRAND, "gtin": GTIN, "count": 9000, "epoch": 0, "batch": 10}
    with transaction(engine) as session:
        session.execute(insert(Mint), [{**row, **defined}])
    for kept in (older, newer):
        with transaction(engine) as session:
            top = merkle.top_nodes(kept)
            session.execute(update(Mint).values(inner_kept=kept, inner_top=top))
        with reading(engine) as session:
            assert codes.inner_proof(minter, session, batch, 1234) == proof
    engine.dispose()


def test_without_numba_the_same_bytes_come_slower(minter: Minter, tmp_path: Path) -> None:
    """A process that cannot import numba falls back to the library, and mints the same roots."""
    program = (
        "import json, secrets, sys; sys.modules['numba'] = None\n"
        "from pathlib import Path\n"
        "from ledger.services import hashing\n"
        "from ledger.services.keys.keeper import BatchRef\n"
        "from ledger.services.keys.keyring import KeyRing\n"
        "from ledger.services.minter import Minter\n"
        "ring = KeyRing(Path(sys.argv[1]), 'passphrase', secrets.token_bytes)\n"
        f"minter = Minter(ring, {CHAIN}, bytes(range(20)))\n"
        f"batch = BatchRef({BRAND}, 0, {GTIN}, number=9, count=3000)\n"
        "hashing.LARGE = 1\n"
        "roots = [minter.kept(batch).hex(), minter.inner_kept(batch).hex()]\n"
        "print(json.dumps([hashing.fastest().name, *roots]))\n"
    )
    path = str(minter._ring._path)
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    name, kept, inner_kept = json.loads(done.stdout)
    assert name in ("safe-pysha3", "pycryptodome")
    batch = BatchRef(BRAND, 0, GTIN, number=9, count=3000)
    assert (kept, inner_kept) == (minter.kept(batch).hex(), minter.inner_kept(batch).hex())
