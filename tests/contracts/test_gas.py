"""Gas of each verb, single and many at once, and that no verb needs more than a batch's floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.domain import merkle
from ledger.domain.keccak import keccak
from ledger.domain.verbs import DEVICE_ERAS, LISTS, SIGNINGS, Verb
from tests.contracts.ledger_harness import Chain, address, inner_leaf, key
from tests.contracts.world import (
    BRAND,
    CODE_HASHES,
    CODES,
    COUNT,
    DISTRIBUTOR,
    DOCUMENT,
    MARKET,
    NODES,
    OPERATOR,
    STORE,
    Tree,
    activate,
    anchor,
    bind,
    brands,
    call_unpack,
    commission,
    do_pack,
    do_unpack,
    epoch,
    hand_over,
    inner,
    items,
    named,
    opening,
    pack,
    receive,
    register,
    reserve,
    ship,
    suspend,
    undone,
)

FLOOR, FLOOR_PER_BYTE = 300_000, 600  # Ledger.sol: PART_GAS, PART_GAS_PER_BYTE
TRANSACTION = 21_000


def calldata_gas(data: bytes) -> int:
    return sum(16 if byte else 4 for byte in data)


def deep(tree: Tree, depth: int) -> tuple[bytes, list[bytes]]:
    """Hang a tree under `depth` more siblings: its new root, and what proofs go on with."""
    siblings = [keccak(f"sibling {i}".encode()) for i in range(depth)]
    root = tree.root
    for sibling in siblings:
        root = keccak(min(root, sibling) + max(root, sibling))
    return root, siblings


def worst_register(chain: Chain) -> bytes:
    prefix = 987654321012
    args = register(10**13 + 3, 2**16 - 1, prefix=prefix, prefixLength=12, markets=2**256 - 1)
    return chain.call(Verb.REGISTER_PARTY, args)


def worst_pack(chain: Chain, count: int = 100, depth: int = 20) -> bytes:
    cases = [do_pack(chain, BRAND, f"case {i}", items(1)) for i in range(count)]
    tree = Tree(tuple(inner(i, case, items(1)) for i, case in enumerate(cases)))
    root, above = deep(tree, depth)
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    args = pack(BRAND, "pallet", tree, range(count), childrenRoot=root, lot=1)
    return chain.call(Verb.PACK, args, proofs=[p + above for p in tree.proofs(*range(count))])


def worst_unpack(chain: Chain, count: int = 100, depth: int = 20) -> bytes:
    tree = Tree(tuple(inner(i, named(BRAND, f"leaf {i}"), items(2)) for i in range(count)))
    root, above = deep(tree, depth)
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    unit = do_pack(chain, BRAND, "pallet", tree, childrenRoot=root, lot=1, level=3)
    proofs = [p + above for p in tree.proofs(*range(count))]
    return call_unpack(chain, unit, BRAND, tree, *range(count), proofs=proofs)


def worst_unpack_shallow(chain: Chain) -> bytes:
    tree = Tree((inner(0, named(BRAND, "leaf"), items(2)),))
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    unit = do_pack(chain, BRAND, "pallet", tree, lot=1, level=3)
    return call_unpack(chain, unit, BRAND, tree, 0)


def worst_bind(chain: Chain) -> bytes:
    chain.do(Verb.ACTIVATE, activate(0, COUNT), on=1)
    return chain.call(Verb.BIND_LOT, bind(10, 20, market=MARKET), on=1, hint=1)


def worst_activate(chain: Chain) -> bytes:
    chain.do(Verb.ACTIVATE, activate(0, COUNT), on=1)
    return chain.call(Verb.ACTIVATE, activate(10, 20), on=1, hint=1)


def worst_commission(chain: Chain) -> bytes:
    chain.do(Verb.RESERVE_BATCH, reserve())
    return chain.call(Verb.COMMISSION, commission(innerRoot=keccak(b"inner")), on=3)


def cases(chain: Chain, count: int) -> list[bytes]:
    return [do_pack(chain, BRAND, f"unit {i}", items(2)) for i in range(count)]


def worst_ship_list(chain: Chain) -> bytes:
    return chain.list_call(Verb.SHIP, cases(chain, 60), ship(BRAND, DISTRIBUTOR))


def worst_stale_list(chain: Chain) -> bytes:
    units = cases(chain, 30)
    call = chain.list_call(Verb.SHIP, units, ship(BRAND, DISTRIBUTOR), skip_stale=True)
    heads = [chain.heads[chain.subject_of(Verb.SHIP, {}, unit)][1] for unit in units]
    chain.send(chain.list_call(Verb.SHIP, units[1:], ship(BRAND, DISTRIBUTOR)))
    stale = list(enumerate(heads))[1:]
    r_vs = call[4 + 32 * 7 : 4 + 32 * 9]
    deadline = int.from_bytes(call[4 + 32 * 7 - 8 : 4 + 32 * 7])
    return chain.list_call(
        Verb.SHIP,
        units,
        ship(BRAND, DISTRIBUTOR),
        heads=heads,
        skip_stale=True,
        stale=stale,
        deadline=deadline,
        signature=lambda *_: (r_vs[:32], r_vs[32:]),
    )


def worst_receive_list(chain: Chain) -> bytes:
    units = cases(chain, 60)
    chain.send(chain.list_call(Verb.SHIP, units, ship(BRAND, DISTRIBUTOR)))
    return chain.list_call(Verb.RECEIVE_FROM, units, receive(DISTRIBUTOR, BRAND))


def worst_group(chain: Chain) -> bytes:
    tree = items(8)
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    packed = (Verb.PACK, pack(BRAND, "case", tree, lot=1), [])
    opened = [opening(named(BRAND, "case"), BRAND, tree, i) for i in range(6)]
    shipped = (Verb.SHIP, ship(BRAND, DISTRIBUTOR), [])
    return chain.group_call(named(BRAND, "case"), [packed, *opened, shipped])


def worst_ship(chain: Chain) -> bytes:
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    unit = do_pack(chain, BRAND, "case", items(2), lot=1)
    return chain.call(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)


def worst_receive(chain: Chain) -> bytes:
    (unit,) = cases(chain, 1)
    chain.do(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    return chain.call(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=unit)


def party_ruling(verb: Verb, args: dict[str, Any]) -> Callable[[Chain], bytes]:
    whole = {"party": STORE, **args, "eventHash": DOCUMENT}
    return lambda chain: chain.call(verb, whole)


def worst_update(chain: Chain) -> bytes:
    args = {"roles": 2**16 - 1, "markets": 2**256 - 1, "prefix": 987654321012, "prefixLength": 12}
    return party_ruling(Verb.UPDATE_PARTY, args)(chain)


def worst_delegate(chain: Chain) -> bytes:
    args = {"actor": STORE, "key": address(key("device")), "keyMode": 1, "verbs": 2**128 - 2**16}
    limits = {"expiry": 2**40 - 1, "limit": 2**32 - 1, "deviceEra": 0, "eventHash": DOCUMENT}
    return chain.call(Verb.DELEGATE, args | limits)


def worst_set_admins(chain: Chain) -> bytes:
    names = [f"admin {i}" for i in range(32)]
    chosen = sorted(address(key(name)) for name in names)
    args = {"admins": chosen, "threshold": 32, "eventHash": DOCUMENT}
    return chain.call(Verb.SET_ADMINS, args, accepted=names)


def worst_seal(chain: Chain) -> bytes:
    args = {"chainId": 2**256 - 1, "successor": address(key("next")), "eventHash": DOCUMENT}
    return chain.call(Verb.SEAL_LEDGER, args)


def worst_void(chain: Chain) -> bytes:
    chain.do(Verb.ACTIVATE, activate(0, COUNT), on=1)
    args = {"actor": BRAND, "from": 10, "to": 20, "eventHash": DOCUMENT}
    return chain.call(Verb.VOID, args, on=1, hint=1)


def worst_set_lot(chain: Chain) -> bytes:
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    return chain.call(Verb.SET_LOT_STATE, {"actor": BRAND, "state": 2, "eventHash": DOCUMENT}, on=1)


def moving(chain: Chain) -> bytes:
    """A case of a lot on its way from the distributor to the store."""
    chain.do(Verb.BIND_LOT, bind(0, 0), on=1)
    unit = do_pack(chain, BRAND, "case", items(2), lot=1)
    hand_over(chain, unit, BRAND, DISTRIBUTOR)
    chain.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=unit)
    return unit


def worst_report(chain: Chain) -> bytes:
    counts = {"good": 0, "damaged": 1, "short": 1, "over": 2**32 - 1, "wrong": 2**32 - 1}
    args = {"actor": STORE, "from": DISTRIBUTOR, **counts, "eventHash": DOCUMENT}
    return chain.call(Verb.REPORT_EXCEPTION, args, on=moving(chain))


def worst_settle(chain: Chain) -> bytes:
    leaf = lone_item(chain)
    chain.do(Verb.SHIP, ship(DISTRIBUTOR, STORE), on=leaf)
    counts = {"good": 0, "damaged": 1, "short": 0, "over": 0, "wrong": 0}
    args = {"actor": STORE, "from": DISTRIBUTOR, **counts, "eventHash": DOCUMENT}
    chain.do(Verb.REPORT_EXCEPTION, args, on=leaf)
    args = {"actor": BRAND, "report": chain.unit(leaf)["seq"], "eventHash": DOCUMENT}
    return chain.call(Verb.SETTLE_EXCEPTION, args, on=leaf, proof=brands(leaf))


def lone_item(chain: Chain) -> bytes:
    """An item that the distributor took out of the brand's case."""
    unit = do_pack(chain, BRAND, "opened", items(2))
    hand_over(chain, unit, BRAND, DISTRIBUTOR)
    do_unpack(chain, unit, DISTRIBUTOR, items(2), 1)
    return items(2).children[1]["child"]


