"""Several workers on one database: one leads, and none can write the scan log wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from ledger.db.engine import reading
from ledger.db.models import ChainAnchor, Scan, ScanMapEntry
from ledger.domain.scan_map import Entry, ScanMap, next_entry
from ledger.services import mint
from ledger.services.device_names import Device
from ledger.services.open import open_installation
from ledger.services.scans import ScanIn, store
from ledger.services.sequencer import Sequencer
from ledger.services.site import Site
from ledger.services.work import Worker
from tests.services.hand_world import BRAND, GTIN, Hand, by_hand


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    """One ledger for all tests here."""
    with by_hand(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def links(hand: Hand) -> list[str]:
    """Links of codes."""
    made = hand.minted(BRAND, GTIN, 3, "codes")
    return [link for _, link in mint.links(hand.site, made, 0, 3)]


def scan(site: Site, link: str) -> None:
    """Store a scan, by a device of its own."""
    device = Device(site.salt(), site.device_key)
    store(site, ScanIn(link.replace("http://localhost:8000", site.link_base), site.salt(), device))


def expected(site: Site) -> dict[bytes, Entry]:
    """The map over all scans that have a place, which must be 0, 1, 2 …"""
    with reading(site.engine) as session:
        placed = session.scalars(
            select(Scan).where(Scan.position.is_not(None)).order_by(Scan.position)
        ).all()
    assert [row.position for row in placed] == list(range(len(placed)))
    entries: dict[bytes, Entry] = {}
    for row in placed:
        assert row.code_leaf is not None
        entries[row.code_leaf] = next_entry(entries.get(row.code_leaf), row.leaf)
    return entries


def stored(site: Site) -> dict[bytes, Entry]:
    """The map as it is stored."""
    with reading(site.engine) as session:
        rows = session.scalars(select(ScanMapEntry))
        return {row.leaf: Entry(row.count, row.head) for row in rows}


def roots(hand: Hand, *sequencers: Sequencer) -> list[bytes]:
    """Have each sequencer anchor in turn; return the roots of the map on the chain."""
    for each in sequencers:
        assert each.anchor(-60)
        hand.meanwhile(lambda: None)
    with reading(hand.site.engine) as session:
        query = select(ChainAnchor.map_root).order_by(ChainAnchor.seq.desc())
        return list(session.scalars(query.limit(len(sequencers))))


def test_two_sequencers_write_one_log(hand: Hand, links: list[str]) -> None:
    """They take turns over the same code: its scans are counted on, and both anchor one map."""
    one, two = hand.site, open_installation(hand.settings)
    first, second = Sequencer(one), Sequencer(two)
    for sequencer in (first, second, first, second, second):
        scan(one, links[0])
        scan(one, links[1])
        assert sequencer.merge() == 2
    assert {entry.count for entry in stored(one).values()} == {5}
    assert stored(one) == expected(one)
    root = ScanMap().updated(expected(one)).root
    assert roots(hand, first, second) == [root, root]


def test_what_another_merged_in_between_is_not_overwritten(
    hand: Hand, links: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a look at the log and the merge: the merge is left to the next step."""
    one, two = hand.site, open_installation(hand.settings)
    first, second = Sequencer(one), Sequencer(two)
    scan(one, links[1])
    assert first.merge() == 1
    scan(one, links[1])
    look = first._catch_up

    def overtaken() -> object:
        seen = look()
        assert second.merge() == 1
        scan(one, links[1])
        return seen

    monkeypatch.setattr(first, "_catch_up", overtaken)
    assert first.merge() == 0
    monkeypatch.undo()
    assert first.merge() == 1
    assert stored(one) == expected(one)


def test_one_of_two_workers_leads(hand: Hand, links: list[str]) -> None:
    """The other leaves the log alone until the first has ended, and mints meanwhile."""
    one, two = hand.site, open_installation(hand.settings)
    first, second = (Worker(site, 86_400, 0.05) for site in (one, two))
    first.step()
    scan(one, links[2])
    number = mint.order_codes(one, BRAND, GTIN, 3, "by the other", inner=False)
    while mint.mint_of(one, number).state != "DONE":
        second.step()
    assert unplaced(one) == 1
    first.close()
    second.step()
    second.close()
    assert unplaced(one) == 0
    assert stored(one) == expected(one)


def unplaced(site: Site) -> int:
    """How many scans have no place in the log."""
    with reading(site.engine) as session:
        query = select(func.count()).select_from(Scan).where(Scan.position.is_(None))
        return session.scalar(query) or 0
