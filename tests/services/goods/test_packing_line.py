"""Packing from a stream, and rework: what is acknowledged is kept, and what left may be packed
again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from ledger.db.engine import reading, transaction
from ledger.db.models import ChainUnit, Document, Submission
from ledger.db.packing import LineBox, LineRun, PackingRule
from ledger.domain.contents import as_parts
from ledger.errors import Rejected
from ledger.services import capture, custody
from ledger.services.goods import levels, line, packing, packing_checks, rework
from ledger.services.goods.packing import Box
from ledger.services.goods.units import find_unit
from ledger.services.lookup import find_item
from ledger.services.proving import prove_fraud
from tests.services.packing_world import BRAND, DISTRIBUTOR, GTIN, OWN, World, open_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("line")) as made:
        yield made


def states(acks: list[line.Ack]) -> list[str]:
    return [ack.error.code if ack.error else ack.state for ack in acks]


def closed(sscc: str, *inside: str, **more: Any) -> dict[str, Any]:
    return {"sscc": sscc, "inside": list(inside), **more}


def kept(world: World) -> tuple[int, int]:
    """Count the boxes that wait, and their runs of codes."""
    with reading(world.site.engine) as session:
        boxes = session.query(LineBox).count()
        return boxes, session.query(LineRun).count()


def test_boxes_wait_for_the_unit_around_them(world: World) -> None:
    """Closed and kept, box in box, until a pallet is closed; then nothing of them waits."""
    cases, outer, pallet = [world.sscc() for _ in range(2)], world.sscc(), world.sscc()
    links = [[world.link(index) for index in world.fresh(2)] for _ in cases]
    for case, own in zip(cases, links, strict=True):
        assert states(world.stream(closed(case, *own))) == ["closed"]
    assert kept(world) == (2, 4)
    assert states(world.stream(closed(outer, *cases))) == ["closed"]
    assert kept(world) == (1, 4)
    assert [sscc for sscc, _, _ in _waiting(world)] == [outer]
    (ack,) = world.stream(closed(pallet, outer, alone=True))
    assert (ack.state, kept(world)) == ("packed", (0, 0))
    with reading(world.site.engine) as session:
        found = levels.scan(world.site, session, links[1][1])
    assert [one.sscc for one in found.up] == [cases[1], outer, pallet]


def test_a_whole_stream_may_come_again(world: World) -> None:
    """Acknowledged once more, with the same submissions, whatever part was kept before."""
    events = []
    for _ in range(2):
        case, pallet = world.sscc(), world.sscc()
        events.append(closed(case, *map(world.link, world.fresh(2))))
        events.append(closed(pallet, case, alone=True))
    events.append(closed(world.sscc(), world.link(world.fresh(1)[0])))
    first = world.stream(*events[:3])
    again = world.stream(*events)
    assert states(again) == ["packed", "packed", "packed", "packed", "closed"]
    assert again[1].submission == first[1].submission
    assert states(world.stream(*events)) == states(again)
    line.reopen(world.site, BRAND, events[-1]["sscc"])


def test_what_is_no_event_is_named_and_the_rest_goes_on(world: World) -> None:
    """A line that was cut, another shape, a bad code: each refused by its row."""
    a, b = world.sscc(), world.sscc()
    link = world.link(world.fresh(1)[0])
    acks = world.stream(
        closed(a, link),
        b'{"sscc": "0950',
        {"sscc": b},
        {**closed(b, link), "colour": "red"},
        closed(b, world.link(0)[:-20] + "0" * 20),
        closed(b[:-1] + "x", world.link(world.fresh(1)[0])),
        closed(b, world.sscc()),
    )
    assert states(acks) == [
        "closed", "BAD_ROW", "BAD_ROW", "BAD_ROW", "UNKNOWN_CODE", "MALFORMED", "UNKNOWN_UNIT",
    ]  # fmt: skip
    assert [ack.row for ack in acks] == [1, 2, 3, 4, 5, 6, 7]
    line.reopen(world.site, BRAND, a)


def test_a_code_in_two_closed_boxes_is_refused(world: World) -> None:
    """Across calls, and against a file, until the box is opened again."""
    a, b, link = world.sscc(), world.sscc(), world.link(world.fresh(1)[0])
    assert states(world.stream(closed(a, link))) == ["closed"]
    assert states(world.stream(closed(b, link))) == ["TWICE_PACKED"]
    report = world.pack([b, link])
    assert [fault.error.code for fault in report.refused] == ["TWICE_PACKED"]
    line.reopen(world.site, BRAND, a)
    assert states(world.stream(closed(b, link))) == ["closed"]
    line.reopen(world.site, BRAND, b)


def test_of_two_lines_that_close_at_once_one_is_told_that_it_was_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have judged before either writes: of one code in two boxes, one box with two contents,
    and a box that is opened meanwhile, the second is refused by name; nothing kept is lost."""
    a, b, c, d, e = (world.sscc() for _ in range(5))
    first, second, third = (world.link(index) for index in world.fresh(3))
    check, others = packing_checks.check, list[Callable[[], object]]()

    def judged(*asked: Any) -> packing_checks.Checked:
        found = check(*asked)
        if others:
            others.pop()()
        return found

    monkeypatch.setattr(packing_checks, "check", judged)
    others.append(lambda: world.stream(closed(a, first)))
    assert states(world.stream(closed(b, first), closed(c, second))) == ["TWICE_PACKED", "closed"]
    others.append(lambda: world.stream(closed(d, third)))
    assert states(world.stream(closed(d, third))) == ["closed"]
    line.reopen(world.site, BRAND, d)
    others.append(lambda: world.stream(closed(d, third)))
    assert states(world.stream(closed(d, world.link(world.fresh(1)[0])))) == ["BOX_DIFFERS"]
    others.append(lambda: line.reopen(world.site, BRAND, d))
    assert states(world.stream(closed(e, d))) == ["UNKNOWN_UNIT"]
    others.append(lambda: world.stream(closed(e, third, alone=True)))
    assert states(world.stream(closed(d, third))) == ["TWICE_PACKED"]
    assert {sscc for sscc, _, _ in _waiting(world)} == {a, c}
    for box in (a, c):
        line.reopen(world.site, BRAND, box)


