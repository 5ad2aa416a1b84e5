"""How an order and its receiver are told, by the API and by the commands alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.models import Mint
from ledger.db.ordering import CodeOrder, CodePackage, PackageDownload, Receiver

Json = dict[str, Any]


def receiver_json(row: Receiver) -> Json:
    """Return what is told of a receiver."""
    return {
        "id": row.id,
        "brand": row.brand,
        "name": row.name,
        "method": row.method,
        "key": row.key,
        "created": row.created,
    }


def order_json(session: Session, row: CodeOrder) -> Json:
    """Return what is told of an order, its packages and their downloads with it."""
    made = session.get(Mint, row.mint) if row.mint else None
    query = select(CodePackage).where(CodePackage.order == row.id).order_by(CodePackage.copy)
    return {
        "id": row.id,
        "brand": row.brand,
        "gtin": f"{row.gtin:014d}",
        "quantity": row.quantity,
        "form": row.form,
        "receiver": row.receiver,
        "who": row.who,
        "created": row.created,
        "state": row.state,
        "since": row.since,
        "error": row.error,
        "batch": made.batch if made else None,
        "printed": row.printed,
        "warn_h": row.warn_h,
        "warned": row.warned,
        "packages": [_package_json(session, package) for package in session.scalars(query)],
    }


def _package_json(session: Session, row: CodePackage) -> Json:
    query = select(PackageDownload).where(PackageDownload.package == row.id)
    downloads = session.scalars(query.order_by(PackageDownload.id))
    return {
        "copy": row.copy,
        "name": row.name,
        "size": row.size,
        "sha256": row.sha256.hex(),
        "made": row.made,
        "expires": row.expires,
        "ended": row.ended,
        "downloads": [{"time": d.time, "who": d.who, "place": d.place} for d in downloads],
    }
