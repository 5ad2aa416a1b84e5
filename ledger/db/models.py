"""All tables. CHAIN TABLES are written by the follower alone and can be rebuilt from the chain;
OWN TABLES hold what only this installation knows.

Hashes and ids are bytes; times are unix seconds; party ids, GTINs and markets are integers (uint64
fits SQLite's integers since ids stay under 2⁶³). Groups of own tables that stand apart have modules
of their own, which this one knows.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    String,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

# Tables in modules of their own: whoever imports this one knows them all.
from ledger.db import alerting as alerting
from ledger.db import chain_states as chain_states
from ledger.db import districts as districts
from ledger.db import imports as imports
from ledger.db import inner_tries as inner_tries
from ledger.db import markets as markets
from ledger.db import openings as openings
from ledger.db import ordering as ordering
from ledger.db import packing as packing
from ledger.db import webhooks as webhooks
from ledger.db.base import Base

# ------------------------------------------------------------------------------------ chain tables


class ChainCheckpoint(Base):
    """The last block taken: moved in the same transaction as all that it changed. One row."""

    __tablename__ = "chain_checkpoint"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    hash: Mapped[bytes]
    time: Mapped[int]
    reigns: Mapped[list[Any]]  # who seals from which block on: [[since, [address…]]…]
    changes: Mapped[list[Any]]  # headers (hex) that prove each change of validators


class ChainEvent(Base):
    """Every event of every subject, as it was proved."""

    __tablename__ = "chain_event"
    __table_args__ = (Index("chain_event_subject", "subject", "seq", unique=True),)
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    subject: Mapped[bytes]
    kind: Mapped[str] = mapped_column(String(16))
    identity: Mapped[bytes]  # 32 bytes: unit id or leaf, or the number as a word
    seq: Mapped[int]
    verb: Mapped[int]
    actor: Mapped[int] = mapped_column(index=True)
    counterparty: Mapped[int]
    args: Mapped[dict[str, Any]]  # bytes as 0x hex
    event_hash: Mapped[bytes]
    signer: Mapped[bytes]
    key_mode: Mapped[int]
    time: Mapped[int]
    transaction_hash: Mapped[bytes] = mapped_column(index=True)
    head: Mapped[bytes]  # after the event


class ChainParty(Base):
    """A registered party. status: 1 active, 2 suspended.

    ruled, ruled_seq: head and seq as the last decision of a quorum on it left them.
    """

    __tablename__ = "chain_party"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[bytes]
    key_mode: Mapped[int]
    roles: Mapped[int]
    markets: Mapped[bytes]  # 32 bytes: bit m = may hold market m
    status: Mapped[int]
    era: Mapped[int]
    seq: Mapped[int]
    head: Mapped[bytes]
    ruled_seq: Mapped[int]
    ruled: Mapped[bytes]


class ChainEpoch(Base):
    """A brand's key epoch and its commitment."""

    __tablename__ = "chain_epoch"
    party: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    commitment: Mapped[bytes]


class ChainBatch(Base):
    """A batch of codes. status: 1 reserved, 2 commissioned."""

    __tablename__ = "chain_batch"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    gtin: Mapped[int]
    brand: Mapped[int] = mapped_column(index=True)
    epoch: Mapped[int]
    reservation: Mapped[bytes] = mapped_column(index=True)  # event hash, which its brand chooses
    status: Mapped[int]
    count: Mapped[int]
    root: Mapped[bytes | None]
    inner_root: Mapped[bytes | None]
    seq: Mapped[int]
    head: Mapped[bytes | None]


class ChainRun(Base):
    """A run of a batch's indices in one state: [first, to)."""

    __tablename__ = "chain_run"
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    to: Mapped[int]
    active_from: Mapped[int]
    lot: Mapped[int]
    voided: Mapped[int]


class ChainLot(Base):
    """A lot. expiry, best_before: first second after the date, 0 = none.

    status: 1 released, 2 recalled; set_by: who recalled it, 0 while it is released. Brands choose
    ids, so an id is unique only within a GTIN.
    """

    __tablename__ = "chain_lot"
    __table_args__ = (Index("chain_lot_id", "gtin", "id", unique=True),)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[bytes]
    gtin: Mapped[int]
    brand: Mapped[int]
    expiry: Mapped[int]
    best_before: Mapped[int]
    market: Mapped[int]
    status: Mapped[int]
    set_by: Mapped[int]
    seq: Mapped[int]
    head: Mapped[bytes | None]


class ChainUnit(Base):
    """A unit with a slot of its own. state: 1 held, 2 in transit, 3 inside `parent`, 4 lost in
    transit."""

    __tablename__ = "chain_unit"
    id: Mapped[bytes] = mapped_column(primary_key=True)
    holder: Mapped[int] = mapped_column(index=True)
    addressee: Mapped[int] = mapped_column(index=True)
    state: Mapped[int]
    parent: Mapped[bytes | None] = mapped_column(index=True)
    count: Mapped[int]
    gone: Mapped[int]
    level: Mapped[int]
    lot: Mapped[int]
    market: Mapped[int]
    children_root: Mapped[bytes]
    seq: Mapped[int]
    head: Mapped[bytes]