def test_a_closed_box_changes_only_when_it_was_opened(world: World) -> None:
    """Another content is refused, unless the event says so; then the old one is free."""
    box = world.sscc()
    first, second = (world.link(index) for index in world.fresh(2))
    assert states(world.stream(closed(box, first))) == ["closed"]
    assert states(world.stream(closed(box, second))) == ["BOX_DIFFERS"]
    assert states(world.stream(closed(box, second, again=True))) == ["closed"]
    other = world.sscc()
    assert states(world.stream(closed(other, first))) == ["closed"]
    for sscc in (box, other):
        line.reopen(world.site, BRAND, sscc)
    with pytest.raises(Rejected) as refused:
        line.reopen(world.site, BRAND, box)
    assert refused.value.code == "UNKNOWN_UNIT"


def test_a_refused_pallet_leaves_its_cases_closed(world: World) -> None:
    """What was acknowledged stays: the pallet is sent again without what was wrong."""
    case, pallet = world.sscc(), world.sscc()
    _, (packed, *_) = world.case()
    bad = closed(pallet, case, world.link(packed), alone=True)
    acks = world.stream(closed(case, world.link(world.fresh(1)[0])), bad)
    assert states(acks) == ["closed", "TWICE_PACKED"]
    assert states(world.stream(closed(pallet, case, alone=True))) == ["packed"]


def test_a_rejected_bottle_is_destroyed_with_its_reason(world: World) -> None:
    """Out of its case, out of its pallet, decommissioned; the reason is in the hashed document."""
    case, pallet = world.sscc(), world.sscc()
    codes = world.fresh(3)
    world.pack([pallet, case], [case, *map(world.link, codes)])
    link = world.link(codes[1])
    done = rework.reject(world.site, BRAND, link, "cap is cracked", "r1")
    assert (len(done.left), done.code) == (2, "destroyed")
    again = rework.reject(world.site, BRAND, link, "cap is cracked", "r1")
    assert again.submissions[-1] == done.submissions[-1]
    with reading(world.site.engine) as session:
        item = find_item(world.site, session, GTIN, link[-20:])
        assert item is not None
        assert item.state == 7
        bodies = session.scalars(select(Document.body)).all()
        assert sum('"touchstone:reason": "cap is cracked"' in body for body in bodies) == 2
        assert levels.scan(world.site, session, link).up == ()
        rest = levels.scan(world.site, session, world.link(codes[2])).up
        inside = list(levels.children(world.site, session, find_unit(world.site, session, case)))
    assert [one.sscc for one in rest] == [case]
    assert [one["gone"] for one in inside] == [False, True, False]
    assert states(world.stream(closed(world.sscc(), link, alone=True))) == ["ItemNotActive"]


def test_a_freed_bottle_is_packed_again_and_is_no_conflict(world: World) -> None:
    """It has a slot of its own: named by its link it goes in as a unit, and is in no two places."""
    _, codes = world.case()
    link = world.link(codes[0])
    rework.reject(world.site, BRAND, link, "label askew", "r2", "free")
    box = world.sscc()
    (ack,) = world.stream(closed(box, link, world.link(world.fresh(1)[0]), alone=True))
    assert ack.state == "packed"
    with reading(world.site.engine) as session:
        assert [one.sscc for one in levels.scan(world.site, session, link).up] == [box]
        with pytest.raises(Rejected) as refused:
            prove_fraud.build(world.site, session, GTIN, link[-20:])
    assert refused.value.code == "NO_CONFLICT"
    again = world.pack([world.sscc(), link])
    assert [fault.error.code for fault in again.refused] == ["UnitInside"]


