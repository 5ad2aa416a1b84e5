"""The kinds of attack: a name, who does it, and what finds it if anything does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.services.worlds.simulator import copying, crowding, diverting
from ledger.services.worlds.simulator.gang import Gang


@dataclass(frozen=True)
class Attack:
    """commit: does its deeds. sign: what a detector could name: a cell (lot, region), a code or a
    device. about: one line."""

    commit: Callable[[Gang], None]
    sign: str
    about: str


ATTACKS: Mapping[str, Attack] = {
    "diversion": Attack(diverting.plainly, "cell", "runs of cases or pallets sold elsewhere"),
    "mixed": Attack(diverting.mixed, "cell", "single cases picked at random, sold elsewhere"),
    "adaptive": Attack(
        diverting.adaptive, "cell", "single cases, codes cut away, sold slowly in three regions"
    ),
    "collusive": Attack(
        diverting.collusive, "cell", "a dealer scans a third at home before selling elsewhere"
    ),
    "split": Attack(diverting.split, "cell", "a case or two from each of a dozen lots"),
    "lying": Attack(diverting.lying, "cell", "the operator drops nine in ten of the scans"),
    "clone": Attack(copying.clone, "code", "1-100 codes copied 10-3,000 times"),
    "refill": Attack(copying.refill, "code", "empty bottles of one town filled again"),
    "leak": Attack(copying.leak, "code", "a stolen run of codes, sold before the goods leave"),
    "farm": Attack(crowding.farm, "device", "neighbouring codes scanned within hours"),
    "bots": Attack(crowding.bots, "device", "claims by machine, a new name for each code"),
    "guess": Attack(crowding.guess, "device", "scripts that try codes"),
}
