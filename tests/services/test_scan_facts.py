"""What earlier scans say for a scan: counts, and the odds that a code is copied."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.regions import REGIONS
from ledger.services.scan_facts import MAX_SEEN, Look, Place, odds_of_copies, scan_facts

CITIES = {code: (region.lat, region.lon) for code, region in REGIONS.items()}


def look(device: str, region: int | None, day: float = 0.0, source: str = "gps") -> Look:
    """A scan in a region's capital, or one that says nothing of its place."""
    place = None if region is None else Place(source, *CITIES[region], 0.1, region)
    return Look(round(day * 86_400), device, False, place)


def copies(count: int) -> list[Look]:
    """A code sold in two regions, one device every other day."""
    return [look(f"d{i}", (31, 44)[i % 2], 2.0 * i) for i in range(count)]


def test_copies_sold_in_two_regions_are_told_by_their_sixth_device() -> None:
    """Odds grow with each device and pass 1 long before any count is high."""
    odds = [odds_of_copies(copies(n), None) for n in range(2, 9)]
    assert odds == sorted(odds)
    assert odds[0] == 0
    assert odds[4] > 1


def test_a_display_bottle_and_an_owner_with_a_friend_are_no_copies() -> None:
    """Forty phones in one shop, and three looks in a family, stay below even odds."""
    shop = [look(f"d{i}", 31, float(i), ("gps", "ip_fixed")[i % 2]) for i in range(40)]
    family = [look("owner", 31), look("owner", 31, 0.1), look("friend", 31, 3.0)]
    assert odds_of_copies(shop, None) < 1
    assert odds_of_copies(family, look("guest", 11, 9.0)) < 1


def test_the_scan_that_is_judged_counts_once() -> None:
    """The odds are those of the history once it is stored; a device seen before adds nothing."""
    history = copies(6)
    new = look("new", 44, 20.0)
    assert odds_of_copies(history, new) == odds_of_copies([*history, new], None)
    assert odds_of_copies(history, look("d0", 65, 20.0)) == odds_of_copies(history, None)


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, *CITIES])), max_size=60))
def test_who_says_nothing_of_places_or_has_no_name_changes_no_odds(
    rows: list[tuple[int, int | None]],
) -> None:
    """Left out, the odds are the same; and the first devices settle them."""
    looks = [look(f"d{i}", region, float(n)) for n, (i, region) in enumerate(rows)]
    weak = [Look(one.time, "today", True, one.place) for one in looks[:3]]
    said = [one for one in looks if one.place is not None]
    assert odds_of_copies([*weak, *looks], None) == odds_of_copies(said, None)
    distinct = list({one.device: one for one in reversed(said)}.values())[::-1]
    first = sorted(distinct, key=lambda one: one.time)[:MAX_SEEN]
    assert odds_of_copies(first, None) == odds_of_copies(looks, None)


def test_far_devices_are_those_outside_both_radii() -> None:
    """Three others certainly far from here in two regions, one of them by a mobile network."""
    history = [look("a", 11), look("b", 44), look("b", 44), look("c", 65, 1.0, "ip_mobile")]
    facts = scan_facts(history, "me", look("me", 31).place)
    assert (facts.other_devices, facts.far_devices, facts.far_regions) == (3, 2, 2)
    assert facts.regions == 3
    blind = scan_facts(history, "me", look("me", 31, 0.0, "ip_mobile").place)
    assert (blind.other_devices, blind.far_devices, blind.regions) == (3, 0, 2)
