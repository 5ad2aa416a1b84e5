"""Printed PDF sheets, drawn by another program and read by a third."""

from __future__ import annotations

import hashlib
import io
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageChops
from pypdfium2 import PdfDocument

from ledger.domain.print_uses import USES
from ledger.errors import Rejected
from ledger.services.press.labels import Label
from ledger.services.press.pdf_sheet import Design, Heading, write_sheet
from ledger.services.press.pdf_type import Courier, Outlines, Typeface
from ledger.services.press.qr import qr_version
from scripts.print import Use

GTIN = "09506000134352"
DPI = 600
DOT = 25.4 / DPI
SMALL = (100.0, 120.0)  # paper
NOTO = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


def labels(count: int, lot: str | None = None) -> Iterator[Label]:
    """Yield labels with links of 61 characters."""
    for n in range(count):
        serial = f"0K7M2XQ4T9ZC3HV8{n % 10_000:04}"
        yield Label(f"HTTPS://ID.EXAMPLE1/01/{GTIN}/21/{serial}", GTIN, serial, lot)


def sheet(
    count: int, design: Design, face: Typeface, heading: Heading, lot: str | None = None
) -> tuple[bytes, list[int]]:
    """Return a sheet, and how many labels each page has."""
    file = io.BytesIO()
    pages = list(write_sheet(labels(count, lot), design, heading, face, file))
    return file.getvalue(), pages


def drawn(pdf: bytes, dpi: int = DPI) -> Image.Image:
    """Return the first page as a raster."""
    return PdfDocument(pdf)[0].render(scale=dpi / 72).to_pil().convert("L")


@pytest.mark.parametrize("use", USES)
def test_every_use_prints_true_to_size(use: str) -> None:
    """Each link is read, its symbol is as wide as it says to a dot, and four modules around are
    free."""
    design = Design(USES[use].level, USES[use].module, DPI, SMALL)
    pdf, pages = sheet(4, design, Courier(), Heading("Tea", "en", 4, 7, 100))
    image = drawn(pdf)
    found = zxingcpp.read_barcodes(image)
    assert sorted(code.text for code in found) == sorted(each.link for each in labels(pages[0]))
    side = 4 * qr_version(found[0].text, design.level) + 17
    module = round(design.printed_module / DOT)
    assert module * DOT == pytest.approx(design.printed_module)
    assert USES[use].module <= design.printed_module < USES[use].module + DOT
    for code in found[:3]:
        corner = code.position.top_left
        x, y = (round(at) for at in (corner.x, corner.y))
        quiet = 4 * module - 2
        around = image.crop(
            (x - quiet, y - quiet, x + side * module + quiet, y + side * module + quiet)
        )
        box = ImageChops.invert(around.point(lambda grey: 255 if grey > 127 else 0)).getbbox()
        assert box is not None
        assert abs(box[2] - box[0] - side * module) <= 1
        assert abs(box[3] - box[1] - side * module) <= 1
        assert min(box[0], box[1]) >= quiet - 2


def test_pages_follow_each_other_and_say_so() -> None:
    """Index ranges without a gap, A4 to a tenth of a millimetre, the text that a person reads."""
    pdf, pages = sheet(70, Design("M", 0.4), Courier(), Heading("Tea", "en", 70, 7, 1000), "L1")
    document = PdfDocument(pdf)
    assert (sum(pages), len(document)) == (70, len(pages))
    first = 1000
    for number, count in enumerate(pages):
        text = " ".join(document[number].get_textpage().get_text_bounded().split())
        about = f"Batch 7 · Index {first} to {first + count - 1} · 70 labels"
        assert about in text
        assert f"Page {number + 1} of {len(pages)}" in text
        assert text.count(f"GTIN {GTIN}") == text.count("LOT L1") == count
        first += count
        size = [round(side / 72 * 25.4, 1) for side in document[number].get_size()]
        assert size == [210.0, 297.0]


def test_crop_marks_lie_outside_the_labels() -> None:
    """They are drawn or not; what is not theirs is the same."""
    heading = Heading("Tea", "en", 4)
    with_marks, _ = sheet(4, Design("M", 0.4, paper=SMALL), Courier(), heading)
    without, _ = sheet(4, Design("M", 0.4, paper=SMALL, crop=False), Courier(), heading)
    marks = ImageChops.difference(drawn(with_marks), drawn(without))
    box = marks.getbbox()
    assert box is not None
    assert sorted(code.text for code in zxingcpp.read_barcodes(drawn(with_marks))) == [
        each.link for each in labels(4)
    ]
    grid = (box[0] + 5 / DOT + 1, box[1] + 5 / DOT + 1, box[2] - 5 / DOT - 1, box[3] - 5 / DOT - 1)
    assert marks.crop(tuple(round(edge) for edge in grid)).getbbox() is None


