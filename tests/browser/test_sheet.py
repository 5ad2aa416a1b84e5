"""The printed sheet, as a browser lays it out: every code decodes to exactly its link."""

from __future__ import annotations

import io
import re

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser

from ledger.services.press.labels import Label, sheet_html

GTIN = "09506000134352"
LABELS = [
    Label(f"HTTPS://ID.EXAMPLE/01/{GTIN}/21/{serial}", GTIN, serial, "L2608")
    for serial in (f"0K7M2XQ4T9ZC3HV8R{n:03}" for n in range(40))
]


@pytest.mark.parametrize(("lang", "columns", "size_mm"), [("en", 5, 25.0), ("zh", 7, 15.0)])
def test_a_rendered_sheet_decodes_to_its_links(
    chromium: Browser, lang: str, columns: int, size_mm: float
) -> None:
    """Drawn at 288 dots an inch, read by zxing: all links, no other; text stays in its cell."""
    page = chromium.new_page(viewport={"width": 794, "height": 1123}, device_scale_factor=3)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(sheet_html(LABELS, "示例绿茶 Example tea", lang, columns, size_mm, batch=7))
    assert requests == []
    spilling = "e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1"
    assert not page.locator(".label").evaluate_all(f"all => all.some({spilling})")
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("L")
    page.close()
    assert sorted(code.text for code in zxingcpp.read_barcodes(image)) == [
        label.link for label in LABELS
    ]


def test_a_sheet_prints_on_as_many_a4_pages_as_it_says(chromium: Browser) -> None:
    """Two pages announced, two pages in the PDF, each of A4's size."""
    page = chromium.new_page()
    page.set_content(sheet_html(LABELS, "Example tea", "en"))
    pdf = page.pdf(prefer_css_page_size=True)
    announced = page.locator("header p").last.text_content()
    page.close()
    assert announced == "Index 30 to 39 · 40 labels · Page 2 of 2"
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 2
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert [(round(float(w) / 72 * 25.4), round(float(h) / 72 * 25.4)) for w, h in boxes] == [
        (210, 297)
    ] * 2
