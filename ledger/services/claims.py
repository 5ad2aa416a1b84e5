"""Inner codes (cap, scratch layer): uncovering one, once, which the ledger records for everybody.

The inner key is needed, so this works where codes are made. Who uncovered a code is kept here and
told to nobody but the same device, or who is at the same place within two hours.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.chain.message import Shown
from ledger.db.chain_states import ChainClaim
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainBatch, ChainParty, Submission
from ledger.db.openings import Opening
from ledger.domain import code
from ledger.domain.history import NO_EVENT_HASH
from ledger.domain.ids import claim_id
from ledger.domain.regions import great_circle_km
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import act, is_refused
from ledger.services.codes import inner_proof, ref_of
from ledger.services.device_names import Device
from ledger.services.hosting import operator_here, signs_here
from ledger.services.order import Order
from ledger.services.own_keys import free
from ledger.services.scan_facts import Place, kept_of
from ledger.services.site import Site

HERE_KM, NOW_S = 1.0, 2 * 3600  # who is so near and so soon after it has the same item


@dataclass(frozen=True)
class Inner:
    """An inner code of this ledger. text: as printed."""

    text: str
    brand: int
    batch: int
    gtin: int
    index: int


@dataclass(frozen=True)
class Opened:
    """That an inner code was uncovered. at: unix seconds. now: by this very call."""

    at: int
    by_you: bool
    now: bool = False


def read_inner(site: Site, session: Session, text: str) -> Inner:
    """Return the item whose inner code this is; a variant of its spelling is read too.

    Raises Rejected UNKNOWN_INNER.
    """
    canonical = code.normalise_variant(text)
    decoded = site.minter.decode_inner(canonical) if canonical is not None else None
    batch = session.get(ChainBatch, decoded.batch) if decoded is not None else None
    if canonical is None or decoded is None or batch is None or batch.inner_root is None:
        raise _unknown()
    if (batch.brand, batch.epoch) != (decoded.brand, decoded.epoch) or decoded.index >= batch.count:
        raise _unknown()
    return Inner(canonical, batch.brand, batch.number, batch.gtin, decoded.index)


def opened(
    session: Session,
    batch: int,
    index: int,
    device: Device | None,
    place: Place | None,
    now: int,
) -> Opened | None:
    """Return whether an item was opened, as the chain says or as it is on its way there.

    What the chain has refused has not happened.
    """
    kept = session.get(Opening, (batch, index))
    claim = session.get(ChainClaim, (batch, index))
    if claim is None and (kept is None or _is_refused(session, batch, index)):
        return None
    by_you = kept is not None and _same(kept, device, place, now)
    return Opened(claim.time if claim is not None else kept.time if kept else 0, by_you)


def open_item(site: Site, text: str, device: Device | None, place: Place | None = None) -> Opened:
    """Uncover an inner code, once; signed by its brand's hosted key, else by an operator's.

    Of several who do it at the same moment one is told that it was `now`. Raises Rejected
    UNKNOWN_INNER, NO_CLAIMER and the contract's names.
    """
    now, place = site.clock(), kept_of(place) if place is not None else None
    with reading(site.engine) as session:
        inner = read_inner(site, session, text)
        before = opened(session, inner.batch, inner.index, device, place, now)
        if before is not None:
            return before
        order = _order(site, session, inner)
    with transaction(site.engine) as session:
        refused = free(session, order.key)
        if refused and (row := session.get(Opening, (inner.batch, inner.index))) is not None:
            session.delete(row)
    first = False

    def remember(session: Session) -> None:
        nonlocal first
        if session.get(Opening, (inner.batch, inner.index)) is None:
            first = True
            session.add(
                Opening(
                    batch=inner.batch,
                    index=inner.index,
                    brand=inner.brand,
                    time=now,
                    device=device.opener(inner.batch, inner.index) if device else None,
                    lat=place.lat if place else None,
                    lon=place.lon if place else None,
                )
            )

    def by_another() -> Opened | None:
        with reading(site.engine) as session:
            return opened(session, inner.batch, inner.index, device, place, now)

    try:
        act(site, order, beside=remember)
    except Rejected:
        if (faster := by_another()) is not None:
            return faster
        raise
    if not first and (faster := by_another()) is not None:
        return faster
    return Opened(now, by_you=True, now=True)


def _order(site: Site, session: Session, inner: Inner) -> Order:
    batch = session.get_one(ChainBatch, inner.batch)
    ref = ref_of(batch)
    salt = site.minter.inner_salt(ref, inner.index)
    args: dict[str, int | bytes] = {
        "actor": _claimer(site, session, inner.brand),
        "batch": inner.batch,
        "index": inner.index,
        "innerCode": inner.text.encode().ljust(32, b"\0"),
        "salt": salt,
        "eventHash": NO_EVENT_HASH,
    }
    proof = inner_proof(site.minter, session, ref, inner.index)
    key = _key(inner.batch, inner.index)
    actor = int(args["actor"])
    claim = claim_id(inner.batch, inner.index)
    return Order(Verb.CLAIM_INNER, actor, claim, args, key, inner.brand, shown=Shown([proof]))


def _key(batch: int, index: int) -> str:
    return f"claim-{batch}-{index}"


def _is_refused(session: Session, batch: int, index: int) -> bool:
    query = select(Submission).where(Submission.key == _key(batch, index))
    row = session.scalars(query).one_or_none()
    return row is not None and is_refused(row)


def _claimer(site: Site, session: Session, brand: int) -> int:
    """Return whose hosted key says that a code was uncovered: its brand's, else an operator's."""
    row = session.get(ChainParty, brand)
    if row is not None and signs_here(site, row):
        return brand
    operator = operator_here(site, session)
    if operator is not None:
        return operator
    raise Rejected(
        "NO_CLAIMER",
        f"Neither brand {brand} nor an operator has a key hosted here: the brand records openings.",
    )


def _same(opening: Opening, device: Device | None, place: Place | None, now: int) -> bool:
    """Say whether whoever asks is who opened it: the same device, or here and a moment ago."""
    opener = device.opener(opening.batch, opening.index) if device is not None else None
    if opener is not None and opener == opening.device:
        return True
    if place is None or place.source != "gps" or opening.lat is None or opening.lon is None:
        return False
    near = great_circle_km(opening.lat, opening.lon, place.lat, place.lon) <= HERE_KM
    return near and now - opening.time <= NOW_S


def _unknown() -> Rejected:
    return Rejected(
        "UNKNOWN_INNER", "No item of this ledger has this code inside: compare it with the print."
    )
