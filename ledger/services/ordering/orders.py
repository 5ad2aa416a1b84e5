"""Orders of codes on their way: request, approval by someone else, minting, package, print.

Every step is in the audit log with who took it, when and from where. The steps between approval and
package are the worker's (`ledger.services.ordering.orders_work`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.db.engine import reading, transaction
from ledger.db.models import Mint, Submission
from ledger.db.ordering import CodeOrder, Receiver
from ledger.domain import ids
from ledger.domain.gs1 import gtin14
from ledger.domain.watermark import SPARE
from ledger.errors import Rejected
from ledger.services import mint as minting
from ledger.services import ranges, runs
from ledger.services.act import is_refused, settled
from ledger.services.capture import era_of, same_request
from ledger.services.keys.epochs import ensure_epoch
from ledger.services.ordering import packages, receivers
from ledger.services.own_keys import free
from ledger.services.persons import Person, note
from ledger.services.site import Site

REQUESTED, APPROVED, MINTING, READY = "REQUESTED", "APPROVED", "MINTING", "READY"
FETCHED, PRINTED, ACTIVATED = "FETCHED", "PRINTED", "ACTIVATED"
REFUSED, CANCELLED, FAILED = "REFUSED", "CANCELLED", "FAILED"
MOST = minting.MAX_COUNT - SPARE
MOST_HOURS = 24 * 366


@dataclass(frozen=True)
class Wish:
    """What is ordered. quantity: rows that are to be printed. receiver: its id. warn_h: hours after
    which a package that nobody fetched, or printed codes that nobody activated, are warned of."""

    brand: int
    gtin: str
    quantity: int
    form: str
    receiver: int
    warn_h: int = 48


def request(site: Site, who: Person, wish: Wish, key: str) -> CodeOrder:
    """Ask for codes; the same key again returns the first order.

    Waits for the chain where the brand has no key epoch yet.
    Raises Rejected BAD_QUANTITY, BAD_FORM, BAD_TIME, UNKNOWN_RECEIVER, BAD_CHECK_DIGIT,
    UnknownParty, KEY_REUSED.
    """
    if not 1 <= wish.quantity <= MOST:
        raise Rejected("BAD_QUANTITY", f"An order is for 1 to {MOST:,} codes: split it.")
    if wish.form not in packages.FORMS:
        raise Rejected("BAD_FORM", f"A file's form is one of {', '.join(packages.FORMS)}.")
    said = {
        "brand": wish.brand,
        "gtin": int(gtin14(wish.gtin)),
        "quantity": wish.quantity,
        "form": wish.form,
        "receiver": wish.receiver,
        "warn_h": wish.warn_h,
    }
    if not 1 <= wish.warn_h <= MOST_HOURS:
        raise Rejected("BAD_TIME", f"Warnings come after 1 to {MOST_HOURS} hours.")
    with reading(site.engine) as session:
        era_of(session, wish.brand)  # an unregistered party gets no keys
    ensure_epoch(site, wish.brand)  # waits for the chain, which the worker could not
    with transaction(site.engine) as session:
        known = session.scalars(select(CodeOrder).where(CodeOrder.key == key)).one_or_none()
        if known is not None:
            same_request({name: getattr(known, name) for name in said}, said)
            return known
        receivers.find(session, wish.receiver, wish.brand)
        now = site.clock()
        row = CodeOrder(
            key=key, who=who.name, created=now, state=REQUESTED, since=now, warned=[], **said
        )
        session.add(row)
        session.flush()
        told = {name: value for name, value in said.items() if name != "brand"}
        note(session, site, who, "order request", row.brand, order=row.id, **told)
        return row


def approve(site: Site, who: Person, number: int, brand: int) -> CodeOrder:
    """Let an order be minted. Raises Rejected OWN_ORDER, WRONG_STEP, UNKNOWN_ORDER."""
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        if row.who == who.name:
            raise Rejected(
                "OWN_ORDER", f"Order {number} is {who.name}'s own: somebody else approves it."
            )
        return step(session, site, who, row, "approve", (REQUESTED,), APPROVED)


def refuse(site: Site, who: Person, number: int, brand: int) -> CodeOrder:
    """End a request that is not approved. Raises Rejected WRONG_STEP, UNKNOWN_ORDER."""
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        return step(session, site, who, row, "refuse", (REQUESTED,), REFUSED)


def cancel(site: Site, who: Person, number: int, brand: int) -> CodeOrder:
    """Take a request back, as long as nothing is minted. Raises as `refuse`."""
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        return step(session, site, who, row, "cancel", (REQUESTED, APPROVED), CANCELLED)


def fetch(site: Site, who: Person, number: int, brand: int) -> packages.Fetched:
    """Give out an order's package, counting it. Raises as `packages.fetch`, UNKNOWN_ORDER."""
    with reading(site.engine) as session:
        order = find(session, number, brand)
    found = packages.fetch(site, order, who.name, who.place)
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        if row.state == READY:
            step(session, site, who, row, "fetch", (READY,), FETCHED)
    return found