def font_of(path: Path, characters: str) -> Path:
    """Write a font in which each character is a square, its width by its place."""
    names = [".notdef", *(f"c{n}" for n in range(len(characters)))]
    pens = {}
    for n, name in enumerate(names):
        pen = TTGlyphPen(None)
        for turn, (x, y) in enumerate(((0, 0), (0, 700), (500 + n, 700), (500 + n, 0))):
            (pen.lineTo if turn else pen.moveTo)((x, y))
        pen.closePath()
        pens[name] = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(char): names[n + 1] for n, char in enumerate(characters)})
    font.setupGlyf(pens)
    font.setupHorizontalMetrics({name: (600 + n, 0) for n, name in enumerate(names)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    font.setupOS2(fsType=0)
    font.setupPost()
    font.save(path)
    return path


def test_any_font_is_drawn_and_copied_as_text(tmp_path: Path) -> None:
    """More characters than one font of a PDF holds: each comes out as what it was."""
    wide = "".join(chr(0x4E00 + n) for n in range(300))
    latin = "".join(chr(n) for n in range(32, 127)) + "·,码批次序号至共个标签第页批号\uff0c"
    path = font_of(tmp_path / "squares.ttf", latin + wide)
    face = Outlines(path, "zh")
    assert face.width("  ") == pytest.approx(2 * 0.601)
    design = Design("M", 0.4, paper=(1300.0, 80.0))
    pdf, _ = sheet(2, design, face, Heading(wide, "zh", 2, 7), "L1")
    text = PdfDocument(pdf)[0].get_textpage().get_text_bounded()
    for shown in (wide[:100], wide[-40:], "码批次 7", "序号 0 至 1", "批号 L1"):
        assert shown in text.replace("\r\n", "")
    assert len(zxingcpp.read_barcodes(drawn(pdf, 200))) == 2


@pytest.mark.skipif(not NOTO.exists(), reason="needs fonts-noto-cjk")
def test_chinese_from_a_collection_of_fonts() -> None:
    """The simplified face of Noto Sans: its outlines alone are in the file."""
    face = Outlines(NOTO, "zh")
    pdf, _ = sheet(
        4, Design("Q", 0.5, paper=(150.0, 90.0)), face, Heading("示例绿茶", "zh", 4, 7), "L1"
    )
    text = PdfDocument(pdf)[0].get_textpage().get_text_bounded()
    assert "示例绿茶" in text
    assert "共 4 个标签" in text
    assert text.count("批号 L1") == 4
    assert len(pdf) < 40_000
    assert len(zxingcpp.read_barcodes(drawn(pdf))) == 4


def test_a_font_that_lacks_a_character_or_is_none_is_refused(tmp_path: Path) -> None:
    """By the character, and by the file."""
    with pytest.raises(Rejected) as caught:
        Courier().width("绿茶")
    assert (caught.value.code, "'绿'" in caught.value.message) == ("FONT_LACKS", True)
    face = Outlines(font_of(tmp_path / "few.ttf", "ab"), "en")
    with pytest.raises(Rejected) as caught:
        face.width("abc")
    assert (caught.value.code, "'c'" in caught.value.message) == ("FONT_LACKS", True)
    for name, content in (("cut.ttf", (tmp_path / "few.ttf").read_bytes()[:200]), ("x.ttf", b"x")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Rejected) as caught:
            Outlines(tmp_path / name, "en").width("a")
        assert caught.value.code == "BAD_FONT"


def test_a_symbol_that_is_larger_than_the_first_is_refused() -> None:
    """Codes of several lengths would not fit one grid."""
    longer = [*labels(1), Label("HTTPS://ID.EXAMPLE1/01/" + "9" * 99, GTIN, "LONG")]
    with pytest.raises(Rejected) as caught:
        list(
            write_sheet(longer, Design("M", 0.4), Heading("Tea", "en", 2), Courier(), io.BytesIO())
        )
    assert (caught.value.code, "LONG" in caught.value.message) == ("LABEL_SIZE", True)


class Sink(io.RawIOBase):
    """Takes a file without keeping it; digest and size are what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, data: object) -> int:
        assert isinstance(data, bytes)
        self.digest.update(data)
        self.size += len(data)
        return len(data)


def test_a_long_sheet_is_written_as_it_goes() -> None:
    """Of twenty pages no more is held than of five, and the same labels give the same bytes."""
    peaks, digests = [], []
    for pages in (5, 20, 20):
        sink = Sink()
        design = Design("L", 0.3, paper=(40.0, 60.0), margin=5.0)
        tracemalloc.start()
        made = write_sheet(labels(pages), design, Heading("Tea", "en", pages), Courier(), sink)  # type: ignore[arg-type]
        assert list(made) == [1] * pages
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        digests.append(sink.digest.digest())
    assert peaks[1] < 1.5 * peaks[0]
    assert digests[1] == digests[2]


def test_the_file_is_whole() -> None:
    """Every object is where the table says."""
    pdf, _ = sheet(3, Design("M", 0.4), Courier(), Heading("Tea (Été)", "en", 3))
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", pdf)[0])
    assert pdf[start:].startswith(b"xref\n0 ")
    places = re.findall(rb"(\d{10}) 00000 n ", pdf[start:])
    for number, place in enumerate(places, 1):
        assert pdf[int(place) :].startswith(f"{number} 0 obj\n".encode())
    assert PdfDocument(pdf).get_metadata_value("Title") == "Tea (Été)"


def test_the_command_knows_every_use() -> None:
    """Its choices are the table's."""
    assert [use.value for use in Use] == list(USES)
