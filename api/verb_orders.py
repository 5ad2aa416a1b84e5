"""From what a request asks for to the order of a verb, with the check of who may ask for it."""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from api.bodies import (
    BoxIn,
    BoxOfIn,
    CodesIn,
    DeviceIn,
    DrawIn,
    ExceptionIn,
    HandoffIn,
    ItemStateIn,
    LotStateIn,
    MessageIn,
    SettlementIn,
    UnpackIn,
    VoidIn,
)
from ledger.chain.refusals import SENTENCES
from ledger.db.engine import reading, transaction
from ledger.db.models import ChainUnit, UnitName
from ledger.domain.contents import Codes
from ledger.domain.verbs import KeyMode
from ledger.errors import Rejected
from ledger.services import custody, devices, exceptions, items, lots, mint, runs
from ledger.services.api_keys import Caller
from ledger.services.goods import packing, unpacking
from ledger.services.goods.units import find_unit
from ledger.services.lookup import parties_of
from ledger.services.order import Order
from ledger.services.site import Site

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


def find(site: Site, session: Session, caller: Caller, text: str) -> UnitName:
    """Return a unit by SSCC, id or an item's link, for a caller who had a part in its way.

    To others it is unknown, in the same words as one that does not exist: neither SSCCs nor what
    the chain's ids stand for can be found out by asking.
    """
    try:
        name = find_unit(site, session, text)
        if not caller.party or caller.party in parties_of(site, session, name):
            return name
    except Rejected as error:
        if error.code != "UNKNOWN_UNIT":
            raise
    raise Rejected("UNKNOWN_UNIT", f"No unit {text} is known here to whom this API key is for.")


def units_of(site: Site, caller: Caller, texts: list[str]) -> list[bytes]:
    """Return the ids of units. Raises as `find`."""
    with reading(site.engine) as session:
        return [find(site, session, caller, text).id for text in texts]


def address(text: str) -> bytes:
    """Return the 20 bytes of an address. Raises Rejected BAD_ADDRESS."""
    if not _ADDRESS.fullmatch(text.lower()):
        raise Rejected("BAD_ADDRESS", "An address is 0x and 40 hex digits.")
    return bytes.fromhex(text[2:])


def handoff(site: Site, caller: Caller, body: HandoffIn, key: str) -> tuple[Order, list[bytes]]:
    """Return the order of a handoff, and its units."""
    caller.act_for(body.actor)
    units = units_of(site, caller, body.units)
    verb = custody.WAYS[body.verb]
    order = custody.order_handoff(site, verb, body.actor, body.other, units, key, body.skip_stale)
    return order, units


def pack(site: Site, caller: Caller, body: BoxOfIn) -> Order:
    """Return the order of packing a box, and of sending it where that is asked."""
    caller.act_for(body.actor)
    return packing.order_pack(site, body.actor, box_of(site, caller, body.box), body.ship_to)


def box_of(site: Site, caller: Caller, box: BoxIn) -> packing.Box:
    """Return a box as packing takes it; units in it are those that the caller may see."""
    inside: list[Codes | packing.Box | bytes] = []
    for part in box.inside:
        if isinstance(part, CodesIn):
            inside.append(Codes(part.batch, part.first, part.to))
        elif isinstance(part, BoxIn):
            inside.append(box_of(site, caller, part))
        else:
            inside.extend(units_of(site, caller, [part]))
    return packing.Box(box.sscc, inside, box.lot)


def unpack(site: Site, caller: Caller, body: UnpackIn, key: str) -> Order:
    """Return the order of taking children out; a unit's content is told to its holder only."""
    caller.act_for(body.actor)
    unit = units_of(site, caller, [body.unit])[0]
    if caller.party:
        _refuse_other_holder(site, unit, body.actor)
    return unpacking.order_unpack(site, body.actor, unit, body.positions, key)


def exception(site: Site, caller: Caller, body: ExceptionIn, key: str) -> Order:
    """Return the order of reporting an exception."""
    caller.act_for(body.actor)
    unit = units_of(site, caller, [body.unit])[0]
    counts = exceptions.Counts(body.good, body.damaged, body.short, body.over, body.wrong)
    return exceptions.order_report(site, body.actor, body.sender, unit, counts, key)


def settlement(site: Site, caller: Caller, body: SettlementIn, key: str) -> Order:
    """Return the order of settling an exception."""
    caller.act_for(body.actor)
    unit = units_of(site, caller, [body.unit])[0]
    return exceptions.order_settle(site, body.actor, unit, body.report, key)


def item(site: Site, caller: Caller, body: ItemStateIn, key: str) -> Order:
    """Return the order of setting an item's state."""
    caller.act_for(body.actor)
    return items.order_state(site, body.actor, body.link, body.state, key)


def draw(site: Site, caller: Caller, body: DrawIn, key: str) -> Order:
    """Return the order of drawing an item, whose name is kept from here on."""
    caller.act_for(body.actor)
    order = items.order_draw(site, body.actor, body.link, key)
    with transaction(site.engine) as session:
        items.name_drawn(site, session, body.link)
    return order


def lot(site: Site, caller: Caller, body: LotStateIn, key: str) -> Order:
    """Return the order of recalling or releasing a lot."""
    caller.act_for(body.actor)
    state = lots.RECALLED if body.state == "recalled" else lots.RELEASED
    return lots.order_state(site, body.actor, body.gtin, body.lot, state, key)


def void(site: Site, caller: Caller, body: VoidIn, key: str) -> Order:
    """Return the order of making codes void."""
    with reading(site.engine) as session:
        caller.act_for(mint.batch_ref(session, body.batch).brand)
    return runs.order_void(site, body.batch, body.first, body.to, key)


def device(site: Site, caller: Caller, body: DeviceIn, key: str) -> Order:
    """Return the order of naming a device, or of cutting it off."""
    caller.act_for(body.actor)
    named = address(body.device)
    if body.until == 0:
        return devices.order_end(site, body.actor, named, key)
    mode = KeyMode(body.key_mode)
    return devices.order_naming(
        site, body.actor, named, mode, body.verbs, body.until, body.limit, key
    )


def message(site: Site, caller: Caller, body: MessageIn) -> tuple[Order, list[bytes]]:
    """Return the order of the one thing that a message is asked of, and the units of a list.

    Raises Rejected BAD_MESSAGE.
    """
    if len(body.model_dump(exclude_none=True, exclude={"signer"})) > 1:
        raise Rejected("BAD_MESSAGE", "A message is of one verb: ask for each by itself.")
    if body.handoff is not None:
        return handoff(site, caller, body.handoff, "")
    for made in (
        body.pack and pack(site, caller, body.pack),
        body.unpack and unpack(site, caller, body.unpack, ""),
        body.exception and exception(site, caller, body.exception, ""),
        body.settlement and settlement(site, caller, body.settlement, ""),
        body.item and item(site, caller, body.item, ""),
        body.draw and draw(site, caller, body.draw, ""),
        body.lot and lot(site, caller, body.lot, ""),
        body.void and void(site, caller, body.void, ""),
        body.device and device(site, caller, body.device, ""),
    ):
        if made:
            return made, []
    raise Rejected("BAD_MESSAGE", "Ask for one verb, as docs/http.md says.")


def _refuse_other_holder(site: Site, unit: bytes, actor: int) -> None:
    with reading(site.engine) as session:
        row = session.get(ChainUnit, unit)
    if row is None or row.holder != actor:
        sentence = SENTENCES["NotHolder"].format("0x" + unit.hex(), actor)
        raise Rejected("NotHolder", sentence)
