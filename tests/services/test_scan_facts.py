"""What earlier scans say for a scan: counts, and how well copies explain them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.regions import REGIONS, great_circle_km
from ledger.domain.verdict import Limits
from ledger.services.scan_facts import (
    MAX_SEEN,
    Look,
    Place,
    copy_factor,
    kept_of,
    scan_facts,
    went_round,
)

LIMITS = Limits()
CITIES = {code: (region.lat, region.lon) for code, region in REGIONS.items()}


def look(device: str, region: int | None, day: float = 0.0, source: str = "gps") -> Look:
    """A scan in a region's capital, or one that says nothing of its place."""
    place = None if region is None else Place(source, *CITIES[region], 0.1, region)
    return Look(round(day * 86_400), device, False, place)


def copies(count: int) -> list[Look]:
    """A code sold in two regions, one device every other day."""
    return [look(f"d{i}", (31, 44)[i % 2], 2.0 * i) for i in range(count)]


def test_copies_sold_in_two_regions_are_told_by_their_fifth_device() -> None:
    """The factor grows with each device and passes the limit long before any count is high."""
    factors = [copy_factor(copies(n), None) for n in range(2, 9)]
    told = [factor for factor in factors if factor is not None]
    assert (factors[0], len(told)) == (None, 6)
    assert told == sorted(told)
    assert told[2] >= LIMITS.copy_factor


def test_a_display_bottle_a_photo_and_a_family_are_no_copies() -> None:
    """Forty phones in one shop, thirty everywhere within hours, and an owner with guests."""
    shop = [look(f"d{i}", 31, float(i), ("gps", "ip_fixed")[i % 2]) for i in range(40)]
    photo = [
        look(f"d{i}", list(CITIES)[i * 7 % 12], i / 24, ("gps", "ip_mobile")[i % 2])
        for i in range(30)
    ]
    family = [look("owner", 31), look("owner", 31, 0.1), look("friend", 31, 3.0)]
    for honest in (shop, photo, [*family, look("guest", 11, 9.0)]):
        factor = copy_factor(honest, None)
        assert factor is not None and factor < LIMITS.copy_factor


def test_a_photo_is_told_by_its_haste() -> None:
    """Phones everywhere within two days are a photo; as many copies sold as fast are not, once they
    go on; nor is what copies explain better."""
    photo = [
        look(f"d{i}", list(CITIES)[i * 7 % 12], i / 24, ("gps", "ip_mobile")[i % 2])
        for i in range(60)
    ]
    assert went_round(photo, copy_factor(photo, None))
    assert not went_round(photo, 1.0)
    longer = [*photo, *(look(f"e{i}", 31, 2.5 + i / 8) for i in range(60))]
    assert copy_factor(longer, None) == copy_factor(photo, None)
    assert not went_round(longer, copy_factor(longer, None))


def test_the_scan_that_is_judged_counts_once() -> None:
    """The factor is that of the history once it is stored; a device seen before adds nothing."""
    history = copies(6)
    new = look("new", 44, 20.0)
    assert copy_factor(history, new) == copy_factor([*history, new], None)
    assert copy_factor(history, look("d0", 65, 20.0)) == copy_factor(history, None)


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, *CITIES])), max_size=60))
def test_who_says_nothing_of_places_or_has_no_name_changes_nothing(
    rows: list[tuple[int, int | None]],
) -> None:
    """Left out, the factor is the same; and the first devices settle it."""
    looks = [look(f"d{i}", region, float(n)) for n, (i, region) in enumerate(rows)]
    weak = [Look(one.time, "today", True, one.place) for one in looks[:3]]
    said = [one for one in looks if one.place is not None]
    assert copy_factor([*weak, *looks], None) == copy_factor(said, None)
    distinct = list({one.device: one for one in reversed(said)}.values())[::-1]
    first = sorted(distinct, key=lambda one: one.time)[:MAX_SEEN]
    assert copy_factor(first, None) == copy_factor(looks, None)


def test_far_devices_are_those_outside_both_radii() -> None:
    """Three others certainly far from here in two regions, one of them by a mobile network."""
    history = [look("a", 11), look("b", 44), look("b", 44), look("c", 65, 1.0, "ip_mobile")]
    facts = scan_facts(history, "me", look("me", 31).place)
    assert (facts.other_devices, facts.far_devices, facts.far_regions) == (3, 2, 2)
    assert facts.regions == 3
    blind = scan_facts(history, "me", look("me", 31, 0.0, "ip_mobile").place)
    assert (blind.other_devices, blind.far_devices, blind.regions) == (3, 0, 2)


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 20_000))
def test_what_is_kept_of_a_place_is_coarse_and_not_wrong(
    lat: float, lon: float, acc_km: float
) -> None:
    """Hundredths of a degree, so near the stated place that the radius, 1 km or more, spans both;
    kept again it is the same; all else stays."""
    kept = kept_of(stated := Place("gps", lat, lon, acc_km, 31))
    assert (kept.lat, kept.lon) == (round(lat, 2), round(lon, 2))
    assert great_circle_km(lat, lon, kept.lat, kept.lon) < 0.8 < 1.0 <= kept.acc_km
    assert kept.acc_km == max(1.0, stated.acc_km)
    assert kept_of(kept) == kept
    assert (kept.source, kept.region) == ("gps", 31)
