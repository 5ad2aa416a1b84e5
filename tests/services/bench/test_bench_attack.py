"""`bench attack`: what is counted, what is chosen on which seeds, and the picture of it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from ledger.services.bench.attack_picture import picture
from ledger.services.bench.bench_attack import LEVELS, STATED, Result, run, told
from ledger.services.worlds.simulator import ATTACKS, Settings, simulate
from tests.support.installation import refused

SCANS = 6_000


@pytest.fixture(scope="module")
def clone() -> Result:
    """Clones, with the rules chosen on seed 1 and all reported on seed 3."""
    return run("clone", SCANS, [1], [3])


def test_what_is_to_be_found_is_what_the_truth_has(clone: Result) -> None:
    """Codes with at least three fakes; shares follow from what was counted."""
    world = simulate(3, Settings(scans=SCANS), ["clone"])
    wanted = sum(fakes >= 3 for deed in world.deeds for fakes in deed["scans"])
    assert clone.wanted == wanted
    for line in clone.lines:
        for point in (line.chosen, *line.curve):
            assert 0 <= point.right <= point.alerts
            assert 0 <= point.recall <= 1
            assert point.precision == (point.right / point.alerts if point.alerts else None)


def test_ours_is_reported_at_stated_rates_and_the_others_as_chosen(clone: Result) -> None:
    """Ours has nothing to choose; each rule that is sold has its curve."""
    by_name = {line.name: line for line in clone.lines}
    assert by_name.keys() == {"ours", "count", "radius", "speed"}
    assert tuple(point.at for point in by_name["ours"].curve) == LEVELS
    assert by_name["ours"].chosen.at == STATED
    assert by_name["ours"].chosen.recall > 0.5
    counts = [point.alerts for point in by_name["count"].curve]
    assert counts == sorted(counts) and counts[0] < counts[-1]


def test_a_rule_is_chosen_without_a_look_at_what_is_reported(clone: Result) -> None:
    """Reported on other seeds, the same tuning seeds choose the same numbers."""
    other = run("clone", SCANS, [1], [4])
    assert [(line.name, line.days, line.chosen.at) for line in other.lines] == [
        (line.name, line.days, line.chosen.at) for line in clone.lines
    ]
    assert other.lines[1].chosen != clone.lines[1].chosen


@pytest.mark.parametrize("attack", ["split", "lying", "refill", "bots", "guess"])
def test_every_kind_of_sign_can_be_measured(attack: str) -> None:
    """Cells, codes and devices; an operator's dropped scans still count as sold goods."""
    result = told(run(attack, SCANS, [1], [2]))
    assert result["sign"] == ATTACKS[attack].sign
    assert result["methods"]["ours"]["at"] == STATED
    if attack == "lying":
        world = simulate(2, Settings(scans=SCANS), ["lying"])
        assert result["wanted"] == sum(
            deed["scanned_items"] + deed.get("dropped_scans", 0) >= 10 for deed in world.deeds
        )


def test_the_picture_stands_alone(clone: Result) -> None:
    """Well-formed, one panel an attack, light and dark, nothing fetched and nothing run."""
    text = picture([clone, clone])
    tree = ElementTree.fromstring(text)
    names = [element.tag.rsplit("}", 1)[1] for element in tree.iter()]
    assert names.count("g") == 2
    assert {"script", "image", "foreignObject", "use"}.isdisjoint(names)
    assert "prefers-color-scheme: dark" in text
    assert "href" not in text and "url(" not in text


def test_seeds_that_were_chosen_on_are_not_reported() -> None:
    """Overlapping and unreadable lists are refused."""
    small = ("bench", "attack", "--kind", "clone", "--scans", "2000")
    assert refused(*small, "--tune", "1,2", "--seeds", "2") == "SEEDS_OVERLAP"
    assert refused(*small, "--seeds", "one") == "BAD_SEEDS"
    assert refused(*small[:3], "magic") == "UNKNOWN_ATTACK"


def test_a_rule_that_finds_nothing_has_no_number() -> None:
    """No speed finds a bot with one scan a device: the JSON says null, not infinity."""
    found = told(run("bots", SCANS, [1], [2]))["methods"]["speed"]
    assert (found["at"], found["alerts"], found["precision"]) == (None, 0, None)
    assert "Infinity" not in json.dumps(found)