def worst_return(chain: Chain) -> bytes:
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    unit = do_pack(chain, BRAND, "case", items(2), lot=1)
    hand_over(chain, unit, BRAND, DISTRIBUTOR)
    return chain.call(Verb.RETURN_TO, ship(DISTRIBUTOR, BRAND), on=unit)


def worst_withdraw(chain: Chain) -> bytes:
    leaf = lone_item(chain)
    suspend(chain, DISTRIBUTOR)
    return chain.call(Verb.WITHDRAW, receive(BRAND, DISTRIBUTOR), on=leaf, proof=brands(leaf))


def worst_draw(chain: Chain) -> bytes:
    chain.do(Verb.BIND_LOT, bind(0, 0, market=MARKET), on=1)
    args = {"actor": BRAND, "batch": 1, "lot": 1, "eventHash": DOCUMENT}
    return chain.call(Verb.DRAW_ITEM, args, code=CODE_HASHES[1], proof=merkle.proof(NODES, 1))


def worst_item(verb: Verb, state: int) -> Callable[[Chain], bytes]:
    def worst(chain: Chain) -> bytes:
        lone_item(chain)
        args = {"actor": DISTRIBUTOR, "batch": 1, "state": state, "eventHash": DOCUMENT}
        return chain.call(verb, args, code=CODES[1], proof=merkle.proof(NODES, 1))

    return worst


