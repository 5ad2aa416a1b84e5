"""Printed codes decode, with another program, to exactly the link that was asked for."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ledger.errors import Rejected
from ledger.services.press.labels import MAX_LABELS, Label, sheet_html
from ledger.services.press.qr import qr_png, qr_svg, qr_version

GTIN, SERIAL = "09506000134352", "0K7M2XQ4T9ZC3HV8RBNP"
CAPITALS = f"HTTPS://ID.EXAMPLE1/01/{GTIN}/21/{SERIAL}"  # a host of 11 characters
LOWER = CAPITALS.replace("HTTPS://ID.EXAMPLE1", "https://id.example1")
LABEL = Label(CAPITALS, GTIN, SERIAL)
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def decoded(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image)]


@pytest.mark.parametrize(("level", "version"), [("L", 3), ("M", 3), ("Q", 4), ("H", 5)])
def test_capitals_keep_codes_small(level: str, version: int) -> None:
    """A host of 11 characters: version 3 at L and M, 4 at Q; lower case costs a version more."""
    assert qr_version(CAPITALS, level) == version
    assert qr_version(LOWER, level) == {"L": 3, "M": 4, "Q": 5, "H": 6}[level]


@pytest.mark.parametrize("link", [CAPITALS, LOWER])
@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
@pytest.mark.parametrize("module_px", [3, 8])
def test_png_decodes_to_the_link(link: str, level: str, module_px: int) -> None:
    """Every level and both forms of the link, read by zxing."""
    image = Image.open(io.BytesIO(qr_png(link, level, module_px)))
    assert decoded(image) == [link]
    assert image.size == (module_px * (4 * qr_version(link, level) + 17 + 8),) * 2


@settings(max_examples=25, deadline=None)
@given(st.text(ALPHABET, min_size=20, max_size=20))
def test_any_serial_survives_printing(serial: str) -> None:
    """Whatever the serial, the picture says it."""
    link = f"HTTPS://ID.EXAMPLE1/01/{GTIN}/21/{serial}"
    assert decoded(Image.open(io.BytesIO(qr_png(link, "M", 3)))) == [link]


def drawn(svg: str, scale: int = 4) -> Image.Image:
    """The SVG's dark runs painted by reading its path: rectangles one module high."""
    root = ElementTree.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    image = Image.new("1", (side, side), 1)
    path = list(root)[1].attrib["d"]
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path):
        image.paste(0, (int(x), int(y), int(x) + int(width), int(y) + 1))
    assert re.sub(r"M\d+ \d+h(\d+)v1h-\1z", "", path) == ""
    return image.resize((side * scale, side * scale), Image.Resampling.NEAREST)


@pytest.mark.parametrize("link", [CAPITALS, LOWER])
def test_svg_shows_the_same_modules_as_the_png(link: str) -> None:
    """One encoder, two drawings: equal pixel by pixel, and small."""
    png = Image.open(io.BytesIO(qr_png(link, "M", 4)))
    assert drawn(qr_svg(link, "M")).tobytes() == png.tobytes()
    assert len(qr_svg(link, "M")) < 5000


def test_bad_images_are_refused_by_name() -> None:
    """A link no version holds and a module of no size."""
    with pytest.raises(Rejected) as caught:
        qr_svg("HTTPS://ID.EXAMPLE1/" + "A" * 5000, "H")
    assert caught.value.code == "LINK_TOO_LONG"
    with pytest.raises(Rejected) as caught:
        qr_png(CAPITALS, "M", 0)
    assert caught.value.code == "MODULE_SIZE"


def test_a_sheet_counts_and_names_its_labels() -> None:
    """Every page says batch, index range, count and page; the ranges follow each other."""
    sheet = sheet_html([LABEL] * 100, "Tea", "en", batch=7, first_index=1000)
    headers = re.findall(r"<header><h1>Tea</h1><p>(.*?)</p>", sheet)
    assert headers == [
        "Batch 7 · Index 1000 to 1029 · 100 labels · Page 1 of 4",
        "Batch 7 · Index 1030 to 1059 · 100 labels · Page 2 of 4",
        "Batch 7 · Index 1060 to 1089 · 100 labels · Page 3 of 4",
        "Batch 7 · Index 1090 to 1099 · 100 labels · Page 4 of 4",
    ]
    assert sheet.count("<svg") == sheet.count(f"GTIN {GTIN}<br>0K7M2 XQ4T9<br>ZC3HV 8RBNP") == 100
    assert sheet.count('<section class="page">') == 4


def test_a_sheet_in_chinese() -> None:
    """Header and lot in Chinese, the page marked as Chinese."""
    sheet = sheet_html([Label(CAPITALS, GTIN, SERIAL, "L2608")], "示例绿茶", "zh", batch=7)
    assert '<html lang="zh-Hans">' in sheet
    assert "码批次 7 · 序号 0 至 0 · 共 1 个标签 · 第 1 页\uff0c共 1 页" in sheet
    assert "<br>批号 L2608</p>" in sheet


def test_serials_of_other_lengths_are_grouped_too() -> None:
    """Groups of five, or of four where that leaves no rest, on two lines."""
    for serial, lines in (
        ("ABCDEFGHJKMN", "ABCD EFGH<br>JKMN"),
        ("ABCDEFGHJK", "ABCDE<br>FGHJK"),
        ("ABCDEFG", "ABCDE<br>FG"),
        ("A", "A<br>"),
    ):
        assert f"GTIN {GTIN}<br>{lines}</p>" in sheet_html([Label(CAPITALS, GTIN, serial)], "Tea")


def test_a_sheet_stands_alone_and_escapes() -> None:
    """No script, no address to fetch from, and a hostile title or lot is only text."""
    hostile = "</title><script>alert(1)</script>"
    sheet = sheet_html([Label(CAPITALS, GTIN, SERIAL, hostile)], hostile, "en")
    assert "<script" not in sheet
    assert re.findall(r"url\(|@import|src=|href=", sheet) == []


@pytest.mark.parametrize(
    ("count", "columns", "size_mm", "code"),
    [
        (0, 5, 25.0, "NO_LABELS"),
        (MAX_LABELS + 1, 5, 25.0, "TOO_MANY_LABELS"),
        (1, 0, 25.0, "LABEL_SIZE"),
        (1, -1, 25.0, "LABEL_SIZE"),
        (1, 5, 0.0, "LABEL_SIZE"),
        (1, 5, -3.0, "LABEL_SIZE"),
        (1, 5, 39.0, "LABEL_SIZE"),
        (1, 40, 4.0, "LABEL_SIZE"),
        (1, 1, 290.0, "LABEL_SIZE"),
    ],
)
def test_sheets_that_cannot_be_printed_are_refused(
    count: int, columns: int, size_mm: float, code: str
) -> None:
    """Nothing to print, too much, or symbols that do not fit the paper with their text."""
    with pytest.raises(Rejected) as caught:
        sheet_html([LABEL] * count, "Tea", "en", columns, size_mm)
    assert caught.value.code == code
