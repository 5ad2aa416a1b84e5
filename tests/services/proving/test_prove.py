"""Bundles built on a real ledger: of every outcome, and never one that would not stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ledger.chain.bundle import check
from ledger.chain.trust import sign
from ledger.db.engine import reading
from ledger.db.models import ChainCheckpoint, LotName, Mint, UnitName
from ledger.domain.contents import Codes, encode
from ledger.errors import Rejected, TouchstoneError, Unavailable
from ledger.services.proving import prove, prove_code
from tests.services.proof_world import FIRST, GTIN, LyingNode, World, good_bundles, open_world

# name -> outcome, reasons, a claim that shows how the code is
EXPECTED: dict[str, tuple[str, str, str]] = {
    "first scan, case on its way": ("genuine", "FIRST_SCAN", "IN_TRANSIT"),
    "seen by you, case inside a held pallet": ("genuine", "SEEN_BY_YOU", "HELD"),
    "seen before, case put into another pallet": ("genuine", "SEEN_BEFORE", "HELD"),
    "item that travels alone": ("genuine", "FIRST_SCAN", "ITEM_HAS_OWN_SLOT"),
    "item beside the one that left": ("genuine", "FIRST_SCAN", "ITEM_NEVER_ALONE"),
    "item packed loose beside a case": ("genuine", "FIRST_SCAN", "HELD"),
    "no unit, no lot": ("genuine", "FIRST_SCAN", "LOT_NOT_BOUND"),
    "no unit, lot": ("genuine", "FIRST_SCAN", "LOT_NAMED"),
    "with the documents of its events": ("genuine", "FIRST_SCAN", "DOCUMENTS_MATCH"),
    "before the first run": ("caution", "NOT_ACTIVATED", "RUN_NOT_ACTIVE"),
    "between two runs": ("caution", "NOT_ACTIVATED", "RUN_NOT_ACTIVE"),
    "after the last run": ("caution", "NOT_ACTIVATED", "RUN_NOT_ACTIVE"),
    "no run at all": ("caution", "NOT_ACTIVATED", "RUN_NOT_ACTIVE"),
    "active later": ("caution", "NOT_ACTIVATED", "RUN_NOT_ACTIVE"),
    "made inactive": ("caution", "NOT_ACTIVATED", "RUN_NOT_ACTIVE"),
    "best before passed": ("caution", "BEST_BEFORE_PASSED", "LOT_NOT_EXPIRED"),
    "impossible travel": ("caution", "IMPOSSIBLE_TRAVEL", "RUN_ACTIVE"),
    "seen elsewhere": ("caution", "SEEN_ELSEWHERE", "RUN_ACTIVE"),
    "many devices": ("caution", "MANY_DEVICES", "RUN_ACTIVE"),
    "expired": ("do_not_use", "EXPIRED BEST_BEFORE_PASSED", "LOT_EXPIRED"),
    "expired and seen elsewhere": (
        "do_not_use",
        "EXPIRED BEST_BEFORE_PASSED SEEN_ELSEWHERE",
        "LOT_EXPIRED",
    ),
    "code of nobody": ("not_recognised", "UNKNOWN_CODE", ""),
    "batch that is not there": ("not_recognised", "UNKNOWN_CODE", "BATCH_UNKNOWN"),
    "batch not commissioned": ("not_recognised", "UNKNOWN_CODE", "BATCH_NOT_COMMISSIONED"),
    "index outside": ("not_recognised", "UNKNOWN_CODE", "INDEX_OUTSIDE_BATCH"),
    "batch of another product": ("not_recognised", "UNKNOWN_CODE", "BATCH_OF_ANOTHER_GTIN"),
    "recalled": ("do_not_use", "RECALLED", "LOT_RECALLED"),
    "void": ("do_not_use", "BLOCKED", "RUN_VOID"),
    "blocked": ("do_not_use", "BLOCKED", "ITEM_BLOCKED"),
    "stolen": ("do_not_use", "STOLEN", "ITEM_STOLEN"),
    "destroyed": ("do_not_use", "DECOMMISSIONED", "ITEM_DECOMMISSIONED"),
    "opened": ("do_not_use", "ALREADY_OPENED", "INNER_OPENED"),
    "blocked once": ("genuine", "FIRST_SCAN", "ITEM_ACTIVE"),
    "item that was lost on its way": ("genuine", "FIRST_SCAN", "LOST_IN_TRANSIT"),
    "ledger behind": ("not_confirmed", "LEDGER_BEHIND", "HELD"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The small ledger, shared by these tests, which do not change it."""
    with open_world(tmp_path_factory.mktemp("ledger")) as opened:
        yield opened


def test_a_bundle_of_every_outcome_is_accepted(world: World) -> None:
    """What the builder makes the checker believes: fresh at once, stale two days later."""
    key = bytes.fromhex((world.clock_file.parent / "node" / "validator.key").read_text())
    trust = json.dumps(sign(world.trust(), key)).encode()
    bundles = good_bundles(world)
    assert bundles.keys() == EXPECTED.keys()
    for name, bundle in bundles.items():
        data = json.dumps(bundle).encode()
        report = check(data, trust, bundle["made"])
        outcome, reasons, claim = EXPECTED[name]
        assert (report.conclusion.outcome, report.conclusion.reasons) == (
            outcome,
            tuple(reasons.split()),
        )
        assert not claim or claim in report.conclusion.proved
        assert report.exit_status == (3 if name == "ledger behind" else 0)
        assert check(data, trust, bundle["made"] + 2 * 86_400).exit_status == 3


