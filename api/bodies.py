"""What the API takes in: one model for each request body, and how its JSON is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import date
from typing import Annotated, Any, Literal

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

Json = dict[str, Any]
MAX_INT = 2**63 - 1  # the largest that a database holds
PRINTED = r"^[^\x00-\x1f\x7f]*$"  # no control characters

Party = Annotated[int, Field(ge=1, le=MAX_INT)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTED)]
Text = Annotated[str, Field(max_length=200, pattern=PRINTED)]
Batch = Annotated[int, Field(ge=1, le=2**31 - 1)]
Index = Annotated[int, Field(ge=0, le=2**32 - 1)]
Seconds = Annotated[int, Field(ge=0, le=MAX_INT)]
Market = Annotated[int, Field(ge=1, le=255)]


class JsonRoute(APIRoute):
    """A route whose body is read by a parser that bounds depth by itself.

    The standard one is bounded by Python's recursion limit, which py-evm raises a hundredfold
    wherever it is imported: then a body of brackets would overflow the stack of the process.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler on such a request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_JsonRequest(request.scope, request.receive))

        return handle


class _JsonRequest(Request):
    async def json(self) -> Any:
        return orjson.loads(await self.body())


class PartyIn(BaseModel):
    """A party to register. gln: 13 digits, or null to have a number assigned. regions: its
    territory, codes as a market's."""

    gln: Text | None = None
    name_en: Name
    name_zh: Name
    roles: list[Text] = Field(min_length=1, max_length=20)
    account: Text | None = None
    key_mode: int = 3
    markets: list[Market] = Field([], max_length=255)
    prefix: Text = ""
    regions: list[int] = Field([], max_length=1_000)


class TerritoryIn(BaseModel):
    """Where what a party is sent may be sold: `regions`, codes as a market's, none for anywhere.
    corrects: what was stated until now was a mistake."""

    regions: list[int] = Field(max_length=1_000)
    corrects: bool = False


class ProductIn(BaseModel):
    """A trade item."""

    brand: Party
    gtin: Text
    name_en: Name
    name_zh: Name


class MintIn(BaseModel):
    """An order of codes. inner: each with an inner code (cap, scratch layer)."""

    brand: Party
    gtin: Text
    count: int
    inner: bool = True


class ActivationIn(BaseModel):
    """Codes become active at `active_from` (unix seconds; 0 = never): those of a batch, [first, to)
    of it (to null: all from `first` on), or all in a unit (SSCC or 0x id), its cases and all."""

    batch: Batch | None = None
    first: Index = 0
    to: Index | None = None
    unit: Text | None = None
    active_from: Seconds


class LotIn(BaseModel):
    """Codes [first, to) of a batch belong to a lot; dates are its last good days.

    zone: where these days end, in minutes east of UTC; null: the installation's.
    """

    batch: Batch
    first: Index
    to: Index
    lot: Text
    expiry: date | None = None
    best_before: date | None = None
    market: int = Field(0, ge=0, le=255)
    zone: int | None = Field(None, ge=-840, le=840)


class CodesIn(BaseModel):
    """Items [first, to) of a batch."""

    batch: Batch
    first: Index
    to: Index


class BoxIn(BaseModel):
    """A unit to pack: items, boxes packed with it, or units known already (SSCC or 0x id)."""

    sscc: Text
    inside: list[CodesIn | BoxIn | Text] = Field(min_length=1, max_length=10_000)
    lot: Text | None = None


class BoxOfIn(BaseModel):
    """A box that `actor` packs. ship_to: the party that it is sent to under the same signature."""

    actor: Party
    box: BoxIn
    ship_to: Party | None = None


class SignedIn(BaseModel):
    """A message as its party signed it."""

    message: Json
    r: Text
    vs: Text


class PackIn(BoxOfIn):
    """Pack a box as `actor`, whose key is hosted here. signed: the message that was written for the
    same box, where the actor signs with its own key."""

    signed: SignedIn | None = None


class PacksIn(BaseModel):
    """Boxes to pack as `actor`, whose key is hosted here, each for itself. ship_to: the party that
    each is sent to under the same signature."""

    actor: Party
    boxes: list[BoxIn] = Field(min_length=1, max_length=1000)
    ship_to: Party | None = None


class RejectIn(BaseModel):
    """An item that leaves all that is around it. link: as printed; becomes: what its code is from
    then on, null for what its brand's rule says."""

    actor: Party
    link: str = Field(max_length=2_000)
    reason: Name
    becomes: Literal["destroyed", "void", "free"] | None = None


class ReplacementIn(RejectIn):
    """by: link of the item that takes its place; sscc: the case's new one."""

    by: str = Field(max_length=2_000)
    sscc: Text


class DissolutionIn(BaseModel):
    """A unit of which all that is left leaves it."""

    actor: Party
    unit: Text
    reason: Name