def worst_claim(chain: Chain) -> bytes:
    code, salt = keccak(b"inner code"), keccak(b"inner salt")
    leaves = [inner_leaf(i, code, salt) for i in range(COUNT)]
    nodes = merkle.tree(leaves)
    chain.do(Verb.RESERVE_BATCH, reserve())
    chain.do(Verb.COMMISSION, commission(innerRoot=nodes[0]), on=3)
    args = {"actor": OPERATOR, "batch": 3, "index": 1, "innerCode": code, "salt": salt}
    proof = merkle.proof(nodes, 1)
    return chain.call(Verb.CLAIM_INNER, args | {"eventHash": DOCUMENT}, proof=proof)


def worst_ship_by_device(chain: Chain) -> bytes:
    device = key("device")
    args = {"actor": BRAND, "key": address(device), "keyMode": 1, "verbs": 2**128 - 2**16}
    limits = {"expiry": 2**40 - 1, "limit": 2**32 - 1, "deviceEra": 0, "eventHash": DOCUMENT}
    chain.do(Verb.DELEGATE, args | limits)
    (unit,) = cases(chain, 1)
    return chain.call(
        Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit, signer=device, era=DEVICE_ERAS + 1
    )


WORST: dict[str, Callable[[Chain], bytes]] = {
    "registerParty": worst_register,
    "updateParty": worst_update,
    "suspendParty": party_ruling(Verb.SUSPEND_PARTY, {"status": 2}),
    "rotateAccount": party_ruling(
        Verb.ROTATE_ACCOUNT, {"account": address(key("new")), "keyMode": 1}
    ),
    "delegate": worst_delegate,
    "setAdmins": worst_set_admins,
    "sealLedger": worst_seal,
    "openEpoch": lambda chain: chain.call(Verb.OPEN_EPOCH, epoch(epoch=1)),
    "cancel": lambda chain: chain.call(Verb.CANCEL, {"actor": BRAND}),
    "reserveBatch": lambda chain: chain.call(Verb.RESERVE_BATCH, reserve()),
    "commission": worst_commission,
    "activate": worst_activate,
    "bindLot": worst_bind,
    "voidCodes": worst_void,
    "setLotState": worst_set_lot,
    "pack": worst_pack,
    "pack of one": lambda chain: worst_pack(chain, 1, 0),
    "unpack": worst_unpack,
    "unpack of one": worst_unpack_shallow,
    "ship": worst_ship,
    "ship by a device": worst_ship_by_device,
    "shipList": worst_ship_list,
    "shipList of stale units": worst_stale_list,
    "receiveFrom": worst_receive,
    "receiveList": worst_receive_list,
    "group": worst_group,
    "reportException": worst_report,
    "settleException": worst_settle,
    "returnTo": worst_return,
    "refuse": lambda c: c.call(Verb.REFUSE, receive(STORE, DISTRIBUTOR), on=moving(c)),
    "takeBack": lambda c: c.call(Verb.TAKE_BACK, ship(DISTRIBUTOR, STORE), on=moving(c)),
    "reportLost": lambda c: c.call(Verb.REPORT_LOST, ship(DISTRIBUTOR, STORE), on=moving(c)),
    "withdraw": worst_withdraw,
    "drawItem": worst_draw,
    "decommission": worst_item(Verb.DECOMMISSION, 5),
    "setItemState": worst_item(Verb.SET_ITEM_STATE, 3),
    "claimInner": worst_claim,
    "anchorScanLog": lambda chain: chain.call(Verb.ANCHOR_SCAN_LOG, anchor(1)),
}


