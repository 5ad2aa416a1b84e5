"""One item in two places at once on a real ledger, told apart from every honest repack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pytest

from ledger.chain.bundle import check as check_bundle
from ledger.chain.bundle_format import write_step
from ledger.chain.fraud import MembershipConflict, check
from ledger.chain.storage import Layout
from ledger.chain.trust import sign
from ledger.db.engine import reading
from ledger.domain.contents import Codes
from ledger.errors import Rejected
from ledger.services import custody
from ledger.services.goods.ways import find_ways
from ledger.services.proving import prove_fraud
from tests.services.fraud_world import (
    Path,
    box,
    codes,
    item_of,
    pack,
    pack_again,
    pack_falsely,
    unpack,
    way,
)
from tests.services.proof_world import BRAND, DISTRIBUTOR, GTIN, STORE, World, open_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The small ledger of the proof tests; each test packs items of its own."""
    with open_world(tmp_path_factory.mktemp("ledger")) as opened:
        yield opened


@pytest.fixture(scope="module")
def trust(world: World) -> bytes:
    """The ledger's trust file."""
    key = bytes.fromhex((world.clock_file.parent / "node" / "validator.key").read_text())
    return json.dumps(sign(world.trust(), key)).encode()


def told_by(world: World, index: int, path: Path) -> bytes:
    """Return a bundle of the code from another installation, which knows of this way."""
    bundle = world.prove(1, index)
    return json.dumps({**bundle, "units": [write_step(step) for step in path]}).encode()


def build(world: World, index: int, *bundles: bytes) -> Any:
    """Return the fraud file of a code."""
    with reading(world.site.engine) as session:
        serial = world.serial(1, index)
        return prove_fraud.build(world.site, session, GTIN, serial, bundles)


def refusal(world: World, index: int, *bundles: bytes) -> str:
    """Return the code by which no fraud file is made."""
    with pytest.raises(Rejected) as refused:
        build(world, index, *bundles)
    return refused.value.code


@pytest.mark.parametrize(("index", "mine", "theirs"), [(18, 1, 1), (23, 3, 1), (38, 2, 3)])
def test_two_memberships_of_one_item_are_a_fraud(
    world: World, trust: bytes, index: int, mine: int, theirs: int
) -> None:
    """At any depth on either side; the file names both packers and what they signed."""
    inside: Any = codes(index, index + 2)
    for _ in range(mine - 1):
        inside = box(inside)
    unit = pack(world, inside)
    assert refusal(world, index) == "NO_CONFLICT"
    path = pack_falsely(world, item_of(world, index), theirs)
    document = build(world, index, told_by(world, index, path))
    found = check(json.dumps(document).encode(), trust, world.now)
    assert isinstance(found, MembershipConflict)
    assert found.item == item_of(world, index)
    assert [(p.unit, p.packed.actor, p.packed.key_mode) for p in found.places] == [
        (unit, BRAND, 3),
        (path[-1].unit, DISTRIBUTOR, 1),
    ]
    assert [len(steps) for steps in document["paths"]] == [mine, theirs]


def test_a_packer_is_named_also_when_the_unit_has_left_another(world: World, trust: bytes) -> None:
    """A case out of a pallet holds what the pallet's packer signed: the way back leads to him."""
    pallet = pack(world, box(codes(25, 26)), codes(27, 28))
    path = pack_falsely(world, item_of(world, 25), 1)
    case = unpack(world, pallet, 0)
    document = build(world, 25, told_by(world, 25, path))
    found = check(json.dumps(document).encode(), trust, world.now)
    assert isinstance(found, MembershipConflict)
    assert found.places[0].unit == case
    assert (found.places[0].packed.identity, found.places[0].packed.actor) == (pallet, BRAND)
    assert (found.places[1].unit, found.places[1].packed.actor) == (path[-1].unit, DISTRIBUTOR)


def test_one_packer_who_names_an_item_twice_is_caught(world: World, trust: bytes) -> None:
    """Two ways to one item may end at one unit."""
    item = item_of(world, 28)
    paths = [pack_falsely(world, item, 1) for _ in range(2)]
    document = build(world, 28, *(told_by(world, 28, path) for path in paths))
    found = check(json.dumps(document).encode(), trust, world.now)
    assert isinstance(found, MembershipConflict)
    assert {place.packed.actor for place in found.places} == {DISTRIBUTOR}


def accuse(
    world: World, monkeypatch: pytest.MonkeyPatch, trust: bytes, index: int, paths: Sequence[Path]
) -> set[str]:
    """Return the codes by which each two of the ways that an item was ever on prove no fraud."""
    codes_found = set()
    for pair in combinations(paths, 2):
        with monkeypatch.context() as patch, reading(world.site.engine) as session:
            patch.setattr(prove_fraud, "judged", lambda judge, document: None)
            item = item_of(world, index)
            document = prove_fraud.membership(world.site, session, item, pair)
        with pytest.raises(Rejected) as refused:
            check(json.dumps(document).encode(), trust, world.now)
        codes_found.add(refused.value.code)
    return codes_found