def test_each_item_of_a_unit_has_its_own_way_in(world: World) -> None:
    """Every item of both pallets is proved to be where its packer put it."""
    for index in range(8):
        steps = world.prove(1, index)["units"]
        held = [world.units["case 1"], world.units["pallet 1"]][index // 4]
        assert steps[0]["position"] == index % 4
        assert steps[-1]["unit"] == "0x" + held.hex()


def test_a_long_history_of_a_batch_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle stays small, proves the code all the same, and does not claim the history."""
    monkeypatch.setattr(prove_code, "MAX_BATCH_EVENTS", 2)
    bundle = world.prove(1, 30)
    assert bundle["histories"] == []
    assert "CODE_UNDER_ROOT" in bundle["verdict"]["proved"]
    assert "BATCH_HISTORY_COMPLETE" not in bundle["verdict"]["proved"]


def test_a_lot_without_its_name_is_proved_by_number(world: World) -> None:
    """A name that this installation does not know is left out."""

    def forget(session: Session) -> None:
        session.execute(delete(LotName))

    bundle = _build(world, forget, index=25)
    assert bundle["stated"]["lot"] is None
    assert "LOT_BOUND" in bundle["verdict"]["proved"]


def _no_blocks(session: Session) -> None:
    session.execute(delete(ChainCheckpoint))


def _other_block(session: Session) -> None:
    session.get(ChainCheckpoint, 1).hash = bytes(32)


def _no_mint(session: Session) -> None:
    session.execute(delete(Mint))


def _other_tree(session: Session) -> None:
    mint = session.scalars(select(Mint).where(Mint.batch == 1)).one()
    mint.kept = mint.kept[::-1]


def _other_unit(session: Session) -> None:
    for name in session.scalars(select(UnitName)):
        name.children_root = bytes(32)


def _other_content(session: Session) -> None:
    for name in session.scalars(select(UnitName).where(UnitName.count > 0)):
        name.contents = encode([Codes(1, 0, 40)])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_no_blocks, "LEDGER_BEHIND"),
        (_other_block, "CHAIN_FORKED"),
        (_no_mint, "MINT_MISSING"),
        (_other_tree, "TREE_MISMATCH"),
        (_other_unit, "UNIT_ROWS_DIFFER"),
        (_other_content, "UNIT_ROWS_DIFFER"),
    ],
)
def test_rows_that_are_gone_or_wrong_make_no_bundle(
    world: World, spoil: Callable[[Session], None], code: str
) -> None:
    """Each is named, and nothing that a checker would refuse is handed out."""
    with pytest.raises(TouchstoneError) as error:
        _build(world, spoil)
    assert error.value.code == code


@pytest.mark.parametrize(
    "lie",
    [
        lambda answer: None,
        lambda answer: {**answer, "accountProof": answer["accountProof"][:-1]},
        lambda answer: {**answer, "storageProof": answer["storageProof"][::-1]},
        lambda answer: {**answer, "storageProof": answer["storageProof"][1:]},
        lambda answer: {
            **answer,
            "storageProof": [{**part, "proof": []} for part in answer["storageProof"]],
        },
    ],
)
def test_a_node_that_lies_makes_no_bundle(world: World, lie: Callable[[Any], Any]) -> None:
    """Proofs that do not hold, or are of other slots, or are missing, stop here."""
    site = replace(world.site, rpc=LyingNode(world.site.rpc, lie))
    with pytest.raises(TouchstoneError) as error, reading(site.engine) as session:
        prove.build(
            site, session, gtin=GTIN, serial=world.serial(1, 1), scans=FIRST, made=world.now
        )
    assert error.value.code == "PROOF_REFUSED"


def test_a_node_that_refuses_a_proof_may_be_asked_again(world: World) -> None:
    """It says nothing of the code: nobody's request was wrong."""

    def refuse(answer: Any) -> Any:
        raise Rejected("LEDGER_REFUSED", "The ledger's node refuses eth_getProof: busy")

    site = replace(world.site, rpc=LyingNode(world.site.rpc, refuse))
    with pytest.raises(Unavailable), reading(site.engine) as session:
        prove.build(
            site, session, gtin=GTIN, serial=world.serial(1, 1), scans=FIRST, made=world.now
        )


def _build(world: World, spoil: Callable[[Session], None], index: int = 1) -> Any:
    """Build from rows that are spoiled in a transaction that is rolled back."""
    site = world.site
    with reading(site.engine) as session:
        session.connection(execution_options={"touchstone_writes": True})  # beside a worker
        spoil(session)
        session.flush()
        return prove.build(
            site, session, gtin=GTIN, serial=world.serial(1, index), scans=FIRST, made=world.now
        )
