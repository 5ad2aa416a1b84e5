"""Farms and guessers by their rules: at the threshold, not below it."""

from __future__ import annotations

from ledger.detect import Finding, detect
from ledger.detect.farms import DENSE, farmed_from
from ledger.detect.grouping import NEVER
from ledger.detect.guessers import UNKNOWN
from tests.detect.frames import NO_CUSTODY, Row, one_lot, scans_of


def _box(items: int, minutes: float, phones: int = 2) -> list[Row]:
    """Items of cases 8 to 10, scanned one after the other."""
    return [
        Row(1 + i * minutes / 1440, 8 + i % 3, f"phone{i % phones}", f"item{i}")
        for i in range(items)
    ]


def _found(kind: str, rows: list[Row]) -> list[Finding]:
    return detect(scans_of(rows), one_lot(), NO_CUSTODY, kinds=[kind])


def test_a_farm_is_told_at_the_threshold_with_its_devices() -> None:
    """The DENSE-th item within the hour raises it; one fewer does not."""
    (finding,) = _found("farm", _box(DENSE, 1))
    assert sorted(finding.devices) == ["phone0", "phone1"]
    assert (finding.evidence.cases, finding.evidence.scans) == ((8, 9, 10), DENSE)
    assert _found("farm", _box(DENSE - 1, 1)) == []


def test_a_bar_that_opens_a_case_in_a_day_is_no_farm() -> None:
    """The same items over a day are none."""
    assert _found("farm", _box(30, 45)) == []


def test_a_farm_that_grows_names_new_devices_only() -> None:
    """Devices named before are not named again."""
    rows = _box(DENSE, 1) + [
        Row(1.02 + i / 1440, 11 + i // 9, f"late{i}", f"more{i}") for i in range(20)
    ]
    findings = _found("farm", rows)
    names = [device for finding in findings for device in finding.devices]
    assert len(findings) > 1 and len(names) == len(set(names))


def test_scans_of_a_farm_are_known_from_the_row_that_shows_it() -> None:
    """The scans before that row are known to be the farm's from there on, others never."""
    rows = [Row(0.5, 200, "else", "other"), *_box(DENSE, 1)]
    assert farmed_from(scans_of(rows)).tolist() == [NEVER] + [DENSE] * DENSE


def test_codes_never_issued_tell_a_guesser() -> None:
    """One device with UNKNOWN such codes is named; the same code again and again is a bad print."""
    tries = [Row(i / 100, -1, "bot", f"no{i}", lot=-1) for i in range(UNKNOWN)]
    bad_print = [Row(i / 100, -1, "user", "smudge", lot=-1) for i in range(9)]
    (finding,) = _found("guess", tries + bad_print)
    assert finding.devices == ("bot",)
    assert _found("guess", tries[:-1] + bad_print) == []
