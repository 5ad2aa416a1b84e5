"""What a link is answered: good ones, bad ones, and nothing that asking would change."""

from __future__ import annotations

import re
import time
from html import unescape
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from ledger.domain.digital_link import inner_link
from ledger.services import trusting
from tests.api.world import GTIN, HTML, JSON, RIVAL_GTIN, World, asked_rows

UNKNOWN = "0123456789ABCDEFGHJK"
SCRIPT = "<script>alert(1)</script>"

# path -> reason, part of the sentence in JSON. {serial}: of a good code, {lower}: in lower case.
BAD_LINKS = {
    "no serial": ("/01/{gtin}", "MALFORMED", "names no single item"),
    "no GTIN": ("/01/", "MALFORMED", "all its 14 digits"),
    "a path of another kind": ("/01/{gtin}/21/{serial}/99/x", "MALFORMED", "its path has no key"),
    "bad check digit": ("/01/09506000134353/21/{serial}", "MALFORMED", "should be 2"),
    "a GTIN without its zeros": ("/01/9506000134352/21/{serial}", "MALFORMED", "all its 14 digits"),
    "lower case": ("/01/{gtin}/21/{lower}", "MALFORMED", "written in another way"),
    "the letter O for a zero": ("/01/{gtin}/21/{letter_o}", "MALFORMED", "in another way"),
    "too long": ("/01/{gtin}/21/" + "A" * 4000, "MALFORMED", "1 to 20 GS1 characters"),
    "percent garbage": ("/01/{gtin}/21/%zz%00%FF", "MALFORMED", "not 1 to 20 GS1 characters"),
    "a script": ("/01/{gtin}/21/" + quote(SCRIPT), "MALFORMED", "its path has no key"),
    "markup": ("/01/{gtin}/21/" + quote("<b>BOLD<!--"), "MALFORMED", "no code of ours"),
    "SQL": ("/01/{gtin}/21/" + quote("' OR 1=1 --"), "MALFORMED", "GS1 characters"),
    "a query inside the serial": ("/01/{gtin}/21/{serial}%3Flot=1", "MALFORMED", "GS1 characters"),
    "Chinese": ("/01/{gtin}/21/" + quote("茶"), "MALFORMED", "GS1 characters"),
    "nobody's code": ("/01/{gtin}/21/" + UNKNOWN, "UNKNOWN_CODE", None),
    "another product's code": ("/01/" + RIVAL_GTIN + "/21/{serial}", "UNKNOWN_CODE", None),
}


def _path(world: World, path: str) -> str:
    serial = world.serial(0)
    variant = serial.replace("0", "O")
    assert variant != serial  # every serial of the first key epoch begins with 0
    return path.format(gtin=GTIN, serial=serial, lower=serial.lower(), letter_o=variant)


@pytest.mark.parametrize("name", BAD_LINKS)
def test_a_bad_link_is_answered_to_machines(world: World, phone: TestClient, name: str) -> None:
    """Malformed: 400 with the reason and what is wrong; a code of nobody's: a verdict, so 200."""
    path, reason, sentence = BAD_LINKS[name]
    answer = phone.get(_path(world, path), headers=JSON)
    told = answer.json()
    assert answer.status_code == (400 if reason == "MALFORMED" else 200)
    assert told["outcome"] == "not_recognised"
    assert [row["code"] for row in told["reasons"]] == [reason]
    assert (sentence or "") in (told["detail"] or "")
    assert (told["journey"], told["brand"], told["lot"]) == ([], None, None)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", BAD_LINKS)
def test_a_bad_link_is_answered_to_people(
    world: World, phone: TestClient, name: str, lang: str
) -> None:
    """A page in their language that says what is wrong, and runs nothing that the link holds."""
    path, reason, _ = BAD_LINKS[name]
    answer = phone.get(_path(world, path), headers=HTML, params={"lang": lang})
    assert answer.status_code == (400 if reason == "MALFORMED" else 200)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    head = {
        "MALFORMED": {"en": "This link holds no readable code.", "zh": "此链接中没有可读的码"},
        "UNKNOWN_CODE": {"en": "not", "zh": "未"},
    }[reason][lang]
    assert head in answer.text
    assert SCRIPT not in answer.text
    assert "data-token" not in answer.text or reason == "UNKNOWN_CODE"


@pytest.mark.parametrize("spoil", [str.lower, lambda s: s.replace("0", "o"), str.swapcase])
def test_a_serial_in_another_spelling_is_led_to_the_printed_one(
    world: World, phone: TestClient, spoil: object
) -> None:
    """The page shows the canonical link, which is that of the code."""
    assert callable(spoil)
    page = phone.get(f"/01/{GTIN}/21/{spoil(world.serial(3))}", headers=HTML)
    assert page.status_code == 400
    assert f'<a href="{world.links[3]}">{world.links[3]}</a>' in page.text


def test_the_entrance_leads_to_the_code(world: World, phone: TestClient) -> None:
    """A pasted link, spaces around it, leads to the page of its code, in the chosen language."""
    answer = phone.get(
        "/", params={"link": f"  {world.links[0]}  ", "lang": "zh"}, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, world.path(0) + "?lang=zh")


