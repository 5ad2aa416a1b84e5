"""Alerts, rules, exceptions, the blacklist, webhooks and API keys from the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from ledger.db.engine import transaction
from ledger.db.models import Scan
from ledger.detect.guessers import UNKNOWN
from ledger.services import api_keys
from ledger.services.alerting import alerts, alerts_rules
from ledger.services.alerting.alerts_evidence import document, keep_evidence
from tests.scripts.conftest import BRAND, GTIN, Goods
from tests.support.installation import command


@pytest.fixture(scope="module")
def number(goods: Goods) -> int:
    """An alert's number."""
    site = goods.at.site
    with transaction(site.engine) as session:
        rule = alerts_rules.ensure(session, int(BRAND), 1)["farm"]
        cause = alerts.Cause(
            key="farm/test",
            brand=int(BRAND),
            raised=site.clock() - 60,
            last=site.clock() - 60,
            scans=4,
            goods=(4, 4),
            body={"sentence": "a farm", "calibrated": False, "evidence": {"units": []}},
            lot="L1",
            gtin=int(GTIN),
        )
        alert, _ = alerts.keep(session, site.clock(), rule, cause)
        keep_evidence(session, 1, alert, document({}, []))
        return alert.id


def lines(goods: Goods, *words: str) -> str:
    """Return what a command prints for people."""
    done = command(*words, "--data", str(goods.at.data))
    assert (done.status, done.err) == (0, "")
    return done.out


def test_an_alert_is_listed_shown_and_judged(goods: Goods, number: int) -> None:
    """By its number, in lines and as JSON; its rule keeps the record."""
    shown = goods.at.said("alerts", "show", str(number))
    assert [row for row in goods.at.said("alerts")["alerts"] if row["id"] == number] == [shown]
    assert "a farm" in lines(goods, "alerts", "--kind", "farm", "--state", "open")
    assert '"open"' in lines(goods, "alerts", "show", str(number))
    put = goods.at.said("alerts", "archive", str(number), "--more", "6")
    assert (put["state"], put["archived_until_scans"]) == ("archived", 10)
    assert "reopen" not in lines(goods, "alerts", "reopen", str(number))
    closed = goods.at.said("alerts", "close", str(number), "--outcome", "confirmed")
    assert (closed["state"], closed["outcome"]) == ("closed", "confirmed")
    told = goods.at.said("alerts", "rules", "list", "--brand", BRAND)
    (farm,) = (rule for rule in told["rules"] if rule["name"] == "farm")
    assert (farm["confirmed"], farm["precision"], farm["expected_false"]) == (1, 1.0, 0.0)
    assert "expected false: 0" in lines(goods, "alerts", "rules", "list", "--brand", BRAND)


def test_why_is_a_sentence_a_picture_and_all_that_it_rests_on(
    goods: Goods, number: int, tmp_path: Path
) -> None:
    """Written to files as asked."""
    picture, evidence = tmp_path / "why.svg", tmp_path / "why.json"
    words = ("--picture", str(picture), "--evidence", str(evidence))
    told = goods.at.said("alerts", "why", str(number), *words)
    assert told == {"sentence": "a farm", "scans": 0}
    assert goods.at.refused("alerts", "why", str(number), "--lang", "xx") == "BAD_OPTION"
    assert picture.read_text().startswith("<svg ")
    assert json.loads(evidence.read_text())["format"] == "touchstone-alert-evidence/1"


def test_an_alert_is_computed_again(goods: Goods, number: int, tmp_path: Path) -> None:
    """From what is kept with it, or from a file anywhere; what does not give it fails."""
    scan = {
        "id": 1, "time": 60, "gtin": 1, "serial": "x", "batch": None, "index": None, "device": "d",
        "channel": "web", "loc_src": "none", "lat": None, "lon": None, "acc_km": None,
        "region": None, "position": None, "leaf": b"",
    }  # fmt: skip
    rows = [Scan(**{**scan, "id": at, "serial": f"x{at}"}) for at in range(UNKNOWN)]
    tried = [f"{1:014d}/x{at}" for at in range(UNKNOWN)]
    evidence = {"scans": UNKNOWN, "codes": tried}
    finding = {"day": 60 / 86_400, "sentence": "guessed", "evidence": evidence}
    told = document({"fdr": 0.05, "level": 0.0, "unknown": UNKNOWN}, rows)
    alert = {"id": number, "kind": "guess", "raised": 60, "finding": finding}
    path = tmp_path / "why.json"
    path.write_text(json.dumps({**told, "origin": 0, "alert": alert}))
    said = goods.at.said("alerts", "recompute", "--file", str(path))
    assert said == {"holds": True, "says": f"{UNKNOWN} kept scans give this alert again"}
    told["scans"].pop()
    path.write_text(json.dumps({**told, "origin": 0, "alert": alert}))
    recompute = ("alerts", "recompute")
    assert goods.at.refused(*recompute, "--file", str(path)) == "EVIDENCE_DIFFERS"
    assert goods.at.refused(*recompute, str(number)) == "EVIDENCE_DIFFERS", (
        "no scan is kept with it"
    )
    path.write_text("no JSON")
    assert goods.at.refused(*recompute, "--file", str(path)) == "BAD_EVIDENCE"


