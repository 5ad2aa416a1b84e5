"""Dates and plurals as people write them; CLDR, through Babel, is the referee."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from babel import Locale
from babel.dates import format_datetime
from hypothesis import given
from hypothesis import strategies as st

from api.texts import catalogue

ZONE = 480
PATTERNS = {"en": ("d MMM y", "d MMM y, HH:mm"), "zh": ("y年M月d日", "y年M月d日 HH:mm")}
LOCALES = {"en": Locale("en"), "zh": Locale("zh", script="Hans")}


@pytest.mark.parametrize("lang", PATTERNS)
@given(at=st.integers(700_000_000, 4_000_000_000))  # since China has kept one offset
def test_dates_and_times_are_cldrs(lang: str, at: int) -> None:
    """Every moment is written as CLDR writes it, in the zone's own time."""
    moment, zone = datetime.fromtimestamp(at, UTC), timezone(timedelta(minutes=ZONE))
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
@pytest.mark.parametrize("at", [253_402_300_800, (1 << 40) - 1, (1 << 64) - 1])
def test_a_moment_beyond_the_calendar_has_words(lang: str, at: int) -> None:
    """The ledger keeps times to the year 36812."""
    words = catalogue(lang)
    assert words.date(at, ZONE) == words.text("format.beyond")
    assert words.time(at, ZONE).startswith(words.text("format.beyond"))
