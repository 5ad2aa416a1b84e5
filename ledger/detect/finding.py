"""What a detector says: one finding for each cause, with the evidence that it names."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

KINDS = ("clone", "diversion", "farm", "guess")


@dataclass(frozen=True)
class Leaker:
    """Who may have leaked. level: `consignee` (number: of the first consignee) or `store` (number:
    the place that custody names). probability: given that the alert is true."""

    level: str
    number: int
    probability: float


@dataclass(frozen=True)
class Evidence:
    """The units a finding rests on. Cases and pallets are numbers within the lot, from 0.

    cases: what the evidence names, in order. pallets: those the cases lie in; pallets_of: how many
    the first consignee got of the lot.
    scans, scans_of: k of the n observations that count come from the named units (diversion); scans
    and distinct devices of the code (clone); scans and distinct codes of the group (farm, guess).
    codes: printed codes, at most 100. places: where a copied code was scanned, near ones as one.

    Of a diversion, what the evidence is made of. elsewhere: items of the named cases that were seen
    elsewhere first. items: how many goods are probably involved: low, likely, high (5, 50, 95 %).
    groups: (case, day, observations, ln of P(here | diverted) / leak rate) of the gifts or sales in
    the named cases, at most 100. log_e: ln of the evidence at the look; log_price: what of it was
    the price of entry. leakers: who has probably leaked, the likeliest first.
    """

    scans: int
    scans_of: int
    cases: tuple[int, ...] = ()
    pallets: tuple[int, ...] = ()
    pallets_of: int = 0
    codes: tuple[str, ...] = ()
    places: int = 0
    elsewhere: int = 0
    items: tuple[int, ...] = ()
    groups: tuple[tuple[int, float, int, float], ...] = ()
    log_e: float = 0.0
    log_price: float = 0.0
    leakers: tuple[Leaker, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One alert as raised.

    kind: one of KINDS. lot: the caller's number of the lot, or None. region: number of the
    province, or None. code: the printed code (clone). devices: their names (farm, guess). day: when
    it was first raised; nothing scanned later was used. e_value: how strong the evidence is, None
    for rules without a calibration. level: what 1 / e_value had to stay under, 0 where e_value is
    None. fdr: the stated share of false ones among the findings of this kind. update_of: the day of
    the first finding on the same cause, which this one brings up to date (farm). city: the
    caller's number of the city in the region, where the lot may be sold in others of it; county:
    that of the county, where it may be sold in others of the city (diversion).
    """

    kind: str
    day: float
    evidence: Evidence
    sentence: str
    fdr: float
    lot: int | None = None
    region: int | None = None
    code: str | None = None
    devices: tuple[str, ...] = ()
    e_value: float | None = None
    level: float = 0.0
    update_of: float | None = None
    city: int | None = None
    county: int | None = None

    @property
    def district(self) -> int | None:
        """The county that it is of, or else the city; None: all of its region."""
        return self.city if self.county is None else self.county

    def line(self) -> dict[str, Any]:
        """As a JSON object: fields that do not apply are left out."""
        known = asdict(self).items()
        return {name: value for name, value in known if value is not None and value != ()}


def rounded(number: float) -> float:
    """Four significant digits: what is printed does not depend on the last bits of a sum."""
    return float(f"{number:.4g}")


def in_words(e_value: float) -> str:
    """How seldom evidence this strong comes by chance: 'once in 40,000'."""
    if e_value >= 1e9:
        return "once in more than a billion"
    return f"once in {int(float(f'{e_value:.2g}')):,}"


def cases_in_words(first: int, last: int) -> str:
    """Neighbouring cases by their numbers from 1: 'case 3', 'cases 3 to 7'. first, last: from 0."""
    return f"case {first + 1}" if first == last else f"cases {first + 1} to {last + 1}"
