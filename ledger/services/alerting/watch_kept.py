"""What a rule knew of its scans' goods, kept with the alert, and asked again from there.

    "facts": {"asked", "consignments": [{"lot", "name", "market", "consignee", "cases": […]}],
              "moves": {unit: [[time, sent, party, to, inside?], …]},
              "items": [[batch, index, unit], …],
              "confirmed": {party: [received, waiting]}, "roles", "recalled", "markets"}

`cases` are those scanned, with all that lie on the same pallets; `items` the codes that were moved
by themselves. Units are 0x hex, times unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.db.models import ChainLot
from ledger.domain import contents
from ledger.services.alerting.watch_consignments import Case, Consignment
from ledger.services.alerting.watch_facts import Facts, may_sell, newest, share
from ledger.services.alerting.watch_looks import Move
from ledger.services.alerting.watch_scan import ScanRow


def kept(facts: Facts, rows: Sequence[ScanRow]) -> dict[str, Any]:
    """Return what was asked of some scans' goods. facts: those that the rule has just asked."""
    pallets: dict[int, set[bytes]] = {}
    whole: dict[int, Consignment] = {}
    units: dict[bytes, None] = {}
    items = []
    for row in rows:
        found = facts.case_of(row)
        if found is None:
            continue
        consignment, case = found
        whole[id(consignment)] = consignment
        moved = [*facts.moves.get(case.unit, ()), *facts.moves.get(row.code_leaf or b"", ())]
        inside = {case.pallet, *(move.unit for move in moved)}
        pallets.setdefault(id(consignment), set()).update(inside)
        units.update(dict.fromkeys((case.unit, case.pallet)))
        if row.code_leaf in facts.moves:
            assert row.code_leaf is not None  # it has moves
            units[row.code_leaf] = None
            items.append([row.batch, row.index, _hex(row.code_leaf)])
    return {
        "asked": facts.now,
        "consignments": [_told(one, pallets[key]) for key, one in whole.items()],
        "items": items,
        "moves": {
            _hex(unit): [_step(move, unit) for move in facts.moves[unit]]
            for unit in units
            if unit in facts.moves
        },
        "confirmed": {str(party): list(counts) for party, counts in facts.confirmed.items()},
        "roles": {str(party): roles for party, roles in facts.roles.items()},
        "recalled": {str(lot): at for lot, at in facts.recalled.items()},
        "markets": {str(number): sorted(of) for number, of in (facts.markets or {}).items()},
    }


def _step(move: Move, unit: bytes) -> list[Any]:
    """A move as it is kept; of what the unit was in, with that."""
    inside = [] if move.unit == unit else [_hex(move.unit)]
    return [move.time, move.sent, move.party, move.to, *inside]


def _told(one: Consignment, pallets: set[bytes]) -> dict[str, Any]:
    return {
        "lot": one.lot.number,
        "name": one.name,
        "market": one.lot.market,
        "consignee": one.consignee,
        "cases": [
            {
                "unit": _hex(case.unit),
                "sscc": case.sscc,
                "pallet": _hex(case.pallet),
                **contents.to_json(case.codes),
            }
            for case in one.cases
            if case.pallet in pallets
        ],
    }


@dataclass(frozen=True)
class Kept:
    """What was kept, asked as the rule asked it (`watch_looks.Known`). scans: those kept."""

    consignments: Sequence[Consignment]
    moves: Mapping[bytes, Sequence[Move]]
    items: Mapping[tuple[int, int], bytes]
    told: Mapping[str, Any]
    scans: Sequence[ScanRow]

    @classmethod
    def of(cls, told: Mapping[str, Any], scans: Sequence[ScanRow]) -> Kept:
        """Read what `kept` returned."""
        moves = {
            _bytes(unit): [
                Move(time, sent, party, to, _bytes(*inside or [unit]))
                for time, sent, party, to, *inside in steps
            ]
            for unit, steps in told["moves"].items()
        }
        items = {(batch, index): _bytes(unit) for batch, index, unit in told["items"]}
        consignments = [_consignment(one) for one in told["consignments"]]
        return cls(consignments, moves, items, told, scans)

    def case_of(self, row: ScanRow) -> tuple[Consignment, Case] | None:
        """The consignment and case of a scan's code."""
        for one in self.consignments:
            for case in one.cases:
                if case.holds(row.batch, row.index):
                    return one, case
        return None

    def last_move(self, row: ScanRow, case: Case) -> Move | None:
        """The newest move before a scan."""
        item = self.items.get((row.batch or 0, row.index or 0))
        return newest(self.moves, (item, case.unit, case.pallet), row.time)

    def confirms(self, party: int) -> float:
        """Share of the shipments to a party that it had confirmed."""
        return share(*self.told["confirmed"][str(party)])

    def sells(self, party: int) -> bool:
        """Say whether a party sells to consumers."""
        return may_sell(self.told["roles"][str(party)])

    def recalled_at(self, consignment: Consignment) -> int | None:
        """When a lot was recalled."""
        at: int | None = self.told["recalled"][str(consignment.lot.number)]
        return at

    def scanned_before(self, row: ScanRow) -> bool:
        """Say whether an earlier scan of the same code was kept."""
        same = (one for one in self.scans if (one.batch, one.index) == (row.batch, row.index))
        return any(one.time < row.time for one in same)

    def market(self, number: int) -> frozenset[int] | None:
        """The regions of a market outside which resale is prohibited."""
        of = self.told["markets"].get(str(number))
        return frozenset(of) if of is not None else None


def _consignment(one: Mapping[str, Any]) -> Consignment:
    cases = tuple(
        Case(
            _bytes(case["unit"]),
            case["sscc"],
            contents.from_json(case),
            _bytes(case["pallet"]),
            one["consignee"],
            0,  # no rule asks when it was shipped first
        )
        for case in one["cases"]
    )
    lot = ChainLot(number=one["lot"], market=one["market"])
    return Consignment(lot, one["name"], one["consignee"], cases, 0)


def _hex(unit: bytes) -> str:
    return "0x" + unit.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
