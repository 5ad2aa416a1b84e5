"""Text in a PDF: the built-in Courier, which every viewer has, or the outlines of a font file.

A font file is not put into the PDF: of the characters that were used the outlines are, as a Type 3
font (ISO 32000-1, 9.6.5), whatever the file's format. So a sheet with Chinese captions is a few
kilobytes larger, and a press needs no font.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from ledger.errors import Rejected, Unavailable

Font = tuple[str, str, list[tuple[str, bytes]]]
"""Name in a page's resources, dictionary with {0}, {1}, … for its streams, and the streams."""

_COURIER = 0.6  # width of every character, against the size
_CODES = 256  # of a Type 3 font


class Typeface(Protocol):
    """What text is set in."""

    def width(self, text: str) -> float:
        """Return the width of a text against the size. Raises Rejected FONT_LACKS."""

    def show(self, text: str, size: float, x: float, y: float) -> str:
        """Return the operators that show a text from x on, on a base line y."""

    def fonts(self) -> Iterator[Font]:
        """Yield the fonts of all that was shown."""


class Courier:
    """The built-in monospaced font, for Latin text."""

    def width(self, text: str) -> float:
        """Return the width of a text against the size. Raises Rejected FONT_LACKS."""
        _latin(text)
        return _COURIER * len(text)

    def show(self, text: str, size: float, x: float, y: float) -> str:
        """Return the operators that show a text from x on, on a base line y."""
        return f"BT /F0 {size:.3f} Tf {x:.3f} {y:.3f} Td <{_latin(text).hex()}> Tj ET"

    def fonts(self) -> Iterator[Font]:
        """Yield it."""
        yield (
            "F0",
            "<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>",
            [],
        )


