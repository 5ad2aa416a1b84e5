"""Verdicts: every rule fires on its own evidence, and the weightiest decides the outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.verdict import (
    REASONS,
    ChainFacts,
    Evidence,
    Limits,
    Outcome,
    ScanFacts,
    Voucher,
    judge,
)

NOW = 1_800_000_000
ACTIVE = ChainFacts(active_from=NOW - 100)
GOOD = Evidence(NOW, known=True, chain=ACTIVE)

CASES = {
    "MALFORMED": Evidence(NOW, malformed=True),
    "FOREIGN_LINK": Evidence(NOW, foreign=True),
    "LEDGER_UNREACHABLE": replace(GOOD, ledger_reachable=False),
    "UNKNOWN_CODE": Evidence(NOW),
    "LEDGER_BEHIND": replace(GOOD, ledger_age_s=901),
    "RECALLED": replace(GOOD, chain=replace(ACTIVE, recalled=True)),
    "BLOCKED": replace(GOOD, chain=replace(ACTIVE, void=True)),
    "STOLEN": replace(GOOD, chain=replace(ACTIVE, item_state=3)),
    "DECOMMISSIONED": replace(GOOD, chain=replace(ACTIVE, item_state=4)),
    "ALREADY_OPENED": replace(GOOD, chain=replace(ACTIVE, opened=NOW)),
    "OPENED_BY_YOU": replace(GOOD, chain=replace(ACTIVE, opened=NOW), opened_by_you=True),
    "BLACKLISTED": replace(GOOD, listed=Outcome.DO_NOT_USE),
    "EXPIRED": replace(GOOD, chain=replace(ACTIVE, expires=NOW)),
    "NOT_ACTIVATED": replace(GOOD, chain=ChainFacts()),
    "BEST_BEFORE_PASSED": replace(GOOD, chain=replace(ACTIVE, best_before=NOW)),
    "SUSPECTED": replace(GOOD, listed=Outcome.CAUTION),
    "IMPOSSIBLE_TRAVEL": replace(GOOD, scans=ScanFacts(impossible_pairs=2)),
    "SEEN_ELSEWHERE": replace(GOOD, scans=ScanFacts(far_devices=3, far_regions=2)),
    "OUTSIDE_MARKET": replace(GOOD, outside=True),
    "MANY_DEVICES": replace(GOOD, scans=ScanFacts(other_devices=11, regions=4)),
    "SEEN_BY_YOU": replace(GOOD, scans=ScanFacts(by_this_device=1, other_devices=1)),
    "SEEN_BEFORE": replace(GOOD, scans=ScanFacts(other_devices=1)),
    "FIRST_SCAN": GOOD,
}


def test_every_reason_has_a_case_here() -> None:
    """A reason that no evidence leads to would be a promise nobody keeps."""
    assert CASES.keys() == REASONS.keys()


@pytest.mark.parametrize("code", CASES)
def test_evidence_leads_to_its_reason_and_outcome(code: str) -> None:
    """Each reason comes first on its own evidence, with the outcome of its row."""
    verdict = judge(CASES[code])
    assert (verdict.reasons[0], verdict.outcome) == (code, REASONS[code].outcome)


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        (replace(GOOD, ledger_age_s=900), "LEDGER_BEHIND"),
        (replace(GOOD, chain=replace(ACTIVE, expires=NOW + 1)), "EXPIRED"),
        (replace(GOOD, chain=replace(ACTIVE, active_from=NOW)), "NOT_ACTIVATED"),
        (replace(GOOD, chain=replace(ACTIVE, best_before=NOW + 1)), "BEST_BEFORE_PASSED"),
        (replace(GOOD, scans=ScanFacts(impossible_pairs=1)), "IMPOSSIBLE_TRAVEL"),
        (replace(GOOD, scans=ScanFacts(far_devices=2, far_regions=2)), "SEEN_ELSEWHERE"),
        (replace(GOOD, scans=ScanFacts(far_devices=3, far_regions=1)), "SEEN_ELSEWHERE"),
        (replace(GOOD, scans=ScanFacts(other_devices=10, regions=4)), "MANY_DEVICES"),
        (replace(GOOD, scans=ScanFacts(other_devices=99, regions=3)), "MANY_DEVICES"),
        (replace(GOOD, copy_factor=999.9), "MANY_DEVICES"),
        (replace(GOOD, chain=replace(ACTIVE, item_state=1)), "BLOCKED"),
        (replace(GOOD, chain=replace(ACTIVE, item_state=3)), "DECOMMISSIONED"),
    ],
)
def test_one_step_short_of_the_bound_says_nothing(evidence: Evidence, code: str) -> None:
    """Bounds are exact: a second or a device less, and the reason is not given."""
    assert code not in judge(evidence).reasons


def test_copies_that_explain_a_history_are_enough_without_any_count() -> None:
    """What the class model makes of a history speaks against a code from its factor on."""
    assert judge(replace(GOOD, copy_factor=1000.0)).reasons == ("MANY_DEVICES",)


@pytest.mark.parametrize("code", ["SEEN_ELSEWHERE", "MANY_DEVICES", "IMPOSSIBLE_TRAVEL"])
def test_counts_are_silent_about_a_photo_that_went_round(code: str) -> None:
    """It passes every count within hours; copies must explain it better to be told."""
    photo = replace(CASES[code], photo=True)
    assert judge(photo).reasons != (code,)
    assert judge(replace(photo, copy_factor=1000.0)).reasons == ("MANY_DEVICES",)


def test_a_recall_outweighs_all_else_and_both_are_said() -> None:
    """Reasons are kept from the weightiest down; the first one is the outcome."""
    evidence = replace(GOOD, chain=ChainFacts(recalled=True))
    verdict = judge(evidence)
    assert verdict.outcome is Outcome.DO_NOT_USE
    assert verdict.reasons == ("RECALLED", "NOT_ACTIVATED")
    assert verdict.by_voucher(Voucher.CHAIN) == verdict.reasons


def test_a_code_nobody_issued_has_no_other_reason() -> None:
    """What is said of an unknown code's scans would be said of a guess."""
    evidence = Evidence(NOW, scans=ScanFacts(far_devices=9, far_regions=9))
    assert judge(evidence).reasons == ("UNKNOWN_CODE",)


