"""The scan page in a phone-sized browser, served with the headers it asks for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from api import pages
from api.pages import JourneyStep, ScanPage, ScanSummary
from ledger.domain.verdict import REASONS

NOW = 1_795_000_000
LANGUAGES = ("en", "zh")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LONG = "An Example Company With A Remarkably Long Name And No Short One 有限责任公司"


def example(reason: str, lang: str) -> ScanPage:
    """A page with all its parts, names short and long."""
    zh = lang == "zh"
    brand, plant = ("示例品牌", "示例品牌工厂") if zh else ("Example Brand", "Example Brand plant")
    journey = (
        JourneyStep("COMMISSION", brand, None, None, NOW - 900_000, 1, True),
        JourneyStep("PACK", plant, None, "杭州" if zh else "Hangzhou", NOW - 800_000, 2, False),
        JourneyStep("SHIP", plant, LONG, "杭州" if zh else "Hangzhou", NOW - 700_000, 2, True),
        JourneyStep("RECEIVE_FROM", LONG, plant, "上海" if zh else "Shanghai", NOW, 3, True),
    )
    return ScanPage(
        brand_name=brand,
        product_name="示例绿茶 250 克" if zh else "Example green tea, 250 g",
        gtin="09506000134352",
        serial="0K7M2XQ4T9ZC3HV8RBNP",
        outcome=REASONS[reason].outcome,
        reasons=(reason,),
        lot="L2608",
        expires=NOW + 9_000_000,
        best_before=NOW + 8_000_000,
        journey=journey,
        scans=ScanSummary(NOW - 5000, NOW - 60, 3, 2),
        block_number=20_817,
        block_time=NOW,
        validators=4,
        proof_url="/01/09506000134352/21/0K7M2XQ4T9ZC3HV8RBNP/proof",
        canonical_url="https://id.example/01/09506000134352/21/0K7M2XQ4T9ZC3HV8RBNP",
        scan_token="one-time",
        beacon_url="/scans/beacon",
        pixel_url="/scans/pixel.gif",
        checkers=("https://check.example/",),
    )


@dataclass
class Site:
    """A server of example pages at /{lang}/{reason} that remembers what it was told."""

    base: str = ""
    beacons: list[object] = field(default_factory=list)
    pixels: list[str] = field(default_factory=list)
    told: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_beacons(self, count: int) -> list[object]:
        """What was posted, once there are `count` posts (or ten seconds have passed)."""
        with self.told:
            self.told.wait_for(lambda: len(self.beacons) >= count, timeout=10)
            return list(self.beacons)


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for name, value in pages.HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with here.told:
                here.beacons.append((self.path, self.headers["Content-Type"], body))
                here.told.notify_all()
            self.answer(204, "text/plain", b"")

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path.startswith(pages.ASSETS):
                file = pages.STATIC / path.removeprefix(pages.ASSETS + "/")
                self.answer(200, TYPES[file.suffix], file.read_bytes())
            elif path == "/scans/pixel.gif":
                here.pixels.append(self.path)
                self.answer(204, "image/gif", b"")
            elif path == "/blank":
                self.answer(200, "text/html", b"<!doctype html><title>blank</title>")
            else:
                _, lang, what = path.split("/")
                html = (
                    pages.render_scan(example(what, lang), lang)
                    if what in REASONS
                    else pages.render_home(lang)
                )
                self.answer(200, "text/html; charset=utf-8", html.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    here.base = f"http://127.0.0.1:{server.server_port}"
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


def phone(chromium: Browser, *, javascript: bool = True, width: int = 390) -> BrowserContext:
    return chromium.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=javascript
    )


def complaints(page: Page) -> list[str]:
    """Filled with all that the page logs, breaks on or asks of another host."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "request",
        lambda request: None if "//127.0.0.1:" in request.url else found.append(request.url),
    )
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [360, 430])
def test_pages_fit_a_phone_without_complaint(
    chromium: Browser, site: Site, lang: str, width: int
) -> None:
    """No sideways scroll, nothing in the console (the policy included), no other host asked."""
    with phone(chromium, width=width) as context:
        page = context.new_page()
        found = complaints(page)
        for what in ("FIRST_SCAN", "SEEN_ELSEWHERE", "RECALLED", "LEDGER_BEHIND", "home"):
            page.goto(f"{site.base}/{lang}/{what}")
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate("getComputedStyle(document.body).maxWidth") == "576px"
        assert found == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_result_is_seen_without_scrolling(chromium: Browser, site: Site, lang: str) -> None:
    """Headline, copy warning and advice stand on the first screen of a phone."""
    with phone(chromium) as context:
        page = context.new_page()
        page.goto(f"{site.base}/{lang}/FIRST_SCAN")
        for part in (".verdict h1", ".verdict .warning", ".verdict .action"):
            box = page.locator(part).bounding_box()
            assert box and box["y"] + box["height"] <= 844


