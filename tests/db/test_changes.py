"""What tells a waiting process that somebody has written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ledger.db.changes import Changes
from ledger.db.engine import open_database, reading, transaction
from ledger.db.models import Product


def product(gtin: int) -> Product:
    """A row."""
    return Product(gtin=gtin, brand=1, name_en="a", name_zh="一")


def test_what_anybody_commits_is_told_once(tmp_path: Path) -> None:
    """By this process or by another connection to the file; looking and taking back are nothing."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ours, theirs = open_database(url), open_database(url)
    with closing(Changes(ours)) as changes:
        assert (changes.came(), changes.came()) == (True, False)
        for number, engine in enumerate((ours, theirs)):
            with transaction(engine) as session:
                session.add(product(number))
                session.flush()
                assert not changes.came()
            assert (changes.came(), changes.came()) == (True, False)
            with reading(engine) as session:
                session.add(product(9))
                session.flush()
            with reading(engine) as session:
                assert session.get(Product, number) is not None
            assert not changes.came()
    ours.dispose()
    theirs.dispose()