@pytest.mark.parametrize("upper", [True, False])
def test_the_entrance_leads_to_an_inner_code(world: World, phone: TestClient, upper: bool) -> None:
    """What is printed under a cap may be typed at the entrance too, in either form."""
    link = inner_link(world.site.link_base, UNKNOWN, upper)
    answer = phone.get("/", params={"link": link, "lang": "zh"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/i/{UNKNOWN}?lang=zh")
    foreign = phone.get("/", params={"link": f"https://evil.example/i/{UNKNOWN}"})
    assert (foreign.status_code, foreign.history) == (400, [])


def test_what_was_refused_is_asked_again_in_the_other_language(phone: TestClient) -> None:
    """The switch on the entrance's answer keeps the link that was typed there."""
    page = phone.get("/", params={"link": "https://evil.example/?a&b", "lang": "en"}).text
    (switch,) = re.findall(r'<a class="switch" href="([^"]+)"', page)
    again = phone.get(unescape(switch))
    assert 'value="https://evil.example/?a&amp;b"' in again.text
    assert '<html lang="zh-Hans">' in again.text


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "LOCALHOST", "1.2.3.4:8000"]
)
def test_the_entrance_leads_nowhere_else(world: World, phone: TestClient, host: str) -> None:
    """A link of another host is not followed, and not taken for one of ours: it is named."""
    link = f"https://{host}/01/{GTIN}/21/{world.serial(0)}"
    answer = phone.get("/", params={"link": link}, follow_redirects=False)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "This link belongs to another site." in answer.text
    assert f'<dd class="long">{host.lower()}</dd>' in answer.text


@pytest.mark.parametrize(
    "link",
    [
        SCRIPT,
        "javascript:alert(1)",
        "//evil/01/1/21/1",
        "https://localhost:8000.evil/01/1/21/1",
        "' OR 1=1",
        "\r\nX: 1",
    ],
)
def test_the_entrance_says_what_it_cannot_read(phone: TestClient, link: str) -> None:
    """What is no link is shown again for correction, as text."""
    answer = phone.get("/", params={"link": link}, follow_redirects=False)
    assert answer.status_code == 400
    assert "This link holds no readable code." in answer.text
    assert SCRIPT not in answer.text


def test_a_longer_link_leads_to_the_code(world: World, phone: TestClient) -> None:
    """A link with a lot, or in another spelling of its path, is the same item's."""
    longer = f"/01/{GTIN}/10/L-1/21/{world.serial(0)}?17=300101"
    answer = phone.get(longer, headers=HTML, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, world.path(0) + "?lang=en")


def test_the_linkset_names_page_and_proof(world: World, phone: TestClient) -> None:
    """`application/linkset+json` is answered as RFC 9264 has it, anchored at the printed link."""
    answer = phone.get(world.path(0), headers={"Accept": "application/linkset+json"})
    (links,) = answer.json()["linkset"]
    assert links["anchor"] == world.links[0]
    assert links["https://ref.gs1.org/voc/traceability"][0]["href"] == world.links[0] + "/proof"
    bad = phone.get(f"/01/{GTIN}/21/x", headers={"Accept": "application/linkset+json"})
    assert bad.status_code == 400


def test_other_addresses_have_a_page_too(phone: TestClient) -> None:
    """A person who goes astray is told so; a program gets a problem."""
    page = phone.get("/nowhere", headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no page at this address." in page.text
    problem = phone.get("/nowhere")
    assert (problem.status_code, problem.json()["title"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("accept", [HTML, JSON, {"Accept": "application/linkset+json"}])
def test_an_answer_about_a_code_is_kept_by_nobody(
    world: World, phone: TestClient, accept: dict[str, str]
) -> None:
    """Each form says so, and that it hangs on Accept; the page asks nothing of another host."""
    headers = phone.get(world.path(0), headers=accept).headers
    assert headers["cache-control"] == "private, no-store"
    assert headers["vary"] == "Accept, Accept-Language"
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_looking_changes_nothing(world: World) -> None:
    """No row of any table comes or goes by asking, however it is asked."""
    before = asked_rows(world.site)
    assert {"scan", "submission", "document", "product", "api_key"} < set(before)
    with world.phone() as phone:
        for path, _, _ in BAD_LINKS.values():
            for accept in (HTML, JSON, {"Accept": "application/linkset+json"}):
                phone.get(_path(world, path), headers=accept)
        for purpose in ({"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {}):
            for path in (world.path(0), world.path(24), world.path(0) + "/proof", "/"):
                assert phone.get(path, headers={**HTML, **purpose}).status_code == 200
                phone.head(path, headers=purpose)
        assert phone.head(world.path(0)).status_code == 200
        phone.get("/", params={"link": world.links[0]})
        phone.get("/.well-known/touchstone.json")
        phone.get("/healthz")
    assert asked_rows(world.site) == before


def test_pages_of_others_that_check_proofs_are_named(world: World) -> None:
    """By the page and for machines, as the trust file has them; not one on a host of ours."""
    home, now = world.site.home, int(time.time())
    theirs, ours = "https://check.example/", f"{world.site.link_base}/check"
    told = []
    with world.phone() as phone:
        for named in ((theirs, ours), ()):
            trusting.make(home, now, 300, checkers=named)
            page = phone.get(world.path(0), params={"lang": "en"}, headers=HTML).text
            machines = phone.get("/.well-known/touchstone.json").json()["checkers"]
            told.append(
                (machines, f'href="{theirs}"' in page, ours in page, "other people" in page)
            )
    assert told == [([theirs], True, False, True), ([], False, False, False)]
