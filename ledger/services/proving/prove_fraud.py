"""Build a fraud file `touchstone-fraud/1` from what this installation knows, and from the proof
bundles that others have handed out: each names a unit that the item is said to be in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from sqlalchemy.orm import Session

from ledger.chain import bundle_format, fraud
from ledger.chain.bundle_custody import check_trees
from ledger.chain.bundle_events import write_history
from ledger.chain.bundle_format import Step, write_step
from ledger.chain.frame import read_headers
from ledger.chain.strict_json import load
from ledger.db.models import ChainUnit
from ledger.domain.leaf import leaf
from ledger.errors import Rejected
from ledger.services.codes import decode
from ledger.services.goods.ways import find_ways
from ledger.services.proving.prove_custody import steps_of, unit_histories
from ledger.services.proving.prove_frame import Json, Place, frame, judged
from ledger.services.site import Site

Path = tuple[Step, ...]


def build(
    site: Site, session: Session, gtin: str, serial: str, bundles: Sequence[bytes] = ()
) -> Json:
    """Return the proof that an item is in two places at once, as JSON values.

    gtin: 14 digits; serial: canonical. bundles: proof bundles of the same code from elsewhere.
    Raises Rejected UNKNOWN_ITEM (no key here decodes it), OTHER_CODE (a bundle is of another),
    NOT_IN_UNIT (a bundle's trees do not hold), NO_CONFLICT; and as `bundle_format.read`,
    `prove_frame.frame` and `judged`.
    """
    decoded = decode(site, session, int(gtin), serial)
    if decoded is None:
        raise Rejected("UNKNOWN_ITEM", "No key of this installation decodes the code.")
    item = leaf(int(gtin), decoded.index, serial)
    if session.get(ChainUnit, item) is not None:
        raise _no_conflict("it has a slot of its own, so that no tree says where it is")
    known = (
        steps_of(site, session, way)
        for way in find_ways(site, session, item, decoded.batch, decoded.index)
    )
    told = (_told(data, int(gtin), serial, item) for data in bundles)
    standing = {_way(path): path for path in _standing(session, (*known, *told))}
    for pair in combinations(standing.values(), 2):
        return membership(site, session, item, pair)
    raise _no_conflict("at most one unit that is known here holds it now")


def membership(site: Site, session: Session, item: bytes, paths: Sequence[Path]) -> Json:
    """Return a membership file of two ways to an item. Raises as `prove_frame.frame` and
    `judged`."""
    stored = [session.get_one(ChainUnit, path[-1].unit) for path in paths]
    places: list[Place] = [("units", (item,), "state")]
    places += [("units", (step.unit,), "state") for path in paths for step in path]
    places += [("units", (u.id,), part) for u in stored for part in ("head", "childrenRoot")]
    document = {
        "format": fraud.FORMAT,
        "kind": fraud.MEMBERSHIP,
        **frame(site, session, places),
        "item": "0x" + item.hex(),
        "paths": [[write_step(step) for step in path] for path in paths],
        "histories": [write_history(events) for events in unit_histories(session, stored)],
    }
    judged(
        lambda data, layout: fraud.conclude(
            fraud.read_membership(load(data, fraud.MAX_BYTES)), layout
        ),
        document,
    )
    return document


def headers(first: bytes, second: bytes) -> Json:
    """Return a headers file of the settled headers in two proof files of any kind.

    Whether it proves a fraud is for whoever has a trust file. Raises Rejected as `read_headers`.
    """
    found = [read_headers(data) for data in (first, second)]
    changes = max((document["changes"] for document in found), key=len)
    return {
        "format": fraud.FORMAT,
        "kind": fraud.HEADERS,
        "first": found[0]["settled"],
        "second": found[1]["settled"],
        "changes": changes,
    }


def _told(data: bytes, gtin: int, serial: str, item: bytes) -> Path:
    bundle = bundle_format.read(data)
    if (bundle.gtin, bundle.serial) != (gtin, serial):
        raise Rejected("OTHER_CODE", "A bundle is of another code: give bundles of this one.")
    check_trees(bundle.units or (), item)
    return bundle.units or ()


def _standing(session: Session, paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths up to the first unit that has a slot today, if that is still what was packed.

    What left its unit since a bundle was made has a slot of its own: the way ends there.
    """
    for path in paths:
        for place, step in enumerate(path, 1):
            row = session.get(ChainUnit, step.unit)
            if row is not None:
                if (row.children_root, row.count) == (step.children_root, step.count):
                    yield path[:place]
                break


def _way(path: Path) -> tuple[tuple[bytes, int], ...]:
    return tuple((step.unit, step.position) for step in path)


def _no_conflict(why: str) -> Rejected:
    return Rejected("NO_CONFLICT", f"The item is not in two places at once: {why}.")