class ChainAnchor(Base):
    """An anchored scan log."""

    __tablename__ = "chain_anchor"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    size: Mapped[int]
    log_root: Mapped[bytes]
    map_root: Mapped[bytes]
    time: Mapped[int]
    block: Mapped[int]


class ChainTransaction(Base):
    """A transaction that left at least one log of the contract: proof that it was carried out."""

    __tablename__ = "chain_transaction"
    hash: Mapped[bytes] = mapped_column(primary_key=True)
    block: Mapped[int]


class ChainFailure(Base):
    """A part of a batch that failed with its own error, and changed nothing.

    A contract of anybody's may call several batches in one transaction: each has a part 0.
    """

    __tablename__ = "chain_failure"
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    transaction_hash: Mapped[bytes] = mapped_column(index=True)
    part: Mapped[int]
    reason: Mapped[bytes]


class ChainSkip(Base):
    """A unit of a list that had moved since the list was signed, and was passed over."""

    __tablename__ = "chain_skip"
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    transaction_hash: Mapped[bytes]
    unit: Mapped[bytes]
    actor: Mapped[int]
    signed_head: Mapped[bytes]


def chain_tables() -> list[type[Base]]:
    """Return all chain tables, by name, also those in modules of their own."""
    named = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    return [named[name] for name in sorted(named) if name.startswith("chain_")]


# -------------------------------------------------------------------------------------- own tables


class Profile(Base):
    """What people call a party, and where it may sell. The chain knows neither."""

    __tablename__ = "profile"
    party: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    regions: Mapped[list[Any]]  # codes of its territory, districts too; [] = everywhere
    before: Mapped[list[Any]] = mapped_column(default=list)  # what it was, [until, regions] each


class Product(Base):
    """A trade item of a brand."""

    __tablename__ = "product"
    gtin: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    brand: Mapped[int] = mapped_column(index=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]


class LotName(Base):
    """The lot number that a lot id stands for. zone: where its days end, in minutes east of UTC;
    None where it was bound before this was kept."""

    __tablename__ = "lot_name"
    id: Mapped[bytes] = mapped_column(primary_key=True)
    brand: Mapped[int]
    gtin: Mapped[int]
    lot: Mapped[str]
    zone: Mapped[int | None]


class Mint(Base):
    """One order of codes, from the reservation of its number to its root on chain.

    state: RESERVING, COMMISSIONING, DONE, FAILED. reservation: the event hash by which the chain's
    answer is known. inner: with inner codes, whose root is on chain too. kept: one level of
    subtree roots; top: those half-way to the root; inner_kept, inner_top: of the inner codes' tree
    (together ≤ 0.1 B a code).
    """

    __tablename__ = "mint"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # the caller's idempotency key
    brand: Mapped[int]
    gtin: Mapped[int]
    count: Mapped[int]
    epoch: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    reservation: Mapped[bytes]
    created: Mapped[int]
    error: Mapped[str | None]
    batch: Mapped[int | None] = mapped_column(unique=True)
    kept: Mapped[bytes | None]
    top: Mapped[bytes | None]
    inner: Mapped[bool]
    inner_kept: Mapped[bytes | None]
    inner_top: Mapped[bytes | None]


class UnitName(Base):
    """A unit that has, or is about to get, a slot of its own on the ledger: its EPC and what lies
    in it. Its salt is the keeper's.

    What was packed together with a unit has no row here until it leaves: it is in `contents`
    (`ledger.domain.contents`; None for an item alone). number: short for `id` where there are many.
    origin: number of the unit that it came out of, where it was packed with that.
    """

    __tablename__ = "unit_name"
    id: Mapped[bytes] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    origin: Mapped[int | None]
    brand: Mapped[int]
    creator: Mapped[int]
    epc: Mapped[str] = mapped_column(index=True)
    hashed_epc: Mapped[bytes]
    level: Mapped[int]
    count: Mapped[int]
    children_root: Mapped[bytes]
    contents: Mapped[bytes | None]


class Document(Base):
    """An EPCIS document by its event hash: the chain holds the hash, we hold the words."""

    __tablename__ = "document"
    event_hash: Mapped[bytes] = mapped_column(primary_key=True)
    brand: Mapped[int]
    body: Mapped[str]
    created: Mapped[int]


