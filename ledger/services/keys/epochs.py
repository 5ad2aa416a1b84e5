"""Key epochs of a brand on this ledger: the first one, and the next when keys are to change."""

from __future__ import annotations

from sqlalchemy import select

from ledger.db.engine import reading, transaction
from ledger.db.models import ChainEpoch
from ledger.domain.code import IMPORTED_EPOCH
from ledger.domain.jcs import SALT_MEMBER
from ledger.domain.keccak import keccak
from ledger.domain.verbs import Verb
from ledger.errors import Rejected
from ledger.services.act import act, settled
from ledger.services.order import Order
from ledger.services.own_keys import free
from ledger.services.site import Site

IMPORTED_COMMITMENT = keccak(b"touchstone-imported/1")


def ensure_epoch(site: Site, brand: int) -> int:
    """Return the brand's newest key epoch on this ledger, opening the first one if there is none.

    Waits for the chain. Raises Rejected EPOCH_KEYS_LOST, and what `act` raises.
    """
    ours, announced = _known(site, brand)
    if not ours:
        return rotate(site, brand)
    if ours[-1][0] not in announced:
        return _announce(site, brand, *ours[-1])
    return ours[-1][0]


def rotate(site: Site, brand: int) -> int:
    """Open the brand's next key epoch and return it: what is ordered from now on is made under it.

    One that was opened here and died before the chain had it is taken up again. Waits for the
    chain. Raises Rejected EPOCHS_EXHAUSTED, EPOCH_KEYS_LOST, and what `act` raises.
    """
    ours, announced = _known(site, brand)
    if not ours or ours[-1][0] in announced:
        ours.append(site.ring.open_epoch(brand, site.network.chain_id, site.network.address))
    return _announce(site, brand, *ours[-1])


def ensure_imported(site: Site, brand: int) -> int:
    """Return the epoch of a brand's imported codes, announcing it on this ledger the first time.

    It has no key: its commitment is the same for all, so anybody sees what its batches are. Waits
    for the chain. Raises Rejected EPOCH_TAKEN, and what `act` raises.
    """
    with reading(site.engine) as session:
        row = session.get(ChainEpoch, (brand, IMPORTED_EPOCH))
    if row is None:
        return _announce(site, brand, IMPORTED_EPOCH, IMPORTED_COMMITMENT)
    if row.commitment != IMPORTED_COMMITMENT:
        raise Rejected(
            "EPOCH_TAKEN",
            f"Epoch {IMPORTED_EPOCH} of brand {brand} is one of keys: nothing can be imported.",
        )
    return IMPORTED_EPOCH


def record(site: Site, kind: str, **fields: int | str) -> dict[str, object]:
    """Return a document of what is no event of EPCIS's: nothing physical has happened yet."""
    named = {f"touchstone:{name}": value for name, value in fields.items()}
    return {"type": f"touchstone:{kind}", **named, SALT_MEMBER: site.salt()}


def _known(site: Site, brand: int) -> tuple[list[tuple[int, bytes]], dict[int, bytes]]:
    """Return (number, commitment) of the key file's epochs, and the chain's commitments."""
    ours = site.ring.announced_as(brand, site.network.chain_id, site.network.address)
    with reading(site.engine) as session:
        rows = session.scalars(select(ChainEpoch).where(ChainEpoch.party == brand)).all()
    announced = {row.epoch: row.commitment for row in rows if row.epoch != IMPORTED_EPOCH}
    for number, commitment in sorted(announced.items()):
        if dict(ours).get(number) != commitment:
            raise Rejected(
                "EPOCH_KEYS_LOST",
                f"The chain knows key epoch {number} of brand {brand}, and the key file does not "
                "hold its keys: restore the newest backup of the key file.",
            )
    return ours, announced


def _announce(site: Site, brand: int, number: int, commitment: bytes) -> int:
    document = record(site, "epoch", epoch=number)
    args = {"actor": brand, "epoch": number, "commitment": commitment}
    order = Order(Verb.OPEN_EPOCH, brand, brand, args, f"epoch-{brand}-{number}", brand, document)
    with transaction(site.engine) as session:
        free(session, order.key)
    settled(site, [act(site, order)])
    return number
