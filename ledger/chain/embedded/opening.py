"""Start a chain in a directory, or find the one that is there.

The files: `validator.key`, `chain.db`, and `genesis.json`, which is written last and is a copy for
people and other programs (the genesis in the database is the one that counts). So a directory with
genesis.json has had a chain, and its loss is never taken for a first start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.chain.embedded.clock import Clock
from ledger.chain.embedded.genesis import Genesis, random_chain_id
from ledger.chain.embedded.keyfile import Entropy, create_key, load_key, sync_directory
from ledger.chain.embedded.records import Block
from ledger.chain.embedded.schema import damaged
from ledger.chain.embedded.store import Store
from ledger.errors import Broken, Rejected


@dataclass(frozen=True)
class Opened:
    """A chain that is ready: its store, its genesis, its validator's key, its newest block."""

    store: Store
    genesis: Genesis
    key: Any
    head: Block


def open_chain(
    directory: Path, clock: Clock, entropy: Entropy, predecessor: Mapping[str, Any] | None
) -> Opened:
    """Open the chain in `directory`, creating it at the first start.

    Raises Broken MISSING_KEY, DAMAGED_KEY, WRONG_KEY, MISSING_DATABASE, DATABASE_DAMAGED or
    SCHEMA_UNKNOWN, and Rejected PREDECESSOR_DIFFERS.
    """
    database, key_file = directory / "chain.db", directory / "validator.key"
    genesis_file = directory / "genesis.json"
    started = database.exists() and database.stat().st_size > 0
    if genesis_file.exists() and not started:
        raise Broken(
            "MISSING_DATABASE",
            f"{database} is missing or empty, though {genesis_file} says that a chain was here: "
            "put it back from your last backup, or start a new chain in another --data.",
        )
    store = Store(database)
    try:
        if store.meta("genesis") is None:
            _begin(store, key_file, clock, entropy, predecessor)
        genesis, head = _check(store, database)
        if predecessor is not None and predecessor != genesis.predecessor:
            raise Rejected(
                "PREDECESSOR_DIFFERS",
                f"The chain in {directory} continues another chain or none: "
                "start the successor in a new --data.",
            )
        key = load_key(key_file)
        _check_key(key, genesis, key_file)
        _publish(genesis_file, genesis.to_json())
    except BaseException:
        store.close()
        raise
    return Opened(store, genesis, key, head)


def _begin(
    store: Store,
    key_file: Path,
    clock: Clock,
    entropy: Entropy,
    predecessor: Mapping[str, Any] | None,
) -> None:
    """Write the key, then block 0."""
    # If we die between the two, the next start takes the key that is there.
    key = load_key(key_file) if key_file.exists() else create_key(key_file, entropy)
    genesis = Genesis(
        chain_id=random_chain_id(entropy),
        validator=key.public_key.to_canonical_address(),
        timestamp=clock(),
        predecessor=predecessor,
    )
    header = genesis.header()
    block = Block(header, header.hash, b"")
    store.commit(block, [], [], {}, meta={"genesis": genesis.to_json()})


def _check(store: Store, database: Path) -> tuple[Genesis, Block]:
    """Return the genesis and the newest block, having seen that they are in one piece."""
    text, first, head = store.meta("genesis"), store.block(0), store.head()
    if text is None or first is None or head is None:
        raise damaged(database, ValueError("block 0 is missing"))
    genesis = Genesis.from_json(text)
    if genesis.header().hash != first.hash or head.header.hash != head.hash:
        raise damaged(database, ValueError("a header does not have its hash"))
    if head.number > 0:
        try:
            store.node(head.header.state_root)
        except KeyError:
            if head.header.state_root != first.header.state_root:
                raise damaged(database, ValueError("the newest state is missing")) from None
    return genesis, head


def _check_key(key: Any, genesis: Genesis, key_file: Path) -> None:
    if key.public_key.to_canonical_address() != genesis.validator:
        raise Broken(
            "WRONG_KEY",
            f"{key_file} is not the key of this chain's validator 0x{genesis.validator.hex()}: "
            "put the right one back from your backup.",
        )


def _publish(path: Path, text: str) -> None:
    """Write the copy of the genesis, atomically, if it is not there yet."""
    if path.exists() and path.read_text("utf-8") == text:
        return
    fresh = path.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.rename(path)
    sync_directory(path.parent)
