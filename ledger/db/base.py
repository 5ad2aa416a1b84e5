"""What every table is declared with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, LargeBinary, Text
from sqlalchemy.orm import DeclarativeBase

BigInt = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rowids up on INTEGER only


class Base(DeclarativeBase):
    """The metadata of all tables."""

    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own way of declaring it)
        int: BigInt,
        bytes: LargeBinary,
        str: Text,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }
