"""Which GS1 Application Identifiers may stand in the query of a Digital Link, and their formats.

Source: GS1 Barcode Syntax Dictionary (entries flagged "?") and GS1 General Specifications,
section 3.2. The table keeps length, character set, check digits and dates; code lists (countries,
currencies) are left to whoever uses such an attribute.
"""

from __future__ import annotations

import re

from ledger.domain.gs1 import is_ai_date, with_check_digit

CSET82 = '[!"%-?A-Z_a-z]'

# Format of the value (N and X as in the General Specifications, C = digits whose last is a check
# digit, D = YYMMDD) -> Application Identifiers.
_FORMATS = {
    "C18": "00|801[78]",
    "C14": "0[12]",
    "X1-20": "10|243|420|4318|702[0-2]|71[0-7]|7240|80(02|12)",
    "D6": "1[1-35-7]|4326|7006",
    "N2": "20|7241",
    "X1-30": "24[01]|25[01]|40[013]|43(08|19)|70(02|23)|8004|90",
    "N1-6": "242",
    "C13 X0-17": "253",
    "C13 N0-12": "255",
    "N1-8": "30|37",
    "N6": "3(1[0-6]|2[0-9]|3[0-7]|4[0-9]|5[0-7]|6[0-9]|95)[0-5]|8005",
    "N1-15": "39[02][0-9]",
    "N3 N1-15": "39[13][0-9]",
    "N4": "394[0-3]|8111",
    "C17": "402",
    "C13": "41[0-7]",
    "N3 X1-9": "421",
    "N3": "42[246]",
    "N3 T0-4": "42[35]",
    "X1-3": "427|7008",
    "X1-35": "43(0[01]|1[01]|20)",
    "X1-70": "43(0[2-6]|1[2-6])|7257|811[02]",
    "X2": "43[01]7",
    "N20": "4309",
    "N1": "432[123]|7252",
    "D6 N4": "432[45]|7003",
    "N6 X0-1": "433[0-3]",
    "N13": "7001",
    "N1-4": "7004",
    "X1-12": "7005",
    "D6 E0-1": "7007",
    "X1-10": "7009|7255",
    "X1-2": "7010",
    "D6 F0-1": "7011",
    "N3 X1-27": "703[0-9]",
    "X2 X1-28": "723[0-9]",
    "X1-25": "7242|8013",
    "N8": "7250",
    "N12": "7251",
    "X1-40": "725[349]",
    "X1-90": "7256|9[1-9]",
    "X3": "7258",
    "N14": "8001",
    "Z1 C13 X0-16": "8003",
    "C14 N4": "8006|8026",
    "X1-34": "8007",
    "D6 N2 G0-2": "8008",
    "X1-50": "8009",
    "Y1-30": "8010",
    "B1-90": "8030",
}
_CLASSES = {
    "N": "[0-9]",
    "C": "[0-9]",
    "D": "[0-9]",
    "Z": "0",
    "X": CSET82,
    "Y": "[#/0-9A-Z-]",
    "B": "[0-9A-Za-z_=-]",
    "T": "(?:[0-9]{3})",  # further countries
    "E": "(?:[0-9]{6})",  # end of a harvest
    "F": "(?:[0-9]{4})",  # hour and minute
    "G": "(?:[0-9]{2})",  # minutes, seconds
}


def _pattern(form: str) -> re.Pattern[str]:
    parts = []
    for component in form.split():
        low, _, high = component[1:].partition("-")
        parts.append(f"({_CLASSES[component[0]]}{{{low},{high or low}}})")
    return re.compile("".join(parts))


_RULES = [(re.compile(ais), form.split(), _pattern(form)) for form, ais in _FORMATS.items()]


def is_attribute(ai: str) -> bool:
    """Say whether `ai` may be a data attribute of a Digital Link."""
    return any(ais.fullmatch(ai) for ais, _, _ in _RULES)


def attribute_fits(ai: str, value: str) -> bool:
    """Say whether `value` has the format that the attribute `ai` asks for (False: no such AI)."""
    for ais, form, pattern in _RULES:
        if ais.fullmatch(ai):
            match = pattern.fullmatch(value)
            return match is not None and all(map(_sound, form, match.groups()))
    return False


def _sound(component: str, part: str) -> bool:
    if component[0] == "C":
        return part == with_check_digit(part[:-1])
    return component[0] != "D" or is_ai_date(part)
