"""What the API of parties takes in: one model for each request body."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Field

Json = dict[str, Any]


class PartyIn(BaseModel):
    """A party to register. gln: 13 digits, or null to have a number assigned."""

    gln: str | None = None
    name_en: str = Field(min_length=1, max_length=200)
    name_zh: str = Field(min_length=1, max_length=200)
    roles: list[str] = Field(min_length=1)
    account: str | None = None
    key_mode: int = 3
    markets: list[Annotated[int, Field(ge=1, le=255)]] = []
    prefix: str = ""
    regions: list[int] = []


class ProductIn(BaseModel):
    """A trade item."""

    brand: int
    gtin: str
    name_en: str = Field(min_length=1, max_length=200)
    name_zh: str = Field(min_length=1, max_length=200)


class MintIn(BaseModel):
    """An order of codes."""

    brand: int
    gtin: str
    count: int


class ActivationIn(BaseModel):
    """Codes [first, to) of a batch become active at `active_from` (unix seconds; 0 = never)."""

    batch: int
    first: int = Field(ge=0)
    to: int = Field(ge=0)
    active_from: int = Field(ge=0)


class LotIn(BaseModel):
    """Codes [first, to) of a batch belong to a lot; dates are its last good days."""

    batch: int
    first: int = Field(ge=0)
    to: int = Field(ge=0)
    lot: str
    expiry: date | None = None
    best_before: date | None = None
    market: int = Field(0, ge=0, le=255)


class CodesIn(BaseModel):
    """Items [first, to) of a batch."""

    batch: int
    first: int = Field(ge=0)
    to: int = Field(ge=0)


class BoxIn(BaseModel):
    """A unit to pack: items, boxes packed with it, or units known already (SSCC or 0x id)."""

    sscc: str
    inside: list[CodesIn | BoxIn | str] = Field(min_length=1)
    lot: str | None = None


class PackIn(BaseModel):
    """Pack a box as `actor`, whose key is hosted here."""

    actor: int
    box: BoxIn


class HandoffIn(BaseModel):
    """A handoff. verb: ship or receive; other: whom to, or from whom."""

    verb: str = Field(pattern="^(ship|receive)$")
    actor: int
    other: int
    units: list[str] = Field(min_length=1, max_length=1000)


class UnpackIn(BaseModel):
    """Take the children at `positions` out of a unit."""

    actor: int
    unit: str
    positions: list[int] = Field(min_length=1, max_length=1000)


class MessageIn(BaseModel):
    """A message to be written for a party that signs with its own key: one of the two."""

    handoff: HandoffIn | None = None
    unpack: UnpackIn | None = None


class SignedIn(BaseModel):
    """A message as its party signed it."""

    message: Json
    r: str
    vs: str


class PlaceIn(BaseModel):
    """Where a scan was made, as far as it is known."""

    source: str = Field(pattern="^(gps|ip_fixed|ip_mobile)$")
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    acc_km: float = Field(ge=0, le=20_000)
    region: int | None = None


class ScanBody(BaseModel):
    """A scan by an app. device: the app's lasting name of the device, never an account.

    at: when it was made (unix seconds), for one made offline within the last week.
    """

    link: str = Field(max_length=2_000)
    device: str | None = Field(None, max_length=200)
    channel: str = "app"
    place: PlaceIn | None = None
    at: int | None = None
