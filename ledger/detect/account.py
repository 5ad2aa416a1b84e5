"""The account of a diversion: which cases, how many goods, who leaked, and all it rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ledger.detect.case_table import RETURNS
from ledger.detect.cell import Cell
from ledger.detect.finding import Evidence, Finding, Leaker, cases_in_words, in_words, rounded
from ledger.detect.frame import Custody, Floats, Ints, Lots
from ledger.detect.levels import NAMES, path_of
from ledger.detect.stream import Rejection

MOST = 100  # codes and groups told
LIKELY = (0.05, 0.5, 0.95)  # of the goods involved
TEMPER = 0.5  # the ends of a run are less sure than single items say: cases are sold together
CONSIGNEE = 0.5  # prior that the first consignee leaked, not one of its stores
WRONG_STORE = 0.02  # a case lies with another store than custody says
MOST_LEAKERS = 3
SURE = 0.995  # is told as over 99 %
EQUAL = 1e-9  # what the last bits of a sum may differ by


def account(
    cell: Cell,
    counted: Sequence[tuple[int, int]],
    rejected: Rejection,
    *,
    lots: Lots,
    custody: Custody,
    lot: int,
    region: int,
    day: float,
    codes: Sequence[str],
    fdr: float,
    depth: int,
) -> Finding:
    """The finding for a cell that was just rejected. counted: those of `Cell.heard` that count.
    lot: row of Lots. depth: the level whose number `region` is (`ledger.detect.levels`)."""
    here_by_case = np.bincount([case for _, case in cell.heard], minlength=cell.lot.cases)
    cases, items = involved(cell, here_by_case, int(lots.case_size[lot]))
    named = set(cases.tolist())
    inside = [(unit, case) for unit, case in counted if case in named]
    per_pallet, first = int(lots.cases_per_pallet[lot]), int(lots.first_case[lot])
    groups = [g for g in cell.groups if g.size and g.case in named]
    told = cases + first
    evidence = Evidence(
        scans=len(inside),
        scans_of=len(counted),
        cases=tuple(told.tolist()),
        pallets=tuple(np.unique(told // per_pallet).tolist()),
        pallets_of=-(-int(lots.cases()[lot]) // per_pallet),
        codes=tuple(codes[unit] for unit, _ in inside[:MOST]),
        elsewhere=sum(cell.lot.items()[case] - int(here_by_case[case]) for case in named),
        items=items,
        groups=tuple(
            (group.case + first, rounded(group.start), group.size, rounded(group.gain[0]))
            for group in groups[:MOST]
        ),
        log_e=rounded(rejected.log_e + rejected.log_price),
        log_price=rounded(rejected.log_price),
        leakers=leakers(np.unique([case for _, case in inside]), lots, custody, lot),
    )
    e_value = float(np.exp(min(rejected.log_e, 690.0)))
    label = int(lots.label[lot])
    path = path_of(lots, depth, region)
    place = " of ".join(f"{NAMES[at]} {number}" for at, number in reversed([*enumerate(path)]))
    return Finding(
        kind="diversion",
        lot=label,
        region=path[0],
        city=path[1] if depth > 0 else None,
        county=path[2] if depth > 1 else None,
        day=day,
        evidence=evidence,
        e_value=rounded(e_value),
        level=rounded(rejected.level),
        fdr=fdr,
        sentence=diversion_in_words(evidence, e_value, label, place),
    )


def involved(cell: Cell, here: Ints, case_size: int) -> tuple[Ints, tuple[int, int, int]]:
    """The cases that the evidence points at, int64, ascending; and how many goods are probably
    involved: a low, a likely and a high figure (LIKELY of the posterior). here: int64 (cases,), how
    many items of each case were seen here."""
    logs = cell.run_logs()
    cases, single = cell.returned()
    odds = np.array([np.log1p(part * np.expm1(np.minimum(single, 600))).sum(1) for part in RETURNS])
    if len(cases) and odds.max() > logs.max():
        unseen = _unseen(here[here == np.array(cell.lot.items())])
        return _scattered(cases, single, odds, unseen, case_size)
    held = cell.lot.runs.holding(cell.last.case if cell.last else 0)
    highest = logs.max(axis=0)
    best = int(np.argmax(highest >= highest.max() - EQUAL))  # the first of equal ones
    weight = np.exp(TEMPER * (logs - logs.max())).sum(axis=0)
    length = held.stop - held.start
    order = np.argsort(length, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    low, likely, high = (int(length[order[np.searchsorted(share, at)]]) for at in LIKELY)
    run = np.arange(held.start[best], held.stop[best])
    return run, (low * case_size, likely * case_size, high * case_size)


def _scattered(
    cases: Ints, single: Floats, odds: Floats, unseen: float, case_size: int
) -> tuple[Ints, tuple[int, int, int]]:
    """The same for single cases, of which `unseen` more are diverted at most, about."""
    part, pair = np.unravel_index(int(np.argmax(odds)), odds.shape)
    evidence = RETURNS[int(part)] * np.exp(np.minimum(single[pair], 600.0))
    chance = evidence / (evidence + 1 - RETURNS[int(part)])
    named = np.sort(cases[chance >= min(0.5, float(chance.max()))])
    mean, spread = float(chance.sum()), float(np.sqrt((chance * (1 - chance)).sum()))
    low, high = max(1.0, mean - 1.645 * spread), float(len(cases)) + unseen
    items = (round(low * case_size), round((mean + unseen / 2) * case_size))
    return named, (*items, max(round(high * case_size), items[1]))


def _unseen(silent: Ints) -> float:
    """How many cases there are beside those seen, at least: f₁² / 2 f₂ (Chao 1984), where f₁ and f₂
    were seen once and twice. silent: items seen here of each case that was not seen elsewhere."""
    once, twice = np.count_nonzero(silent == 1), np.count_nonzero(silent == 2)
    return once * (once - 1) / (2 * (twice + 1))


def leakers(cases: Ints, lots: Lots, custody: Custody, lot: int) -> tuple[Leaker, ...]:
    """Who is most likely to have leaked, with its probability, the likeliest first.

    cases: int64, rows within the consignment, those whose items were seen. The first consignee may
    have sold any of its cases; a store only those that custody says it got, or, seldom, others.
    Prior: CONSIGNEE to the first consignee, the rest to the stores by their cases. Cases that
    custody gives to no store count as the first consignee's: it has them still, or passed them on
    and does not say to whom.
    """
    total = int(lots.cases()[lot])
    rows = np.flatnonzero(custody.lot == lot)
    store = np.full(total, -1, dtype=np.int64)  # -1: custody does not tell
    for row in rows.tolist():
        store[custody.case_from[row] : custody.case_to[row]] = custody.place[row]
    names, counts = np.unique(store, return_counts=True)
    mine = np.full(len(names), len(cases))
    for number, name in enumerate(names.tolist()):
        mine[number] = np.count_nonzero(store[cases] == name)
    logs = (
        np.log((1 - CONSIGNEE) * counts / total)
        + mine * np.log((1 - WRONG_STORE) / counts + WRONG_STORE / total)
        + (len(cases) - mine) * np.log(WRONG_STORE / total)
    )
    own = np.log(CONSIGNEE) - len(cases) * np.log(total)
    kept = np.logaddexp.reduce([own, *logs[names < 0]])
    everyone = [("consignee", int(lots.distributor[lot]), float(kept))]
    everyone += [
        ("store", name, float(log))
        for name, log in zip(names.tolist(), logs.tolist(), strict=True)
        if name >= 0
    ]
    everyone.sort(key=lambda one: (-one[2], one[0], one[1]))
    weights = np.exp(np.array([log for _, _, log in everyone]) - everyone[0][2])
    return tuple(
        Leaker(level, number, rounded(float(weight / weights.sum())))
        for (level, number, _), weight in zip(everyone[:MOST_LEAKERS], weights, strict=False)
    )


def diversion_in_words(evidence: Evidence, e_value: float, lot: int, place: str) -> str:
    """What a finding says in one sentence; of what there is none of, it says nothing."""
    first, last = evidence.cases[0], evidence.cases[-1]
    contiguous = last - first + 1 == len(evidence.cases)
    if contiguous and len(evidence.pallets) == 1:
        where = f"pallet {evidence.pallets[0] + 1} ({cases_in_words(first, last)}), "
        only = evidence.pallets_of == 1
        where += "the only one" if only else f"one of {evidence.pallets_of}"
        where += " of this consignee"
    elif contiguous:
        where = cases_in_words(first, last)
    else:
        where = f"{len(evidence.cases)} single cases, mixed"
    if evidence.elsewhere:
        were = "was" if evidence.elsewhere == 1 else "were"
        where += f"; {evidence.elsewhere} more from there {were} seen elsewhere"
    return (
        f"{evidence.scans} of {evidence.scans_of} items of lot {lot} seen in {place},"
        f" outside its territory, come from {where}; if goods of this lot left at random, evidence"
        f" this strong would occur at most {in_words(e_value)}; if diverted, most likely by"
        f" {_leaker(evidence.leakers[0])}"
    )


def _leaker(one: Leaker) -> str:
    """Who it is, and how likely: 'consignee 3 (97 %)'."""
    sure = one.probability >= SURE
    return f"{one.level} {one.number} ({'over 99' if sure else round(100 * one.probability)} %)"