def passphrase(site: Site, who: Person, number: int, brand: int) -> str:
    """Return the passphrase of an order's ZIP, to be told by another way than the file.

    From then on they do not fetch the file. Raises Rejected NO_PASSPHRASE, SAME_PERSON (who fetched
    the file is told by somebody else), PACKAGE_NOT_READY, UNKNOWN_ORDER.
    """
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        package = packages.newest(session, row.id)
        if package is None or row.mint is None:
            raise Rejected(
                "PACKAGE_NOT_READY", f"Order {number} is {row.state}: it has no package."
            )
        if session.get_one(Receiver, row.receiver).method != "zip":
            raise Rejected("NO_PASSPHRASE", "The package is sealed for its receiver's own key.")
        package = packages.locked(session, package.id)
        if packages.was_fetched_by(session, package.id, who.name):
            raise Rejected(
                "SAME_PERSON",
                "The file and its passphrase go by two ways: let somebody else tell it.",
            )
        package.told = sorted({*package.told, who.name})
        note(session, site, who, "package passphrase", row.brand, order=row.id)
        return packages.passphrase(site, session.get_one(Mint, row.mint), package.copy)


def printed(site: Site, who: Person, number: int, brand: int, rows: int) -> CodeOrder:
    """Report that codes were printed. rows: how many. Raises Rejected BAD_QUANTITY, WRONG_STEP."""
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        if not 0 < rows <= row.quantity:
            raise Rejected(
                "BAD_QUANTITY", f"Order {number} has {row.quantity:,} codes, not {rows:,}."
            )
        row.printed = rows
        return step(session, site, who, row, "printed", (FETCHED,), PRINTED, printed=rows)


def activate(
    site: Site, who: Person, number: int, brand: int, active_from: int, is_now: bool = False
) -> int:
    """Activate an order's codes from a time on; return the last submission's id.

    Waits for the chain: the order is ACTIVATED when its codes are. Asked again, it goes on with
    what was left undone or refused, or answers as before. is_now: as in `runs`. Those that were
    made void stay so. The codes that every copy left out become active as well: nobody has them,
    and a scan of one shows that the list itself has leaked.
    Raises Rejected WRONG_STEP, Unavailable NOT_SETTLED, and as `ranges.activate`.
    """
    with reading(site.engine) as session:
        order = find(session, number, brand)
        made = session.get(Mint, order.mint) if order.mint else None
        kept = _activations(session, order, made)
    if order.state not in (FETCHED, PRINTED, ACTIVATED) or made is None or made.batch is None:
        raise wrong_step(order, "activate")
    if order.state == ACTIVATED and kept and not is_refused(kept[-1]):
        return _again(site, order, made.batch, kept[-1], active_from, is_now)
    with transaction(site.engine) as session:
        free(session, *(row.key for row in kept))
    whole = ranges.in_batch(site, made.batch)
    submission = ranges.activate(site, whole, active_from, f"order-{order.id}", is_now)[-1]
    settled(site, [submission])
    with transaction(site.engine) as session:
        row = find(session, number, brand)
        if row.state != ACTIVATED:
            step(session, site, who, row, "activate", (FETCHED, PRINTED), ACTIVATED)
    return submission


def _activations(session: Session, order: CodeOrder, made: Mint | None) -> list[Submission]:
    """Return the submissions that activate an order's codes, in order: one a piece of its batch."""
    if made is None or made.batch is None:
        return []
    subject, key = ids.subject("batch", made.batch), f"order-{order.id}"
    query = select(Submission).where(Submission.subject == subject).order_by(Submission.id)
    return [row for row in session.scalars(query) if row.key.partition(" ")[0] == key]


def _again(
    site: Site, order: CodeOrder, batch: int, kept: Submission, active_from: int, is_now: bool
) -> int:
    """Return the submission that was the answer before. Raises Rejected WRONG_STEP where something
    else is asked now."""
    assert kept.order is not None  # a key hosted here has signed it
    first, to = int(kept.order["args"]["from"]), int(kept.order["args"]["to"])
    try:
        return runs.activate(site, batch, first, to, active_from, kept.key, is_now)
    except Rejected as fault:
        raise wrong_step(order, "activate") if fault.code == "KEY_REUSED" else fault from None


def find(session: Session, number: int, brand: int) -> CodeOrder:
    """Return an order of a brand (0: any). Raises Rejected UNKNOWN_ORDER."""
    row = session.get(CodeOrder, number)
    if row is None or (brand and row.brand != brand):
        raise Rejected("UNKNOWN_ORDER", f"There is no order {number}: list them.")
    return row


def listing(
    session: Session, brand: int, state: str | None = None, after: int = 0, limit: int = 100
) -> Sequence[CodeOrder]:
    """Return a brand's orders (0: all) with an id above `after`, in order."""
    query = select(CodeOrder).where(CodeOrder.id > after).order_by(CodeOrder.id).limit(limit)
    if brand:
        query = query.where(CodeOrder.brand == brand)
    return session.scalars(query.where(CodeOrder.state == state) if state else query).all()


def step(
    session: Session,
    site: Site,
    who: Person,
    row: CodeOrder,
    name: str,
    before: tuple[str, ...],
    after: str,
    **told: Any,
) -> CodeOrder:
    """Move an order on, with its entry in the audit log. Raises Rejected WRONG_STEP."""
    if row.state not in before:
        raise wrong_step(row, name)
    row.state, row.since = after, site.clock()
    note(session, site, who, f"order {name}", row.brand, order=row.id, **told)
    return row


def wrong_step(row: CodeOrder, name: str) -> Rejected:
    """Return the refusal of a step that an order cannot take now."""
    return Rejected("WRONG_STEP", f"Order {row.id} is {row.state}: it has no '{name}' now.")
