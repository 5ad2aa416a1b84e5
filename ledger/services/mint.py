"""Minting: a number from the chain, codes under it, their root on the chain; then, and only then,
the codes may leave.

Every step is a row whose state says what is next, so the worker goes on after a crash where it
stopped: RESERVING (a batch number is asked for) → COMMISSIONING (the root is on its way) → DONE.
What is refused on the way makes that one mint FAILED, with its reason, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.refusals import SENTENCES
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainBatch, Mint, Product, Submission
from ledger.db.ordering import CodeOrder
from ledger.domain import epcis, jcs, merkle
from ledger.domain.code import IMPORTED_EPOCH
from ledger.domain.digital_link import printed_link
from ledger.domain.gs1 import gtin14
from ledger.domain.verbs import Verb
from ledger.errors import Rejected, Unavailable
from ledger.services.act import Beside, act, is_refused
from ledger.services.capture import era_of, same_request
from ledger.services.codes import prefix_of
from ledger.services.importing.imported import tree as imported_tree
from ledger.services.keys.epochs import ensure_epoch, record
from ledger.services.keys.keeper import BatchRef
from ledger.services.order import Order
from ledger.services.site import Site
from ledger.services.trees import BESIDE, Trees, compute

MAX_COUNT = 10_000_000
MAX_BATCH = 2**31 - 1  # the contract gives no higher number
COMMISSIONED = 2


def add_product(site: Site, brand: int, gtin: str, name_en: str, name_zh: str) -> int:
    """Name a trade item of a registered brand; return its GTIN as a number.

    Raises Rejected MALFORMED, BAD_CHECK_DIGIT, BAD_PRODUCT, UnknownParty, ForeignGtin.
    """
    number = int(gtin14(gtin))
    if not (name_en.strip() and name_zh.strip()):
        raise Rejected(
            "BAD_PRODUCT", "An item has a name in English and one in Chinese: give both."
        )
    with transaction(site.engine) as session:
        era_of(session, brand)
        prefix = prefix_of(session, number)
        if prefix is None or prefix.party != brand:
            raise Rejected("ForeignGtin", SENTENCES["ForeignGtin"].format(number, brand))
        session.merge(Product(gtin=number, brand=brand, name_en=name_en, name_zh=name_zh))
    return number


def order_codes(
    site: Site,
    brand: int,
    gtin: str,
    count: int,
    key: str,
    inner: bool = True,
    beside: Callable[[Session, int], None] = lambda _session, _mint: None,
) -> int:
    """Order `count` codes of a GTIN; return the mint's id. The worker does the rest.

    inner: with an inner code for each (cap, scratch layer), under a root of their own. beside: what
    is kept in the transaction that keeps a new mint; it is given the mint's id.
    Raises Rejected BAD_QUANTITY, BAD_CHECK_DIGIT, KEY_REUSED, UnknownParty, ForeignGtin and the
    contract's other names.
    """
    if not 1 <= count <= MAX_COUNT:
        raise Rejected(
            "BAD_QUANTITY", f"A batch holds 1 to {MAX_COUNT:,} codes, not {count:,}: split it."
        )
    number = int(gtin14(gtin))
    with reading(site.engine) as session:
        if (known := _by_key(session, key)) is not None:
            kept = (known.brand, known.gtin, known.count, known.inner)
            same_request(kept, (brand, number, count, inner))
            return known.id
        era_of(session, brand)  # an unregistered party gets no keys
    epoch = ensure_epoch(site, brand)
    mint = Mint(key=key, brand=brand, gtin=number, count=count, inner=inner, epoch=epoch)
    reserve(site, mint, lambda session: beside(session, mint.id))
    with reading(site.engine) as session:
        found = _by_key(session, key)
    assert found is not None  # kept in the same transaction as its submission
    return found.id


def reserve(site: Site, mint: Mint, beside: Beside = lambda _: None) -> None:
    """Ask for the batch number of a new mint, and keep it in the same transaction.

    mint: its key, brand, gtin, count, inner and epoch. Raises what `act` raises.
    """
    document = record(site, "reservation", gtin=f"{mint.gtin:014d}", count=mint.count)
    args = {"actor": mint.brand, "gtin": mint.gtin, "epoch": mint.epoch}
    key = f"mint-{mint.key}"
    order = Order(Verb.RESERVE_BATCH, mint.brand, mint.brand, args, key, mint.brand, document)
    mint.state, mint.created = "RESERVING", site.clock()
    mint.reservation = jcs.event_hash(document)

    def remember(session: Session) -> None:
        session.add(mint)
        session.flush()  # what stands beside may name it
        beside(session)

    act(site, order, beside=remember)


def advance(site: Site, trees: Trees | None = None) -> int:
    """Take every open mint one step further where the chain has answered; return how many moved.

    trees: where large batches are computed meanwhile; None waits for each.
    """
    with reading(site.engine) as session:
        open_mints = session.scalars(
            select(Mint).where(Mint.state.in_(("RESERVING", "COMMISSIONING"))).order_by(Mint.id)
        ).all()
    return sum(_advance(site, mint, trees) for mint in open_mints)


def _advance(site: Site, mint: Mint, trees: Trees | None) -> bool:
    with reading(site.engine) as session:
        submissions = session.scalars(
            select(Submission).where(
                Submission.key.in_((f"mint-{mint.key}", f"commission-{mint.key}"))
            )
        ).all()
        batch = session.scalars(
            select(ChainBatch)
            .where(ChainBatch.reservation == mint.reservation, ChainBatch.brand == mint.brand)
            .order_by(ChainBatch.number)
        ).first()
    for row in submissions:
        if is_refused(row):
            return _set(site, mint.id, state="FAILED", error=row.detail)
    if mint.state == "COMMISSIONING":
        done = batch is not None and batch.status == COMMISSIONED
        return done and _set(site, mint.id, state="DONE")
    if batch is None:
        return False
    try:
        return _commission(site, mint, batch.number, trees)
    except Rejected as fault:
        # Another verb on the batch is on its way: the next one is over the new head.
        return fault.code != "StaleHead" and _fail(site, mint.id, fault)


def _commission(site: Site, mint: Mint, number: int, trees: Trees | None) -> bool:
    ref = BatchRef(mint.brand, mint.epoch, mint.gtin, number, mint.count)
    if mint.epoch == IMPORTED_EPOCH:
        work = partial(imported_tree, site, mint.id, ref)
    else:
        work = partial(compute, site.minter, ref, mint.inner)
    tree = work() if trees is None or mint.count < BESIDE else trees.find(number, work)
    if tree is None:
        return False
    gtin = f"{mint.gtin:014d}"
    run = epcis.Run(gtin, number, 0, mint.count)
    document = epcis.commissioning(_occasion(site), run)
    args = {
        "actor": mint.brand,
        "root": merkle.kept_root(tree.kept),
        "innerRoot": tree.inner_root,
        "count": mint.count,
    }
    order = Order(
        Verb.COMMISSION, mint.brand, number, args, f"commission-{mint.key}", mint.brand, document
    )

    def remember(session: Session) -> None:
        row = session.get(Mint, mint.id)
        assert row is not None  # mints are never deleted
        row.batch, row.state = number, "COMMISSIONING"
        row.kept, row.top = tree.kept, merkle.top_nodes(tree.kept)
        if tree.inner_kept is not None:
            row.inner_kept, row.inner_top = tree.inner_kept, merkle.top_nodes(tree.inner_kept)

    # If we die before the commit the tree is computed again, to the same root.
    act(site, order, beside=remember)
    return True


def mint_of(site: Site, mint: int) -> Mint:
    """Return a mint. Raises Rejected UNKNOWN_MINT."""
    with reading(site.engine) as session:
        row = session.get(Mint, mint)
    if row is None:
        raise Rejected("UNKNOWN_MINT", f"There is no mint {mint}.")
    return row


def batch_ref(session: Session, number: int) -> BatchRef:
    """Return what defines a commissioned batch. Raises Rejected UNKNOWN_BATCH."""
    row = session.get(ChainBatch, number) if 0 < number <= MAX_BATCH else None
    if row is None or row.status != COMMISSIONED:
        raise Rejected("UNKNOWN_BATCH", f"Batch {number} is not on the ledger.")
    return BatchRef(row.brand, row.epoch, row.gtin, number, row.count)


def released(mint: Mint) -> BatchRef:
    """Return the batch of a mint that is DONE.

    Raises Unavailable ROOT_PENDING before that: a code leaves only after its root is on chain;
    Rejected PRINTED_ELSEWHERE for imported codes.
    """
    if mint.state != "DONE" or mint.batch is None:
        raise Unavailable(
            "ROOT_PENDING",
            f"The root of mint {mint.id} is not on the chain yet (it is {mint.state}): wait.",
        )
    if mint.epoch == IMPORTED_EPOCH:
        raise Rejected(
            "PRINTED_ELSEWHERE",
            f"The codes of batch {mint.batch} were imported: print them from the file they are in.",
        )
    return BatchRef(mint.brand, mint.epoch, mint.gtin, mint.batch, mint.count)


def open_codes(site: Site, mint: Mint) -> BatchRef:
    """Return the batch of a mint whose codes may leave by themselves, in no order's package.

    Raises as `released`, and Rejected ORDERED_CODES: a list that no copy's mark and no count is on
    would be of all of an order's codes, with those that nobody shall have.
    """
    with reading(site.engine) as session:
        order = session.scalar(select(CodeOrder.id).where(CodeOrder.mint == mint.id))
    if order is not None:
        raise Rejected(
            "ORDERED_CODES",
            f"Mint {mint.id} is of order {order}: its codes leave in the order's packages alone.",
        )
    return released(mint)


def links(
    site: Site, mint: Mint, start: int, stop: int, upper: bool = False, chunk: int = 10_000
) -> Iterator[tuple[str, str]]:
    """Yield (serial, printed link) of items start … stop − 1. Raises as `open_codes`."""
    ref = open_codes(site, mint)
    gtin = f"{mint.gtin:014d}"
    for first in range(start, stop, chunk):
        for serial in site.minter.serials(ref, first, min(first + chunk, stop)).tolist():
            text = serial.decode()
            yield text, printed_link(site.link_base, gtin, text, upper)


def _occasion(site: Site) -> epcis.Occasion:
    return epcis.Occasion(site.when(), site.salt())


def _by_key(session: Session, key: str) -> Mint | None:
    return session.scalars(select(Mint).where(Mint.key == key)).one_or_none()


def _fail(site: Site, mint: int, fault: Rejected) -> bool:
    with transaction(site.engine) as session:
        row = session.get(Mint, mint, with_for_update=True)
        assert row is not None  # mints are never deleted
        if row.state != "RESERVING":
            return False  # another worker was faster, and this one was refused for that
        row.state, row.error = "FAILED", fault.message
    return True


def _set(site: Site, mint: int, **values: object) -> bool:
    with transaction(site.engine) as session:
        row = session.get(Mint, mint)
        assert row is not None  # mints are never deleted
        for name, value in values.items():
            setattr(row, name, value)
    return True