def test_a_case_put_into_another_pallet_is_no_fraud(
    world: World, trust: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaves a unit has a slot, so its old tree says nothing any more, nor its new one."""
    case, old, new = (world.units[name] for name in ("case 4", "pallet 2", "pallet 3"))
    paths = [
        way(world, (case, 1)),
        way(world, (case, 1), (old, 1)),
        way(world, (case, 1), (new, 0)),
    ]
    assert accuse(world, monkeypatch, trust, 13, paths) == {"MOVED_ALONE"}
    assert refusal(world, 13) == "NO_CONFLICT"
    assert refusal(world, 13, told_by(world, 13, paths[1])) == "NO_CONFLICT"


def test_an_item_put_into_another_case_is_no_fraud(
    world: World, trust: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken out of its case and packed again, it has a slot of its own."""
    case = pack(world, codes(29, 31))
    paths = [way(world, (case, 0)), pack_again(world, unpack(world, case, 0))]
    assert accuse(world, monkeypatch, trust, 29, paths) == {"MOVED_ALONE"}
    assert refusal(world, 29, *(told_by(world, 29, path) for path in paths)) == "NO_CONFLICT"


def test_a_box_put_from_case_to_case_is_no_fraud(
    world: World, trust: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three levels down: out of the pallet, out of the case, into another case on a new pallet."""
    pallet = pack(world, box(box(codes(32, 34)), codes(34, 35)), codes(35, 36))
    case = unpack(world, pallet, 0)
    inner = unpack(world, case, 0)
    again = pack(world, pack(world, inner, codes(36, 37)), codes(37, 38))
    with reading(world.site.engine) as session:
        (above,) = find_ways(world.site, session, item_of(world, 32), 1, 32)
    new_case = above.stored[1].id
    paths = [
        way(world, (inner, 0)),
        way(world, (inner, 0), (case, 0)),
        way(world, (inner, 0), (case, 0), (pallet, 0)),
        way(world, (inner, 0), (new_case, 0)),
        way(world, (inner, 0), (new_case, 0), (again, 0)),
    ]
    assert accuse(world, monkeypatch, trust, 32, paths) == {"MOVED_ALONE"}
    assert refusal(world, 32, *(told_by(world, 32, path) for path in paths)) == "NO_CONFLICT"


def test_the_holder_of_what_lies_in_units_within_units_is_proved_by_walking_up(
    world: World, trust: bytes
) -> None:
    """Box in case in pallet, each with a slot: parent by parent from storage, so that only the item
    in the box is its packer's word; a step without its proof is refused."""
    inner = pack(world, Codes(3, 0, 2))
    case = pack(world, inner, Codes(3, 2, 3))
    pallet = pack(world, case, Codes(3, 3, 4))
    world.settle(custody.ship(world.site, BRAND, STORE, [pallet], "walk"))
    document = world.prove(3, 0)
    found = check_bundle(json.dumps(document).encode(), trust, world.now).conclusion
    assert (found.custody.unit, found.custody.holder, found.custody.addressee) == (
        pallet,
        BRAND,
        STORE,
    )
    assert "IN_TRANSIT" in found.proved
    assert [step["unit"] for step in document["units"]] == ["0x" + inner.hex()]
    assert "ITEM_IN_UNIT" in found.stated
    assert {event.identity for event in found.events if event.kind == "unit"} == {
        inner,
        case,
        pallet,
    }
    layout = Layout(document["layout"])
    for unit, member in ((inner, "parent"), (case, "parent"), (pallet, "state"), (case, "head")):
        slot = f"0x{layout.place('units', unit).slot_of(member):064x}"
        proofs = {key: proof for key, proof in document["storage"].items() if key != slot}
        with pytest.raises(Rejected) as refused:
            check_bundle(json.dumps({**document, "storage": proofs}).encode(), trust, world.now)
        assert refused.value.code == "SLOT_NOT_PROVEN"


def test_what_makes_no_fraud_file(world: World) -> None:
    """A code of nobody, a bundle of another code, and trees that do not hold the item."""
    path = pack_falsely(world, item_of(world, 39), 1)
    assert refusal(world, 39, told_by(world, 38, path)) == "OTHER_CODE"
    assert refusal(world, 38, told_by(world, 38, path)) == "NOT_IN_UNIT"
    with pytest.raises(Rejected) as refused, reading(world.site.engine) as session:
        prove_fraud.build(world.site, session, GTIN, "0" * 20)
    assert refused.value.code == "UNKNOWN_ITEM"
