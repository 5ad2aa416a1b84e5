"""A phone's trip: the printed link, the page with its verdict, the scan in the log, the proof."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import select

from api.app import create_app
from api.texts import catalogue
from ledger.db.engine import reading
from ledger.db.models import Scan
from ledger.services import trusting
from tests.api.world import World, live
from tests.support.installation import command, installation

BRANDS = {"en": "Example Tea", "zh": "示例茶"}


def headline(reason: str, lang: str) -> str:
    """Return what the page says first."""
    return catalogue(lang).text(f"reason.{reason}.headline", brand=BRANDS[lang])


@dataclass(frozen=True)
class Served:
    """The installation, where phones reach it, and a browser for them."""

    world: World
    base: str
    browser: Browser

    def phone(self, **options: Any) -> BrowserContext:
        """Return a phone that has never been here."""
        size = {"width": 390, "height": 844}
        return self.browser.new_context(
            viewport=size, is_mobile=True, has_touch=True, device_scale_factor=2, **options
        )

    def open(self, context: BrowserContext, index: int, lang: str = "en") -> Page:
        """Scan a code as a phone's camera does, in a language."""
        page = context.new_page()
        page.goto(f"{self.world.links[index]}?lang={lang}")
        return page

    def scans(self, index: int, count: int) -> list[Scan]:
        """Return the stored scans of a code, once there are `count` (or after ten seconds)."""
        end = time.monotonic() + 10
        while True:
            with reading(self.world.site.engine) as session:
                query = select(Scan).where(Scan.index == index).order_by(Scan.id)
                found = list(session.scalars(query))
            if len(found) >= count or time.monotonic() > end:
                return found
            time.sleep(0.02)


@pytest.fixture(scope="module")
def served(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A ledger in use, served on a port of its own, which is what its links begin with."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patch:
        base = f"http://localhost:{listener.getsockname()[1]}"
        patch.setenv("TOUCHSTONE_LINK_BASE", base)
        with installation(tmp_path_factory.mktemp("trip") / "data") as at:
            trusting.make(at.site.home, int(time.time()), 300)
            world = live(at)
            server = uvicorn.Server(uvicorn.Config(create_app(at.site), log_level="warning"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield Served(world, base, chromium)
            finally:
                server.should_exit = True
                thread.join(10)


@pytest.mark.parametrize(("index", "lang"), [(0, "en"), (1, "zh")])
def test_a_phone_is_told_and_counted_once(served: Served, index: int, lang: str) -> None:
    """First check, in its language; one scan is stored; opened again the page knows the phone."""
    context = served.phone()
    page = served.open(context, index, lang)
    assert page.locator("h1").inner_text() == headline("FIRST_SCAN", lang)
    assert page.locator(".journey li").count() == 11  # taken out of the pallet is told once
    (row,) = served.scans(index, 1)
    assert (row.reasons, row.channel, row.weak) == (["FIRST_SCAN"], "web", False)
    page.reload()
    assert page.locator("h1").inner_text() == headline("SEEN_BY_YOU", lang)
    assert len(served.scans(index, 2)) == 2
    context.close()


def test_a_phone_without_scripts_is_counted_too(served: Served) -> None:
    """The page says the same, and its image stores the scan."""
    context = served.phone(java_script_enabled=False)
    page = served.open(context, 2)
    assert page.locator("h1").inner_text() == headline("FIRST_SCAN", "en")
    assert len(served.scans(2, 1)) == 1
    page.reload()
    assert page.locator("h1").inner_text() == headline("SEEN_BY_YOU", "en")
    context.close()


def test_a_place_is_sent_on_the_persons_word(served: Served) -> None:
    """Not before the button is pressed; then it joins the same scan."""
    context = served.phone(
        geolocation={"latitude": 31.230416, "longitude": 121.473701}, permissions=["geolocation"]
    )
    page = served.open(context, 3)
    (row,) = served.scans(3, 1)
    assert row.lat is None
    page.get_by_role("button", name="Add my location").click()
    page.get_by_text("Added. Thank you.").wait_for()
    end = time.monotonic() + 10
    while (rows := served.scans(3, 1))[0].lat is None and time.monotonic() < end:
        time.sleep(0.02)
    assert [(row.loc_src, row.lat, row.lon) for row in rows] == [("gps", 31.23, 121.47)]
    context.close()


def test_the_proof_convinces_a_stranger(served: Served, tmp_path: Path) -> None:
    """The file that the page offers is what `touchstone proof check` accepts, verdict and all."""
    context = served.phone()
    page = served.open(context, 4)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    bundle = tmp_path / "proof.json"
    download.value.save_as(bundle)
    trust = served.world.at.data / "trust.json"
    done = command("proof", "check", str(bundle), "--trust", str(trust), "--json")
    told = json.loads(done.out)
    assert (done.status, told["authentic"], told["fresh"]) == (0, True, True)
    assert (told["outcome"], told["serial"]) == ("genuine", served.world.serial(4))
    assert told["reasons"][0] in ("FIRST_SCAN", "SEEN_BY_YOU", "SEEN_BEFORE")
    context.close()


def test_a_mistyped_link_is_one_press_from_the_right_one(served: Served) -> None:
    """The page for a serial in lower case leads to the verdict."""
    context = served.phone()
    page = context.new_page()
    link = served.world.links[5]
    page.goto(link.replace(served.world.serial(5), served.world.serial(5).lower()))
    page.get_by_role("link", name=link).click()
    assert page.locator("h1").inner_text() == headline("FIRST_SCAN", "en")
    context.close()


def test_a_link_typed_at_the_entrance_leads_to_its_verdict(served: Served) -> None:
    """As somebody does whose camera does not read the code."""
    context = served.phone(locale="zh-CN")
    page = context.new_page()
    page.goto(served.base)
    page.get_by_role("textbox").fill(served.world.links[6])
    page.get_by_role("button").click()
    assert page.locator("h1").inner_text() == headline("FIRST_SCAN", "zh")
    context.close()
