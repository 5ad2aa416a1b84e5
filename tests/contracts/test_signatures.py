"""What no signature may do: see contracts/test/signatures.tree."""

from __future__ import annotations

from typing import Any

import pytest
from coincurve import PrivateKey

from ledger.chain.artifact import call_data
from ledger.domain import ids, merkle, typed_data
from ledger.domain.keccak import keccak
from ledger.domain.verbs import BY_QUORUM, SIGNINGS, Verb
from tests.contracts.ledger_harness import ZERO, Chain, Refused, address, key, sign, word
from tests.contracts.world import (
    BRAND,
    CODE_HASHES,
    CODES,
    DISTRIBUTOR,
    DOCUMENT,
    NODES,
    RIVAL,
    STORE,
    STRANGER,
    activate,
    anchor,
    bind,
    commission,
    do_pack,
    epoch,
    items,
    origins,
    receive,
    refused,
    register,
    reserve,
    ship,
    start,
    undone,
    unpack,
)

DEADLINE = 2**40
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def unit(world: Chain) -> bytes:
    """A case that the brand holds."""
    return do_pack(world, BRAND, "case", items(24))


def high_s(signer: PrivateKey, digest: bytes) -> tuple[bytes, bytes]:
    """The other signature over the same digest, as far as EIP-2098 can say it: s mirrored."""
    r, vs = sign(signer, digest)
    s = ORDER - (int.from_bytes(vs) & (1 << 255) - 1)
    parity = 1 - (vs[0] >> 7)
    return r, word((s & (1 << 255) - 1) | parity << 255)


def forged(chain: Chain, data: bytes) -> str:
    """Send and return by which error it is refused."""
    with pytest.raises(Refused) as caught:
        chain.send(data)
    return caught.value.name


def test_a_signature_of_another_key_is_refused(world, unit):
    """A stranger's, and another party's."""
    for signer in (key("stranger"), world.keys[RIVAL]):
        with refused("WrongSigner", BRAND, address(signer)):
            world.do(Verb.SHIP, ship(BRAND, STORE), on=unit, signer=signer)
    with refused("UnknownParty", STRANGER):
        world.do(Verb.SHIP, ship(STRANGER, STORE), on=unit, signer=key("stranger"))


def test_a_message_past_its_deadline_is_refused(world, unit):
    """It lands in the very second of its deadline, and not one later."""
    deadline = world.now + 5
    late = world.call(Verb.SHIP, ship(BRAND, STORE), on=unit, deadline=deadline)
    with undone(world):
        world.now = deadline
        world.send(late)
    world.now = deadline + 1
    with refused("DeadlinePassed", deadline, deadline + 1):
        world.send(late)


def test_a_message_lands_once(world, unit):
    """Replayed at once, or after the unit came back to where it was signed."""
    subject = ids.subject("unit", unit)
    sent = world.call(Verb.SHIP, ship(BRAND, STORE), on=unit)
    world.send(sent)
    with refused("StaleHead", subject):
        world.send(sent)
    world.do(Verb.RECEIVE_FROM, receive(STORE, BRAND), on=unit)
    world.do(Verb.SHIP, ship(STORE, BRAND), on=unit)
    world.do(Verb.RECEIVE_FROM, receive(BRAND, STORE), on=unit)
    with refused("StaleHead", subject):
        world.send(sent)
    # A relayer may claim the newest seq: the signed head is still the old one.
    newest = world.head(subject)[0].to_bytes(8, "big")
    at = 4 + 32 + 96 + 8
    assert forged(world, sent[:at] + newest + sent[at + 8 :]) == "WrongSigner"


def test_a_mirrored_signature_is_refused(world, unit):
    """A high s does not fit beside the parity bit: what is left of it is somebody else's."""
    data = world.call(Verb.SHIP, ship(BRAND, STORE), on=unit, signature=high_s)
    assert forged(world, data) == "WrongSigner"


@pytest.mark.parametrize("signature", [(ZERO, ZERO), (b"\xff" * 32, word(1)), (word(1), word(0))])
def test_a_signature_that_recovers_nobody_is_refused(world, unit, signature):
    """Zeros, an r over the order, an s of zero."""
    with refused("BadSignature"):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit, signature=lambda *_: signature)


def test_a_high_s_is_refused(world, unit):
    """Over half the order; half itself is only another signature."""
    half = ORDER // 2
    r = sign(key("any"), ZERO)[0]
    with refused("BadSignature"):
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit, signature=lambda *_: (r, word(half + 1)))
    data = world.call(Verb.SHIP, ship(BRAND, STORE), on=unit, signature=lambda *_: (r, word(half)))
    assert forged(world, data) == "WrongSigner"


