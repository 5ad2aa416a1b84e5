"""The steps of orders that wait for no person: minting, packaging, warnings, expiry; the worker's.

A crash anywhere is gone on from: what was done is in the order's row or is done again to the same
bytes.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import Mint
from ledger.db.ordering import CodeOrder, CodePackage, Receiver
from ledger.domain.watermark import SPARE
from ledger.errors import Rejected, TouchstoneError, Unavailable
from ledger.services import mint as minting
from ledger.services.audit import WORKER
from ledger.services.ordering import orders, packages
from ledger.services.persons import Person, note
from ledger.services.site import Site

WARNINGS = {orders.READY: "not fetched", orders.PRINTED: "not activated"}
HERE = Person(WORKER, "here")


def advance(site: Site) -> int:
    """Take every order one step further that waits for no person; return how many moved.

    A package that nobody fetched, and printed codes that nobody activated, are warned of once each,
    in the audit log and in the order.
    """
    with reading(site.engine) as session:
        query = select(CodeOrder).where(CodeOrder.state.in_((orders.APPROVED, orders.MINTING)))
        waiting = session.scalars(query.order_by(CodeOrder.id)).all()
    moved = sum(_advance(site, order) for order in waiting)
    return moved + _warn(site) + packages.expire(site)


def copy(site: Site, who: Person, number: int, brand: int) -> CodePackage:
    """Make another copy of an order's package, with a mark of its own; it takes the last one's
    place. Raises Rejected WRONG_STEP, UNKNOWN_ORDER."""
    with reading(site.engine) as session:
        order = orders.find(session, number, brand)
    if order.state not in (orders.READY, orders.FETCHED):
        raise orders.wrong_step(order, "copy")
    return _package(site, who, order)


def _advance(site: Site, order: CodeOrder) -> int:
    try:
        if order.state == orders.APPROVED:
            _mint(site, order)
            return 1
        assert order.mint is not None  # set with orders.MINTING
        made = minting.mint_of(site, order.mint)
        if made.state == "FAILED":
            raise Rejected("MINT_FAILED", made.error or "The chain refused the batch.")
        if made.state != "DONE":
            return 0
        _package(site, HERE, order)
        return 1
    except (Rejected, Unavailable) as fault:
        # Another verb of the brand is on its way, and the next one is over the new head; or the
        # order was cancelled meanwhile, and nothing was kept of its mint.
        if fault.code in ("StaleHead", "WRONG_STEP"):
            return 0
        if isinstance(fault, Unavailable) and fault.code != "EXTRA_MISSING":
            raise  # it passes by itself
        _fail(site, order.id, fault)
        return 1


def _mint(site: Site, order: CodeOrder) -> None:
    """Ask for an order's codes. Raises what `minting.order_codes` raises."""
    _, inner = packages.FORMS[order.form]
    key, gtin = f"order-{order.id}", f"{order.gtin:014d}"

    def move(session: Session, mint: int) -> None:
        row = orders.find(session, order.id, 0)
        row.mint = mint
        before, after = (orders.APPROVED,), orders.MINTING
        orders.step(session, site, HERE, row, "mint", before, after, mint=mint)

    # The mint is the order's from its first moment: its codes take no other way meanwhile.
    pool = order.quantity + SPARE
    number = minting.order_codes(site, order.brand, gtin, pool, key, inner, move)
    with reading(site.engine) as session:
        taken = orders.find(session, order.id, 0).mint != number
    if taken:
        raise Rejected("KEY_REUSED", f"Mint {number} was asked for as '{key}' before: order anew.")


def _package(site: Site, who: Person, order: CodeOrder) -> CodePackage:
    with packages.alone(site):
        return _next_copy(site, who, order)


def _next_copy(site: Site, who: Person, order: CodeOrder) -> CodePackage:
    with reading(site.engine) as session:
        last = packages.newest(session, order.id)
        receiver = session.get_one(Receiver, order.receiver)
        made = session.get_one(Mint, order.mint)
    number = last.copy + 1 if last else 1
    # If we die before the commit the file is made again, byte for byte the same list.
    package = packages.make(site, order, made, receiver, number)
    with transaction(site.engine) as session:
        session.add(package)
        row = orders.find(session, order.id, 0)
        told = {"copy": number, "sha256": package.sha256.hex()}
        if row.state == orders.MINTING:
            orders.step(session, site, who, row, "package", (orders.MINTING,), orders.READY, **told)
        else:
            note(session, site, who, "order copy", row.brand, order=row.id, **told)
    return package


def _warn(site: Site) -> int:
    now = site.clock()
    with reading(site.engine) as session:
        query = select(CodeOrder).where(
            CodeOrder.state.in_(WARNINGS), CodeOrder.since + 3600 * CodeOrder.warn_h <= now
        )
        late = [row.id for row in session.scalars(query) if WARNINGS[row.state] not in row.warned]
    for number in late:
        with transaction(site.engine) as session:
            row = orders.find(session, number, 0)
            warning = WARNINGS.get(row.state)
            if warning is None or warning in row.warned:
                continue  # somebody was faster
            row.warned = [*row.warned, warning]
            what = f"order {warning}"
            note(session, site, HERE, what, row.brand, order=row.id)
    return len(late)


def _fail(site: Site, number: int, fault: TouchstoneError) -> None:
    with transaction(site.engine) as session:
        row = orders.find(session, number, 0)
        row.error = f"{fault.code}: {fault.message}"
        orders.step(
            session,
            site,
            HERE,
            row,
            "fail",
            (orders.APPROVED, orders.MINTING),
            orders.FAILED,
            error=fault.code,
        )
