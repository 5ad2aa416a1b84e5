"""What the API of alerts, webhooks and keys takes in: one model for each request body."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.bodies import MAX_INT, PRINTED, Name, Party, Seconds, Text

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=PRINTED)]
Note = Annotated[str, Field(max_length=2_000, pattern=PRINTED)]
Brand = Annotated[int, Field(ge=0, le=MAX_INT)]
Kinds = Annotated[list[Text], Field(max_length=20)]


class ArchiveIn(BaseModel):
    """Put an alert aside `until` a time (unix seconds), until it has `more` scans than now, or
    whichever comes first."""

    until: Seconds | None = None
    more: int | None = Field(None, ge=1, le=1_000_000_000)


class CloseIn(BaseModel):
    """What came of an alert: confirmed, explained (it was right, and nobody did wrong) or false."""

    outcome: Literal["confirmed", "explained", "false"]
    note: Note = ""


class RuleIn(BaseModel):
    """A rule. kind: of its alerts. terms: its numbers. promise: accepted share of false alerts."""

    brand: Brand
    kind: Text
    terms: dict[Text, Any] = Field({}, max_length=20)
    promise: float | None = Field(None, allow_inf_nan=False)
    enabled: bool = True


class MuteIn(BaseModel):
    """Silence a brand's rule, and why; an empty reason lets it speak again."""

    brand: Brand
    why: Note = ""


class DialIn(BaseModel):
    """What holds for all alerts of a brand. fdr: stated share of false ones, null = the setting.

    list_copies: codes that a clone alert names get caution by themselves.
    """

    brand: Brand
    fdr: float | None = Field(None, allow_inf_nan=False)
    list_copies: bool = False


class ExceptionIn(BaseModel):
    """What is raised in [begins, ends) (unix seconds) is explained beforehand. Empty lists: all."""

    brand: Party
    reason: Reason
    begins: Seconds
    ends: Seconds
    kinds: Kinds = []
    lots: list[Text] = Field([], max_length=1_000)
    regions: list[int] = Field([], max_length=100)
    consignees: list[Party] = Field([], max_length=1_000)


class BlacklistIn(BaseModel):
    """Codes to list: links or GTIN/serial, all or none."""

    codes: list[Annotated[str, Field(max_length=2_000)]] = Field(min_length=1, max_length=10_000)
    level: Literal["caution", "do_not_use"] = "do_not_use"
    reason: Reason


class MarketIn(BaseModel):
    """What a market is: its `regions` (two digits of GB/T 2260 each, or four of a city, six of a
    county that is loaded), or a `country`, which is all of them. free: resale outside it may not be
    prohibited. tells: consumers outside it are told."""

    brand: Party
    name: Name
    regions: list[int] = Field([], max_length=1_000)
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    free: bool = False
    tells: bool = False


class LiftIn(BaseModel):
    """Why an entry is taken off the blacklist."""

    reason: Reason


class ValueIn(BaseModel):
    """What one item is worth, in hundredths of a currency (ISO 4217, as CNY)."""

    brand: Party
    cents: int = Field(ge=0, le=10**12)
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class WebhookIn(BaseModel):
    """An address to be sent the feed. kinds: of alerts, empty = all."""

    brand: Brand
    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    kinds: Kinds = []


class KeyIn(BaseModel):
    """An API key to make. party: whom it acts for, 0 = the installation itself."""

    name: Name
    party: Brand = 0
    scopes: list[Text] = Field(min_length=1, max_length=10)