@pytest.mark.parametrize("name", WORST)
def test_no_verb_needs_more_than_the_floor_of_its_part(world, name):
    """Measured at its worst: empty slots, long lists, deep proofs; with a seventh to spare."""
    data = WORST[name](world)
    used = world.send(data).gas - TRANSACTION - calldata_gas(data)
    assert used * 8 // 7 <= FLOOR + FLOOR_PER_BYTE * len(data)


def test_every_verb_of_the_contract_has_its_worst_case_measured():
    """Also those added later."""
    functions = {signing.function for signing in SIGNINGS.values()} | set(LISTS.values())
    assert {name.split(" ")[0] for name in WORST} == functions | {"group"}


def handoffs(chain: Chain, count: int) -> tuple[int, int]:
    """Gas a unit of a handoff batched and listed by `count`, outer transactions included."""
    units = cases(chain, count)
    for unit in units:  # both parties have held units before, and so has each unit's slot
        hand_over(chain, unit, BRAND, DISTRIBUTOR)
        hand_over(chain, unit, DISTRIBUTOR, BRAND)
    with undone(chain):
        out = [chain.call(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit) for unit in units]
        gas = chain.batch(*out).gas
        back = [chain.call(Verb.RECEIVE_FROM, receive(DISTRIBUTOR, BRAND), on=u) for u in units]
        batched = (gas + chain.batch(*back).gas) // count
    gas = chain.send(chain.list_call(Verb.SHIP, units, ship(BRAND, DISTRIBUTOR))).gas
    gas += chain.send(chain.list_call(Verb.RECEIVE_FROM, units, receive(DISTRIBUTOR, BRAND))).gas
    return batched, gas // count


def test_a_handoff_keeps_its_budget(world):
    """45,000 gas with two signatures in batches of 50, 35,000 in despatch lists of 50."""
    batched, listed = handoffs(world, 50)
    assert batched <= 45_000
    assert listed <= 35_000


def test_commissioning_keeps_its_budget(world):
    """At most 120,000 gas for a batch of any size."""
    world.do(Verb.RESERVE_BATCH, reserve())
    assert world.do(Verb.COMMISSION, commission(count=10**7), on=3).gas <= 120_000


def test_materialising_a_case_keeps_its_budget(world):
    """At most 150,000 gas for one case of a pallet of twenty."""
    tree = Tree(tuple(inner(i, named(BRAND, f"leaf {i}"), items(24)) for i in range(20)))
    unit = do_pack(world, BRAND, "pallet", tree, level=2)
    assert do_unpack(world, unit, BRAND, tree, 3).gas <= 150_000
