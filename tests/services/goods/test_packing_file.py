"""Packing from a line's file: what is packed is found and proved, and what is wrong is named by row
while the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.db.engine import reading, transaction
from ledger.db.models import ChainUnit
from ledger.db.packing import PackingRule
from ledger.domain import merkle
from ledger.domain.children import ITEM, UNIT
from ledger.domain.leaf import leaf
from ledger.errors import Rejected
from ledger.services.goods import levels
from ledger.services.goods.line_file import pack_file
from ledger.services.goods.ways import find_way
from ledger.services.proving.prove_custody import steps_of
from tests.services.packing_world import BRAND, CODES, GTIN, World, open_world

Rows = list[list[str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("packing")) as made:
        yield made


def test_any_level_gives_all_the_others(world: World) -> None:
    """Inner cap, outer cap, inner case, outer case, pallet: up from each, and down again."""
    pallet, outer, inner = world.sscc(), world.sscc(), world.sscc()
    codes = world.fresh(3)
    report = world.pack(
        [pallet, outer], [outer, inner], *([inner, world.link(index)] for index in codes)
    )
    assert (report.refused, report.items, report.units) == ([], 3, [pallet])
    around = [inner, outer, pallet]
    with reading(world.site.engine) as session:
        for place, index in enumerate(codes):
            for text in (world.link(index), world.inner(index)):
                found = levels.scan(world.site, session, text)
                assert found.item is not None
                assert (found.item.index, [one.sscc for one in found.up]) == (index, around)
                assert [one.place for one in found.up] == [place, 0, 0]
        for at, sscc in enumerate(around):
            told = levels.scan(world.site, session, sscc)
            assert [one.sscc for one in told.up] == around[at + 1 :]
            inside = levels.to_json(world.site, session, told, inside=True)["down"]
            below = [around[at - 1]] if at else [world.link(index)[-20:] for index in codes]
            assert [one["epc"].rpartition("/")[2] for one in inside] == below


@pytest.mark.parametrize("count", [1, 2, 5, 24])
def test_what_is_stored_proves_every_item_under_the_chains_root(world: World, count: int) -> None:
    """Picked codes and runs, loose and in cases, of a unit of any shape."""
    pallet, case = world.sscc(), world.sscc()
    picked = world.fresh(count)
    row, run = world.run(count)
    world.pack(
        [pallet, case, row],
        [case, *map(world.link, picked)],
    )
    with reading(world.site.engine) as session:
        for index in (*picked, *run):
            serial = world.link(index)[-20:]
            child, kind, root, size = leaf(int(GTIN), index, serial), ITEM, bytes(32), 0
            way = find_way(world.site, session, child, world.batch, index)
            assert way is not None
            for step in steps_of(world.site, session, way):
                node = merkle.children_leaf(kind, step.position, child, root, size)
                known = (step.children_root, step.count)
                assert merkle.verify(*known, step.position, node, list(step.siblings))
                child, kind, (root, size) = step.unit, UNIT, known
            row = session.get_one(ChainUnit, child)
            assert (row.children_root, row.count) == (root, size)


def test_the_same_file_again_packs_nothing_twice(world: World) -> None:
    """The same submissions, so a file that was cut off by a kill is simply sent again."""
    rows = [[world.sscc(), *map(world.link, world.fresh(2))] for _ in range(3)]
    first = world.pack(*rows[:2])
    again = world.pack(*rows)
    assert (len(again.units), again.submissions[:2]) == (3, first.submissions)


def unknown(world: World) -> tuple[Rows, int, str]:
    """A code that nobody made."""
    box = world.sscc()
    nobodys = world.link(0)[:-20] + "0" * 20
    return [[box, world.link(world.fresh(1)[0])], [box, nobodys]], 2, "UNKNOWN_CODE"


def foreign(world: World) -> tuple[Rows, int, str]:
    """A code of another brand."""
    box = world.sscc()
    return [[box, world.link(3, world.other)]], 1, "FOREIGN_CODE"


def foreign_host(world: World) -> tuple[Rows, int, str]:
    """A link of another ledger's host."""
    link = world.link(world.fresh(1)[0]).replace("localhost", "elsewhere")
    return [[world.sscc(), link]], 1, "FOREIGN_LINK"


def twice_in_a_box(world: World) -> tuple[Rows, int, str]:
    """A code read twice."""
    box, link = world.sscc(), world.link(world.fresh(1)[0])
    return [[box, link], [box, link]], 2, "TWICE_PACKED"


def packed_already(world: World) -> tuple[Rows, int, str]:
    """A code that another file has packed."""
    _, (code, *_) = world.case()
    box = world.sscc()
    return [[box, world.link(world.fresh(1)[0])], [box, world.link(code)]], 2, "TWICE_PACKED"


def packed_in_a_run(world: World) -> tuple[Rows, int, str]:
    """A run over a code that lies elsewhere."""
    _, (code, *_) = world.case()
    return [[world.sscc(), f"{world.batch}:{code}-{code}"]], 1, "TWICE_PACKED"


def void(world: World) -> tuple[Rows, int, str]:
    """A code of a spoiled roll."""
    box = world.sscc()
    return [[box, world.link(CODES - 15)]], 1, "VOID_CODE"


def inactive(world: World) -> tuple[Rows, int, str]:
    """A code that is not active, of a brand that wants active ones."""
    return [[world.sscc(), world.link(CODES - 5)]], 1, "INACTIVE_CODE"


def too_many(world: World) -> tuple[Rows, int, str]:
    """More than the brand's boxes hold."""
    box = world.sscc()
    return [[box, *map(world.link, world.fresh(31))]], 1, "TOO_MANY_CHILDREN"