class Outlines:
    """The outlines of a font file (TrueType or OpenType, also a collection)."""

    def __init__(self, path: Path, language: str) -> None:
        """Open it. language: of a collection, the face for it (zh: simplified Chinese).

        Raises Rejected BAD_FONT, Unavailable EXTRA_MISSING.
        """
        try:
            from fontTools.ttLib import TTLibError
        except ImportError:
            raise Unavailable(
                "EXTRA_MISSING", 'Install what draws fonts: pip install "touchstone-ledger[pdf]".'
            ) from None
        try:
            self._font: Any = _face(path, language)
            self._cmap: dict[int, str] = self._font.getBestCmap() or {}
            self._glyphs: Any = self._font.getGlyphSet()
            self._unit = 1 / float(self._font["head"].unitsPerEm)
            restricted = "OS/2" in self._font and self._font["OS/2"].fsType & 0xF == 2
        except (OSError, TTLibError, KeyError) as error:
            raise Rejected("BAD_FONT", f"{path} is no font that can be read ({error}).") from None
        if restricted:
            raise Rejected("BAD_FONT", f"{path} may not be embedded, as it says: use another font.")
        self._codes: dict[str, int] = {}

    def width(self, text: str) -> float:
        """Return the width of a text against the size. Raises Rejected FONT_LACKS."""
        return sum(map(self._advance, text)) * self._unit

    def show(self, text: str, size: float, x: float, y: float) -> str:
        """Return the operators that show a text from x on, on a base line y."""
        codes = [self._codes.setdefault(char, len(self._codes)) for char in text]
        parts = []
        for number, run in groupby(codes, lambda code: code // _CODES):
            shown = bytes(code % _CODES for code in run).hex()
            parts.append(f"/F{number} {size:.3f} Tf <{shown}> Tj")
        return f"BT {x:.3f} {y:.3f} Td {' '.join(parts)} ET"

    def fonts(self) -> Iterator[Font]:
        """Yield Type 3 fonts of the characters that were shown, 256 each."""
        chars = list(self._codes)
        for number in range(0, len(chars), _CODES):
            yield self._type3(f"F{number // _CODES}", chars[number : number + _CODES])

    def _type3(self, name: str, chars: list[str]) -> Font:
        procs = "".join(f"/g{n} {{{n}}}" for n in range(len(chars)))
        names = "".join(f"/g{n}" for n in range(len(chars)))
        widths = " ".join(f"{self._advance(char):g}" for char in chars)
        box = self._font["head"]
        unit = f"{self._unit:.8f}"
        head = (
            f"<</Type/Font/Subtype/Type3/FontMatrix[{unit} 0 0 {unit} 0 0]"
            f"/FontBBox[{box.xMin} {box.yMin} {box.xMax} {box.yMax}]"
            f"/Resources<<>>/CharProcs<<{procs}>>"
            f"/Encoding<</Type/Encoding/Differences[0{names}]>>"
            f"/FirstChar 0/LastChar {len(chars) - 1}/Widths[{widths}]"
            f"/ToUnicode {{{len(chars)}}}>>"
        )
        return name, head, [*(("", self._outline(c)) for c in chars), ("", _to_unicode(chars))]

    def _advance(self, char: str) -> float:
        return float(self._glyphs[self._glyph(char)].width)

    def _glyph(self, char: str) -> str:
        try:
            return self._cmap[ord(char)]
        except KeyError:
            raise _lacks(char, "This font") from None

    def _outline(self, char: str) -> bytes:
        pen = _pen(self._glyphs)
        self._glyphs[self._glyph(char)].draw(pen)
        box = self._font["head"]
        limits = f"{box.xMin} {box.yMin} {box.xMax} {box.yMax}"
        return f"{self._advance(char):g} 0 {limits} d1 {' '.join(pen.parts)} f".encode()


def _pen(glyphs: Any) -> Any:
    from fontTools.pens.basePen import BasePen

    class Pen(BasePen):  # type: ignore[misc]
        """Writes an outline as PDF operators; quadratic curves come as cubic ones."""

        def __init__(self) -> None:
            super().__init__(glyphs)
            self.parts: list[str] = []

        def _moveTo(self, pt: tuple[float, float]) -> None:
            self.parts.append(f"{pt[0]:g} {pt[1]:g} m")

        def _lineTo(self, pt: tuple[float, float]) -> None:
            self.parts.append(f"{pt[0]:g} {pt[1]:g} l")

        def _curveToOne(self, *points: tuple[float, float]) -> None:
            self.parts.append(" ".join(f"{x:.2f} {y:.2f}" for x, y in points) + " c")

        def _closePath(self) -> None:
            self.parts.append("h")

    return Pen()


def _face(path: Path, language: str) -> Any:
    from fontTools.ttLib import TTCollection, TTFont

    with path.open("rb") as file:
        if file.read(4) != b"ttcf":
            return TTFont(path, lazy=True)
    faces = TTCollection(path, lazy=True).fonts
    simplified = [face for face in faces if " SC" in (face["name"].getDebugName(4) or "")]
    return simplified[0] if language == "zh" and simplified else faces[0]


def _to_unicode(chars: list[str]) -> bytes:
    """Return the map by which text is copied out of the PDF (ISO 32000-1, 9.10.3)."""
    rows = [f"<{n:02x}> <{char.encode('utf-16-be').hex()}>" for n, char in enumerate(chars)]
    blocks = [rows[at : at + 100] for at in range(0, len(rows), 100)]
    body = "".join(
        f"{len(block)} beginbfchar\n{chr(10).join(block)}\nendbfchar\n" for block in blocks
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /U def "
        "/CMapType 2 def 1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{body}endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()


def _latin(text: str) -> bytes:
    try:
        return text.encode("cp1252")
    except UnicodeEncodeError as error:
        raise _lacks(text[error.start], "The built-in font") from None


def _lacks(char: str, font: str) -> Rejected:
    return Rejected(
        "FONT_LACKS", f"{font} has no '{char}': name a font file that has it (such as Noto Sans)."
    )
