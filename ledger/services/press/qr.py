"""QR symbols of printed links: their modules, as PNG for printers' software, as SVG for artwork.

One encoder makes the modules (qrcode). A link in capitals falls into the alphanumeric mode, which
keeps a code at version 3 (levels L, M), 4 (Q) or 5 (H) for a host of up to 11 characters.
"""

from __future__ import annotations

import io
from itertools import groupby

import png
from qrcode.constants import (
    ERROR_CORRECT_H,
    ERROR_CORRECT_L,
    ERROR_CORRECT_M,
    ERROR_CORRECT_Q,
)
from qrcode.exceptions import DataOverflowError
from qrcode.main import QRCode

from ledger.domain.print_uses import Level
from ledger.errors import Rejected

Modules = list[list[bool]]

_LEVELS = {"L": ERROR_CORRECT_L, "M": ERROR_CORRECT_M, "Q": ERROR_CORRECT_Q, "H": ERROR_CORRECT_H}
QUIET = 4  # modules left free around a symbol (ISO/IEC 18004, 9.1)


def qr_version(link: str, level: Level) -> int:
    """The QR version (1 to 40) that `link` needs at `level`."""
    return (len(modules(link, level)) - 17) // 4


def qr_svg(link: str, level: Level = "M") -> str:
    """A QR symbol of `link` with its quiet zone as one inline SVG path; it scales freely.

    Raises Rejected LINK_TOO_LONG when no version holds it.
    """
    symbol = modules(link, level)
    side = len(symbol) + 2 * QUIET
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path d="{_outline(symbol)}"/></svg>'
    )


def qr_png(link: str, level: Level = "M", module_px: int = 8) -> bytes:
    """A QR symbol of `link` with its quiet zone as a black and white PNG.

    module_px: side of one module in pixels, at least 1. Raises Rejected MODULE_SIZE or
    LINK_TOO_LONG.
    """
    if module_px < 1:
        raise Rejected("MODULE_SIZE", "Give a module of at least 1 pixel.")
    symbol = modules(link, level)
    side = (len(symbol) + 2 * QUIET) * module_px
    margin = [1] * (QUIET * module_px)
    blank = [[1] * side] * (QUIET * module_px)
    rows = list(blank)
    for row in symbol:
        pixels = [int(not dark) for dark in row for _ in range(module_px)]
        rows += [[*margin, *pixels, *margin]] * module_px
    file = io.BytesIO()
    png.Writer(side, side, greyscale=True, bitdepth=1, compression=9).write(file, rows + blank)
    return file.getvalue()


def modules(link: str, level: Level) -> Modules:
    """Return the modules of `link`, rows from the top, True for dark; no quiet zone.

    Raises Rejected LINK_TOO_LONG.
    """
    code = QRCode(error_correction=_LEVELS[level], border=0)
    try:
        code.add_data(link)
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise Rejected("LINK_TOO_LONG", "The link is too long for a QR code.") from error
    return [[bool(module) for module in row] for row in code.modules]


def _outline(symbol: Modules) -> str:
    """The dark modules as an SVG path: one thin rectangle a horizontal run."""
    path = []
    for y, row in enumerate(symbol):
        x = QUIET
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                path.append(f"M{x} {y + QUIET}h{width}v1h-{width}z")
            x += width
    return "".join(path)