class HandoffIn(BaseModel):
    """A handoff, or another way of a unit between two parties; other: whom to, or from whom.

    verb: ship or receive (these take several units), return, refuse, take-back, lost, withdraw.
    skip_stale: of several units, those that move before it lands are skipped and the others go;
    without, they refuse the whole.
    """

    verb: Literal["ship", "receive", "return", "refuse", "take-back", "lost", "withdraw"]
    actor: Party
    other: Party
    units: list[Text] = Field(min_length=1, max_length=1000)
    skip_stale: bool = False


class UnpackIn(BaseModel):
    """Take the children at `positions` out of a unit."""

    actor: Party
    unit: Text
    positions: list[Index] = Field(min_length=1, max_length=1000)


class ExceptionIn(BaseModel):
    """A receipt that was not as sent. good + damaged + short is what should be in the unit.

    over: more of the right goods than were sent; wrong: other goods, that nobody sent.
    """

    actor: Party
    sender: Party
    unit: Text
    good: Index
    damaged: Index = 0
    short: Index = 0
    over: Index = 0
    wrong: Index = 0


class SettlementIn(BaseModel):
    """Agreement that an exception is settled. report: its number in the unit's history."""

    actor: Party
    unit: Text
    report: int = Field(ge=1, le=2**32 - 1)


class ItemStateIn(BaseModel):
    """An item's new state; active undoes what the actor has set. link: as printed."""

    actor: Party
    link: str = Field(max_length=2_000)
    state: Literal["active", "blocked", "stolen", "supplied", "exported", "sample", "destroyed"]


class DrawIn(BaseModel):
    """An item that was never packed shall travel alone. link: as printed."""

    actor: Party
    link: str = Field(max_length=2_000)


class LotStateIn(BaseModel):
    """A lot is recalled, or released again."""

    actor: Party
    gtin: Text
    lot: Text
    state: Literal["released", "recalled"]


class VoidIn(BaseModel):
    """Codes [first, to) of a batch become void, for ever."""

    batch: Batch
    first: Index
    to: Index


class DeviceIn(BaseModel):
    """A device that may sign some of a party's verbs. device: its key's address (0x).

    key_mode: 1 its own, 2 in a browser. until: last second (unix), 0 cuts it off at once. limit:
    how many verbs it may sign; each unit of a list is one.
    """

    actor: Party
    device: Text
    key_mode: Literal[1, 2] = 1
    verbs: list[Text] = Field([], max_length=64)
    until: int = Field(ge=0, le=2**40 - 1)
    limit: Index = 0


class TermsIn(BaseModel):
    """What a party may do from now on. prefix: one more of a brand's GTINs, "" for none."""

    roles: list[Text] = Field(min_length=1, max_length=20)
    markets: list[Market] = Field([], max_length=255)
    prefix: Text = ""


class StatusIn(BaseModel):
    """Whether a party may act."""

    status: Literal["active", "suspended"]


class AccountIn(BaseModel):
    """A party's new key. key_mode: 1 its own, 2 in a browser."""

    account: Text
    key_mode: Literal[1, 2] = 1


class MessageIn(BaseModel):
    """A message to be written for a party that signs with its own key: one of these.

    signer: address (0x) of the key that will sign, where that is a device of the party's.
    """

    handoff: HandoffIn | None = None
    pack: BoxOfIn | None = None
    unpack: UnpackIn | None = None
    exception: ExceptionIn | None = None
    settlement: SettlementIn | None = None
    item: ItemStateIn | None = None
    draw: DrawIn | None = None
    lot: LotStateIn | None = None
    void: VoidIn | None = None
    device: DeviceIn | None = None
    signer: Text | None = None


class PointIn(BaseModel):
    """A place on earth, in degrees."""

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)


class PlaceIn(PointIn):
    """Where a scan was made, as far as it is known; kept to a hundredth of a degree (about 1 km).

    acc_km: its radius; below 1 it counts as 1. region: two digits of GB/T 2260."""

    source: Literal["gps", "ip_fixed", "ip_mobile"]
    acc_km: float = Field(ge=0, le=20_000, allow_inf_nan=False)
    region: int | None = None


class ScanBody(BaseModel):
    """A scan by an app. device: the app's lasting name of the device, never an account.

    at: when it was made (unix seconds), for one made offline within the last week.
    """

    link: str = Field(max_length=2_000)
    device: Text | None = None
    channel: Text = "app"
    place: PlaceIn | None = None
    at: Seconds | None = None


class BeaconIn(BaseModel):
    """What the page of a code says of itself. place: only on the person's consent."""

    token: str = Field(max_length=100)
    place: PointIn | None = None


class OpeningIn(BaseModel):
    """Where an inner code was uncovered, only on the person's consent."""

    place: PointIn | None = None