@pytest.mark.parametrize("which", ["chain", "contract", "name"])
def test_a_signature_for_another_ledger_is_refused(world, unit, which):
    """Another chain id, another contract."""
    separator = {
        "chain": typed_data.domain_separator(world.chain_id + 1, world.contract),
        "contract": typed_data.domain_separator(world.chain_id, b"\1" * 20),
        "name": ZERO,
    }[which]
    data = world.call(Verb.SHIP, ship(BRAND, STORE), on=unit, separator=separator)
    assert forged(world, data) == "WrongSigner"


def test_a_fork_with_another_chain_id_takes_no_old_signature():
    """The domain follows the chain id, so a fork that renames itself replays nothing."""
    chain = start()
    unit = do_pack(chain, BRAND, "case", items(2))
    old = chain.call(Verb.SHIP, ship(BRAND, STORE), on=unit)
    chain.chain_id += 1
    chain.chain.chain_id = chain.chain_id
    assert forged(chain, old) == "WrongSigner"
    chain.separator = typed_data.domain_separator(chain.chain_id, chain.contract)
    chain.do(Verb.SHIP, ship(BRAND, STORE), on=unit)


def test_a_message_of_one_kind_is_none_of_another(world, unit):
    """A signed ship is no group, no list, no receipt; a group of one ship is no ship."""
    args = ship(BRAND, STORE)
    subject = ids.subject("unit", unit)
    seq, head = world.head(subject)
    deadline = world.now + 100
    hashed = typed_data.message_hash(Verb.SHIP, subject, head, 0, deadline, args)
    r, vs = sign(world.keys[BRAND], typed_data.digest(world.separator, hashed))
    auth = (seq << 128 | deadline, r, vs)
    encoded = b"".join(word(value) for value in args.values())
    as_group = call_data("group", unit, [34], [encoded], [[]], [[]], auth)
    as_list = call_data("shipList", [unit], False, args, [], auth)
    as_receipt = call_data("receiveFrom", unit, receive(BRAND, STORE), auth)
    assert {forged(world, data) for data in (as_group, as_list, as_receipt)} == {"WrongSigner"}
    group = typed_data.group_hash(
        subject, head, 0, deadline, [typed_data.args_hash(Verb.SHIP, args)]
    )
    r, vs = sign(world.keys[BRAND], typed_data.digest(world.separator, group))
    as_ship = call_data("ship", unit, args, (seq << 128 | deadline, r, vs))
    assert forged(world, as_ship) == "WrongSigner"


COUNTS = {"good": 23, "damaged": 1, "short": 0, "over": 0, "wrong": 0}
ITEM = {"actor": BRAND, "batch": 1, "state": 4, "eventHash": DOCUMENT}
CLAIM = {"actor": BRAND, "batch": 1, "index": 1, "innerCode": DOCUMENT, "salt": DOCUMENT}
DEVICE = {"actor": BRAND, "key": address(key("device")), "keyMode": 1, "verbs": 1 << 34}
SENT = ("sent", (0, 1))
NARROW = {  # verb: arguments, what it is on, and which of its words are narrower than a word
    Verb.REGISTER_PARTY: (register(10**13 + 3, 1), 0, (0, 1, 2, 3, 5, 6)),
    Verb.DELEGATE: (
        DEVICE | {"expiry": 2**39, "limit": 1, "deviceEra": 0, "eventHash": DOCUMENT},
        0,
        (0, 1, 2, 3, 4, 5, 6),
    ),
    Verb.OPEN_EPOCH: (epoch(epoch=1), 0, (0, 1)),
    Verb.CANCEL: ({"actor": BRAND}, 0, (0,)),
    Verb.RESERVE_BATCH: (reserve(), 0, (0, 1, 2)),
    Verb.COMMISSION: (commission(), 3, (0, 3)),
    Verb.ACTIVATE: (activate(0, 1), 1, (0, 1, 2, 3)),
    Verb.VOID: ({"actor": BRAND, "from": 0, "to": 1, "eventHash": DOCUMENT}, 1, (0, 1, 2)),
    Verb.BIND_LOT: (bind(0, 1), 1, (0, 1, 2, 4, 5, 6)),
    Verb.SET_LOT_STATE: ({"actor": BRAND, "state": 2, "eventHash": DOCUMENT}, 1, (0, 1)),
    Verb.SHIP: (ship(BRAND, STORE), "unit", (0, 1)),
    Verb.RETURN_TO: (ship(BRAND, STORE), "unit", (0, 1)),
    Verb.RECEIVE_FROM: (receive(STORE, BRAND), *SENT),
    Verb.REFUSE: (receive(STORE, BRAND), *SENT),
    Verb.TAKE_BACK: (ship(BRAND, STORE), *SENT),
    Verb.REPORT_LOST: (ship(BRAND, STORE), *SENT),
    Verb.WITHDRAW: (receive(BRAND, STORE), *SENT),
    Verb.REPORT_EXCEPTION: (
        {"actor": STORE, "from": BRAND, **COUNTS, "eventHash": DOCUMENT},
        "sent",
        (0, 1, 2, 3, 4, 5, 6),
    ),
    Verb.SETTLE_EXCEPTION: (
        {"actor": BRAND, "report": 1, "eventHash": DOCUMENT},
        "unit",
        (0, 1),
    ),
    Verb.DRAW_ITEM: (
        {"actor": BRAND, "batch": 1, "lot": 0, "eventHash": DOCUMENT},
        CODE_HASHES[1],
        (0, 1, 2),
    ),
    Verb.DECOMMISSION: (ITEM, CODES[1], (0, 1, 2)),
    Verb.SET_ITEM_STATE: (ITEM | {"state": 2}, CODES[1], (0, 1, 2)),
    Verb.CLAIM_INNER: (CLAIM | {"eventHash": DOCUMENT}, 0, (0, 1, 2)),
    Verb.ANCHOR_SCAN_LOG: (anchor(1), 0, (0, 1)),
}