class Submission(Base):
    """A call on its way to the chain.

    state: QUEUED, SENT (signed and stored, being broadcast), CONFIRMED, REJECTED (a named error of
    the contract), NEEDS_SIGNATURE (stale or expired: to be signed again, never dropped).
    """

    __tablename__ = "submission"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    brand: Mapped[int]
    actor: Mapped[int]
    verb: Mapped[int]
    subject: Mapped[bytes] = mapped_column(index=True)
    data: Mapped[bytes]  # the contract call
    # What was asked, hashed: whoever uses the key again must ask the same. NULL before 0015.
    asked: Mapped[bytes | None]
    # What a key hosted here may sign again; NULL where the party signs with its own.
    order: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    signings: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), index=True)
    nonce: Mapped[int | None] = mapped_column(ForeignKey("relay.nonce"))
    part: Mapped[int | None]  # its place in the relayed batch
    error: Mapped[str | None]
    detail: Mapped[str | None]
    deadline: Mapped[int]
    created: Mapped[int]
    settled: Mapped[int | None]
    block: Mapped[int | None]


class Relay(Base):
    """A transaction of the relay account: stored before it is broadcast, so a retry sends the same
    bytes."""

    __tablename__ = "relay"
    nonce: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(unique=True)
    raw: Mapped[bytes]
    created: Mapped[int]
    settled: Mapped[bool] = mapped_column(index=True)


class Scan(Base):
    """A scan as the operator's log holds it."""

    __tablename__ = "scan"
    __table_args__ = (Index("scan_code", "batch", "index", "time"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int | None] = mapped_column(unique=True)  # in the log, None until merged
    key: Mapped[str] = mapped_column(unique=True)  # the sender's idempotency key
    brand: Mapped[int]
    gtin: Mapped[int]
    batch: Mapped[int | None]  # None: the code does not decode
    index: Mapped[int | None]
    serial: Mapped[str]
    time: Mapped[int] = mapped_column(index=True)
    final_at: Mapped[int]  # from then on it may be merged: a page may still add a place
    device: Mapped[str]  # keyed pseudonym, never an address or an account
    weak: Mapped[bool]  # a daily stand-in where there is no cookie: no evidence by itself
    channel: Mapped[str] = mapped_column(String(16))
    loc_src: Mapped[str] = mapped_column(String(16))
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    acc_km: Mapped[float | None]
    region: Mapped[int | None]
    outcome: Mapped[str] = mapped_column(String(20))
    reasons: Mapped[list[Any]]
    salt: Mapped[bytes | None]  # without it the leaf says nothing of the scan
    leaf: Mapped[bytes]  # in the log
    code_leaf: Mapped[bytes | None]  # key in the map, None for what does not decode


class ScanLogState(Base):
    """The log as merged so far: what appending needs. One row."""

    __tablename__ = "scan_log_state"
    id: Mapped[int] = mapped_column(primary_key=True)
    size: Mapped[int]
    peaks: Mapped[list[Any]]  # 0x hex


class ScanMapEntry(Base):
    """How often a code was scanned, and the head over those scans, as merged so far."""

    __tablename__ = "scan_map_entry"
    leaf: Mapped[bytes] = mapped_column(primary_key=True)  # the code's leaf
    count: Mapped[int]
    head: Mapped[bytes]


class WatchState(Base):
    """The newest scan that the detectors have seen. One row."""

    __tablename__ = "watch_state"
    id: Mapped[int] = mapped_column(primary_key=True)
    scan: Mapped[int]


class Alert(Base):
    """What a rule has raised, and what people made of it. key: its cause, so that one cause is one
    alert.

    state: open, archived, regressed (active again after it was archived), closed. scans: how many
    belong to it; told: how many did when the feed last said so. last: when the newest was made.
    goods_low, goods_high: how many goods are probably involved.
    """

    __tablename__ = "alert"
    __table_args__ = (Index("alert_state", "brand", "state", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    brand: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16), index=True)
    raised: Mapped[int]
    lot: Mapped[str | None]
    region: Mapped[int | None]
    code: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    rule: Mapped[int | None]
    gtin: Mapped[int | None]
    consignee: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(12), default="open", server_default="open")
    muted: Mapped[bool] = mapped_column(default=False, server_default=false())
    scans: Mapped[int] = mapped_column(default=0, server_default="0")
    told: Mapped[int] = mapped_column(default=0, server_default="0")
    last: Mapped[int] = mapped_column(default=0, server_default="0")
    goods_low: Mapped[int] = mapped_column(default=0, server_default="0")
    goods_high: Mapped[int] = mapped_column(default=0, server_default="0")
    quiet_until: Mapped[int | None]  # archived until then ...
    quiet_scans: Mapped[int | None]  # ... or until it has so many scans
    outcome: Mapped[str | None] = mapped_column(String(12))  # confirmed, explained, false
    judged: Mapped[int | None]
    judged_by: Mapped[str | None]
    exception: Mapped[int | None]  # which one explains it


class ApiKey(Base):
    """A key to the API by its hash; whose it is and what it may do."""

    __tablename__ = "api_key"
    hash: Mapped[bytes] = mapped_column(primary_key=True)
    name: Mapped[str]
    party: Mapped[int]
    scopes: Mapped[list[Any]]
    created: Mapped[int]
    revoked: Mapped[int | None]


class AuditEntry(Base):
    """Who did what, when."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[int]
    who: Mapped[str]
    what: Mapped[str]
    detail: Mapped[dict[str, Any]]