def test_a_code_that_may_have_come_since_is_not_called_unknown() -> None:
    """While the ledger is followed anew, or far behind, codes are not confirmed; a second less and
    what is not there is unknown."""
    assert judge(Evidence(NOW, ledger_age_s=901)).reasons == ("LEDGER_BEHIND",)
    assert judge(Evidence(NOW, ledger_age_s=900)).reasons == ("UNKNOWN_CODE",)


@given(
    st.builds(
        Evidence,
        now=st.integers(0, 2**40),
        malformed=st.booleans(),
        foreign=st.booleans(),
        known=st.booleans(),
        ledger_reachable=st.booleans(),
        ledger_age_s=st.integers(-100, 10_000),
        chain=st.builds(
            ChainFacts,
            active_from=st.none() | st.integers(0, 2**40),
            void=st.booleans(),
            recalled=st.booleans(),
            expires=st.none() | st.integers(0, 2**40),
            best_before=st.none() | st.integers(0, 2**40),
            item_state=st.integers(0, 7),
            opened=st.none() | st.integers(0, 2**40),
        ),
        scans=st.builds(
            ScanFacts,
            by_this_device=st.integers(0, 5),
            other_devices=st.integers(0, 50),
            far_devices=st.integers(0, 50),
            far_regions=st.integers(0, 31),
            regions=st.integers(0, 31),
            impossible_pairs=st.integers(0, 5),
        ),
        copy_factor=st.none() | st.floats(0, 1e9),
        photo=st.booleans(),
        opened_by_you=st.booleans(),
        limits=st.just(Limits()),
    )
)
def test_genuine_is_said_only_when_nothing_speaks_against_it(evidence: Evidence) -> None:
    """For any evidence: one outcome, that of its first reason; genuine stands alone."""
    verdict = judge(evidence)
    outcomes = [REASONS[code].outcome for code in verdict.reasons]
    assert verdict.outcome is outcomes[0]
    if verdict.outcome is Outcome.GENUINE:
        assert len(verdict.reasons) == 1
        assert evidence.known
        assert evidence.chain.active_from is not None
        assert not evidence.chain.void
    else:
        assert Outcome.GENUINE not in outcomes
