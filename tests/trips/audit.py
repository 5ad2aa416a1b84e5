"""Whether everything that a journal says was acknowledged is in the database and on the chain.

`losses` only reads. What it finds is told as sentences, so that a test compares them with [].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.account import recover
from ledger.db.engine import open_database, reading
from ledger.db.models import ChainAnchor, ChainEvent, Mint, Relay, Scan, ScanLogState, Submission
from ledger.domain import scan_log
from ledger.domain.scan_map import Entry, map_root, next_entry
from ledger.services.following.follow import Follower
from ledger.services.open import open_installation
from ledger.services.scans import document
from ledger.services.settings import Settings
from ledger.services.site import LOG, Site
from scripts.crew import Crew
from tests.support.installation import chain_rows

Acks = Sequence[tuple[str, dict[str, Any]]]


@contextmanager
def at_rest(data: Path) -> Iterator[Site]:
    """Open a demo's installation with its node running and nobody else at work."""
    crew = Crew(data, {})
    try:
        url = crew.start_node("wall")
        yield open_installation(Settings(data=data, rpc_url=url))
    finally:
        crew.close()


def follow_anew(site: Site, path: Path) -> Site:
    """Follow the whole chain into a database of its own, and the site's to the chain's end."""
    fresh = replace(site, engine=open_database(f"sqlite:///{path}"))
    for each in (site, fresh):
        Follower(each.engine, each.rpc, each.network).catch_up(each.clock())
    return fresh


def losses(site: Site, fresh: Site, acks: Acks) -> list[str]:
    """Return what is wrong, a sentence each: nothing, if the promise was kept.

    fresh: the same site on the database of `follow_anew`.
    """
    found = [f"{key} was answered in two ways" for key in _answered_twice(acks)]
    live, anew = chain_rows(site), chain_rows(fresh)
    found += [f"{table} differs from the chain" for table in anew if live[table] != anew[table]]
    with reading(site.engine) as session, reading(fresh.engine) as chain:
        found += _lost_verbs(session, chain, acks)
        found += _lost_scans(session, site, acks)
        found += _log_faults(session, chain)
    return found


def _answered_twice(acks: Acks) -> Iterator[str]:
    """Keys with two answers, and rows with two keys: one request is one row."""
    said: dict[str, str] = {}
    kinds = ("submission", "receipt", "id")
    for key, facts in acks:
        answer = repr({kind: facts[kind] for kind in kinds if kind in facts})
        if said.setdefault(key, answer) != answer:
            yield key
    rows = Counter(answer for answer in said.values() if answer != "{}")
    yield from (answer for answer, keys in rows.items() if keys > 1)


def _lost_verbs(session: Session, chain: Session, acks: Acks) -> Iterator[str]:
    query = select(ChainEvent.transaction_hash, ChainEvent.subject, ChainEvent.verb)
    events = {(transaction, subject, verb) for transaction, subject, verb in chain.execute(query)}
    for key, facts in acks:
        if "submission" in facts:
            row = session.get(Submission, facts["submission"])
            if row is None:
                yield f"{key} has no row"
                continue
            relay = None if row.nonce is None else session.get(Relay, row.nonce)
            if row.state != "CONFIRMED":
                yield f"{key} is {row.state}"
            elif relay is None or (relay.hash, row.subject, row.verb) not in events:
                yield f"{key} has no event on chain"
        elif facts["path"] == "/v1/mints":
            mint = session.get(Mint, facts["id"])
            if mint is None or mint.state != "DONE":
                yield f"{key} was not minted"


def _lost_scans(session: Session, site: Site, acks: Acks) -> Iterator[str]:
    log_key = site.vault.account(LOG).address
    rows = {"0x" + row.leaf.hex(): row for row in session.scalars(select(Scan))}
    for key, facts in acks:
        if facts["path"] != "/v1/scans":
            continue
        receipt = facts["receipt"]
        row = rows.get(receipt["leaf"])
        if row is None:
            yield f"{key} has no row"
            continue
        if row.salt is None or scan_log.leaf_hash(row.salt, document(row)) != row.leaf:
            yield f"{key} is not what its leaf says"
        if row.position is None:
            yield f"{key} has no place in the log"
        signed = scan_log.receipt_digest(site.network.domain, row.leaf, receipt["time"])
        if receipt["time"] != row.time or _signer(signed, receipt["signature"]) != log_key:
            yield f"{key} has a receipt that does not hold"


def _signer(digest: bytes, signature: str) -> bytes | None:
    rsv = bytes.fromhex(signature[2:])
    vs = (int.from_bytes(rsv[32:64], "big") | rsv[64] << 255).to_bytes(32, "big")
    return recover(digest, (rsv[:32], vs))


def _log_faults(session: Session, chain: Session) -> Iterator[str]:
    """The log and the map rebuilt from the rows, against the state and the newest anchor."""
    rows = session.scalars(
        select(Scan).where(Scan.position.is_not(None)).order_by(Scan.position)
    ).all()
    if [row.position for row in rows] != list(range(len(rows))):
        yield "the places in the log are not 0, 1, 2, …"
    state = session.get(ScanLogState, 1)
    whole = scan_log.LogTree().extend(row.leaf for row in rows)
    if state is None or (state.size, state.peaks) != (
        whole.size,
        ["0x" + peak.hex() for peak in whole.peaks],
    ):
        yield "the log's state is not that of its rows"
    anchor = chain.scalars(select(ChainAnchor).order_by(ChainAnchor.seq.desc())).first()
    if anchor is None:
        yield "nothing is anchored"
        return
    part = rows[: anchor.size]
    if scan_log.LogTree().extend(row.leaf for row in part).root != anchor.log_root:
        yield "the newest anchor is not over these scans"
    if _map_root(part) != anchor.map_root:
        yield "the newest anchor is not over this map"


def _map_root(rows: Iterable[Scan]) -> bytes:
    entries: dict[bytes, Entry] = {}
    for row in rows:
        if row.code_leaf is not None:
            entries[row.code_leaf] = next_entry(entries.get(row.code_leaf), row.leaf)
    return map_root(entries)
