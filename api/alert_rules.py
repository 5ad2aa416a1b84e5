"""The API around alerts under /v1: rules, the dial, exceptions, the blacklist, markets, values, the
audit log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api.alert_bodies import (
    BlacklistIn,
    DialIn,
    ExceptionIn,
    LiftIn,
    MarketIn,
    MuteIn,
    RuleIn,
    ValueIn,
)
from api.alerts import Limit, Number, Whole
from api.bodies import PRINTED, JsonRoute
from api.deps import AlertReadDep, AlertsDep, SiteDep
from ledger.db.engine import reading, transaction
from ledger.domain.gs1 import gtin14
from ledger.services import audit
from ledger.services.alerting import alerts_exceptions as exceptions
from ledger.services.alerting import alerts_rules as rules
from ledger.services.alerting import blacklist, markets
from ledger.services.alerting.alerts_summary import put_value, rule_json, summary

router = APIRouter(prefix="/v1", tags=["alert rules"], route_class=JsonRoute)
Json = dict[str, Any]
RuleName = Annotated[str, Path(min_length=1, max_length=64, pattern=PRINTED)]
MarketNumber = Annotated[int, Path(ge=1, le=255)]
Of = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get("/alert-summary")
def show_summary(site: SiteDep, caller: AlertReadDep, brand: Of = 0) -> Json:
    """How a brand's rules do (scope read or alerts). brand: needed by keys of the installation.

    Answers `fdr` (the dial), `list_copies`, `raised` and `expected_false` of the last 30 days,
    `unknown` (rules of which nothing can be expected yet), and `rules`, each with `name`, `kind`,
    `terms`, `calibrated`, `enabled`, `promise`, `muted` (since when, and `muted_why`), `raised`,
    `confirmed`, `explained`, `false`, `precision` and `expected_false`.
    """
    with reading(site.engine) as session:
        return summary(session, caller.party or brand, site.fdr, site.clock())


@router.put("/alert-rules/{name}")
def put_rule(site: SiteDep, caller: AlertsDep, name: RuleName, body: RuleIn) -> Json:
    """Set a rule (scope alerts): a threshold of your own, or one of those that are built in.

    docs/alerts.md says which kinds there are and their numbers. Answers the rule.
    """
    caller.act_for(body.brand)
    with transaction(site.engine) as session:
        row = rules.put(
            session,
            caller.name,
            site.clock(),
            body.brand,
            name,
            body.kind,
            body.terms,
            promise=body.promise,
            enabled=body.enabled,
        )
        return rule_json(row)


@router.post("/alert-rules/{name}/mute")
def mute_rule(site: SiteDep, caller: AlertsDep, name: RuleName, body: MuteIn) -> Json:
    """Silence a rule: what it raises is kept and told to nobody (scope alerts).

    Without a reason it speaks again, and is judged anew. Answers the rule.
    """
    caller.act_for(body.brand)
    with transaction(site.engine) as session:
        now = site.clock()
        row = rules.named(session, body.brand, name, now)
        if body.why:
            rules.mute(session, caller.name, now, row, body.why)
        else:
            rules.unmute(session, caller.name, now, row)
        return rule_json(row)


@router.delete("/alert-rules/{name}", status_code=204)
def remove_rule(site: SiteDep, caller: AlertsDep, name: RuleName, brand: Of = 0) -> None:
    """Remove a rule of your own; what it raised stays (scope alerts)."""
    with transaction(site.engine) as session:
        now = site.clock()
        row = rules.named(session, caller.party or brand, name, now)
        rules.remove(session, caller.name, now, row)


@router.put("/alert-dial")
def turn_dial(site: SiteDep, caller: AlertsDep, body: DialIn) -> Json:
    """State the share of false alerts that a brand accepts (scope alerts).

    Answers as GET /v1/alert-summary. It holds for what is raised from now on.
    """
    caller.act_for(body.brand)
    with transaction(site.engine) as session:
        now = site.clock()
        rules.turn_dial(session, caller.name, now, body.brand, body.fdr, body.list_copies)
        return summary(session, body.brand, site.fdr, now)


@router.get("/alert-exceptions")
def list_exceptions(site: SiteDep, caller: AlertReadDep) -> list[Json]:
    """A brand's blanket exceptions (scope read or alerts).

    Answers a list, each with `id`, `brand`, `reason`, `begins`, `ends`, `kinds`, `lots`, `regions`,
    `consignees`, `created` and `who`.
    """
    with reading(site.engine) as session:
        rows = exceptions.listing(session, caller.party)
        return [exceptions.exception_json(row) for row in rows]


@router.post("/alert-exceptions", status_code=201)
def add_exception(site: SiteDep, caller: AlertsDep, body: ExceptionIn) -> Json:
    """Except what is known beforehand, with dates (scope alerts).

    The same again changes nothing. Answers the exception, and `explained`: how many alerts it
    closed.
    """
    caller.act_for(body.brand)
    what = exceptions.Cover(body.kinds, body.lots, body.regions, body.consignees)
    with transaction(site.engine) as session:
        row, explained = exceptions.add(
            session,
            site.clock(),
            caller.name,
            body.brand,
            body.reason,
            (body.begins, body.ends),
            what,
        )
        return {**exceptions.exception_json(row), "explained": explained}


@router.post("/alert-exceptions/{number}/end")
def end_exception(site: SiteDep, caller: AlertsDep, number: Number) -> Json:
    """End an exception now (scope alerts). Answers it."""
    with transaction(site.engine) as session:
        row = exceptions.find(session, number, caller.party)
        exceptions.end(session, site.clock(), caller.name, row)
        return exceptions.exception_json(row)


@router.get("/blacklist")
def list_blacklist(
    site: SiteDep,
    caller: AlertReadDep,
    after: Whole = 0,
    limit: Limit = 100,
    lifted: bool = False,
) -> list[Json]:
    """A brand's blacklist in the order of its entries (scope read or alerts).

    after: the last id seen. lifted: also those that were taken off. Answers a list, each with `id`,
    `brand`, `code`, `level`, `reason`, `alert`, `since`, `who`, `lifted` and `lifted_by`.
    """
    with reading(site.engine) as session:
        rows = blacklist.entries(session, caller.party, after, limit, lifted)
        return [blacklist.entry_json(row) for row in rows]


@router.post("/blacklist", status_code=201)
def add_to_blacklist(site: SiteDep, caller: AlertsDep, body: BlacklistIn) -> list[Json]:
    """Put codes on the blacklist, all or none (scope alerts).

    They get the reason BLACKLISTED, or at the level caution SUSPECTED. One that is listed already
    stays as it is. Answers the entries.
    """
    with reading(site.engine) as session:
        codes = blacklist.codes_of(site, session, body.codes, caller.party)
    with transaction(site.engine) as session:
        now = site.clock()
        rows = blacklist.add(session, now, caller.name, codes, body.level, body.reason)
        return [blacklist.entry_json(row) for row in rows]


@router.post("/blacklist/{number}/lift")
def lift_from_blacklist(site: SiteDep, caller: AlertsDep, number: Number, body: LiftIn) -> Json:
    """Take an entry off the blacklist; it stays on record (scope alerts). Answers it."""
    with transaction(site.engine) as session:
        row = blacklist.find(session, number, caller.party)
        blacklist.lift(session, site.clock(), caller.name, row, body.reason)
        return blacklist.entry_json(row)


@router.get("/markets")
def list_markets(site: SiteDep, caller: AlertReadDep) -> list[Json]:
    """What a brand's markets are (scope read or alerts).

    Answers a list, each with `brand`, `number`, `name`, `regions`, `free` and `tells`.
    """
    with reading(site.engine) as session:
        return [markets.market_json(row) for row in markets.listing(session, caller.party)]


@router.put("/markets/{number}")
def put_market(site: SiteDep, caller: AlertsDep, number: MarketNumber, body: MarketIn) -> Json:
    """State where the goods of a market are meant to be sold (scope alerts).

    Diversion is tested by it where the first consignee has no territory of its own, the rule
    out_of_market goes by it, and, where `tells` is set, the verdict. Answers the market.
    """
    caller.act_for(body.brand)
    terms = markets.Terms(body.name, body.regions, body.country, body.free, body.tells)
    with transaction(site.engine) as session:
        row = markets.put(session, site.clock(), caller.name, body.brand, number, terms)
        return markets.market_json(row)


@router.delete("/markets/{number}", status_code=204)
def remove_market(site: SiteDep, caller: AlertsDep, number: MarketNumber, brand: Of = 0) -> None:
    """Take back what was stated of a market (scope alerts)."""
    with transaction(site.engine) as session:
        markets.remove(session, site.clock(), caller.name, caller.party or brand, number)


@router.put("/products/{gtin}/value", status_code=204)
def put_product_value(site: SiteDep, caller: AlertsDep, gtin: str, body: ValueIn) -> None:
    """Say what one item of a product is worth, for the severity of alerts (scope alerts)."""
    caller.act_for(body.brand)
    with transaction(site.engine) as session:
        number = int(gtin14(gtin))
        now = site.clock()
        put_value(session, now, caller.name, body.brand, number, body.cents, body.currency)


@router.get("/audit")
def list_audit(
    site: SiteDep, caller: AlertReadDep, after: Whole = 0, limit: Limit = 100
) -> list[Json]:
    """Who changed what when (scope read or alerts).

    Of alerts, rules, exceptions, the blacklist, webhooks and API keys. after: the last id seen.
    Answers a list, each with `id`, `time`, `who`, `what` and `detail`.
    """
    with reading(site.engine) as session:
        return [
            {
                "id": row.id,
                "time": row.time,
                "who": row.who,
                "what": row.what,
                "detail": row.detail,
            }
            for row in audit.entries(session, brand=caller.party, after=after, limit=limit)
        ]