def test_a_market_is_stated(goods: Goods) -> None:
    """By provinces or by country; listed with their names, and taken back."""
    of = ("--brand", BRAND)
    made = goods.at.said("market", "set", "9", *of, "--name", "east", "--region", "31", "--tells")
    assert (made["regions"], made["tells"], made["free"]) == ([31], True, False)
    assert "Shanghai" in lines(goods, "market", "list")
    whole = goods.at.said("market", "set", "9", *of, "--name", "all", "--country", "CN")
    assert goods.at.said("market", "list") == {"markets": [whole]}
    assert len(whole["regions"]) == 31
    lines(goods, "market", "remove", "9", *of)
    assert goods.at.refused("market", "remove", "9", *of) == "UNKNOWN_MARKET"
    assert goods.at.refused("market", "set", "9", *of, "--name", "none") == "BAD_MARKET"


def test_exports(goods: Goods, number: int, tmp_path: Path) -> None:
    """To a file, or to standard output."""
    out = tmp_path / "alerts.csv"
    lines(goods, "alerts", "export", "--out", str(out))
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert str(number) in [row["id"] for row in rows]
    assert number in [
        r["id"] for r in json.loads(lines(goods, "alerts", "export", "--format", "json"))
    ]


def test_cities_and_counties_are_loaded_and_named(goods: Goods, tmp_path: Path) -> None:
    """A market may name them then, and a bad file is refused."""
    path = tmp_path / "districts.csv"
    path.write_text("code,name_en,name_zh,lat,lon\n3205,Suzhou,苏州市,31.3,120.58\n")
    assert goods.at.said("district", "load", str(path)) == {"districts": 1}
    assert lines(goods, "district", "list") == "3205  Suzhou, Jiangsu  江苏苏州市\n"
    assert goods.at.said("district", "list")["districts"][0]["code"] == 3205
    of = ("--brand", BRAND)
    lines(goods, "market", "set", "8", *of, "--name", "one city", "--region", "3205")
    assert "Suzhou, Jiangsu" in lines(goods, "market", "list")
    lines(goods, "market", "remove", "8", *of)
    path.write_text("code,name_en,name_zh,lat,lon\n32,Jiangsu,江苏,32,118\n")
    assert goods.at.refused("district", "load", str(path)) == "BAD_DISTRICTS"


def test_rules_and_the_dial(goods: Goods) -> None:
    """A threshold of one's own lives and goes; the dial is turned and turned back."""
    of = ("--brand", BRAND)
    terms = json.dumps({"test": "speed", "km": 300, "kmh": 1200, "days": 1})
    made = goods.at.said(
        "alerts", "rules", "set", "fast", *of, "--kind", "threshold", "--terms", terms
    )
    assert (made["name"], made["calibrated"], made["terms"]["kmh"]) == ("fast", False, 1200)
    assert goods.at.said("alerts", "rules", "mute", "fast", *of, "--why", "x")["muted_why"] == "x"
    assert "muted: x" in lines(goods, "alerts", "rules", "list", *of)
    assert goods.at.said("alerts", "rules", "unmute", "fast", *of)["muted"] is None
    lines(goods, "alerts", "rules", "remove", "fast", *of)
    assert goods.at.refused("alerts", "rules", "remove", "fast", *of) == "UNKNOWN_RULE"
    assert goods.at.refused("alerts", "rules", "remove", "farm", *of) == "BAD_RULE"
    assert goods.at.said("alerts", "rules", "dial", *of, "--fdr", "0.01")["fdr"] == 0.01
    assert goods.at.said("alerts", "rules", "dial", *of)["fdr"] == 0.05
    lines(goods, "alerts", "rules", "value", GTIN, *of, "--cents", "1200")


def test_an_exception_explains_what_it_covers(goods: Goods) -> None:
    """The same again changes nothing; ended, it is over."""
    span = ("--begins", "2026-01-01", "--ends", "2026-02-01")
    words = ("alerts", "exceptions", "add", "--brand", BRAND, "--reason", "promotion", *span)
    made = goods.at.said(*words, "--region", "31")
    assert made["explained"] == 0
    assert goods.at.said(*words, "--region", "31") == made
    rows = goods.at.said("alerts", "exceptions", "list")["exceptions"]
    assert [row["regions"] for row in rows if row["id"] == made["id"]] == [[31]]
    lines(goods, "alerts", "exceptions", "end", str(made["id"]))
    assert "promotion" in lines(goods, "alerts", "exceptions", "list")


