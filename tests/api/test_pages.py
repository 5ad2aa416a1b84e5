"""The consumer's pages: all words in both languages, nothing from elsewhere, no injection."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import pages
from api.pages import JourneyStep, ScanPage, ScanSummary
from api.texts import LANGUAGES, catalogue, pick_language
from ledger.domain.verdict import REASONS, Outcome, Voucher

ROOT = Path(__file__).parents[2]
NOW = 1_795_000_000  # 2026-11-18 19:06:40 in Shanghai
VOID = {"area", "base", "br", "hr", "img", "input", "link", "meta", "path", "circle", "rect"}

STEP = JourneyStep("SHIP", "Plant", "Warehouse", "Hangzhou", NOW, 1, True)
PAGE = ScanPage(
    brand_name="Example Brand",
    product_name="Example tea",
    gtin="09506000134352",
    serial="0K7M2XQ4T9ZC3HV8RBNP",
    outcome=Outcome.GENUINE,
    reasons=("FIRST_SCAN",),
    lot="L2608",
    expires=NOW,
    best_before=NOW,
    journey=(STEP,),
    scans=ScanSummary(),
    block_number=7,
    block_time=NOW,
    validators=4,
    proof_url="/01/09506000134352/21/0K7M2XQ4T9ZC3HV8RBNP/proof",
    canonical_url="https://id.example/01/09506000134352/21/0K7M2XQ4T9ZC3HV8RBNP",
    scan_token="one-time",
    beacon_url="/scans/beacon",
    pixel_url="/scans/pixel.gif",
    checkers=("https://check.example/",),
    zone=480,
    lot_zone=480,
)


class Tree(HTMLParser):
    """Elements with their attributes and text, and a check that every tag is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text_of: dict[str, str] = {}
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.text_of[tag] = self.text_of.get(tag, "") + " ".join(data.split()) + " "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def with_reasons(*codes: str, **changes: Any) -> ScanPage:
    return replace(PAGE, reasons=codes, outcome=REASONS[codes[0]].outcome, **changes)


def every_page(lang: str) -> Iterator[str]:
    for code in REASONS:
        yield pages.render_scan(with_reasons(code), lang)
        yield pages.render_scan(with_reasons(code, validators=1), lang)
    for code in pages.PROBLEMS:
        yield pages.render_problem(code, lang, link="x", host="other.example", canonical_url="/01")
    yield pages.render_home(lang, link="x", brand_name="Example Brand")


def test_every_reason_has_its_words_in_both_languages() -> None:
    """Name, headline, sentence and advice of every reason code, and no text for an unknown one."""
    wanted = {
        f"reason.{code}.{part}"
        for code in REASONS
        for part in ("name", "headline", "sentence", "action")
    }
    for lang in LANGUAGES:
        texts = catalogue(lang).texts
        assert {key for key in texts if key.startswith("reason.")} == wanted
        assert {key for key in texts if key.startswith("outcome.")} == {
            f"outcome.{outcome}" for outcome in Outcome
        }


def test_the_languages_have_the_same_texts_with_the_same_places() -> None:
    """A text that names a brand in one language names it in the other."""

    def places(value: str | dict[str, str]) -> set[str]:
        forms = value.values() if isinstance(value, dict) else [value]
        return {place for form in forms for place in re.findall(r"\{(\w+)\}", form)}

    english, chinese = (catalogue(lang).texts for lang in ("en", "zh"))
    assert english.keys() == chinese.keys()
    assert {key: places(english[key]) for key in english} == {
        key: places(chinese[key]) for key in chinese
    }


def test_no_text_accuses() -> None:
    """The words for forged goods appear nowhere: the page speaks of codes and of suspicion."""
    for lang in LANGUAGES:
        said = " ".join(str(text) for text in catalogue(lang).texts.values()).lower()
        assert re.findall("fake|counterfeit|forged|假|伪|冒", said) == []


def test_chinese_texts_use_chinese_punctuation() -> None:
    """No half-width comma, colon, question mark or bracket beside Chinese characters."""
    for key, value in catalogue("zh").texts.items():
        assert re.findall(r"[\u4e00-\u9fff}][,:;?()]", str(value).strip("{}'")) == [], key


