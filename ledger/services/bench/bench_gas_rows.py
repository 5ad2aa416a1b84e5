"""What the gas bench measures: one row a verb. A row prepares subjects in earlier blocks and
returns signed calls, each on a subject of its own, with arguments that fill their words.

A new verb is one more row here; a test counts them. Over 300 lines, as it is one table of verbs
with what each needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ledger.chain.account import Account
from ledger.chain.message import Shown
from ledger.domain import abi
from ledger.domain.ids import claim_id
from ledger.domain.keccak import keccak
from ledger.domain.verbs import KeyMode, Role, Verb
from ledger.services.bench.bench_gas_goods import (
    CASE,
    CODES,
    batches,
    coded,
    commission,
    deep,
    pack,
    pack_args,
    packed,
    pallet_with,
    receive,
    received,
    reserve,
    reserved,
    ship,
    shipped,
    taken_out,
    unit_of,
)
from ledger.services.bench.bench_gas_ledger import Args, Brand, Call, GasLedger

SUSPENDED, RECALLED, STOLEN, SUPPLIED = 2, 2, 3, 4

Row = Callable[[GasLedger, int], Sequence[Call]]
"""(ledger, count) -> that many calls, none of them relayed yet; a list is one call for all."""


# ------------------------------------------------------------------------------ parties, registry


def _update(g: GasLedger, count: int) -> list[Call]:
    parties = g.register(count, Role.DISTRIBUTOR)
    args = {"roles": int(Role.STORE), "prefix": 0, "prefixLength": 0}
    return [
        g.call(
            Verb.UPDATE_PARTY,
            party,
            {"party": party, **args, "markets": g.random.number(256)},
        )
        for party in parties
    ]


def _suspend(g: GasLedger, count: int) -> list[Call]:
    return [_suspension(g, party) for party in g.register(count, Role.DISTRIBUTOR)]


def _suspension(g: GasLedger, party: int) -> Call:
    return g.call(Verb.SUSPEND_PARTY, party, {"party": party, "status": SUSPENDED})


def _rotate(g: GasLedger, count: int) -> list[Call]:
    return [
        g.call(
            Verb.ROTATE_ACCOUNT,
            party,
            {"party": party, "account": g.random(20), "keyMode": int(KeyMode.BROWSER)},
        )
        for party in g.register(count, Role.DISTRIBUTOR)
    ]


def _delegate(g: GasLedger, count: int) -> list[Call]:
    args = {"keyMode": int(KeyMode.BROWSER), "verbs": 1 << 34 | 1 << 35, "limit": 10_000}
    return [
        g.call(
            Verb.DELEGATE,
            brand.party,
            {
                "actor": brand.party,
                "key": g.random(20),
                "expiry": g.random.number(32),
                "deviceEra": 0,
                **args,
            },
        )
        for brand in g.brands[:count]
    ]


def _epochs(g: GasLedger, count: int) -> list[Call]:
    g.epoch += 1
    return [g.open_epoch(brand.party, g.epoch) for brand in g.brands[:count]]


def _cancel(g: GasLedger, count: int) -> list[Call]:
    return [g.call(Verb.CANCEL, brand.party, {"actor": brand.party}) for brand in g.brands[:count]]


def _set_admins(g: GasLedger, _count: int) -> list[Call]:
    new = Account(g.random(32))
    args = {"admins": [new.address], "threshold": 1, "eventHash": g.random(32)}
    call = g.hand_over_registry(args, new)
    g.admin, g.registry_era = new, g.registry_era + 1
    return [call]


def _seal(g: GasLedger, _count: int) -> list[Call]:
    args = {"chainId": g.random.number(48), "successor": g.random(20)}
    return [g.call(Verb.SEAL_LEDGER, 0, args)]


# --------------------------------------------------------------------------------- batches, lots


def _range(brand: Brand, first: int, to: int) -> Args:
    return {"actor": brand.party, "from": first, "to": to}


def _activation(g: GasLedger, number: int, brand: Brand) -> Call:
    args = {**_range(brand, 0, CODES), "activeFrom": g.random.number(32)}
    return g.call(Verb.ACTIVATE, number, args)


def _binding(g: GasLedger, number: int, brand: Brand) -> Call:
    args = {"lot": g.random(32), "expiry": g.random.number(32), "bestBefore": g.random.number(32)}
    whole = {**_range(brand, 0, CODES), **args, "market": 0}
    return g.call(Verb.BIND_LOT, number, whole, hint=1)


def _void(g: GasLedger, number: int, brand: Brand) -> Call:
    return g.call(Verb.VOID, number, _range(brand, 7_654_321, 7_654_345), hint=1)


def _active(g: GasLedger, count: int) -> list[tuple[int, Brand]]:
    found = batches(g, count)
    g.batch([_activation(g, number, brand) for number, brand in found])
    return found


def _recall(g: GasLedger, count: int) -> list[Call]:
    found = _active(g, count)
    g.lots.clear()
    g.batch([_binding(g, number, brand) for number, brand in found])
    return [
        g.call(Verb.SET_LOT_STATE, lot, {"actor": brand.party, "state": RECALLED})
        for lot, (_, brand) in zip(g.lots, found, strict=True)
    ]


# ------------------------------------------------------------------------------------------ units


def _unpack(g: GasLedger, count: int) -> list[Call]:
    """One case out of each pallet."""
    cases = [g.random(32) for _ in range(count)]
    pallets = [pallet_with(g, hashed) for hashed in cases]
    g.batch([pack(g, pallet, 2) for pallet in pallets])
    return [
        taken_out(g, pallet, [0], [[hashed]]) for pallet, hashed in zip(pallets, cases, strict=True)
    ]


def _exceptions(g: GasLedger, units: Sequence[bytes]) -> list[Call]:
    told = {"good": CASE - 3, "damaged": 2, "short": 1, "over": 1, "wrong": 1}
    args = {"actor": g.receiver, "from": g.shipper, **told}
    return [g.call(Verb.REPORT_EXCEPTION, unit, args) for unit in units]


def _settle(g: GasLedger, count: int) -> list[Call]:
    units = shipped(g, count)
    g.batch(_exceptions(g, units))
    return [
        g.call(Verb.SETTLE_EXCEPTION, unit, {"actor": g.shipper, "report": g.seq(unit)})
        for unit in units
    ]


def _back(verb: Verb, prepare: Callable[[GasLedger, int], list[bytes]], receiver: bool) -> Row:
    """Return the row of a verb that a side of a handoff signs on its own."""
    other = "from" if verb is Verb.REFUSE else "to"

    def calls(g: GasLedger, count: int) -> list[Call]:
        mine, theirs = (g.receiver, g.shipper) if receiver else (g.shipper, g.receiver)
        args = {"actor": mine, other: theirs}
        return [g.call(verb, unit, args) for unit in prepare(g, count)]

    return calls


def _withdraw(g: GasLedger, count: int) -> list[Call]:
    """From a suspended holder, by who made the units."""
    (holder,) = g.register(1, Role.DISTRIBUTOR)
    units = packed(g, count)
    g.batch(ship(g, [unit.id for unit in units], holder))
    args = {"actor": holder, "from": g.shipper}
    g.batch([g.call(Verb.RECEIVE_FROM, unit.id, args) for unit in units])
    g.send(_suspension(g, holder))
    args = {"actor": g.shipper, "from": holder}
    return [
        g.call(Verb.WITHDRAW, unit.id, args, shown=Shown(origins=[[unit.epc_hash]]))
        for unit in units
    ]


def _group(g: GasLedger, count: int) -> list[Call]:
    """Packed and sent under one signature."""
    calls = []
    for unit in [unit_of(g, 1) for _ in range(count)]:
        sent = {"actor": g.shipper, "to": g.receiver}
        parts = ((Verb.PACK, pack_args(g, unit), (), ()), (Verb.SHIP, sent, (), ()))
        calls.append(g.group_call(unit.id, parts))
    return calls


# ------------------------------------------------------------------------------------- items, log


def _draw(g: GasLedger, count: int) -> list[Call]:
    return [
        g.call(
            Verb.DRAW_ITEM,
            each.leaf,
            {"actor": g.shipper, "batch": each.batch, "lot": 0},
            shown=Shown(proofs=[each.proof], code=each.code.hash),
        )
        for each in coded(g, count)
    ]


def _item_state(verb: Verb, state: int) -> Row:
    def calls(g: GasLedger, count: int) -> list[Call]:
        return [
            g.call(
                verb,
                each.leaf,
                {"actor": g.shipper, "batch": each.batch, "state": state},
                shown=Shown(proofs=[each.proof], code=each.code),
            )
            for each in coded(g, count)
        ]

    return calls


def _claims(g: GasLedger, count: int) -> list[Call]:
    inner = [(index, g.random(32), g.random(32)) for index in range(count)]
    leaves = [
        keccak(keccak(abi.encode(abi.uint(index, 32), code, salt))) for index, code, salt in inner
    ]
    root, proofs = deep(g, leaves)
    ((number, brand),) = batches(g, 1, root)
    return [
        g.call(
            Verb.CLAIM_INNER,
            claim_id(number, index),
            {
                "actor": brand.party,
                "batch": number,
                "index": index,
                "innerCode": code,
                "salt": salt,
            },
            shown=Shown(proofs=[proof]),
        )
        for (index, code, salt), proof in zip(inner, proofs, strict=True)
    ]


def _anchor(g: GasLedger, _count: int) -> list[Call]:
    args = {"size": g.random.number(40), "logRoot": g.random(32), "mapRoot": g.random(32)}
    return [g.call(Verb.ANCHOR_SCAN_LOG, 0, {"actor": g.shipper, **args})]


_OnBatch = Callable[[GasLedger, int, Brand], Call]


def _each(prepare: Callable[[GasLedger, int], list[tuple[int, Brand]]], call: _OnBatch) -> Row:
    return lambda g, count: [call(g, number, brand) for number, brand in prepare(g, count)]


ROWS: Mapping[str, Row] = {
    "registerParty": lambda g, count: g.registrations(count, Role.BRAND, prefixed=True),
    "updateParty": _update,
    "suspendParty": _suspend,
    "rotateAccount": _rotate,
    "delegate": _delegate,
    "openEpoch": _epochs,
    "cancel": _cancel,
    "reserveBatch": reserve,
    "commission": _each(reserved, commission),
    "activate": _each(batches, _activation),
    "voidCodes": _each(_active, _void),
    "bindLot": _each(_active, _binding),
    "setLotState": _recall,
    "pack": lambda g, count: [pack(g, unit_of(g, 1)) for _ in range(count)],
    "unpack": _unpack,
    "drawItem": _draw,
    "ship": lambda g, count: ship(g, [unit.id for unit in packed(g, count)], g.receiver),
    "receiveFrom": lambda g, count: receive(g, shipped(g, count)),
    "reportException": lambda g, count: _exceptions(g, shipped(g, count)),
    "settleException": _settle,
    "returnTo": _back(Verb.RETURN_TO, received, receiver=True),
    "refuse": _back(Verb.REFUSE, shipped, receiver=True),
    "takeBack": _back(Verb.TAKE_BACK, shipped, receiver=False),
    "reportLost": _back(Verb.REPORT_LOST, shipped, receiver=False),
    "withdraw": _withdraw,
    "group": _group,
    "decommission": _item_state(Verb.DECOMMISSION, SUPPLIED),
    "setItemState": _item_state(Verb.SET_ITEM_STATE, STOLEN),
    "claimInner": _claims,
    "anchorScanLog": _anchor,
    "setAdmins": _set_admins,
    "sealLedger": _seal,
}
LISTED: Mapping[str, Row] = {
    "shipList": lambda g, count: [
        g.list_call(
            Verb.SHIP,
            [unit.id for unit in packed(g, count)],
            {"actor": g.shipper, "to": g.receiver},
        )
    ],
    "receiveList": lambda g, count: [
        g.list_call(Verb.RECEIVE_FROM, shipped(g, count), {"actor": g.receiver, "from": g.shipper})
    ],
}
ALONE = frozenset({"anchorScanLog", "setAdmins"})
"""There is one subject of these, so no two of them are ever in one batch."""
LAST = frozenset({"sealLedger"})
"""After these the ledger does nothing any more."""
