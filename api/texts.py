"""What the consumer's pages say, in each language: one JSON catalogue a language, same keys.

A value is a sentence with `{named}` places, or a table of plural forms (CLDR names) chosen by `n`.
JSON rather than gettext: nothing to compile, and a missing text is a missing key, which a test
sees. Months and plural rules are CLDR's; Babel is the referee in the tests only, since
it would weigh as much as all our own code and templates many times over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ledger.domain.moments import offset, wall

LANGUAGES = ("en", "zh")
_FOLDER = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Catalogue:
    """The texts of one language. `lang` is one of LANGUAGES."""

    lang: str
    texts: dict[str, str | dict[str, str]]

    def has(self, key: str) -> bool:
        """Whether there is a text under `key`."""
        return key in self.texts

    def text(self, key: str, **values: object) -> str:
        """The text under `key` with its places filled; KeyError if text or value is missing.

        The result is plain text: whoever puts it into HTML escapes it, values included.
        """
        found = self.texts[key]
        if isinstance(found, dict):
            one = int(str(values["n"])) == 1 and "one" in found
            found = found["one" if one else "other"]
        return found.format(**values)

    def date(self, at: int, zone: int) -> str:
        """The day of `at` (unix seconds) in `zone` (minutes east of UTC)."""
        return self._formatted("format.date", at, zone)

    def time(self, at: int, zone: int) -> str:
        """Day, time of day and offset of `at` (unix seconds) in `zone`."""
        return f"{self._formatted('format.time', at, zone)}\N{NO-BREAK SPACE}{offset(zone)}"

    def _formatted(self, pattern: str, at: int, zone: int) -> str:
        moment = wall(at, zone)
        if moment is None:
            return self.text("format.beyond")
        return self.text(
            pattern,
            year=moment.year,
            month=self.text(f"month.{moment.month}"),
            day=moment.day,
            clock=moment.strftime("%H:%M"),
        )


@cache
def catalogue(lang: str) -> Catalogue:
    """The catalogue of `lang`; KeyError for a language there is none of."""
    if lang not in LANGUAGES:
        raise KeyError(lang)
    texts = json.loads((_FOLDER / f"{lang}.json").read_text(encoding="utf-8"))
    return Catalogue(lang, texts)


def pick_language(accept_language: str | None, query: str | None) -> str:
    """The language of an answer: `?lang=` if we speak it, else Accept-Language, else English.

    Weights as in RFC 9110 section 12.5.4; any Chinese (zh-TW, zh-Hant) is answered in zh.
    """
    if query and (asked := _spoken(query)):
        return asked
    best, weight = LANGUAGES[0], 0.0
    for part in (accept_language or "").split(","):
        tag, _, parameter = part.partition(";")
        spoken, q = _spoken(tag), _weight(parameter)
        if spoken and q > weight:
            best, weight = spoken, q
    return best


def _spoken(tag: str) -> str | None:
    primary = tag.strip().lower().partition("-")[0]
    return primary if primary in LANGUAGES else None


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
