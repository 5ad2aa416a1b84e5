"""Clones told from genuine items, display bottles and pictures that go round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ledger.detect import Finding, detect
from ledger.detect.clones import Told, finding_of
from ledger.detect.frame import LOC_SOURCES
from ledger.detect.history import SOON, Home, Seen, bayes_factor, home_of, places_of, seen_at
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of
from tests.detect.plain_history import plain_factor, plain_places

CITIES = [(31.2, 121.5, 1), (39.9, 116.4, 2), (23.1, 113.3, 3), (30.6, 104.1, 4)]


def _at(day: float, device: str, city: tuple[float, float, int], source: str = "gps") -> Row:
    lat, lon, region = city
    return Row(day, 3, device, "x", region=region, source=source, lat=lat, lon=lon)


def _clones(rows: list[Row]) -> list[Finding]:
    return detect(scans_of(rows), one_lot(), NO_CUSTODY, kinds=["clone"])


def test_copies_sold_in_three_cities_are_found_early() -> None:
    """Thirty phones in three cities over a month: the code is raised within ten of them."""
    rows = [_at(float(i), f"d{i}", CITIES[i % 3]) for i in range(30)]
    (finding,) = _clones(rows)
    assert (finding.kind, finding.code, finding.lot) == ("clone", "x", 7)
    assert finding.evidence.scans_of <= 10
    assert finding.e_value is not None and finding.e_value >= 1 / finding.level


@pytest.mark.parametrize(("cities", "said"), [([0, 0, 0], "in 1 place;"), ([0, 1, 0], "2 places;")])
def test_a_finding_says_in_how_many_places(cities: list[int], said: str) -> None:
    """Three phones, in one place or in two."""
    scans = scans_of([_at(float(i), f"d{i}", CITIES[city]) for i, city in enumerate(cities)])
    told = Told("x", 7, 2.0, 3, [seen_at(scans, row) for row in range(3)])
    assert said in finding_of(told, 2e5, 1e-5, 0.05).sentence


def test_a_display_bottle_is_no_clone() -> None:
    """Forty phones in one place, even when mobile networks place some elsewhere."""
    rng = np.random.default_rng(7)
    rows = [_at(float(i), f"d{i}", CITIES[0]) for i in range(30)]
    rows += [
        _at(i + 0.5, f"m{i}", CITIES[int(rng.integers(1, 4))], "ip_mobile") for i in range(0, 30, 5)
    ]
    assert _clones(rows) == []


def test_devices_that_do_not_say_where_they_are_tell_nothing() -> None:
    """However many scan a code, half a day apart: a display bottle looks the same."""
    rows = [_at(i / 2, f"d{i}", (0.0, 0.0, -1), "none") for i in range(60)]
    assert _clones(rows) == []
    placed = [_at(float(i), f"p{i}", CITIES[i % 3]) for i in range(30)]
    (alone,), (among,) = _clones(placed), _clones([*rows, *placed])
    assert (among.day, among.e_value) == (alone.day, alone.e_value)


def test_a_picture_that_goes_round_is_no_clone() -> None:
    """Forty phones in forty places within two days scan a picture, not goods."""
    rows = [_at(i / 20, f"d{i}", (20.0 + i, 90.0 + i, i)) for i in range(40)]
    assert _clones(rows) == []


def test_a_family_is_no_clone() -> None:
    """One bottle seen by three phones at home, and again by the first on a journey."""
    rows = [_at(float(i), f"d{i}", CITIES[0]) for i in range(3)] + [_at(9.0, "d0", CITIES[1])]
    assert _clones(rows) == []


def test_a_shop_that_scans_its_goods_does_not_make_clones() -> None:
    """A phone that scans many items of a lot in a day is left out."""
    rows = [_at(float(i), f"d{i}", CITIES[0]) for i in range(2)]
    rows += [_at(40.0, "shop", CITIES[2])]
    rows += [Row(39.9 + i / 100, 3, "shop", f"y{i}") for i in range(3)]
    assert _clones(rows) == []


def test_what_is_known_of_a_source_tells_on_its_other_copies() -> None:
    """A code that three phones scanned where another code's copies are sold is raised with that
    one; scanned elsewhere it is not."""
    sure = [_at(float(i), f"d{i}", CITIES[i % 3]) for i in range(30)]

    def beside(cities: list[int]) -> list[Row]:
        return [
            replace(_at(2.0 + i, f"e{i}", CITIES[city]), code="y", case=9)
            for i, city in enumerate(cities)
        ]

    assert {f.code for f in _clones(sure + beside([0, 1, 2]))} == {"x", "y"}
    assert {f.code for f in _clones(sure + beside([3, 3, 3]))} == {"x"}
    assert _clones(beside([0, 1, 2])) == []


def test_what_is_seen_where_it_may_not_be_sold_is_likelier_a_copy() -> None:
    """The same three phones in three cities weigh more outside the lot's territory than with the
    first of them in it; where goods may be resold anywhere it does not matter."""
    scans = scans_of([_at(10.0 * i, f"d{i}", CITIES[i]) for i in range(3)])
    seen = [seen_at(scans, row) for row in range(3)]
    home, away, free = (bayes_factor(seen, (), Home(frozenset(r))) for r in ({1}, {0}, ()))
    assert home < free < away
    assert home_of(one_lot(), 0) == Home(frozenset({0}))
    assert home_of(one_lot(restricted=False), 0) == Home()
    assert bayes_factor(seen) == free


def test_the_factor_is_what_its_definition_gives() -> None:
    """To the last bit, as what was raised is computed again from it: two to eighty devices of any
    sources, in a few places some of which are just near each other, with and without other copies.
    """
    rng = np.random.default_rng(11)

    def some(many: int) -> list[Seen]:
        day, seen = 0.0, []
        for _ in range(many):
            day += float(rng.choice([0.0, SOON, 0.1, 3.0]))
            lat, lon, region = CITIES[int(rng.integers(4))]
            lat += float(rng.choice([-0.02, 0.0, 0.02]))
            east = float(rng.choice([0.0, rng.uniform(0.14, 0.2)]))  # degrees of some 96 km
            if rng.random() < 0.1:
                lat, lon, region, east = float("nan"), float("nan"), -1, 0.0
            source = LOC_SOURCES[int(rng.integers(len(LOC_SOURCES)))]
            seen.append(Seen(day, source, lat, lon + east, region))
        return seen

    for _ in range(200):
        seen, sold = some(int(rng.integers(2, 81))), some(int(rng.integers(61)))
        home = Home(frozenset(rng.integers(0, 6, int(rng.integers(3))).tolist()))
        assert bayes_factor(seen, sold, home) == plain_factor(seen, sold, home)
        assert places_of(seen) == len(plain_places(seen))


def test_codes_of_a_lot_that_are_none_of_them_sure_tell_on_each_other() -> None:
    """Four phones in four cities leave a code in doubt; four such codes of one lot do not."""

    def doubtful(code: str, case: int) -> list[Row]:
        return [
            replace(_at(case + 9.0 * i, f"{code}{i}", CITIES[i]), code=code, case=case)
            for i in range(4)
        ]

    assert _clones(doubtful("x", 3)) == []
    four = [row for at, code in enumerate("xyzw") for row in doubtful(code, 3 + 9 * at)]
    assert {finding.code for finding in _clones(four)} == set("xyzw")