def test_with_javascript_one_beacon_is_sent_and_no_image(chromium: Browser, site: Site) -> None:
    """Looking, waiting, scrolling, going away and coming back: one scan."""
    with phone(chromium) as context:
        page = context.new_page()
        page.goto(f"{site.base}/zh/FIRST_SCAN")
        site.wait_for_beacons(1)
        page.mouse.wheel(0, 2000)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.goto(f"{site.base}/blank")
    assert site.beacons == [
        ("/scans/beacon", "application/json", {"token": "one-time", "lang": "zh"})
    ]
    assert site.pixels == []


@pytest.mark.parametrize(("prerendering", "visibility"), [("true", "visible"), ("false", "hidden")])
def test_a_page_nobody_sees_sends_nothing(
    chromium: Browser, site: Site, prerendering: str, visibility: str
) -> None:
    """Prerendered or in a background tab: silent until it is shown, then one beacon."""
    with phone(chromium) as context:
        context.add_init_script(
            f"""window.state = {{prerendering: {prerendering}, visibilityState: "{visibility}"}};
            for (const name of Object.keys(window.state)) Object.defineProperty(
                document, name, {{get: () => window.state[name], configurable: true}});"""
        )
        page = context.new_page()
        page.goto(f"{site.base}/en/FIRST_SCAN")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.evaluate("fetch('/scans/beacon', {method: 'POST', body: '\"after\"'})")
        assert [body for _, _, body in site.wait_for_beacons(1)] == ["after"]
        page.evaluate(
            """window.state = {prerendering: false, visibilityState: "visible"};
            document.dispatchEvent(new Event('prerenderingchange'));
            document.dispatchEvent(new Event('visibilitychange'));"""
        )
        posted = [body for _, _, body in site.wait_for_beacons(2)]
    assert posted == ["after", {"token": "one-time", "lang": "en"}]


def test_without_javascript_the_image_carries_the_token(chromium: Browser, site: Site) -> None:
    """One image request with the token; the page shows its verdict and no dead button."""
    with phone(chromium, javascript=False) as context:
        page = context.new_page()
        found = complaints(page)
        page.goto(f"{site.base}/en/FIRST_SCAN", wait_until="networkidle")
        assert page.locator("h1").text_content() == "Code issued by Example Brand. First check."
        assert not page.locator("#locate").is_visible()
    assert site.pixels == ["/scans/pixel.gif?token=one-time"]
    assert site.beacons == []
    assert found == []


def test_a_location_is_sent_only_on_a_tap_and_snapped(chromium: Browser, site: Site) -> None:
    """The second message has the place to 0.01 degrees; the exact one never leaves the phone."""
    with phone(chromium) as context:
        context.grant_permissions(["geolocation"])
        context.set_geolocation({"latitude": 31.23456789, "longitude": -121.4789})
        page = context.new_page()
        page.goto(f"{site.base}/en/FIRST_SCAN")
        scan = {"token": "one-time", "lang": "en"}
        assert [body for _, _, body in site.wait_for_beacons(1)] == [scan]
        page.get_by_role("button", name="Add my location").click()
        page.get_by_text("Added. Thank you.").wait_for()
        posted = [body for _, _, body in site.wait_for_beacons(2)]
    assert posted == [scan, {**scan, "place": {"lat": 31.23, "lon": -121.48}}]


def test_a_refused_location_is_no_trouble(chromium: Browser, site: Site) -> None:
    """Without permission the page says so, and nothing more is sent."""
    with phone(chromium) as context:
        page = context.new_page()
        page.goto(f"{site.base}/zh/FIRST_SCAN")
        site.wait_for_beacons(1)
        page.get_by_role("button", name="添加我的位置").click()
        page.get_by_text("未添加位置。").wait_for()
    assert len(site.beacons) == 1
