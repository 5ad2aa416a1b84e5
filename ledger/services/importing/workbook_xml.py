"""The parts of a workbook as events of XML, counted as they are unpacked.

A workbook comes from outside, so it may be made to harm: a document type (where entities are
declared) is refused, and so is what grows without end.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat

from ledger.errors import Rejected

MAX_PART = 512 << 20  # bytes of one part, unpacked: a million rows of five cells have 300 MB
MAX_SILENCE = 1 << 20  # bytes of one name, attribute or comment
_PIECE = 1 << 16


def elements(package: zipfile.ZipFile, part: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (name, attributes) of each element of a part. Raises as `events`."""
    for event, tag, value in events(package, part):
        if event == "start":
            yield tag, value


def events(package: zipfile.ZipFile, part: str) -> Iterator[tuple[str, str, Any]]:
    """Yield ("start", tag, attributes), ("text", "", text), ("end", tag, None); no prefixes.

    Raises Rejected BAD_WORKBOOK, TOO_LARGE_UNPACKED; ExpatError, and what unpacking raises.
    """
    found: list[tuple[str, str, Any]] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise broken("it declares a document type")

    def start(tag: str, attributes: dict[str, str]) -> None:
        plain = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        found.append(("start", tag.rpartition(":")[2], plain))

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: found.append(("end", tag.rpartition(":")[2], None))
    parser.CharacterDataHandler = lambda text: found.append(("text", "", text))
    silence = 0
    with package.open(part) as file:
        for piece in pieces(file, part):
            parser.Parse(piece, False)
            silence = 0 if found else silence + len(piece)
            if silence > MAX_SILENCE:
                raise too_large(part)
            yield from found
            found.clear()
        parser.Parse(b"", True)
    yield from found


def pieces(file: IO[bytes], part: str) -> Iterator[bytes]:
    """Yield the bytes of an open part. Raises Rejected TOO_LARGE_UNPACKED."""
    size = 0
    while piece := file.read(_PIECE):
        size += len(piece)
        if size > MAX_PART:
            raise too_large(part)
        yield piece


def too_large(part: str) -> Rejected:
    """Return the error for a part that grows without end."""
    return Rejected(
        "TOO_LARGE_UNPACKED",
        f"{part} of the workbook has over {MAX_PART >> 20} MB unpacked: save it as CSV.",
    )


def broken(why: str) -> Rejected:
    """Return the error for a workbook that cannot be used."""
    return Rejected(
        "BAD_WORKBOOK", f"The workbook cannot be used: {why}. Save it as .xlsx, or as CSV, anew."
    )