def test_every_verb_of_static_arguments_is_among_the_narrow_ones():
    """But for those of the quorum, whose arguments the compiler encodes into their events."""
    dynamic = {Verb.PACK, Verb.UNPACK} | BY_QUORUM - {Verb.REGISTER_PARTY}
    assert set(NARROW) == set(SIGNINGS) - dynamic


@pytest.mark.parametrize("verb", NARROW, ids=lambda verb: verb.name)
def test_dirty_high_bits_are_refused_even_when_signed(world, unit, verb):
    """A word with bits over its type reverts without a word, though signed."""
    world.do(Verb.RESERVE_BATCH, reserve())
    world.do(Verb.BIND_LOT, bind(0, 0, "narrow"), on=1)
    args, on, narrow = NARROW[verb]
    if on == "sent":
        world.do(Verb.SHIP, ship(BRAND, STORE), on=unit)
    shown = verb in (Verb.DRAW_ITEM, Verb.DECOMMISSION, Verb.SET_ITEM_STATE)
    options = {"code": on} if shown else {"on": unit if on in ("unit", "sent") else on}
    subject = world.subject_of(verb, args, **options)
    options["proof"] = merkle.proof(NODES, 1)
    raw = [word(v) if isinstance(v, int) else v.rjust(32, b"\0") for v in args.values()]
    name = f"{SIGNINGS[verb].name}Args"
    for field in narrow:
        dirty = list(raw)
        dirty[field] = b"\1" + dirty[field][1:]
        args_hash = keccak(typed_data.type_hash(name) + b"".join(dirty))

        def over_dirty(signer: PrivateKey, _: bytes, args_hash: bytes = args_hash) -> Any:
            header = [subject, world.signed_head(verb, args, subject), word(0), word(DEADLINE)]
            message = keccak(
                b"".join([typed_data.type_hash(SIGNINGS[verb].name), *header, args_hash])
            )
            return sign(signer, typed_data.digest(world.separator, message))

        if verb == Verb.REGISTER_PARTY:
            r_vs = over_dirty(key("admin"), ZERO)
            data = call_data("registerParty", args, (0, 0, DEADLINE, [r_vs]))
        else:
            data = world.call(verb, args, signature=over_dirty, deadline=DEADLINE, **options)
        at = data.index(b"".join(raw))
        with refused(""):
            world.send(data[:at] + b"".join(dirty) + data[at + 32 * len(raw) :])


def test_dirty_high_bits_in_a_child_are_refused_even_when_signed(world):
    """The same for children of a pack and an unpack, whose words are hashed as they stand."""
    case = do_pack(world, BRAND, "case", items(1))
    tree = items(2)
    child = b"".join(word(value) for value in tree.children[0].values())
    args = unpack(BRAND, tree, 0)
    for field in (0, 1, 4):
        dirty = bytearray(child)
        dirty[32 * field] = 1
        hashed = keccak(keccak(typed_data.type_hash("Child") + dirty))
        words = [typed_data.type_hash("UnpackArgs"), word(BRAND), hashed, args["eventHash"]]
        subject = ids.subject("unit", case)
        header = [subject, world.head(subject)[1], word(0), word(DEADLINE)]
        struct = [typed_data.type_hash("Unpack"), *header, keccak(b"".join(words))]
        signature = sign(
            world.keys[BRAND], typed_data.digest(world.separator, keccak(b"".join(struct)))
        )
        data = world.call(
            Verb.UNPACK,
            args,
            on=case,
            proofs=tree.proofs(0),
            origins=origins(case, args["children"]),
            deadline=DEADLINE,
            signature=lambda *_, signature=signature: signature,
        )
        with refused(""):
            world.send(data.replace(child, bytes(dirty)))


def test_every_word_of_a_call_is_signed(world, unit):
    """Whatever word a relayer changes, the call is refused."""
    data = world.call(Verb.SHIP, ship(BRAND, DISTRIBUTOR), on=unit)
    for at in range(4 + 31, len(data), 32):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(Refused):
            world.send(bytes(changed))
    world.send(data)