def test_a_bottle_that_travelled_alone_goes_into_no_inner_box(world: World) -> None:
    """The ledger freezes only what is directly in the unit that it sees."""
    _, codes = world.case()
    link = world.link(codes[0])
    rework.reject(world.site, BRAND, link, "label askew", "r3", "free")
    assert states(world.stream(closed(world.sscc(), link))) == ["NESTED_UNIT"]


def test_a_brands_rule_says_what_a_rejected_code_becomes(world: World) -> None:
    """Void, where that is the rule: its code is good for nothing from then on."""
    _, codes = world.case()
    with transaction(world.site.engine) as session:
        session.merge(PackingRule(brand=BRAND, most=100, active=False, rejects="void"))
    done = rework.reject(world.site, BRAND, world.link(codes[0]), "spilled", "r4")
    assert done.code == "void"
    with reading(world.site.engine) as session:
        item = find_item(world.site, session, GTIN, world.link(codes[0])[-20:])
    assert item is not None
    assert item.run is not None
    assert item.run.voided == 1
    for becomes, reason, code in (("gone", "x", "BAD_REJECT"), ("free", " ", "BAD_REASON")):
        with pytest.raises(Rejected) as refused:
            rework.reject(world.site, BRAND, world.link(codes[1]), reason, "r5", becomes)
        assert refused.value.code == code


def test_another_bottle_takes_the_place_of_a_rejected_one(world: World) -> None:
    """The case as it is and the other one are one unit, under a new SSCC."""
    case, codes = world.case()
    other, sscc = world.link(world.fresh(1)[0]), world.sscc()
    link = world.link(codes[0])
    done = rework.replace(world.site, BRAND, link, other, sscc, "underfilled", "r6", "free")
    same = rework.replace(world.site, BRAND, link, other, sscc, "underfilled", "r6", "free")
    assert same.unit == done.unit
    with reading(world.site.engine) as session:
        for text, around in ((world.link(codes[1]), [case, sscc]), (other, [sscc]), (link, [])):
            assert [one.sscc for one in levels.scan(world.site, session, text).up] == around


def test_a_case_is_dissolved_after_shipping_by_who_holds_it(world: World) -> None:
    """The distributor opens the pallet's case with its own key; each bottle then travels alone."""
    case, pallet = world.sscc(), world.sscc()
    codes = world.fresh(3)
    world.pack([pallet, case], [case, *map(world.link, codes)])
    with reading(world.site.engine) as session:
        top = find_unit(world.site, session, pallet).id
        name = find_unit(world.site, session, case)
    world.settle([custody.ship(world.site, BRAND, DISTRIBUTOR, [top], "d1")])
    with pytest.raises(Rejected) as refused:
        rework.dissolve(world.site, BRAND, name, "wet", "d2")
    assert refused.value.code == "UnitInTransit"
    world.settle([custody.receive(world.site, DISTRIBUTOR, BRAND, [top], "d3", OWN)])
    done = rework.dissolve(world.site, DISTRIBUTOR, name, "wet", "d4", OWN)
    assert done.left == (top,)
    assert rework.dissolve(world.site, DISTRIBUTOR, name, "wet", "d4", OWN) == done
    with reading(world.site.engine) as session:
        for index in codes:
            found = levels.scan(world.site, session, world.link(index))
            assert found.item is not None
            row = session.get_one(ChainUnit, found.item.leaf)
            assert (found.up, row.holder) == ((), DISTRIBUTOR)
    with pytest.raises(Rejected) as refused:
        rework.dissolve(world.site, DISTRIBUTOR, name, "wet", "d5", OWN)
    assert refused.value.code == "NOTHING_LEFT"


def test_what_was_packed_in_vain_may_be_packed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack that the ledger has refused on its way gives its goods back, to another box too."""
    codes, box, other = world.fresh(2), world.sscc(), world.sscc()
    keep = capture.keep

    def refused(*args: Any, **named: Any) -> Submission:
        row = keep(*args, **named)
        row.state, row.error = "REJECTED", "LotRecalled"  # as the submitter settles it
        return row

    with monkeypatch.context() as patch:
        patch.setattr(capture, "keep", refused)
        parts = as_parts(world.batch, np.array(codes))
        unit, _ = packing.pack(world.site, BRAND, Box(box, parts), "in vain")
    with reading(world.site.engine) as session:
        assert (session.get(ChainUnit, unit), world.unit_of(codes[0])) == (None, box)
    report = world.pack([other, *map(world.link, codes)])
    assert (report.refused, report.units, world.unit_of(codes[0])) == ([], [other], other)
    assert not world.is_known(box)


def _waiting(world: World) -> list[tuple[str, int, int]]:
    with reading(world.site.engine) as session:
        return line.waiting(session, BRAND)
