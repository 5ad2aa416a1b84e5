"""A PDF file that is written page by page: nothing but the pages' places is held.

Only what printed sheets need of ISO 32000-1: pages with one compressed content stream each, fonts,
a title and a language. All lengths are millimetres from the lower left corner; the same input gives
the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from ledger.services.press.pdf_type import Typeface

POINTS = 72 / 25.4  # a millimetre
_CATALOG, _PAGES, _RESOURCES, _INFO = 1, 2, 3, 4


class PdfFile:
    """A PDF on its way into a file that is open for writing."""

    def __init__(self, file: BinaryIO, title: str, language: str) -> None:
        """Begin it. language: a tag of BCP 47."""
        self._file = file
        self._at = 0
        self._places: dict[int, int] = {}
        self._next = _INFO + 1
        self._pages: list[int] = []
        self._language = language
        self._title = title
        self._write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")

    def page(self, width: float, height: float, content: Iterable[str]) -> None:
        """Write a page. content: operators, in millimetres."""
        scaled = f"{POINTS:.6f} 0 0 {POINTS:.6f} 0 0 cm\n" + "\n".join(content)
        stream = self._add_stream("", scaled.encode("ascii"))
        box = f"[0 0 {width * POINTS:.4f} {height * POINTS:.4f}]"
        self._pages.append(
            self._add(
                f"<</Type/Page/Parent {_PAGES} 0 R/MediaBox{box}/Resources {_RESOURCES} 0 R"
                f"/Contents {stream} 0 R>>"
            )
        )

    def close(self, face: Typeface) -> None:
        """Write the fonts that the pages used, and the end."""
        fonts = [(name, self._font(head, streams)) for name, head, streams in face.fonts()]
        named = "".join(f"/{name} {number} 0 R" for name, number in fonts)
        kids = " ".join(f"{page} 0 R" for page in self._pages)
        pages = f"<</Type/Pages/Count {len(self._pages)}/Kids[{kids}]>>"
        self._put(_RESOURCES, f"<</ProcSet[/PDF/Text]/Font<<{named}>>>>".encode())
        self._put(_PAGES, pages.encode())
        self._put(
            _CATALOG,
            f"<</Type/Catalog/Pages {_PAGES} 0 R/Lang({self._language})"
            "/ViewerPreferences<</PrintScaling/None/DisplayDocTitle true>>>>".encode(),
        )
        title = ("\ufeff" + self._title).encode("utf-16-be").hex()
        self._put(_INFO, f"<</Title<{title}>/Producer(Touchstone)>>".encode())
        start = self._at
        entries = "".join(f"{self._places[n]:010d} 00000 n \n" for n in range(1, self._next))
        self._write(
            f"xref\n0 {self._next}\n0000000000 65535 f \n{entries}trailer\n"
            f"<</Size {self._next}/Root {_CATALOG} 0 R/Info {_INFO} 0 R>>\n"
            f"startxref\n{start}\n%%EOF\n".encode()
        )

    def _font(self, head: str, streams: Sequence[tuple[str, bytes]]) -> int:
        """Write a font. head: its dictionary, with {0}, {1}, … for the streams' numbers."""
        numbers = [self._add_stream(extra, data) for extra, data in streams]
        for place, number in enumerate(numbers):
            head = head.replace(f"{{{place}}}", f"{number} 0 R")
        return self._add(head)

    def _add_stream(self, extra: str, data: bytes) -> int:
        packed = zlib.compress(data, 6)
        head = f"<</Length {len(packed)}/Filter/FlateDecode{extra}>>stream\n".encode()
        return self._add(head + packed + b"\nendstream")

    def _add(self, body: str | bytes) -> int:
        number = self._next
        self._next += 1
        self._put(number, body if isinstance(body, bytes) else body.encode())
        return number

    def _put(self, number: int, body: bytes) -> None:
        self._places[number] = self._at
        self._write(f"{number} 0 obj\n".encode() + body + b"\nendobj\n")

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._at += len(data)