def test_the_blacklist_from_a_file(goods: Goods, tmp_path: Path) -> None:
    """Many at once; verify says so; lifted, they are clean again."""
    path = tmp_path / "codes.txt"
    path.write_text("\n".join([*goods.links[40:43], ""]))
    made = goods.at.said("alerts", "blacklist", "add", "--file", str(path), "--reason", "stolen")
    assert len(made["entries"]) == 3
    reasons = goods.at.said("verify", goods.links[41])["reasons"]
    assert reasons[0] == {"code": "BLACKLISTED", "voucher": "log"}
    assert "stolen" in lines(goods, "alerts", "blacklist", "list")
    for entry in made["entries"]:
        lines(goods, "alerts", "blacklist", "lift", str(entry), "--reason", "found")
    assert goods.at.said("alerts", "blacklist", "list") == {"entries": []}
    assert len(goods.at.said("alerts", "blacklist", "list", "--lifted")["entries"]) == 3
    assert goods.at.said("verify", goods.links[41])["reasons"][0]["code"] != "BLACKLISTED"


def test_a_webhook(goods: Goods) -> None:
    """Added with a secret, tested, listed, renewed, removed."""
    made = goods.at.said("webhook", "add", "https://hook.invalid/", "--kind", "clone")
    number = str(made["webhook"])
    assert made["secret"].startswith("whsec_")
    assert goods.at.said("webhook", "rotate", number)["secret"] != made["secret"]
    assert "hook.invalid" in lines(goods, "webhook", "list")
    sent = goods.at.said("webhook", "test", number)
    assert (sent["attempt"], sent["state"]) == (1, "WAITING")
    tried: list[dict[str, Any]] = goods.at.said("webhook", "deliveries", number)["deliveries"]
    assert tried[0]["id"] == sent["id"]
    assert goods.at.refused("webhook", "deliveries", number, "--state", "odd") == "BAD_FILTER"
    again = goods.at.said("webhook", "replay", str(sent["id"]))
    assert again["message"] == sent["message"]
    lines(goods, "webhook", "enable", number)
    lines(goods, "webhook", "remove", number)
    assert goods.at.refused("webhook", "remove", number) == "UNKNOWN_WEBHOOK"


def test_an_api_key(goods: Goods) -> None:
    """Issued for a party with its scopes, listed without itself, revoked."""
    words = ("key", "api", "issue", "the desk", "--scope", "alerts", "--scope", "read")
    made = goods.at.said(*words, "--party", BRAND)
    caller = api_keys.caller(goods.at.site, made["key"])
    assert (caller.name, caller.party, caller.scopes) == (
        "the desk",
        int(BRAND),
        frozenset({"alerts", "read"}),
    )
    assert goods.at.refused(*words) == "KEY_NAME_TAKEN"
    assert made["key"] not in lines(goods, "key", "api", "list")
    assert goods.at.said("key", "api", "revoke", made["id"])["revoked"] is not None
    assert goods.at.refused("key", "api", "revoke", "0" * 16) == "UNKNOWN_KEY"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("UNKNOWN_ALERT", ("alerts", "show", "999999")),
        ("UNKNOWN_ALERT", ("alerts", "recompute", "999999")),
        ("BAD_OPTION", ("alerts", "recompute")),
        ("BAD_OPTION", ("alerts", "recompute", "--file", "/nowhere/why.json")),
        ("UNKNOWN_ALERT", ("alerts", "close", "999999", "--outcome", "false")),
        ("BAD_FILTER", ("alerts", "--state", "odd")),
        ("BAD_OPTION", ("alerts", "export", "--format", "pdf")),
        ("BAD_OPTION", ("alerts", "rules", "set", "x", "--brand", BRAND, "--kind", "threshold",
                        "--terms", "[")),
        ("BAD_BLACKLIST", ("alerts", "blacklist", "add", "x", "--reason", "y")),
        ("BAD_BLACKLIST", ("alerts", "blacklist", "add", "--reason", "y")),
        ("UNKNOWN_ENTRY", ("alerts", "blacklist", "lift", "999999", "--reason", "y")),
        ("UNKNOWN_EXCEPTION", ("alerts", "exceptions", "end", "999999")),
        ("BAD_EXCEPTION", ("alerts", "exceptions", "add", "--brand", BRAND, "--reason", "x",
                           "--begins", "now", "--ends", "now")),
        ("BAD_WEBHOOK", ("webhook", "add", "http://127.0.0.1/")),
        ("UNKNOWN_DELIVERY", ("webhook", "replay", "999999")),
        ("BAD_SCOPE", ("key", "api", "issue", "x", "--scope", "odd")),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(goods: Goods, code: str, words: tuple[str, ...]) -> None:
    """One line, and status 1."""
    assert goods.at.refused(*words) == code
