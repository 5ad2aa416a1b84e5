"""Cases, and the consignments that they are: the cases of a lot that one first consignee got."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ledger.db.models import ChainLot
from ledger.domain.contents import Codes, Picked, find_item

GROWING = -1  # `first` of a consignment whose cases have no numbers yet


@dataclass(frozen=True)
class Case:
    """A case of a lot: unit, SSCC, codes, the pallet it lies on, who got that first and when. One
    that was shipped by itself is its own pallet."""

    unit: bytes
    sscc: str
    codes: Codes | Picked
    pallet: bytes
    consignee: int
    shipped: int

    @property
    def batch(self) -> int:
        """The batch of its codes."""
        return self.codes.batch

    @property
    def first(self) -> int:
        """The lowest index of its codes."""
        return int(self.codes.indices[0]) if isinstance(self.codes, Picked) else self.codes.first

    def holds(self, batch: int | None, index: int | None) -> bool:
        """Say whether a code is in it."""
        if batch != self.codes.batch or index is None:
            return False
        return find_item([self.codes], batch, index) is not None


@dataclass(frozen=True)
class Consignment:
    """The cases of one lot that one first consignee got, `by_pallet` once they have numbers.

    name: the lot's, as printed. first: number within the lot of its first case, on a pallet's edge,
    or GROWING; with it a finding's cases name one consignment. part: how many consignments of the
    same lot the same party got before. first_pallet: number within the lot of its first pallet.
    """

    lot: ChainLot
    name: str
    consignee: int
    cases: tuple[Case, ...]
    first: int
    part: int = 0
    first_pallet: int = 0

    @cached_property
    def pallets(self) -> tuple[bytes, ...]:
        """Its pallets in order."""
        return tuple(dict.fromkeys(case.pallet for case in self.cases))

    @cached_property
    def items(self) -> int:
        """Items in all its cases."""
        return sum(len(case.codes) for case in self.cases)

    @cached_property
    def shipped(self) -> int:
        """When the first of it was shipped, unix seconds."""
        return min(case.shipped for case in self.cases)

    @cached_property
    def per_pallet(self) -> int:
        """Cases of its fullest pallet."""
        return max(Counter(case.pallet for case in self.cases).values())

    @property
    def per_case(self) -> int:
        """Items of a case, on average: cases need not be alike."""
        return round(self.items / len(self.cases)) or 1

    @property
    def further(self) -> str:
        """What tells it from the first consignment of its lot and consignee, for good: what was
        shipped first of it. Nothing for the first."""
        if not self.part:
            return ""
        _, unit = min((case.shipped, case.pallet) for case in self.cases)
        return f"/{unit[:8].hex()}"

    def case_of(self, batch: int | None, index: int | None) -> Case | None:
        """The case that a code lies in, None for one of other goods."""
        if batch is None or index is None:
            return None
        cases = self._by_code
        at = bisect_right(cases, (batch, index), key=lambda case: (case.batch, case.first))
        if at and cases[at - 1].holds(batch, index):
            return cases[at - 1]
        # Codes that were packed in no order: the cases' ranges lie over each other.
        return next((case for case in self._picked if case.holds(batch, index)), None)

    @cached_property
    def _by_code(self) -> tuple[Case, ...]:
        return tuple(sorted(self.cases, key=_code))

    @cached_property
    def _picked(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if isinstance(case.codes, Picked))

    def holds(self, numbers: Sequence[int]) -> bool:
        """Say whether all cases of these numbers within the lot are its own."""
        own = range(self.first, self.first + len(self.cases))
        return self.first != GROWING and all(number in own for number in numbers)


def by_pallet(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Return cases in order of their codes, those of a pallet together. The fullest pallets come
    first, so that as many cases as lie on these are a pallet wherever one begins; alike ones are in
    order of their first codes."""
    full = Counter(case.pallet for case in cases)
    first: dict[bytes, Case] = {}
    for case in sorted(cases, key=_code):
        first.setdefault(case.pallet, case)
    return tuple(
        sorted(
            cases,
            key=lambda one: (-full[one.pallet], _code(first[one.pallet]), one.pallet, _code(one)),
        )
    )


def _code(case: Case) -> tuple[int, int]:
    return case.batch, case.first