def in_itself(world: World) -> tuple[Rows, int, str]:
    """Two boxes, each in the other."""
    a, b = world.sscc(), world.sscc()
    return [[a, b, world.link(world.fresh(1)[0])], [b, a]], 1, "UNIT_CYCLE"


def two_parents(world: World) -> tuple[Rows, int, str]:
    """A case on two pallets."""
    case, one, two = world.sscc(), world.sscc(), world.sscc()
    rows = [[case, world.link(world.fresh(1)[0])], [two, world.link(world.fresh(1)[0])]]
    return [[one, case], *rows, [two, case]], 4, "TWICE_PACKED"


def boxed_already(world: World) -> tuple[Rows, int, str]:
    """A case that lies on another pallet."""
    case = world.sscc()
    world.pack([world.sscc(), case], [case, world.link(world.fresh(1)[0])])
    return [[world.sscc(), case]], 1, "TWICE_PACKED"


def wrong_parent(world: World) -> tuple[Rows, int, str]:
    """A pallet whose SSCC was misread."""
    sscc = world.sscc()
    wrong = sscc[:-1] + str((int(sscc[-1]) + 1) % 10)
    return [[wrong, world.link(world.fresh(1)[0])]], 1, "BAD_CHECK_DIGIT"


def wrong_child(world: World) -> tuple[Rows, int, str]:
    """A case whose SSCC was misread."""
    pallet, case = world.sscc(), world.sscc()
    wrong = case[:-1] + str((int(case[-1]) + 1) % 10)
    return [[pallet, world.link(world.fresh(1)[0])], [pallet, wrong]], 2, "BAD_CHECK_DIGIT"


def nobodys_box(world: World) -> tuple[Rows, int, str]:
    """A case that nobody has closed."""
    return [[world.sscc(), world.sscc()]], 1, "UNKNOWN_UNIT"


def cut(world: World) -> tuple[Rows, int, str]:
    """A link that ends in the middle, as in a file that was cut."""
    box = world.sscc()
    return [[box, world.link(world.fresh(1)[0])[:-4]]], 1, "UNKNOWN_CODE"


def no_child(world: World) -> tuple[Rows, int, str]:
    """A row of a parent alone: what was in it is lost, so its box is refused."""
    box = world.sscc()
    return [[box, world.link(world.fresh(1)[0])], [box, ""]], 2, "BAD_ROW"


def backwards(world: World) -> tuple[Rows, int, str]:
    """A run that ends before it begins."""
    return [[world.sscc(), f"{world.batch}:9-5"]], 1, "BAD_RANGE"


def beyond(world: World) -> tuple[Rows, int, str]:
    """A run beyond the batch."""
    return [[world.sscc(), f"{world.batch}:{CODES - 2}-{CODES}"]], 1, "BAD_RANGE"


BAD: tuple[Callable[[World], tuple[Rows, int, str]], ...] = (
    unknown, foreign, foreign_host, twice_in_a_box, packed_already, packed_in_a_run, void, inactive,
    too_many, in_itself, two_parents, boxed_already, wrong_parent, wrong_child, nobodys_box, cut,
    no_child, backwards, beyond,
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: str(bad.__name__))
def test_a_bad_row_is_named_and_the_rest_is_packed(
    world: World, bad: Callable[[World], tuple[Rows, int, str]]
) -> None:
    """By its row and code; its unit is not packed at all, the next one is."""
    with transaction(world.site.engine) as session:
        active = bad is inactive
        session.merge(PackingRule(brand=BRAND, most=30, active=active, rejects="destroyed"))
    rows, row, code = bad(world)
    good = [world.sscc(), world.link(world.fresh(1)[0])]
    report = world.pack(*rows, good)
    assert (report.refused[0].row, report.refused[0].error.code) == (row, code)
    assert good[0] in report.units
    wrong = {line[0] for line in rows} - set(report.units)
    assert [sscc for sscc in wrong if world.is_known(sscc)] == []


def test_a_code_in_two_cases_names_both_rows(world: World) -> None:
    """The second is refused, and says where the first is."""
    a, b, link = world.sscc(), world.sscc(), world.link(world.fresh(1)[0])
    report = world.pack([a, link], [b, link])
    assert [(fault.row, fault.sscc) for fault in report.refused] == [(2, b)]
    assert "row 1" in report.refused[0].error.message
    assert report.units == [a]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_file_in_another_encoding_is_read(world: World, encoding: str) -> None:
    """What counts is ASCII: neither a head line in Chinese nor the file's first bytes matter."""
    box, code = world.sscc(), world.fresh(1)[0]
    path = world.write([["箱码", "瓶码"], [box, world.link(code)]], encoding)
    report = pack_file(world.site, BRAND, path)
    assert (report.refused, report.units) == ([], [box])


def test_a_row_of_noise_refuses_the_boxes_around_it_alone(world: World) -> None:
    """Nobody knows whose it was: the box before and the one after may lack a child."""
    boxes = [world.sscc() for _ in range(4)]
    rows = [f"{box},{world.link(world.fresh(1)[0])}".encode() for box in boxes]
    path = world.folder / "noise.csv"
    path.write_bytes(b"\n".join([*rows[:2], b"\0\xff\xfe", *rows[2:]]))
    report = pack_file(world.site, BRAND, path)
    assert [(fault.row, fault.sscc) for fault in report.refused] == [(3, boxes[1]), (3, boxes[2])]
    assert report.units == [boxes[0], boxes[3]]


def test_a_file_that_is_not_there_is_said(world: World, tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(Rejected) as refused:
        pack_file(world.site, BRAND, tmp_path / "none.csv")
    assert refused.value.code == "NO_FILE"
