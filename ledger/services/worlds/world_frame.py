"""A simulated world as the frames that detectors read."""

from __future__ import annotations

import numpy as np

from ledger.detect.frame import CHANNELS, LOC_SOURCES, Custody, Lots, Scans
from ledger.domain.regions import REGIONS
from ledger.services.worlds.world import World
from ledger.services.worlds.world_plan import DAY, DISTRIBUTORS, PARTIES, SPAN, SPLIT


def world_frames(world: World) -> tuple[Scans, Lots, Custody]:
    """Scans, lots and custody; day 0 is the start of the eight weeks.

    A row of Lots is what one distributor got of a lot. Codes are named `lot/item`.
    """
    codes: dict[str, int] = {}
    devices: dict[str, int] = {}
    rows: dict[tuple[int, int], int] = {}
    for lot in world.lots:
        for distributor in DISTRIBUTORS:
            rows[lot.number, distributor] = len(rows)
    columns = []
    for scan in world.scans:
        lot = world.lots[scan.lot]
        case = scan.item // lot.case_size
        owner = lot.distributor_of(case // lot.cases_per_pallet)
        columns.append(
            (
                codes.setdefault(f"{scan.lot}/{scan.item}", len(codes)),
                rows[scan.lot, owner],
                case - SPLIT[owner][0] * lot.cases_per_pallet,
                devices.setdefault(scan.device, len(devices)),
                CHANNELS.index(scan.channel),
                LOC_SOURCES.index(scan.loc_src),
                scan.region,
            )
        )
    table = np.array(columns, dtype=np.int64).reshape(-1, 7)
    scans = Scans(
        day=np.array([(scan.t + SPAN) / DAY for scan in world.scans]),
        unit=table[:, 0], lot=table[:, 1], case=table[:, 2], device=table[:, 3],
        channel=table[:, 4], loc_src=table[:, 5], region=table[:, 6],
        lat=np.array([scan.lat for scan in world.scans]),
        lon=np.array([scan.lon for scan in world.scans]),
        acc_km=np.array([scan.acc_km for scan in world.scans]),
        codes=list(codes), devices=list(devices),
    )  # fmt: skip
    return scans, _lots(world, list(rows)), _custody(world, rows)


def _lots(world: World, rows: list[tuple[int, int]]) -> Lots:
    territory = np.zeros((len(rows), max(REGIONS) + 1), dtype=np.bool_)
    for row, (_, distributor) in enumerate(rows):
        territory[row, list(PARTIES[distributor].territory)] = True
    lots = [world.lots[number] for number, _ in rows]
    per_pallet = np.array([lot.cases_per_pallet for lot in lots])
    case_size = np.array([lot.case_size for lot in lots])
    pallets = np.array([SPLIT[d][1] - SPLIT[d][0] for _, d in rows])
    return Lots(
        label=np.array([number for number, _ in rows]),
        distributor=np.array([distributor for _, distributor in rows]),
        territory=territory,
        ship_day=np.array([_shipped(world, *row) for row in rows]),
        items=pallets * per_pallet * case_size,
        case_size=case_size,
        cases_per_pallet=per_pallet,
        restricted=np.ones(len(rows), dtype=np.bool_),
        first_case=np.array([SPLIT[d][0] for _, d in rows]) * per_pallet,
    )


def _shipped(world: World, lot: int, distributor: int) -> float:
    for move in world.moves:
        if (move.verb, move.partner) == ("ship", distributor) and move.units[0].lot == lot:
            return (move.t + SPAN) / DAY
    raise ValueError(f"lot {lot} was never shipped to party {distributor}")


def _custody(world: World, rows: dict[tuple[int, int], int]) -> Custody:
    """What went to stores: whole pallets and single cases, as runs of cases of a row."""
    runs = []
    for move in world.moves:
        store = PARTIES[move.actor]
        if move.verb != "receive" or store.distributor is None:
            continue
        for unit in move.units:
            lot = world.lots[unit.lot]
            width = lot.cases_per_pallet if unit.kind == "pallet" else 1
            first = unit.number * width - SPLIT[store.distributor][0] * lot.cases_per_pallet
            runs.append((rows[unit.lot, store.distributor], first, first + width, store.number))
    table = np.array(runs, dtype=np.int64).reshape(-1, 4)
    return Custody(table[:, 0], table[:, 1], table[:, 2], table[:, 3])
