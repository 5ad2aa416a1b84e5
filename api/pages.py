"""The pages that a consumer sees, rendered purely: facts in, HTML out.

Every page works without JavaScript and asks nothing of another host; HEADERS holds what a
response must say so that the browser keeps it that way. A route calls one of `render_scan`,
`render_problem` and `render_home` with a language from `pick_language`, and serves the folder
STATIC at ASSETS.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.texts import Catalogue, catalogue
from api.texts import pick_language as pick_language
from ledger.domain.moments import iso, offset
from ledger.domain.verdict import REASONS, Outcome, Voucher

STATIC = Path(__file__).parent / "static"
ASSETS = "/static"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A page names one code and carries a one-time token: it is kept by nobody and told to no one.
HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "geolocation=(self)",
    "Cache-Control": "private, no-store",
    "Vary": "Accept, Accept-Language",
}

# The contract's verbs by the names of their numbers. One that is not here (of a newer contract) is
# shown by its bare name: an event that cannot be put in words is still an event.
VERBS = (
    "COMMISSION",
    "ACTIVATE",
    "VOID",
    "BIND_LOT",
    "SET_LOT_STATE",
    "PACK",
    "UNPACK",
    "PACKED_INTO",
    "UNPACKED_FROM",
    "SHIP",
    "RECEIVE_FROM",
    "REPORT_EXCEPTION",
    "RETURN_TO",
    "REFUSE",
    "TAKE_BACK",
    "WITHDRAW",
    "REPORT_LOST",
    "SETTLE_EXCEPTION",
    "DRAW_ITEM",
    "DECOMMISSION",
    "SET_ITEM_STATE",
    "CLAIM_INNER",
)

# What `render_problem` can say: the reasons that need no look at the ledger, and some of its own.
PROBLEMS = {
    "MALFORMED": "reason",
    "FOREIGN_LINK": "reason",
    "LEDGER_UNREACHABLE": "reason",
    "ALREADY_OPENED": "reason",
    "NOT_RECORDED": "problem",
    "UNKNOWN_INNER": "problem",
    "TOO_MANY_TRIES": "problem",
    "TOO_MANY_REQUESTS": "problem",
    "TOKEN_EXPIRED": "problem",
    "NOT_FOUND": "problem",
    "INTERNAL": "problem",
}

# Green is kept for what no single party can rewrite; see `_tone`.
_TONES = {
    Outcome.GENUINE: "good",
    Outcome.CAUTION: "caution",
    Outcome.DO_NOT_USE: "stop",
    Outcome.NOT_RECOGNISED: "unknown",
    Outcome.NOT_CONFIRMED: "waiting",
}
_INNER_TONES = {"ask": "waiting", "now": "plain", "yours": "plain", "before": "stop"}
_SERIAL_GROUP = 5
_EXAMPLE_LINK = "HTTPS://…/01/09506000134352/21/…"  # GS1's example prefix


@dataclass(frozen=True)
class JourneyStep:
    """One event of the item or of the unit it travels in. `time` is unix seconds.

    verb: a name of VERBS. key_mode: 1 the party's own key, 2 a key in its browser, 3 a key that the
    operator holds; 16 more: of a device of the party's. proved: shown by the chain for this very
    item, not only stated by a packer.
    """

    verb: str
    party_name: str
    counterparty_name: str | None
    place: str | None
    time: int
    key_mode: int
    proved: bool


@dataclass(frozen=True)
class ScanSummary:
    """The operator's log of earlier scans that may be counted. Times are unix seconds.

    regions: in how many regions, this scan's included.
    """

    first_at: int | None = None
    last_at: int | None = None
    other_devices: int = 0
    regions: int = 0


@dataclass(frozen=True)
class ScanPage:
    """All that the page of one code shows. Times are unix seconds, None where nothing is known.

    expires, best_before: first second after the last good day, as bound on the ledger.
    validators: how many seal blocks. checkers: pages of others that check proofs.
    scan_token: one-time token for storing this scan; None where no scan may be stored (prefetch).
    beacon_url takes `POST {"token", "lang"}` and once more with `"place": {"lat", "lon"}` on
    consent; pixel_url takes `GET ?token=`. zone: in which times are shown,
    lot_zone: in which the lot's days end; minutes east of UTC.
    imported: whether the code was printed before it joined the ledger.
    """

    brand_name: str | None
    product_name: str | None
    gtin: str
    serial: str
    outcome: Outcome
    reasons: tuple[str, ...]
    lot: str | None
    expires: int | None
    best_before: int | None
    journey: tuple[JourneyStep, ...]
    scans: ScanSummary
    block_number: int | None
    block_time: int | None
    validators: int
    proof_url: str | None
    canonical_url: str | None
    scan_token: str | None
    beacon_url: str
    pixel_url: str
    checkers: tuple[str, ...] = ()
    zone: int = 0
    lot_zone: int = 0
    imported: bool = False

    @property
    def operator_alone(self) -> bool:
        """Whether the operator alone could rewrite the record: then nothing is called proved."""
        return self.validators <= 1

    @property
    def known(self) -> bool:
        """Whether the code was found in a batch on the ledger."""
        return self.outcome is not Outcome.NOT_RECOGNISED and self.reached

    @property
    def reached(self) -> bool:
        """Whether the ledger was asked at all."""
        return not {"MALFORMED", "FOREIGN_LINK", "LEDGER_UNREACHABLE"} & set(self.reasons)


@dataclass(frozen=True)
class InnerPage:
    """What the page of an inner code shows.

    state: ask (it may be uncovered now, by the token), now, yours, before. at: when it was opened,
    shown in `zone` (minutes east of UTC).
    """

    brand_name: str | None
    product_name: str | None
    state: str
    at: int | None = None
    token: str | None = None
    zone: int = 0


def render_scan(page: ScanPage, lang: str) -> str:
    """The page of a verdict in `lang`; KeyError for an unknown language or reason."""
    words = catalogue(lang)
    brand = page.brand_name or words.text("site.no_brand")
    return _page(
        "scan.html",
        words,
        page=page,
        brand=brand,
        tone=_tone(page),
        groups=_SERIAL_GROUP,
        chain=tuple(_chain_statements(page, words, brand)),
        log=tuple(_log_statements(page, words, brand)),
        seal=_seal(page, words),
        step=lambda step: _step(step, words),
        day=lambda end: words.text(
            "format.end_of_day",
            date=words.date(end - 1, page.lot_zone),
            zone=offset(page.lot_zone),
        ),
        clock=lambda at: words.time(at, page.zone),
        iso=lambda at: iso(at, page.zone),
        offset=offset(page.zone),
    )


def render_problem(
    code: str,
    lang: str,
    *,
    link: str = "",
    host: str | None = None,
    canonical_url: str | None = None,
    until: int | None = None,
    zone: int = 0,
) -> str:
    """A page for a request that has no verdict; `code` is one of PROBLEMS, else KeyError.

    link: what was asked for, offered for correction. host: the foreign host of a FOREIGN_LINK.
    canonical_url: the link that a mistyped one probably means. until: when to come back, shown in
    `zone`.
    """
    outcome = REASONS[code].outcome if code in REASONS else Outcome.NOT_CONFIRMED
    words = catalogue(lang)
    return _page(
        "problem.html",
        words,
        at=words.time(until, zone) if until is not None else "",
        key=f"{PROBLEMS[code]}.{code}",
        outcome=outcome if code in REASONS else None,
        tone=_TONES[outcome],
        link=link,
        host=host,
        canonical_url=canonical_url,
        brand=words.text("site.no_brand"),
        example=_EXAMPLE_LINK,
    )


def render_inner(page: InnerPage, lang: str) -> str:
    """The page of an inner code in `lang`."""
    words = catalogue(lang)
    return _page(
        "inner.html",
        words,
        state=page.state,
        tone=_INNER_TONES[page.state],
        brand=page.brand_name or words.text("site.no_brand"),
        product=page.product_name,
        at=words.time(page.at, page.zone) if page.at is not None else "",
        token=page.token,
    )


def render_home(lang: str, *, link: str = "", brand_name: str | None = None) -> str:
    """The landing page: a form that sends `GET /?link=…`. The route parses and redirects."""
    return _page(
        "home.html", catalogue(lang), link=link, brand_name=brand_name, example=_EXAMPLE_LINK
    )


@dataclass(frozen=True)
class _Statement:
    name: str
    sentence: str


def _chain_statements(page: ScanPage, words: Catalogue, brand: str) -> Iterator[_Statement]:
    if page.known:
        yield _statement(words, "chain.issued", brand)
    reasons = _vouched(page, {Voucher.CHAIN})
    if page.known and not reasons:
        yield _statement(words, "chain.clear", brand)
    for code in reasons:
        yield _statement(words, f"reason.{code}", brand)


def _log_statements(page: ScanPage, words: Catalogue, brand: str) -> Iterator[_Statement]:
    for code in _vouched(page, {Voucher.LOG, Voucher.SERVICE}):
        yield _statement(words, f"reason.{code}", brand)


def _vouched(page: ScanPage, vouchers: set[Voucher]) -> tuple[str, ...]:
    return tuple(code for code in page.reasons if REASONS[code].voucher in vouchers)


def _statement(words: Catalogue, key: str, brand: str) -> _Statement:
    return _Statement(words.text(f"{key}.name"), words.text(f"{key}.sentence", brand=brand))


def _step(step: JourneyStep, words: Catalogue) -> str:
    key = f"verb.{step.verb}" if step.verb in VERBS else "verb.other"
    if step.counterparty_name and words.has(f"{key}.to"):
        key += ".to"
    return words.text(
        key, party=step.party_name, counterparty=step.counterparty_name, verb=step.verb
    )


def _seal(page: ScanPage, words: Catalogue) -> _Statement:
    if page.operator_alone:
        return _Statement(words.text("seal.alone"), words.text("seal.alone_text"))
    return _Statement(words.text("seal.shared", n=page.validators), words.text("seal.shared_text"))


def _tone(page: ScanPage) -> str:
    if page.outcome is Outcome.GENUINE and page.operator_alone:
        return "plain"
    return _TONES[page.outcome]


def _page(template: str, words: Catalogue, **values: object) -> str:
    return (
        _environment()
        .get_template(template)
        .render(t=words.text, words=words, asset=_asset, **values)
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _asset(name: str) -> str:
    """The address of a static file; it changes with the content, so it may be cached for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"{ASSETS}/{name}?v={digest}"
