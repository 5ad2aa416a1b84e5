"""The units that a finding names, by what is printed on them: detectors count cases and pallets.

A detector takes all pallets of a consignment to be as full as its fullest one. What is told names
the pallets that the cases truly lie on.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger.detect.account import diversion_in_words
from ledger.detect.finding import Finding


@dataclass(frozen=True)
class Packing:
    """How a consignment is packed. cases: SSCCs in order; first_case: number of the first within
    the lot. pallet_of: of each case, by any name. pallets: SSCCs in the order in which the cases
    lie on them; first_pallet: number of the first within the lot."""

    cases: Sequence[str]
    first_case: int
    pallet_of: Sequence[Hashable]
    first_pallet: int
    pallets: Sequence[str]

    def told(self, finding: Finding) -> Finding:
        """Return a finding with the pallets on which its cases lie, in its sentence too."""
        evidence = finding.evidence
        if not evidence.cases:
            return finding
        number = {
            name: at for at, name in enumerate(dict.fromkeys(self.pallet_of), self.first_pallet)
        }
        own = {number[self.pallet_of[case - self.first_case]] for case in evidence.cases}
        true = replace(evidence, pallets=tuple(sorted(own)), pallets_of=len(number))
        if true == evidence:
            return finding
        if finding.kind != "diversion":
            return replace(finding, evidence=true)
        place = f"region {finding.region}"
        sentence = diversion_in_words(true, finding.e_value or 0.0, finding.lot or 0, place)
        return replace(finding, evidence=true, sentence=sentence)

    def units(self, finding: Finding) -> dict[str, Any]:
        """Return the SSCCs of the cases of a finding that was `told`, and of their pallets."""
        evidence = finding.evidence
        return {
            "units": [self.cases[case - self.first_case] for case in evidence.cases],
            "pallet_units": [
                self.pallets[number - self.first_pallet] for number in evidence.pallets
            ],
        }
