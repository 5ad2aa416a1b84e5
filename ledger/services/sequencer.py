"""The scan log: stored scans get their places in it, its root is anchored on chain.

Of several workers the one that leads does it. That none writes by what it remembers while another
has written is checked in each merge.
"""

from __future__ import annotations

from sqlalchemy import select

from ledger.db.engine import reading, transaction
from ledger.db.models import ChainAnchor, Scan, ScanLogState, ScanMapEntry, Submission
from ledger.domain import scan_log
from ledger.domain.scan_map import Entry, ScanMap, next_entry
from ledger.domain.verbs import Verb
from ledger.services.act import act
from ledger.services.hosting import operator_here
from ledger.services.order import Order
from ledger.services.site import Site

MERGE = 5_000  # rows a step


class Sequencer:
    """Gives scans their places in the log, and anchors its roots.

    The map is kept in memory and belongs to one size of the log, which grows with each merge: at
    any other size it is taken in anew, from one row a scanned code. So two that merge cost each
    other time and write nothing that is wrong.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._map, self._size = ScanMap(), 0

    def merge(self) -> int:
        """Give the oldest unmerged scans their places; return how many."""
        query = (
            select(Scan)
            .where(Scan.position.is_(None), Scan.final_at <= self._site.clock())
            .order_by(Scan.id)
        )
        with reading(self._site.engine) as session:
            if session.scalars(query.limit(1)).first() is None:
                return 0  # looked at without the lock that keeps others from writing
        self._catch_up()
        with transaction(self._site.engine) as session:
            state = session.get(ScanLogState, 1, with_for_update=True)
            if state is None:
                state = ScanLogState(id=1, size=0, peaks=[])
                session.add(state)
            if state.size != self._size:
                return 0  # another worker has merged since: the next step takes in what it did
            rows = session.scalars(query.limit(MERGE).with_for_update()).all()
            changed: dict[bytes, Entry] = {}
            for position, row in enumerate(rows, state.size):
                row.position = position
                if row.code_leaf is not None:
                    before = changed.get(row.code_leaf) or self._map.get(row.code_leaf)
                    changed[row.code_leaf] = next_entry(before, row.leaf)
            for leaf, entry in changed.items():
                session.merge(ScanMapEntry(leaf=leaf, count=entry.count, head=entry.head))
            tree = _tree(state).extend(row.leaf for row in rows)
            state.size, state.peaks = tree.size, ["0x" + peak.hex() for peak in tree.peaks]
        # If we die before the commit no scan has a place; after it all of them do.
        self._map, self._size = self._map.updated(changed), tree.size
        return len(rows)

    def anchor(self, every_s: int) -> bool:
        """Anchor the log if the last anchor is `every_s` old: the chain's heartbeat.

        An operator that signs here does, whoever that is now; without one there is no anchor.
        Raises what `act` raises.
        """
        now = self._site.clock()
        with reading(self._site.engine) as session:
            newest = session.scalars(
                select(ChainAnchor).order_by(ChainAnchor.seq.desc()).limit(1)
            ).first()
            under_way = session.scalars(
                select(Submission.id).where(
                    Submission.verb == int(Verb.ANCHOR_SCAN_LOG),
                    Submission.state.in_(("QUEUED", "SENT")),
                )
            ).first()
            due = newest is None or now - newest.time >= every_s
            operator = operator_here(self._site, session) if due and under_way is None else None
        # Another over the same head could only be stale, and we would wait for ourselves.
        if operator is None:
            return False
        tree = self._catch_up()
        args = {
            "actor": operator,
            "size": tree.size,
            "logRoot": tree.root,
            "mapRoot": self._map.root,
        }
        seq = newest.seq + 1 if newest else 1
        order = Order(Verb.ANCHOR_SCAN_LOG, operator, 0, args, f"anchor-{seq}-{now}")
        act(self._site, order)
        return True

    def _catch_up(self) -> scan_log.LogTree:
        """Take the map in anew unless it is the log's as it is now; return the log."""
        with reading(self._site.engine) as session:
            # On a server nobody merges while the rows are read; SQLite reads one snapshot anyway.
            state = session.get(ScanLogState, 1, with_for_update=True)
            tree = _tree(state) if state else scan_log.LogTree()
            if tree.size != self._size:
                rows = session.scalars(select(ScanMapEntry))
                entries = {row.leaf: Entry(row.count, row.head) for row in rows}
                self._map, self._size = ScanMap().updated(entries), tree.size
        return tree


def _tree(state: ScanLogState) -> scan_log.LogTree:
    return scan_log.LogTree(state.size, tuple(bytes.fromhex(peak[2:]) for peak in state.peaks))
