"""Dates, plurals and zones as people write them; CLDR, through Babel, is the referee."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from babel import Locale
from babel.dates import format_datetime, get_timezone, get_timezone_location
from hypothesis import given
from hypothesis import strategies as st

from api.texts import catalogue

ZONE = "Asia/Shanghai"
PATTERNS = {"en": ("d MMM y", "d MMM y, HH:mm"), "zh": ("y年M月d日", "y年M月d日 HH:mm")}
LOCALES = {"en": Locale("en"), "zh": Locale("zh", script="Hans")}


@pytest.mark.parametrize("lang", PATTERNS)
@given(at=st.integers(700_000_000, 4_000_000_000))  # since China has kept one offset
def test_dates_and_times_are_cldrs(lang: str, at: int) -> None:
    """Every moment is written as CLDR writes it, in the zone's own time."""
    moment, zone = datetime.fromtimestamp(at, UTC), get_timezone(ZONE)
    day, clock = (
        format_datetime(moment, pattern, tzinfo=zone, locale=LOCALES[lang])
        for pattern in PATTERNS[lang]
    )
    words = catalogue(lang)
    assert words.date(at, ZONE) == day
    assert words.time(at, ZONE) == f"{clock}\N{NO-BREAK SPACE}UTC+8"


@pytest.mark.parametrize("lang", PATTERNS)
@given(n=st.integers(0, 10_000))
def test_plural_forms_are_cldrs(lang: str, n: int) -> None:
    """A count takes the form that CLDR's rule gives it."""
    forms = catalogue(lang).texts["seal.shared"]
    assert isinstance(forms, dict)
    right = forms[LOCALES[lang].plural_form(n)].format(n=n)
    assert catalogue(lang).text("seal.shared", n=n) == right


@pytest.mark.parametrize("lang", PATTERNS)
def test_the_zone_is_named_as_cldr_names_it(lang: str) -> None:
    """The place that stands for the zone has its own name in each language."""
    right = get_timezone_location(ZONE, locale=LOCALES[lang], return_city=True)
    assert catalogue(lang).zone_name(ZONE) == right
