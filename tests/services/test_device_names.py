"""A device is the same to an item for a while, and nobody to all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ledger.db.engine import reading
from ledger.db.models import Scan
from ledger.domain.gs1 import with_check_digit
from ledger.domain.verbs import Role
from ledger.services import act, mint, parties, runs
from ledger.services.device_names import EPOCH_S, OVERLAP_S, Device
from ledger.services.scans import ScanIn, store
from ledger.services.site import Site
from tests.support.installation import await_mint, installation

BRAND = int(with_check_digit(f"9506000{1:05d}"))
GTIN = with_check_digit("0950600013435")
PHONE = Device("phone", b"key")
Scanner = Callable[[int, int, str], tuple[int, int]]
DAY = 86_400


@given(at=st.integers(EPOCH_S, 2**34), brand=st.integers(0, 2**40))
def test_a_name_is_known_for_thirty_days_after_it_changed(at: int, brand: int) -> None:
    """The former name is the one of 90 days ago, in the first 30 days of a period and no longer."""
    known = at % EPOCH_S < OVERLAP_S
    assert PHONE.former(brand, at) == (PHONE.name(brand, at - EPOCH_S) if known else None)
    assert PHONE.name(brand, at) != PHONE.name(brand, at - EPOCH_S)


def test_a_name_tells_neither_cookie_nor_brand() -> None:
    """Other brands, cookies, installations and items have other names; no print shows it."""
    at = 1_800_000_000
    others = [PHONE.name(2, at), Device("phone", b"other").name(1, at), PHONE.opener(1, 0)]
    others += [Device("another", b"key").name(1, at), PHONE.opener(1, 1), PHONE.opener(2, 0)]
    assert len({PHONE.name(1, at), *others}) == 7
    assert "phone" not in repr(PHONE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, list[str]]]:
    """An installation with four active codes, and their links."""
    with installation(tmp_path_factory.mktemp("home")) as made:
        brand = parties.NewParty(BRAND, "B", "乙", Role.BRAND, prefix="9506000")
        act.settled(made.site, [parties.register(made.site, brand, "brand")[1]])
        mint.add_product(made.site, BRAND, GTIN, "Wine", "酒")
        order = mint.order_codes(made.site, BRAND, GTIN, 4, "codes")
        batch = await_mint(made.site, order)
        act.settled(made.site, [runs.activate(made.site, batch, 0, 4, 1, "active")])
        printed = mint.links(made.site, mint.mint_of(made.site, order), 0, 4)
        yield made.site, [link for _, link in printed]


@pytest.fixture
def scan(shop: tuple[Site, list[str]]) -> Scanner:
    """Store a scan of a code by the phone, days from the change of names, under a key; return how
    many earlier ones it counts by the same device, and how many other devices."""
    site, links = shop
    change = (site.clock() // EPOCH_S + 2) * EPOCH_S

    def run(code: int, day: int, key: str) -> tuple[int, int]:
        then = replace(site, clock=lambda: change + day * DAY)
        stored = store(then, ScanIn(links[code], key, Device("phone", site.device_key)))
        facts = stored.checked.evidence.scans
        return facts.by_this_device, facts.other_devices

    return run


def test_the_same_phone_is_no_second_one_soon_after_its_name_changed(
    shop: tuple[Site, list[str]], scan: Scanner
) -> None:
    """For thirty days, at the items that know it; the other items meet it under its new name."""
    site, _ = shop
    scan(0, -3, "before")
    scan(0, 5, "after")
    scan(0, 29, "still")
    scan(1, 6, "other item")
    scan(0, 31, "too late")
    with reading(site.engine) as session:
        names = {row.key: row.device for row in session.scalars(select(Scan))}
    assert names["before"] == names["after"] == names["still"]
    assert names["other item"] == names["too late"] != names["before"]


def test_a_verdict_counts_no_other_device_over_the_change(scan: Scanner) -> None:
    """Until the overlap has passed."""
    assert [scan(2, day, f"day {day}") for day in (-1, 1, 40)] == [(0, 0), (1, 0), (0, 1)]