def test_every_outcome_and_reason_is_documented() -> None:
    """docs/verdicts.md has exactly one row for each outcome and reason, with who vouches."""
    text = (ROOT / "docs/verdicts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\w+) \|", text, re.M)
    assert {code: (outcome, voucher) for code, outcome, voucher in rows} == {
        code: (kind.outcome.value, kind.voucher.value) for code, kind in REASONS.items()
    }
    assert len(rows) == len(REASONS)
    outcomes = re.findall(r"^\| `(\w+)` \| (.+?) / (.+?) \|", text, re.M)
    assert outcomes == [
        (o, catalogue("en").text(f"outcome.{o}"), catalogue("zh").text(f"outcome.{o}"))
        for o in Outcome
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", REASONS)
def test_a_verdict_is_headlined_by_its_first_reason(code: str, lang: str) -> None:
    """Headline, advice and outcome stand in the page; reasons stand under who vouches for them."""
    html = pages.render_scan(with_reasons(code), lang)
    tree, words = Tree(html), catalogue(lang)
    assert tree.text_of["h1"].strip() == words.text(
        f"reason.{code}.headline", brand="Example Brand"
    )
    assert words.text(f"outcome.{REASONS[code].outcome}") in tree.text_of["main"]
    assert words.text(f"reason.{code}.action", brand="Example Brand") in tree.text_of["main"]
    sentence = words.text(f"reason.{code}.sentence", brand="Example Brand")
    chain, _, rest = html.partition('id="log"')
    group = chain if REASONS[code].voucher is Voucher.CHAIN else rest
    assert sentence in group.replace("&#39;", "'")
    assert tree.all("html") == [{"lang": words.text("lang.tag")}]
    assert len(tree.all("h1")) == len(tree.all("main")) == 1


def test_the_genuine_headline_is_the_promised_one() -> None:
    """The sentence that the product promises, in both languages, with the copy warning beside."""
    assert "Code issued by Example Brand. First check." in pages.render_scan(PAGE, "en")
    assert "该码由Example Brand签发\uff0c首次查询" in pages.render_scan(PAGE, "zh")
    for lang in LANGUAGES:
        warning = catalogue(lang).text("card.copy_warning")
        for code, kind in REASONS.items():
            shown = warning in pages.render_scan(with_reasons(code), lang)
            assert shown == (kind.outcome is Outcome.GENUINE)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_are_well_formed_and_fetch_nothing_from_elsewhere(lang: str) -> None:
    """Tags close in order; sources are paths of this host; no inline script, style or handler."""
    for html in every_page(lang):
        tree = Tree(html)
        for tag, attrs in tree.elements:
            assert not [name for name in attrs if name.startswith("on") or name == "style"]
            assert tag not in {"style", "iframe", "object", "embed", "base"}
            if tag in {"script", "img"} or attrs.get("rel") in {"stylesheet", "icon"}:
                assert (attrs.get("src") or attrs.get("href") or "").startswith("/")
        assert "".join(tree.text_of.get("script", "").split()) == ""
    css = (pages.STATIC / "scan.css").read_text(encoding="utf-8")
    assert re.findall(r"url\(|@import|https?:", css) == []


def test_static_files_named_by_pages_exist() -> None:
    """Each asset a page asks for is in the static folder, its address changing with its content."""
    asked = set(re.findall(r'"/static/([\w.]+)\?v=[0-9a-f]{10}"', pages.render_scan(PAGE, "en")))
    assert asked == {"scan.css", "scan.js", "icon.svg"}
    assert all((pages.STATIC / name).is_file() for name in asked)


def test_without_javascript_an_image_carries_the_token() -> None:
    """One noscript image with the token, escaped for a query; the script finds it too."""
    tree = Tree(pages.render_scan(replace(PAGE, scan_token="a&b"), "zh"))
    assert [image["src"] for image in tree.all("img")] == ["/scans/pixel.gif?token=a%26b"]
    assert tree.all("body") == [
        {"data-beacon": "/scans/beacon", "data-token": "a&b", "data-lang": "zh"}
    ]


def test_a_page_without_a_token_leaves_no_trace() -> None:
    """What is given to a prefetch has no script, no image and no place for a location."""
    tree = Tree(pages.render_scan(replace(PAGE, scan_token=None), "en"))
    assert tree.all("script") == tree.all("img") == []
    assert tree.all("body") == [{}]


def test_only_an_independent_record_is_called_proved() -> None:
    """One validator: signed by the operator alone; nothing green or proved."""
    alone = pages.render_scan(replace(PAGE, validators=1), "en")
    assert alone.count("igned by the operator alone") == 2  # in the verdict and at the chain's part
    assert not re.search(r"tone-good|by-chain|>proved<|proved by the chain", alone)
    shared = pages.render_scan(PAGE, "en")
    assert "igned by the operator alone" not in shared
    assert "tone-good" in shared and ">proved<" in shared
    assert "Sealed by 4 validators<" in shared


def test_what_is_not_known_is_not_claimed() -> None:
    """Where the ledger was not asked or has no such code, nothing is said to be issued."""
    for code in ("MALFORMED", "FOREIGN_LINK", "LEDGER_UNREACHABLE", "UNKNOWN_CODE"):
        html = pages.render_scan(with_reasons(code), "en")
        assert "was put on the ledger by" not in html
        assert "Activated, nothing against it" not in html
        assert "Journey" not in html
    for code in ("RECALLED", "NOT_ACTIVATED", "BLOCKED"):
        html = pages.render_scan(with_reasons(code), "en")
        assert "was put on the ledger by" in html
        assert "Activated, nothing against it" not in html


def test_a_journey_says_who_signed_and_how() -> None:
    """Own key, browser key and hosted key are told apart, and what a packer states is marked."""
    journey = (
        replace(STEP, key_mode=1),
        replace(STEP, verb="RECEIVE_FROM", key_mode=2),
        replace(STEP, verb="PACK", key_mode=3, proved=False),
        replace(STEP, verb="NEW_VERB"),
    )
    items = re.findall(
        r"<li class=\"(\w+)\">(.*?)</li>",
        pages.render_scan(replace(PAGE, journey=journey), "en"),
        re.S,
    )
    texts = [" ".join(re.sub("<[^>]+>", " ", body).split()) for _, body in items]
    when = "18 Nov 2026, 19:06\N{NO-BREAK SPACE}UTC+8 · Hangzhou".replace("\N{NO-BREAK SPACE}", " ")
    assert [kind for kind, _ in items] == ["proved", "proved", "stated", "proved"]
    assert texts == [
        f"{when} Plant shipped it to Warehouse Signed by Plant with its own key "
        "· proved by the chain",
        f"{when} Plant received it from Warehouse Signed by Plant with a key in its browser "
        "· proved by the chain",
        f"{when} Plant packed it Signed by the operator for Plant "
        "· stated, not proved for this item",
        f"{when} Plant recorded an event: NEW_VERB Signed by Plant with its own key "
        "· proved by the chain",
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_verb_has_words(lang: str) -> None:
    """A step of each verb renders with the party's name and without the verb's bare name."""
    for verb in pages.VERBS:
        for other in (None, "Warehouse"):
            step = replace(STEP, verb=verb, counterparty_name=other)
            html = pages.render_scan(replace(PAGE, journey=(step,)), lang)
            assert verb not in html
            assert "None" not in html


@pytest.mark.parametrize(
    ("zone", "midnight", "said"),
    [
        (480, 1_798_732_800, "UTC+8"),
        (-300, 1_798_779_600, "UTC-5"),
        (330, 1_798_741_800, "UTC+5:30"),
        (0, 1_798_761_600, "UTC"),
        (840, 1_798_711_200, "UTC+14"),
    ],
)
def test_dates_are_the_last_good_day_in_the_lots_zone(zone: int, midnight: int, said: str) -> None:
    """The second after its 31 December is shown as that 31 December, wherever times are shown."""
    page = replace(PAGE, expires=midnight, best_before=None, lot_zone=zone)
    for own in (480, -300):
        html = pages.render_scan(replace(page, zone=own), "en")
        assert f"31 Dec 2026, end of day ({said})" in html
        assert f"Times are in UTC{own // 60:+}." in html
    assert f"2026年12月31日当日结束前\uff08{said}\uff09" in pages.render_scan(page, "zh")


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=1>{brand}{0.__class__}"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_names_are_only_text(lang: str) -> None:
    """Names, places, serials, links and tokens with markup add no element and no attribute."""
    plain = Tree(pages.render_scan(PAGE, lang))
    step = replace(STEP, party_name=HOSTILE, counterparty_name=HOSTILE, place=HOSTILE)
    hostile = Tree(
        pages.render_scan(
            replace(
                PAGE,
                brand_name=HOSTILE,
                product_name=HOSTILE,
                lot=HOSTILE,
                gtin=HOSTILE,
                journey=(step,),
                canonical_url=HOSTILE,
                proof_url=HOSTILE,
                scan_token=HOSTILE,
                checkers=(HOSTILE,),
            ),
            lang,
        )
    )
    assert [(tag, sorted(attrs)) for tag, attrs in hostile.elements] == [
        (tag, sorted(attrs)) for tag, attrs in plain.elements
    ]
    assert HOSTILE in hostile.text_of["h1"]
    problem = Tree(pages.render_problem("MALFORMED", lang, link=HOSTILE, canonical_url=HOSTILE))
    assert [field["value"] for field in problem.all("input")] == [lang, HOSTILE]
    assert problem.all("img") == []


@given(st.text(max_size=40))
def test_any_brand_name_is_shown_as_it_is(name: str) -> None:
    """Whatever a brand is called, the page has the same elements."""
    html = pages.render_scan(replace(PAGE, brand_name=name or None, product_name=None), "en")
    assert len(Tree(html).all("h1")) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_problem_pages_say_what_to_do(lang: str) -> None:
    """Each problem has its headline and a form for another try."""
    words = catalogue(lang)
    for code, kind in pages.PROBLEMS.items():
        tree = Tree(pages.render_problem(code, lang))
        assert tree.text_of["h1"].strip() == words.text(f"{kind}.{code}.headline")
        assert [(f["action"], f["method"]) for f in tree.all("form")] == [("/", "get")]
    with pytest.raises(KeyError):
        pages.render_problem("NO_SUCH_CODE", lang)


def test_no_english_sentence_begins_with_the_brand() -> None:
    """A brand without a name is called "the brand", which begins no sentence."""
    texts = catalogue("en").texts.items()
    assert [key for key, text in texts if re.search(r"(?:^|[.] )\{brand\}", str(text))] == []


def test_pages_link_to_the_other_language() -> None:
    """The switch names the other language in that language; what was asked for stays asked."""
    for lang, other, tag in (("en", "zh", "zh-Hans"), ("zh", "en", "en")):
        for html in every_page(lang):
            links = [a for a in Tree(html).all("a") if a.get("class") == "switch"]
            assert [a["lang"] for a in links] == [tag]
            assert links[0]["href"] in (f"?lang={other}", f"/?link=x&lang={other}")


@pytest.mark.parametrize(
    ("header", "query", "expected"),
    [
        (None, None, "en"),
        ("", "zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh"),
        ("zh-TW", None, "zh"),
        ("en-GB,en;q=0.9,zh;q=0.1", None, "en"),
        ("fr-FR, fr;q=0.9, zh;q=0.3, en;q=0.2", None, "zh"),
        ("de", None, "en"),
        ("*", None, "en"),
        ("en;q=0, zh;q=0.1", None, "zh"),
        ("zh;q=nonsense, en;q=0.1", None, "en"),
        ("zh-CN", "en", "en"),
        ("zh-CN", "xx", "zh"),
        ("en", "ZH-Hans", "zh"),
    ],
)
def test_language_is_picked(header: str | None, query: str | None, expected: str) -> None:
    """The query wins, then the header's weights; what we do not speak is passed over."""
    assert pick_language(header, query) == expected


@given(st.text(max_size=60))
def test_any_accept_language_gives_a_language(header: str) -> None:
    """No header, however broken, makes the choice fail."""
    assert pick_language(header, header) in LANGUAGES


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_are_readable_in_light_and_dark() -> None:
    """Every pair of text and ground that the style sheet uses keeps 4.5:1 (WCAG AA)."""
    css = (pages.STATIC / "scan.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.S)
    )
    assert light.keys() == dark.keys()
    tones = ("good", "plain", "caution", "stop", "unknown", "waiting")
    for colours in (light, dark):
        pairs = [("ink", ground) for ground in ("ground", "paper")]
        pairs += [("soft", "paper"), ("link", "paper"), ("link", "ground"), ("on-tone", "link")]
        pairs += [("good", "paper")]
        for tone in tones:
            pairs += [(tone, f"{tone}-soft"), ("ink", f"{tone}-soft"), ("on-tone", tone)]
        low = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
        assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


@pytest.mark.needs_node
def test_committed_scripts_are_what_the_sources_build(tmp_path: Path) -> None:
    """Type-check web/ and build it into an empty folder: equal to api/static, byte for byte."""
    web = ROOT / "web"
    missing = [
        what
        for what, there in (
            ("node", shutil.which("node")),
            ("web/node_modules (run: npm ci --prefix web)", (web / "node_modules").is_dir()),
        )
        if not there
    ]
    if missing:
        reason = f"missing: {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    for command in (["npm", "run", "-s", "check"], ["node", "build.mjs", str(tmp_path)]):
        done = subprocess.run(command, cwd=web, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("error")) == (0, "", 0)
    built = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text(encoding="utf-8") for path in pages.STATIC.glob("*.js")}
    assert built == committed
