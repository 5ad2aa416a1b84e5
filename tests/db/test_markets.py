"""Rules that had a market's regions among their terms become markets."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from ledger.db.engine import open_database, upgrade
from ledger.services.alerting import alerts_rules, markets

OLD = '{"n": 3, "days": 7, "market": 3, "regions": [31, 32]}'


def test_a_rule_of_the_kind_that_was_becomes_a_market(tmp_path: Path) -> None:
    """Its regions are the market's; the rule of that kind is the one that every brand has."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    plain = create_engine(url)
    with plain.begin() as connection:
        upgrade(connection, "0011")
    with plain.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO alert_rule (brand, name, kind, terms, calibrated, enabled, judged_from,"
            " created) VALUES (7, 'mine', 'out_of_market', ?, 0, 1, 0, 1)",
            (OLD,),
        )
    plain.dispose()
    engine = open_database(url)
    with Session(engine) as session:
        assert markets.stated(session, 7) == {3: frozenset({31, 32})}
        assert [row.name for row in markets.listing(session, 7)] == ["mine"]
        assert "mine" not in alerts_rules.ensure(session, 7, 1)
    engine.dispose()
