"""GS1 identification keys and dates: check digits, GTIN, GLN, SSCC, company prefixes.

Source: GS1 General Specifications, section 7.9 (check digit), 7.12 (century and day 00 of dates).
Keys are kept as digit strings with all their digits; on chain and inside codes a GTIN is the
integer value of its 14 digits.
"""

from __future__ import annotations

import calendar
import re
from datetime import date

from ledger.errors import Rejected

_GTIN_LENGTHS = (8, 12, 13, 14)
_DIGITS = re.compile(r"[0-9]+")
# Month and day of a YYMMDD date; the day may be 00. Leap days are judged with the year.
_DATE = re.compile(r"([0-9]{2})(0[1-9]|1[0-2])([0-2][0-9]|3[01])")


def check_digit(body: str) -> str:
    """Return the check digit for the digits before it: weights 3, 1, 3, … from the right, mod 10.

    The same rule serves GTIN-8/12/13/14, GLN, SSCC, GSIN and GSRN (GS1 General Specifications
    7.9.1). Raises Rejected MALFORMED unless `body` is digits.
    """
    if not _DIGITS.fullmatch(body):
        raise Rejected("MALFORMED", f"'{body}' must consist of the digits 0 to 9.")
    total = 3 * sum(map(int, body[-1::-2])) + sum(map(int, body[-2::-2]))
    return str(-total % 10)


def with_check_digit(body: str) -> str:
    """Return `body` with its check digit appended."""
    return body + check_digit(body)


def _checked(key: str, name: str) -> str:
    right = check_digit(key[:-1])
    if key[-1] != right:
        raise Rejected(
            "BAD_CHECK_DIGIT",
            f"The last digit of {name} {key} should be {right}: compare it with the original.",
        )
    return key


def _fixed(text: str, length: int, name: str) -> str:
    if len(text) != length or not _DIGITS.fullmatch(text):
        raise Rejected("MALFORMED", f"{name} must be {length} digits, not '{text}'.")
    return _checked(text, name)


def gtin14(text: str) -> str:
    """Return a GTIN-8, -12, -13 or -14 as its 14 digits, zeros in front.

    Raises Rejected MALFORMED (not 8, 12, 13 or 14 digits) or BAD_CHECK_DIGIT, naming the right
    digit.
    """
    if len(text) not in _GTIN_LENGTHS or not _DIGITS.fullmatch(text):
        raise Rejected("MALFORMED", f"GTIN must be 8, 12, 13 or 14 digits, not '{text}'.")
    return _checked(text, "GTIN").zfill(14)


def gln(text: str) -> str:
    """Return a GLN of 13 digits. Raises Rejected MALFORMED or BAD_CHECK_DIGIT."""
    return _fixed(text, 13, "GLN")


def sscc(text: str) -> str:
    """Return an SSCC of 18 digits. Raises Rejected MALFORMED or BAD_CHECK_DIGIT."""
    return _fixed(text, 18, "SSCC")


def prefix_value(gtin: str, length: int) -> int:
    """Return the value of the `length` digits of a GTIN-14 that follow its indicator digit.

    `length` is 1 to 12: the 13th digit would be the check digit. This is how a brand's prefix is
    compared on chain, as (value, length); a GTIN-8 thus has prefixes that begin with five zeros.
    Raises Rejected BAD_PREFIX_LENGTH, and as `gtin14`.
    """
    if not 1 <= length <= 12:
        raise Rejected("BAD_PREFIX_LENGTH", f"A prefix has 1 to 12 digits, not {length}.")
    return int(gtin14(gtin)[1 : 1 + length])


def is_ai_date(text: str) -> bool:
    """Say whether `text` is a YYMMDD that some century makes a day; day 00 is allowed."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    # Leap years by two digits: 00 is taken as 2000; ai_date knows the century.
    return day <= calendar.monthrange(2000 + year, month)[1]


def ai_date(text: str, today: date) -> date:
    """Return the day that a YYMMDD value (AI 11, 12, 13, 15, 16, 17) means, seen from `today`.

    Day 00 is the last of the month. Century: a year 51 to 99 above the current two digits belongs
    to the previous century, 50 to 99 below them to the next one (GS1 General Specifications 7.12).
    Raises Rejected BAD_DATE.
    """
    if not is_ai_date(text):
        raise Rejected("BAD_DATE", f"'{text}' is no date of the form YYMMDD.")
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    century, now = divmod(today.year, 100)
    if year - now >= 51:
        century -= 1
    elif year - now <= -50:
        century += 1
    last = calendar.monthrange(100 * century + year, month)[1]
    if day > last:
        raise Rejected("BAD_DATE", f"'{text}' is 29 February of a year that has none.")
    return date(100 * century + year, month, day or last)
